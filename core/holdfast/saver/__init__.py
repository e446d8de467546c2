"""Saver, on the checkpoint engine."""

from holdfast.saver.saver import Saver

__all__ = ["Saver"]
