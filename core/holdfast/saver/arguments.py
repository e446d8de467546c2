"""What a Saver is called with, checked."""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Any

from holdfast import checkpoint
from holdfast.contracts import ObjectStorage
from holdfast.protos import SaverDef
from holdfast.runtime import BaseSession
from holdfast.variables.export_scope import prepend_name_scope

if TYPE_CHECKING:
    from holdfast.contracts import Storage


def check_count(name: str, value: Any, least: int, none: str) -> None:
    """Raise unless this is a number from ``least`` on, or None."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        kind = "a natural number" if least == 0 else f"a number from {least} on"
        raise ValueError(f"{name} must be {kind}, or {none}; got {value!r}.")


def check_session(sess: Any) -> None:
    """Raise unless this is a session."""
    if not isinstance(sess, BaseSession):
        raise TypeError(f"'sess' must be a Session; {sess}")


def step_number(sess: BaseSession, global_step: Any) -> int:
    """Return a step number from an integer, or from a tensor, variable or name of one."""
    value = global_step
    if not hasattr(value, "__index__"):
        # Something to fetch, as in TensorFlow, whose error it is if it cannot be.
        value = sess.run(global_step)
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(
            f"global_step must be an integer, or a tensor, variable or name of one; {global_step!r} gives {value!r}."
        ) from error


def checked_prefix(path: str, step: int | None, latest_filename: str, storage: Storage | None, *, pad: bool) -> str:
    """Return the prefix of a checkpoint, with TensorFlow's errors."""
    if os.path.split(latest_filename)[0]:
        raise ValueError("'latest_filename' must not contain path components")
    storage = checkpoint.choose_storage(storage, path)
    directory, base = checkpoint.split_prefix(path, storage)
    if step is None and base == latest_filename:
        raise ValueError(f"'latest_filename' collides with 'save_path': '{latest_filename}' and '{path}'")
    if not isinstance(storage, ObjectStorage):
        status = storage.status(directory)
        if status is None or not status.is_directory:
            raise ValueError(f"Parent directory of {path} doesn't exist, can't save.")
    if step is None:
        return path
    return f"{path}-{step:08d}" if pad else f"{path}-{step}"


def checked_saver_def(saver_def: Any, scope: str | None) -> Any:
    """Return a SaverDef message, with the names of its ops in the name scope that they were imported into."""
    if not isinstance(saver_def, SaverDef):
        raise ValueError(f"saver_def must be a saver_pb2.SaverDef: {saver_def}")
    checked = SaverDef()
    checked.CopyFrom(saver_def)
    for field in ("save_tensor_name", "restore_op_name", "filename_tensor_name"):
        if not getattr(saver_def, field):
            raise ValueError(f"saver_def must specify the {field}: {saver_def}")
        setattr(checked, field, prepend_name_scope(getattr(saver_def, field), scope))
    return checked
