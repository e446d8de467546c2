"""What a save takes from a run: values at one instant, which stay as they are until they have been written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holdfast import errors
from holdfast.checkpoint import SavedCheckpoint, SaveMetadata, printable, tensor_source, write_checkpoint
from holdfast.runtime.failures import tell_op
from holdfast.runtime.slots import Hold, hold

if TYPE_CHECKING:
    from holdfast.checkpoint import ArraySource
    from holdfast.contracts import Array, Device, Storage
    from holdfast.graph import Operation
    from holdfast.runtime.context import Context


class _Lent:
    """Lends an array's memory to NumPy, read-only, and ends a hold when nobody refers to that memory any more."""

    __slots__ = ("__array_interface__", "_array", "_hold")

    def __init__(self, array: NDArray[Any], hold: Hold) -> None:
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], True)}
        self._array = array
        self._hold = hold

    def __del__(self) -> None:
        self._hold.release()


class HeldValue:
    """One value of a save: a variable's own memory as long as it is held, or an array that nobody else has."""

    __slots__ = ("_array", "_device", "_hold", "shape")

    def __init__(self, array: Array, device: Device, hold: Hold | None) -> None:
        self.shape = tuple(array.shape)
        """Its shape."""
        self._array: Array | None = array
        self._device = device
        self._hold = hold

    def read(self) -> NDArray[Any]:
        """Return it on the host, once; the variable is let go of when nobody refers to that any more."""
        array, self._array = self._array, None
        if array is None:
            raise RuntimeError("A format read a tensor twice; what was read may have been updated since.")
        host = np.asarray(self._device.to_host(array))
        hold, self._hold = self._hold, None
        if hold is None:
            return host
        if host.ndim == 0 or host.dtype == np.object_:
            host = host.copy()
            hold.release()
            return host
        return np.asarray(_Lent(host, hold)).view(host.dtype)

    def release(self) -> None:
        """Let go of it, if it was not read."""
        self._array = None
        if self._hold is not None:
            self._hold.release()


@dataclass(slots=True)
class GatheredTensors:
    """What one SaveV2 op saves, as it is at the op's place in the order."""

    prefix: str
    """Where the graph wants it."""
    names: NDArray[Any]
    """Names of the tensors, as bytes."""
    specs: NDArray[Any]
    """Which parts of them these are, as bytes."""
    op: Operation
    """The op."""
    values: list[HeldValue]
    """The values."""
    random_streams: Mapping[str, Any]
    """The state of the session's random streams."""

    def sources(self) -> list[ArraySource]:
        """Return the tensors as the engine takes them."""
        dtypes = (tensor.dtype.base_dtype for tensor in self.op.inputs[3:])
        return [
            tensor_source(name, value.read, dtype=dtype, shape=value.shape, spec=spec)
            for name, spec, value, dtype in zip(texts(self.names), texts(self.specs), self.values, dtypes, strict=True)
        ]


@dataclass(slots=True)
class SaveRequest:
    """What a Saver tells the SaveV2 ops of its run, which gather what is to be saved; the Saver has it written."""

    format: str | None = None
    """Name of the format; None for the configured one."""
    format_options: dict[str, Any] | None = None
    """Its options; None for the configured ones."""
    metadata: SaveMetadata = field(default_factory=SaveMetadata)
    """What is known beforehand: all but the random streams."""
    storage: Storage | None = None
    """Where to write; None for what the prefix says."""
    gathered: list[GatheredTensors] = field(default_factory=list)
    """Set by the ops."""
    sharded: bool = False
    """Set by the ops: whether what each of them gathered becomes a part of its own."""

    def write(self, prefix: str) -> SavedCheckpoint:
        """Write what was gathered as one checkpoint."""
        metadata = replace(self.metadata, random_streams=self.gathered[0].random_streams)
        try:
            return write_checkpoint(
                prefix,
                [source for part in self.gathered for source in part.sources()],
                shards=[n for n, part in enumerate(self.gathered) for _ in part.values] if self.sharded else None,
                format=self.format,
                format_options=self.format_options,
                metadata=metadata,
                storage=self.storage,
            )
        except Exception as error:
            tell_op(self.gathered[0].op, error)
            raise

    def release(self) -> None:
        """Let go of everything that was gathered. Releasing twice is allowed."""
        for part in self.gathered:
            for value in part.values:
                value.release()


