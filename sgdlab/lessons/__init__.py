"""Lessons: each text's experiments carried out, and its claims judged one by one from the measurement."""
