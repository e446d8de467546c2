"""What a restore gives a run: all tensors of a checkpoint that it asks for, read and checked before any is assigned."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from holdfast import errors
from holdfast.checkpoint import (
    RestoredTensors,
    TensorRequest,
    open_checkpoint,
    parse_slice_spec,
    plan_restore,
    printable,
    restore_tensors,
)
from holdfast.runtime.failures import tell_op
from holdfast.runtime.feeds import feed_key
from holdfast.runtime.fetches import Fetches
from holdfast.runtime.saving import check_counts, text, texts
from holdfast.runtime.subgraph import needed_ops

if TYPE_CHECKING:
    from holdfast.checkpoint import CheckpointMetadata, NameMapping, RestorePlan, RestoreReport
    from holdfast.contracts import Array, Storage
    from holdfast.graph import Operation, Tensor
    from holdfast.runtime.context import Context
    from holdfast.runtime.session import BaseSession

_log = logging.getLogger("holdfast")


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """What a Saver tells the RestoreV2 ops of its run; made by :func:`run_restore`."""

    plan: RestorePlan
    """Which tensors of which checkpoint; the checkpoint is open while the run lasts."""
    owners: Sequence[Operation]
    """For each tensor of the plan the op that gives it."""
    left_out: frozenset[Operation]
    """Ops that the run does without: they only serve variables that are left as they are."""


def run_restore(
    sess: BaseSession,
    restore_op: str,
    filename: str,
    path: str,
    *,
    strict: bool | Literal["exact"] = True,
    mapping: NameMapping = None,
    storage: Storage | None = None,
) -> tuple[RestoreReport, CheckpointMetadata]:
    """Run the op that restores everything, for as much of it as the checkpoint has.

    Parameters
    ----------
    sess
        The session.
    restore_op, filename
        Name of the op, and of the tensor through which it is told the checkpoint's path.
    path, storage
        As for :func:`holdfast.checkpoint.open_checkpoint`.
    strict, mapping
        As for :func:`holdfast.checkpoint.plan_restore`.

    Returns
    -------
    What was done, and what the checkpoint says about itself.

    Raises
    ------
    FailedPreconditionError
        If the names to restore are computed by the graph, so that they are not known beforehand.
    OpError, OSError, ValueError, TypeError
        What those two functions raise, and ``Session.run``.
    """
    sess._check_open()
    fed = feed_key(sess.graph, filename)
    ops = needed_ops(Fetches(sess.graph, restore_op).targets, (), {fed})
    restores = [op for op in ops if op.type == "RestoreV2" and op.inputs[0] is fed]
    if not restores:
        msg = f"{printable(restore_op)} does not wait for an op that restores from {printable(filename)}."
        raise errors.InvalidArgumentError(None, None, msg)
    try:
        requests, owners = _all_requests(restores)
        with open_checkpoint(path, storage=storage) as checkpoint:
            plan = plan_restore(checkpoint, requests, strict=strict, mapping=mapping)
            outputs = (tensor for op in restores for tensor in op.outputs)
            skipped = [tensor for tensor, source in zip(outputs, plan.sources, strict=True) if source is None]
            request = RestoreRequest(plan, owners, _served_by(skipped, set(ops)))
            sess.run_with_request(restore_op, {fed: path}, request)
            return plan.report, checkpoint.metadata
    except Exception as error:
        tell_op(restores[0], error)
        raise


def _all_requests(ops: Sequence[Operation]) -> tuple[list[TensorRequest], list[Operation]]:
    """Return what ops want to restore that do not run yet, and for each tensor its op."""
    for op in ops:
        if not names_are_known(op):
            msg = (
                f"What {printable(op.name)} restores is computed by the graph, and so is not known beforehand. Run the "
                "op that restores in the session instead."
            )
            raise errors.FailedPreconditionError(None, op, msg)
    return _requests_of(ops, ())


def _served_by(tensors: Sequence[Tensor], needed: Collection[Operation]) -> frozenset[Operation]:
    """Return the ops of a run that take these tensors, up to the assignments."""
    result: set[Operation] = set()
    stack = list(tensors)
    while stack:
        for consumer in stack.pop().consumers():
            if consumer in needed and consumer not in result:
                result.add(consumer)
                if consumer.type != "Assign":
                    stack.extend(consumer.outputs)
    return frozenset(result)


def names_are_known(op: Operation, fed: Collection[Tensor] = ()) -> bool:
    """Whether the names that a RestoreV2 op asks for are constants."""
    return all(t.op.type == "Const" and t not in fed for t in op.inputs[1:])


class RestoreKernel:
    """RestoreV2: together with the others of its run that read the same checkpoint, all or nothing.

    The first one to run reads and checks what all of them want, and compares it with the variables it is for; nothing
    is assigned before. If an assignment fails all the same, the run puts back what it has assigned.
    """

    def __init__(self, op: Operation, group: Sequence[Operation]) -> None:
        self._op = op
        self._group = group

    def __call__(self, context: Context, *inputs: Array) -> tuple[Array, ...]:
        """Return the tensors of this op, read now or by another one of the group."""
        values: dict[Operation, list[Array]] = context.run.shared
        if self._op not in values:
            values.update(self._read_all(context, inputs))
        # Handed over: from here on they belong to the run alone.
        return tuple(values.pop(self._op))

    def _read_all(self, context: Context, inputs: Sequence[Array]) -> dict[Operation, list[Array]]:
        """Read the tensors of the whole group."""
        given = context.run.request
        if isinstance(given, RestoreRequest):
            owners, plan = given.owners, given.plan
            restored = RestoredTensors(plan.read(), plan.report, plan.checkpoint.metadata)
        else:
            requests, owners = _requests_of(self._group, (self._op, *inputs[1:3]))
            restored = restore_tensors(text(inputs[0]), requests)
        _restore_streams(context, restored)
        values: dict[Operation, list[Array]] = {member: [] for member in self._group}
        for owner, array in zip(owners, restored.values, strict=True):
            values[owner].append(array)
        return values


def _restore_streams(context: Context, restored: RestoredTensors) -> None:
    """Let the random streams go on as well if this restores all there is, into all that was asked for."""
    report, streams = restored.report, restored.metadata.random_streams
    if streams and report.complete:
        context.restore_random_state(streams)
    elif streams:
        _log.info("Random streams are not restored from %s: only a part of it is.", report.path)


def _requests_of(ops: Sequence[Operation], given: Sequence[Any]) -> tuple[list[TensorRequest], list[Operation]]:
    """Return what restoring ops want, and for each tensor its op; ``given`` are an op and its names and specs."""
    requests: list[TensorRequest] = []
    owners: list[Operation] = []
    for op in ops:
        names, specs = given[1:] if given and op is given[0] else [t.op.attrs["value"] for t in op.inputs[1:3]]
        wanted = _requests(op, texts(names), texts(specs))
        requests.extend(wanted)
        owners.extend([op] * len(wanted))
    return requests, owners


def _requests(op: Operation, names: Sequence[str], specs: Sequence[str]) -> list[TensorRequest]:
    """Return what a restoring op wants."""
    dtypes = op.attrs["dtypes"]
    check_counts(names, specs, dtypes)
    result = []
    for i, (name, spec, dtype) in enumerate(zip(names, specs, dtypes, strict=True)):
        shape, label, reshape = _target(op, i)
        result.append(TensorRequest(name, dtype, shape, parse_slice_spec(spec), label, reshape))
    return result


def _target(op: Operation, index: int) -> tuple[tuple[int, ...] | None, str, bool]:
    """Return what the variable behind an output needs: its shape, its name, and whether another shape will do."""
    tensor = op.outputs[index]
    reshaped = False
    for consumer in tensor.consumers():
        if consumer.type == "Reshape":
            tensor, reshaped = consumer.outputs[0], True
            break
    for consumer in tensor.consumers():
        if consumer.type == "Assign":
            name = consumer.inputs[0].op.name
            dims = consumer.inputs[0].shape.as_tuple()
            checked = reshaped or consumer.attrs["validate_shape"]
            if checked and dims is not None and None not in dims:
                return tuple(d for d in dims if d is not None), name, reshaped
            return None, name, False
    return None, "", False
