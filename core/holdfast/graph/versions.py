"""Versions of the GraphDef format, as TensorFlow 1.4 counts them."""

from __future__ import annotations

GRAPH_DEF_VERSION = 24
"""What graphs made here say of themselves: written as TensorFlow 1.4 would."""
GRAPH_DEF_VERSION_MIN_CONSUMER = 0
"""The oldest consumer that can read them."""
GRAPH_DEF_VERSION_MIN_PRODUCER = 0
"""The oldest graphs that can be read here."""
