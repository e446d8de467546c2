"""Graphs of many variables."""

FEW, MANY = 1_000, 10_000
"""How many."""
SIZE = 16
"""Elements of each."""
