"""Session: runs a graph, and holds the values of its variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Self, TextIO

from holdfast import errors
from holdfast.checkpoint import BackgroundSaves
from holdfast.graph import Graph, Tensor, get_default_graph, sessions
from holdfast.graph.default import graph_as_default
from holdfast.runtime.context import Run
from holdfast.runtime.explain import explain
from holdfast.runtime.feeds import collect_feeds, feed_key, sorted_tensors
from holdfast.runtime.fetches import Fetches
from holdfast.runtime.locking import SessionLock
from holdfast.runtime.lowering import RUNTIME_OPS, Lowering, kernel_request
from holdfast.runtime.placeholders import PLACEHOLDERS
from holdfast.runtime.placement import Placer
from holdfast.runtime.prepared import PreparedPlan
from holdfast.runtime.restoring import RestoreRequest
from holdfast.runtime.routes import Route, Routes
from holdfast.runtime.run_options import RunOptionsReader, fill
from holdfast.runtime.session_devices import SessionDevice, SessionDevices
from holdfast.runtime.slots import SlotStore
from holdfast.runtime.streams import RandomStreams
from holdfast.runtime.subgraph import needed_ops

if TYPE_CHECKING:
    from types import TracebackType

    from holdfast.contracts import Device, Kernel, UpdateKernel
    from holdfast.graph import Operation
    from holdfast.runtime.watching import Watch


class BaseSession:
    """What Session and InteractiveSession share.

    A session owns the values of the variables and the random streams; other sessions of the same graph have their
    own. One run at a time: other threads wait, except while a kernel blocks or calls back into Python.
    """

    _interpreted_runs = 2
    """So often a plan is interpreted before it is compiled: what runs once or twice is not worth it."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f"graph must be a tf.Graph, but got {type(graph)}")
        if target is not None and not isinstance(target, (str, bytes)):
            raise TypeError(f"target must be a string, but got {type(target)}")
        if target:
            raise errors.UnimplementedError(
                None,
                None,
                f"Cannot connect to {target!r}: no cluster plug-in is installed. Use the empty target, which runs in "
                "this process.",
            )
        self._graph = graph if graph is not None else get_default_graph()
        self._config = _checked_config(config)
        self._options = RunOptionsReader(self._config)
        self._limited = self._options.limit > 0
        self._devices = SessionDevices(dict(config.device_count) if config is not None else {})
        self._placer = Placer(
            self._devices,
            self._supports,
            soft=bool(config is not None and config.allow_soft_placement),
            verbose=bool(config is not None and config.log_device_placement),
        )
        self._slots = SlotStore()
        self._streams = RandomStreams()
        self._lock = SessionLock()
        self._kernels: dict[int, dict[Operation, Kernel | UpdateKernel | None]] = {}
        self._plans: dict[Any, PreparedPlan] = {}
        self._plans_for = -1
        self._routes = Routes(self._graph, self._devices)
        self._closed = False
        self.background_saves = BackgroundSaves()
        """The save of this session that goes on in the background, if there is one."""

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        """The graph it runs."""
        return self._graph

    @property
    def graph_def(self) -> Any:
        """A GraphDef message of the graph."""
        return self._graph.as_graph_def()

    @property
    def sess_str(self) -> bytes:
        """The target: empty, for this process."""
        return b""

    def list_devices(self) -> list[SessionDevice]:
        """Return the devices, each with ``name``, ``device_type`` and ``memory_limit_bytes``."""
        self._check_open()
        return sorted(self._devices.all, key=lambda d: (d.device_type, d.device.index))

    def as_default(self) -> Any:
        """Return a context manager that makes this the default session; it does not close it."""
        return sessions.default_session(self)

    def close(self) -> None:
        """Wait for a save in the background, then forget all values; runs fail from now on. Closing twice is allowed.

        Raises
        ------
        Exception
            The error of that save, if nobody knows of it yet. The session is closed all the same.
        """
        try:
            self.background_saves.wait()
        finally:
            self._forget()

    def _forget(self) -> None:
        """Close without waiting."""
        self.background_saves.stop()
        with self._lock:
            self._closed = True
            self._slots.clear()
            self._plans.clear()
            self._routes.clear()
            self._kernels.clear()

    def _check_open(self) -> None:
        """Raise if the session is closed."""
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")

    # -- running -------------------------------------------------------------------------------------------------------

    def exclusive(self) -> AbstractContextManager[None]:
        """Return a context manager: within its block no other thread runs the session, also between runs."""
        return self._lock

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Run what the fetches need and return their values in the fetches' structure.

        Parameters
        ----------
        fetches
            A tensor, operation, variable or name, or a nested list, tuple, named tuple or dict of these.
        feed_dict
            Tensors (or names, variables) to values that replace them in this run. Values are converted to the
            tensor's dtype by NumPy's rules; arrays are borrowed, never written to.
        options
            A ``RunOptions`` message: ``trace_level``, ``output_partition_graphs`` and ``timeout_in_ms`` count. The time
            is looked at before each operation and at the end; none is interrupted.
        run_metadata
            A ``RunMetadata`` message that is overwritten, once the run has gone well, with what the options ask for.

        Returns
        -------
        The same structure with a value for each tensor and None for each operation. Arrays are the caller's own: fresh,
        writable, C-contiguous; 0-d values are NumPy scalars, strings bytes.

        Raises
        ------
        RuntimeError
            If the session is closed or the graph empty.
        TypeError, ValueError
            If a fetch, a feed, the options or the metadata are not what they should be.
        DeadlineExceededError
            If the run takes longer than ``timeout_in_ms``, or else ``operation_timeout_in_ms`` of the session's
            ``ConfigProto``, allows. Updates that were already made stay.
        OpError
            What an op raised: its class says the kind, its text the op, its creation site, device and input shapes. The
            session stays usable; updates that were already made stay.
        """
        if options is not None or run_metadata is not None or self._limited:
            return self._run_with_options(fetches, feed_dict, options, run_metadata)
        route = self._routes.find(fetches, feed_dict)
        if route is not None:
            return self._run_again(route, feed_dict.values() if feed_dict else ())
        return self._run_first(fetches, feed_dict, None, None)

    def _run_with_options(self, fetches: Any, feed_dict: Any, options: Any, run_metadata: Any) -> Any:
        """Run as the options, or the session's configuration, ask for."""
        watch = self._options.watch(options, run_metadata)
        route = self._routes.find(fetches, feed_dict)
        if route is None:
            result = self._run_first(fetches, feed_dict, None, watch)
        else:
            result = self._run_watched(route, feed_dict.values() if feed_dict else (), watch)
        fill(run_metadata, watch, self._devices)
        return result

    def run_with_request(self, fetches: Any, feed_dict: Any, request: Any) -> Any:
        """As :meth:`run`; through ``request`` a Saver talks with its save and restore ops."""
        return self._run_first(fetches, feed_dict, request, self._options.watch(None, None))

    def _run_first(self, fetches: Any, feed_dict: Any, request: Any, watch: Watch | None) -> Any:
        """Run what no route leads to yet."""
        self._check_open()
        if self._graph.version == 0:
            raise RuntimeError("The Session graph is empty.  Add operations to the graph before calling run().")
        feeds = collect_feeds(self._graph, feed_dict, self._devices)
        structure = Fetches(self._graph, fetches)
        if watch is not None:
            watch.took_feeds()
        values = self._run(structure, feeds, request=request, watch=watch)
        if request is None:
            self._routes.keep(fetches, feed_dict, structure)
        return structure.build(values)

    def _run(self, structure: Fetches, feeds: dict[Tensor, Any], *, request: Any, watch: Watch | None) -> list[Any]:
        """Run a flattened structure and return the values of its tensors."""
        with self._lock if watch is None else watch.holding(self._lock):
            self._check_open()
            left_out = request.left_out if isinstance(request, RestoreRequest) else frozenset()
            plan = self._plan(structure.tensors, structure.targets, tuple(feeds), left_out)
            if watch is None:
                return self._carry_out(plan, list(feeds.values()), copy=True, request=request)
            return self._carry_out_watched(plan, list(feeds.values()), copy=True, request=request, watch=watch)

    def _run_again(self, route: Route, values: Sequence[Any], *, copy: bool = True) -> Any:
        """Run what is known from before, with new values of the fed tensors."""
        feeds = route.feeds(values) if values else ()
        structure, lock = route.structure, self._lock
        lock.take()
        try:
            if self._closed:
                self._check_open()
            plan = route.plan
            if plan is None or route.made_for != self._graph._mutations:
                plan = route.plan = self._plan(structure.tensors, structure.targets, route.fed)
                route.made_for = self._plans_for
            results = self._carry_out(plan, feeds, copy=copy, request=None)
        finally:
            lock.release()
        return structure.build(results)

    def _run_watched(self, route: Route, values: Sequence[Any], watch: Watch | None, *, copy: bool = True) -> Any:
        """As :meth:`_run_again`, with a trace or a time limit."""
        if watch is None:
            return self._run_again(route, values, copy=copy)
        feeds, structure = route.feeds(values), route.structure
        watch.took_feeds()
        with watch.holding(self._lock):
            self._check_open()
            plan = self._plan(structure.tensors, structure.targets, route.fed)
            results = self._carry_out_watched(plan, feeds, copy=copy, request=None, watch=watch)
        return structure.build(results)

    def _carry_out(self, plan: PreparedPlan, feeds: Sequence[Any], *, copy: bool, request: Any) -> list[Any]:
        """Run a plan; the lock is held."""
        # What is compiled here is for steps that come again and again, and the time of a save is the user's.
        form = plan.form(self._interpreted_runs, feeds) if request is None else plan.interpreted
        if not form.needs_run:
            return form(feeds, None, copy=copy)
        run = Run(self._graph, self._lock, self._streams, plan.plan.slots_read, request)
        try:
            return form(feeds, run, copy=copy)
        finally:
            run.end()

    def _carry_out_watched(
        self, plan: PreparedPlan, feeds: Sequence[Any], *, copy: bool, request: Any, watch: Watch
    ) -> list[Any]:
        """Run a plan that tells each of its steps, and note what is asked for."""
        form = plan.watched_form(self._interpreted_runs, feeds) if request is None else plan.interpreted
        watch.start(plan, feeds)
        run = Run(self._graph, self._lock, self._streams, plan.plan.slots_read, request, watch)
        try:
            results = form(feeds, run, copy=copy)
        finally:
            run.end()
        if watch.partitions:
            from holdfast.runtime.partitions import partition_graphs

            watch.graphs = partition_graphs(self._graph, plan, self._placer, self._devices)
        return results

    def _plan(
        self,
        fetches: tuple[Tensor, ...],
        targets: tuple[Operation, ...],
        fed: tuple[Tensor, ...],
        left_out: frozenset[Operation] = frozenset(),
    ) -> PreparedPlan:
        """Return the plan of a run, made at first need; it does without the ops that are left out."""
        if self._plans_for != self._graph.mutations:
            # An existing op was changed: what was decided before may be wrong.
            self._plans.clear()
            self._kernels.clear()
            self._plans_for = self._graph.mutations
        key = fetches, targets, fed, left_out
        plan = self._plans.get(key)
        if plan is None:
            ops = [op for op in needed_ops(targets, fetches, set(fed)) if op not in left_out]
            lowering = Lowering(self._devices, self._placer, self._slots, self._kernel)
            plan = self._plans[key] = PreparedPlan(lowering.plan(ops, fed, fetches, targets), fed, ops)
        return plan

    def _kernel(self, op: Operation, device: Device) -> Kernel | UpdateKernel | None:
        """Return the kernel of an op on a device, asked for once."""
        known = self._kernels.setdefault(id(device), {})
        if op not in known:
            known[op] = device.kernel(kernel_request(op))
        return known[op]

    def _supports(self, device: SessionDevice, op: Operation) -> bool:
        """Whether an op can run on a device."""
        return op.type in RUNTIME_OPS or self._kernel(op, device.device) is not None

    def make_callable(
        self, fetches: Any, feed_list: Sequence[Any] | None = None, accept_options: bool = False, *, copy: bool = True
    ) -> Callable[..., Any]:
        """Return a function that runs ``fetches``, with the values of ``feed_list`` as its arguments.

        Parameters
        ----------
        accept_options
            Let the function take ``options=`` and ``run_metadata=``, as :meth:`run` does.
        copy
            With False the function returns read-only arrays that may share memory with variables. A variable never
            changes under such an array: it moves to other memory at its next update.
        """
        self._check_open()
        keys = [feed_key(self._graph, key) for key in feed_list or ()]
        route = Route(self._graph, Fetches(self._graph, fetches), keys, self._devices)

        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs or len(args) != len(keys):
                raise _wrong_arguments(len(keys), args, kwargs)
            self._check_open()
            return self._run_again(route, args, copy=copy)

        def call_with_options(*args: Any, options: Any = None, run_metadata: Any = None, **kwargs: Any) -> Any:
            if kwargs or len(args) != len(keys):
                raise _wrong_arguments(len(keys), args, kwargs)
            self._check_open()
            watch = self._options.watch(options, run_metadata)
            result = self._run_watched(route, args, watch, copy=copy)
            fill(run_metadata, watch, self._devices)
            return result

        def call_within_limit(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                raise _wrong_arguments(len(keys), args, kwargs)
            return call_with_options(*args)

        if accept_options:
            return call_with_options
        return call_within_limit if self._limited else call

    def explain(self, fetches: Any, feeds: Sequence[Any] = (), *, file: TextIO | None = None) -> None:
        """Print the plan of a run: each step with its op, device, whether it happens in place, and its bytes.

        Parameters
        ----------
        feeds
            The tensors that would be fed (a feed dict does as well), beside all placeholders, which always are.
        file
            Where to print; by default standard output.
        """
        self._check_open()
        given = {feed_key(self._graph, k) for k in feeds}
        structure = Fetches(self._graph, fetches)
        needed = needed_ops(structure.targets, structure.tensors, given)
        fed = tuple(sorted_tensors(given | {op.outputs[0] for op in needed if op.type in PLACEHOLDERS}))
        with self._lock:
            plan = self._plan(structure.tensors, structure.targets, fed)
        print(explain(plan.plan), file=file)


def _wrong_arguments(wanted: int, args: Sequence[Any], kwargs: Mapping[str, Any]) -> TypeError:
    """Return the error of a callable that was not given what it takes."""
    return TypeError(f"The callable takes {wanted} feed values, got {len(args)} and keywords {sorted(kwargs)}.")


def _checked_config(config: Any) -> Any:
    """Return the session's configuration, checked."""
    if config is None:
        return None
    from holdfast.protos import ConfigProto

    if not isinstance(config, ConfigProto):
        raise TypeError(f"config must be a tf.ConfigProto, but got {type(config)}")
    return config


class Session(BaseSession):
    """A session that is used in a ``with`` block, where it and its graph are the default ones, or closed by hand.

    Parameters
    ----------
    target
        Empty: this process. Anything else needs a cluster plug-in and is an UnimplementedError.
    graph
        The graph to run; by default the default graph.
    config
        A ``ConfigProto`` message: ``allow_soft_placement``, ``log_device_placement``, ``device_count`` and
        ``operation_timeout_in_ms`` count.
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._stacks: list[ExitStack] = []

    def __enter__(self) -> Self:
        stack = ExitStack()
        stack.enter_context(self._graph.as_default())
        stack.enter_context(self.as_default())
        self._stacks.append(stack)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stacks.pop().close()
        try:
            # Its error must not take the place of the one that ends the block.
            self.background_saves.__exit__(kind, error, traceback)
        except BaseException:
            self._forget()
            raise
        self.close()


class InteractiveSession(BaseSession):
    """A session for a shell: the default one from its creation until it is closed, as is a graph given to it."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._stack = ExitStack()
        if graph is not None:
            self._stack.enter_context(graph_as_default(graph, enforce_nesting=False))
        self._stack.enter_context(self.as_default())

    def close(self) -> None:
        """Wait for a save in the background, forget all values and stop being the default session; see Session."""
        try:
            super().close()
        finally:
            self._stack.close()
