"""Scalars."""

CHAIN = 1000
"""Additions in a row."""
FED = 2.5
"""What is fed."""