class SaveKernel:
    """SaveV2: gathers its tensors for the Saver, or, in a run without one, writes them durably and as one.

    One whose checkpoint is merged with others in the same run gathers them for the op that does so.
    """

    def __init__(self, op: Operation, *, merged: bool = False) -> None:
        self.op = op
        self._merged = merged
        self.devices: Sequence[Device] = ()
        """Where each tensor lies; set when the op is lowered."""

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Take all inputs; the op has no outputs."""
        names, specs, tensors = _vector(inputs[1]), _vector(inputs[2]), inputs[3:]
        check_counts(names, specs, tensors)
        values = _hold(context, tensors, self.devices)
        part = GatheredTensors(text(inputs[0]), names, specs, self.op, values, context.random_state())
        request = context.run.request
        if isinstance(request, SaveRequest):
            request.gathered.append(part)
            return ()
        own = SaveRequest(gathered=[part])
        if self._merged:
            context.run.shared.setdefault(MergeKernel, []).append(own)
            context.run.release_at_end(own)
            return ()
        # Others may train while the files are written: what was read here stays as it is.
        with context.release_session():
            try:
                own.write(part.prefix)
            finally:
                own.release()
        return ()


class MergeKernel:
    """MergeV2Checkpoints: the shards that SaveV2 ops of its run have gathered become the parts of one checkpoint."""

    def __init__(self, op: Operation) -> None:
        self._op = op

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Write what was gathered, or let the Saver do so; the op has no outputs."""
        request = context.run.request
        if isinstance(request, SaveRequest):
            request.sharded = True
            return ()
        shards = {part.prefix: part for own in context.run.shared.get(MergeKernel, ()) for part in own.gathered}
        prefixes = texts(inputs[0])
        if missing := [prefix for prefix in prefixes if prefix not in shards]:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"There is nothing to merge at {', '.join(map(printable, missing))}: MergeV2Checkpoints merges what "
                "SaveV2 ops of the same run save. Fetch them together, as a Saver's ops do.",
            )
        whole = SaveRequest(gathered=[shards[prefix] for prefix in prefixes], sharded=True)
        with context.release_session():
            try:
                whole.write(text(inputs[1]))
            finally:
                whole.release()
        return ()


def is_merged(op: Operation, merges: Iterable[Operation]) -> bool:
    """Whether the checkpoint of a SaveV2 op is merged by one of some MergeV2Checkpoints ops."""
    return any(op.inputs[0] in merge.inputs[0].op.inputs for merge in merges if merge.inputs[0].op.type == "Pack")


def _hold(context: Context, values: Sequence[Array], devices: Sequence[Device]) -> list[HeldValue]:
    """Hold the variables that values are the memory of; copy what is anybody else's."""
    holds = {id(held.array): held for held in hold(context.run.aliased)}
    result = []
    for value, device in zip(values, devices, strict=True):
        held = holds.pop(id(value), None)
        if held is None and not isinstance(value, np.generic):
            value = device.copy(value)  # noqa: PLW2901  (from here on it is the copy)
        result.append(HeldValue(value, device, held))
    for rest in holds.values():
        rest.release()
    return result


def text(value: Any) -> str:
    """Return the string in a 0-d value of bytes; what is not UTF-8 is kept as it is, as in file names."""
    item = np.asarray(value, dtype=object)[()]
    return os.fsdecode(item) if isinstance(item, bytes) else str(item)


def texts(value: Any) -> list[str]:
    """Return the strings in a vector of bytes."""
    return [text(item) for item in _vector(value)]


def _vector(value: Any) -> NDArray[Any]:
    """Return strings as a vector."""
    return np.asarray(value, dtype=object).reshape(-1)


def check_counts(names: Sized, specs: Sized, tensors: Sized) -> None:
    """Raise unless there is a name and a slice for each tensor."""
    if not len(names) == len(specs) == len(tensors):
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Got {len(names)} elements in tensor_names and {len(specs)} in shape_and_slices for {len(tensors)} "
            "tensors: expected one of each for every tensor.",
        )
