"""Sweeps: many runs from one base config. (Plural: `sgdlab.sweep` is the function.)"""
