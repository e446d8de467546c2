"""TensorFlow's errors: one class per error code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from holdfast.errors.message_text import rebuild

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ABORTED",
    "ALREADY_EXISTS",
    "CANCELLED",
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "FAILED_PRECONDITION",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OK",
    "OUT_OF_RANGE",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "UNIMPLEMENTED",
    "UNKNOWN",
    "AbortedError",
    "AlreadyExistsError",
    "CancelledError",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "NotFoundError",
    "OpError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
    "error_code_from_exception_type",
    "exception_for_code",
    "exception_type_from_error_code",
]

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OpError(Exception):
    """An op, a session or a checkpoint failed; the base of all errors with a TensorFlow error code.

    Parameters
    ----------
    node_def
        The ``NodeDef`` of the op that failed, or None.
    op
        The ``Operation`` that failed, or None where none is known (a restored graph, a checkpoint file).
    message
        What went wrong.
    error_code
        One of the constants of this module, for example ``INVALID_ARGUMENT``.
    """

    def __init__(self, node_def: Any, op: Any, message: str, error_code: int) -> None:
        super().__init__()
        self._node_def = node_def
        self._op = op
        self._message = message
        self._error_code = error_code
        self._origin: str | None = None

    @property
    def message(self) -> str:
        """What went wrong, without the op's creation site."""
        return self._message

    @property
    def op(self) -> Any:
        """The operation that failed, or None; None too in an error that was pickled."""
        return self._op

    @property
    def node_def(self) -> Any:
        """The ``NodeDef`` of the op that failed, or None."""
        if self._node_def is None and self._op is not None:
            return self._op.node_def
        return self._node_def

    @property
    def error_code(self) -> int:
        """TensorFlow's number of this kind of error."""
        return self._error_code

    def attach(self, op: Any, details: str) -> None:
        """Name the operation that failed, and what else is known of the failure; a kernel that raised knew neither."""
        self._op = op
        self._origin = f"Caused by op {op.name!r}\n{details}"

    def _describe_origin(self) -> str:
        """Which op failed and where it was created; empty when no op is known."""
        if self._origin is not None:
            return self._origin
        if self._op is None:
            return ""
        site = getattr(self._op, "site", None)
        return f"Caused by op {self._op.name!r}" + (f", defined at: {site}" if site else "")

    def __str__(self) -> str:
        """Return the message, then the op and its creation site where they are known."""
        origin = self._describe_origin()
        return f"{self._message}\n\n{origin}" if origin else self._message

    def __repr__(self) -> str:
        """Return the class and the message."""
        return f"{type(self).__name__}({self._message!r})"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the facts; an operation belongs to a graph and stays behind, described by a text."""
        state = {**self.__dict__, "_op": None, "_origin": self._describe_origin()}
        return rebuild, (type(self), state, self.args)


class CodedError(OpError):
    """A class of TensorFlow's whose error code is fixed."""

    _code: ClassVar[int]

    def __init__(self, node_def: Any, op: Any, message: str) -> None:
        super().__init__(node_def, op, message, self._code)


class CancelledError(CodedError):
    """An operation or a step was cancelled."""

    _code = CANCELLED


class UnknownError(CodedError):
    """An error for which there is no better class."""

    _code = UNKNOWN


class InvalidArgumentError(CodedError):
    """An argument is wrong whatever the state of the system: a shape, a type, a value, a device."""

    _code = INVALID_ARGUMENT


class DeadlineExceededError(CodedError):
    """A time limit passed before the operation finished."""

    _code = DEADLINE_EXCEEDED


class NotFoundError(CodedError):
    """A file, a checkpoint key or another requested thing is not there."""

    _code = NOT_FOUND


class AlreadyExistsError(CodedError):
    """What was to be created is there already."""

    _code = ALREADY_EXISTS


class PermissionDeniedError(CodedError):
    """The caller may not do this."""

    _code = PERMISSION_DENIED


class ResourceExhaustedError(CodedError):
    """Memory, disk space or a limit is used up."""

    _code = RESOURCE_EXHAUSTED


class FailedPreconditionError(CodedError):
    """The state of the system does not allow this yet: typically, a variable was not initialised."""

    _code = FAILED_PRECONDITION


class AbortedError(CodedError):
    """An operation was given up, usually because of another that runs at the same time."""

    _code = ABORTED


class OutOfRangeError(CodedError):
    """An operation went past the end: of an input, a file or a count."""

    _code = OUT_OF_RANGE


class UnimplementedError(CodedError):
    """Nothing here can do this: no kernel, no plug-in, no support."""

    _code = UNIMPLEMENTED


class InternalError(CodedError):
    """holdfast itself is wrong: please report it."""

    _code = INTERNAL


class UnavailableError(CodedError):
    """Not possible at the moment; the same call may succeed later."""

    _code = UNAVAILABLE


class DataLossError(CodedError):
    """Data are lost or damaged and cannot be recovered."""

    _code = DATA_LOSS


class UnauthenticatedError(CodedError):
    """The request has no valid credentials."""

    _code = UNAUTHENTICATED


_TENSORFLOW_CLASSES: tuple[type[CodedError], ...] = (
    CancelledError,
    UnknownError,
    InvalidArgumentError,
    DeadlineExceededError,
    NotFoundError,
    AlreadyExistsError,
    PermissionDeniedError,
    ResourceExhaustedError,
    FailedPreconditionError,
    AbortedError,
    OutOfRangeError,
    UnimplementedError,
    InternalError,
    UnavailableError,
    DataLossError,
    UnauthenticatedError,
)
_CLASS_OF_CODE = {cls._code: cls for cls in _TENSORFLOW_CLASSES}


def exception_type_from_error_code(error_code: int) -> type[OpError]:
    """Return TensorFlow's class of an error code.

    Raises
    ------
    KeyError
        If there is no error of this code (0 is success).
    """
    return _CLASS_OF_CODE[error_code]


def error_code_from_exception_type(cls: type[BaseException]) -> int:
    """Return the error code of a class, holdfast's own subclasses included.

    Raises
    ------
    KeyError
        If the class has no error code.
    """
    if not issubclass(cls, CodedError) or cls is CodedError:
        raise KeyError(cls)
    return cls._code


def exception_for_code(error_code: int, message: str, *, node_def: Any = None, op: Any = None) -> OpError:
    """Make the error for a code that came from elsewhere: an unknown one gives `UnknownError`, keeping the number."""
    cls = _CLASS_OF_CODE.get(error_code)
    if cls is not None:
        return cls(node_def, op, message)
    error = UnknownError(node_def, op, message)
    error._error_code = error_code
    return error
