"""Lessons: each text's experiments carried out, and its claims judged one by one from the measurement."""

LESSONS = {"parr": "the notebook with MNIST", "d2l": "the chapter with airfoil"}
"""Name of a lesson -> what it is of; all else stands in the folder of that name, whose lesson.py holds LESSON."""
