"""Saver: saving and restoring the variables of a graph."""
