"""Arguments that steer a kernel, such as shapes and axes: from small arrays to Python's integers."""

from __future__ import annotations

from holdfast.contracts import Array


def int_value(array: Array) -> int:
    """Return the only element of an array, or a scalar, as an int."""
    return int(array)


def int_tuple(array: Array) -> tuple[int, ...]:
    """Return the elements of an array of integers, flattened; a scalar gives one."""
    listed = getattr(array, "tolist", None)
    if listed is not None:
        # One transfer, where the array is not in main memory.
        values = listed()
        return (values,) if isinstance(values, int) else tuple(_flat(values))
    if array.ndim == 0:
        return (int(array),)
    if array.ndim == 1:
        return tuple(int(array[i]) for i in range(array.shape[0]))
    return tuple(value for i in range(array.shape[0]) for value in int_tuple(array[i, ...]))


def _flat(values: list[object]) -> list[int]:
    """Return the integers in nested lists."""
    result: list[int] = []
    for value in values:
        if isinstance(value, list):
            result.extend(_flat(value))
        else:
            assert isinstance(value, int)  # noqa: S101  (an array of integers has no other leaves)
            result.append(value)
    return result
