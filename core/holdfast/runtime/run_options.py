"""What ``RunOptions`` and ``RunMetadata`` ask of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast import errors
from holdfast.runtime.time_limits import TimeLimit
from holdfast.runtime.watching import Watch

if TYPE_CHECKING:
    from holdfast.runtime.session_devices import SessionDevices


class RunOptionsReader:
    """Reads the options of a session's runs.

    Parameters
    ----------
    config
        The ``ConfigProto``, or None.
    """

    __slots__ = ("_pools", "limit")

    def __init__(self, config: Any) -> None:
        self.limit: int = 0 if config is None else max(0, config.operation_timeout_in_ms)
        """Milliseconds that each run may take, 0 being any number."""
        self._pools = 1 if config is None else max(1, len(config.session_inter_op_thread_pool))

    def watch(self, options: Any, run_metadata: Any) -> Watch | None:
        """Return what is to watch a run; None if nothing has been asked for.

        Raises
        ------
        TypeError
            If ``options`` is no ``RunOptions``, or ``run_metadata`` no ``RunMetadata``.
        InvalidArgumentError
            If the options name a thread pool that the configuration does not have.
        UnimplementedError
            If they ask for the debugger.
        """
        _check_metadata(run_metadata)
        if options is None:
            return self.default()
        self._check(options)
        limit = self._limit(options.timeout_in_ms)
        partitions = run_metadata is not None and options.output_partition_graphs
        trace = None
        if run_metadata is not None and options.trace_level > options.NO_TRACE:
            from holdfast.runtime.tracing import Trace

            trace = Trace(synchronize=options.trace_level != options.SOFTWARE_TRACE)
        if limit is None and trace is None and not partitions:
            return None
        return Watch(limit, trace, partitions=partitions)

    def default(self) -> Watch | None:
        """Return what watches runs without options."""
        return Watch(self._limit(0), None) if self.limit else None

    def _limit(self, asked: int) -> TimeLimit | None:
        """Return the limit of a run."""
        if asked > 0:
            return TimeLimit(asked, "RunOptions.timeout_in_ms")
        return TimeLimit(self.limit, "ConfigProto.operation_timeout_in_ms") if self.limit else None

    def _check(self, options: Any) -> None:
        """Raise if the options ask for what is not there."""
        from holdfast.protos import RunOptions

        if not isinstance(options, RunOptions):
            raise TypeError(f"options must be a tf.RunOptions, but got {type(options)}")
        pool = options.inter_op_thread_pool
        if not 0 <= pool < self._pools:
            msg = (
                f"Invalid inter_op_thread_pool: {pool}\nThe session has {self._pools}, the first of which is 0. "
                "holdfast runs operations one after another whatever the pool."
            )
            raise errors.InvalidArgumentError(None, None, msg)
        if options.debug_options.debug_tensor_watch_opts:
            msg = "The debugger (RunOptions.debug_options) is not implemented: fetch the tensors instead."
            raise errors.UnimplementedError(None, None, msg)


def _check_metadata(run_metadata: Any) -> None:
    """Raise unless this is a message to be filled, or None."""
    if run_metadata is None:
        return
    from holdfast.protos import RunMetadata

    if not isinstance(run_metadata, RunMetadata):
        raise TypeError(f"run_metadata must be a tf.RunMetadata, but got {type(run_metadata)}")


def fill(run_metadata: Any, watch: Watch | None, devices: SessionDevices) -> None:
    """Put what was noted of a run into the message; what it had before is forgotten, as in TensorFlow."""
    if run_metadata is None:
        return
    run_metadata.Clear()
    if watch is None:
        return
    if watch.trace is not None:
        from holdfast.runtime.step_stats import step_stats

        run_metadata.step_stats.CopyFrom(step_stats(watch.trace, devices))
    run_metadata.partition_graphs.extend(watch.graphs)
