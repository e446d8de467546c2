"""The exception tree.

Classes in the left column are TensorFlow's and take ``(node_def, op, message)``; those to the right of them are
holdfast's own and take named facts, keep them as attributes and build the message from them::

    Exception
    ├── OpError                      any error of an op, a session or a checkpoint; has an error_code
    │   ├── CancelledError           1
    │   ├── UnknownError             2
    │   ├── InvalidArgumentError     3
    │   ├── DeadlineExceededError    4
    │   ├── NotFoundError            5
    │   ├── AlreadyExistsError       6
    │   ├── PermissionDeniedError    7
    │   ├── ResourceExhaustedError   8
    │   │   └── CheckpointLimitError          a file asks for more than the limits allow
    │   ├── FailedPreconditionError  9
    │   ├── AbortedError             10
    │   ├── OutOfRangeError          11
    │   │   └── TruncatedCheckpointError      a file ends too early
    │   ├── UnimplementedError       12
    │   │   └── UnsupportedCheckpointError    a sound file that this version cannot read
    │   ├── InternalError            13
    │   ├── UnavailableError         14
    │   │   └── CheckpointLockedError         someone else is saving there
    │   ├── DataLossError            15
    │   │   ├── CorruptCheckpointError        a file is damaged or hostile
    │   │   └── CheckpointDurabilityError     a save is visible, but may not survive a power cut
    │   └── UnauthenticatedError     16
    ├── PluginError                  any error of a plug-in
    │   ├── PluginNotFoundError      nothing of that name is installed and enabled
    │   ├── PluginBrokenError        installed, but it failed to load or to register
    │   ├── PluginConflictError      two distributions claim one name
    │   ├── PluginApiVersionError    written for another version of the contracts
    │   └── PluginRequirementError   plugins.toml requires what is not there, or not usable
    └── ValueError
        └── ConfigError              plugins.toml, or an option, says something that holdfast does not know
"""

from __future__ import annotations

from holdfast.errors.checkpoint_errors import (
    CheckpointDurabilityError,
    CheckpointLimitError,
    CheckpointLockedError,
    CorruptCheckpointError,
    TruncatedCheckpointError,
    UnsupportedCheckpointError,
)
from holdfast.errors.op_errors import (
    ABORTED,
    ALREADY_EXISTS,
    CANCELLED,
    DATA_LOSS,
    DEADLINE_EXCEEDED,
    FAILED_PRECONDITION,
    INTERNAL,
    INVALID_ARGUMENT,
    NOT_FOUND,
    OK,
    OUT_OF_RANGE,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
    UNKNOWN,
    AbortedError,
    AlreadyExistsError,
    CancelledError,
    DataLossError,
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OpError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
    UnknownError,
    error_code_from_exception_type,
    exception_for_code,
    exception_type_from_error_code,
)
from holdfast.errors.plugin_errors import (
    ConfigError,
    PluginApiVersionError,
    PluginBrokenError,
    PluginConflictError,
    PluginError,
    PluginNotFoundError,
    PluginRequirementError,
)

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
    "CheckpointDurabilityError",
    "CheckpointLimitError",
    "CheckpointLockedError",
    "ConfigError",
    "CorruptCheckpointError",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "NotFoundError",
    "OpError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "PluginApiVersionError",
    "PluginBrokenError",
    "PluginConflictError",
    "PluginError",
    "PluginNotFoundError",
    "PluginRequirementError",
    "ResourceExhaustedError",
    "TruncatedCheckpointError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "UnknownError",
    "UnsupportedCheckpointError",
    "error_code_from_exception_type",
    "exception_for_code",
    "exception_type_from_error_code",
]


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
