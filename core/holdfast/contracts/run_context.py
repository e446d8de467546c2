"""RunContext: what an op may ask of the run that it is part of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from holdfast.contracts.backend import Device


class RunContext(Protocol):
    """One run of a session, as the kernels of one device see it."""

    @property
    def device(self) -> Device:
        """The device that the kernel runs on."""

    def random_key(self, op_name: str, seed: int, seed2: int) -> tuple[int, int, int]:
        """Draw the next key of an op's random stream.

        Returns
        -------
        ``(key0, key1, execution)``: two 64-bit words that identify the stream and the number of this execution, which
        the session counts per op name and saves with a checkpoint. With both seeds 0 the first word is the
        session's entropy and the second a digest of the name; else they are the seeds.
        """

    def python_function(self, token: bytes) -> Callable[..., Any]:
        """Return the Python function that ``py_func`` registered in this graph under ``token``.

        Raises
        ------
        InvalidArgumentError
            If this process has registered none, as after the import of a graph made elsewhere.
        """

    def release_session(self) -> Any:
        """Return a context manager in which other threads may run the session (for kernels that block or call back).

        What the kernel was given stays as it is meanwhile: the runtime has pinned every live alias of a variable.
        """
