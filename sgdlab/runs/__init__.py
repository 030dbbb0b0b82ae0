"""Runs on disk: folders, histories, locks, environments. No torch."""
