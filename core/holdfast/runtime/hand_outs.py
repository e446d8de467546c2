"""What a run hands out: arrays that are the caller's own, or read-only ones that variables leave alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from holdfast import errors

if TYPE_CHECKING:
    from holdfast.runtime.plan import Fetch
    from holdfast.runtime.slots import Slot


def hand_out(fetch: Fetch, registers: Sequence[Any] | Mapping[int, Any], *, copy: bool) -> Any:
    """Return a fetched value as the caller's own; without ``copy``, read-only and perhaps a variable's memory."""
    raw = registers[fetch.register]
    value = raw
    if fetch.device is not None and not isinstance(raw, (np.ndarray, np.generic)):
        value = fetch.device.to_host(raw)
    array = np.asarray(value)
    if array.ndim == 0:
        return array[()]
    fresh = not fetch.copy and array.flags.c_contiguous and array.flags.writeable and array.dtype.isnative
    if copy:
        return array if fresh else _copied(array)
    slots = [registers[slot] for slot in fetch.slots]
    if fetch.borrowed or (slots and not (array is raw and _hold(slots, array))):
        array = _copied(array)
    view = array.view()
    view.flags.writeable = False
    return view


def giver(fetch: Fetch, slots: Mapping[int, Any]) -> Callable[[Any, bool], Any]:
    """Return a function ``(value, copy) -> handed out value`` of a fetch; ``slots`` are the variables it may share."""
    own = not fetch.copy

    def give(value: Any, copy: bool) -> Any:
        if type(value) is np.ndarray:
            # What most fetches are, told at a glance: the caller's own already, with dimensions.
            if own and copy and value.flags.carray and value.dtype.isnative and value.ndim:
                return value
        elif isinstance(value, np.generic):
            return value
        return hand_out(fetch, {**slots, fetch.register: value}, copy=copy)

    return give


def not_taken(fetch: Fetch, index: int) -> NoReturn:
    """Raise TensorFlow's error for a fetched value that this run has not computed."""
    text = (
        f"Retval[{index}] does not have value\nThe branch that computes '{fetch.tensor.name}' was not taken in this "
        "run."
    )
    raise errors.InvalidArgumentError(None, fetch.tensor.op, text)


def _copied(array: NDArray[Any]) -> NDArray[Any]:
    """Return a fresh, writable, C-contiguous copy."""
    return np.array(array, order="C", dtype=array.dtype.newbyteorder("="))


def _hold(slots: list[Slot], array: NDArray[Any]) -> bool:
    """Hold the variable whose current memory an array shares; False if that is none of these."""
    for slot in slots:
        buffer = slot.buffer
        if buffer is not None and isinstance(buffer.array, np.ndarray) and np.may_share_memory(buffer.array, array):
            # Views of what is handed out cannot be followed: the hold lasts, and the variable leaves this memory at
            # its next update.
            buffer.hold()
            return True
    return False
