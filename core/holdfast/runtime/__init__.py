"""Session, placement, plans and variable storage."""

from holdfast.runtime.session import BaseSession, InteractiveSession, Session
from holdfast.runtime.session_devices import SessionDevice

__all__ = ["BaseSession", "InteractiveSession", "Session", "SessionDevice"]
