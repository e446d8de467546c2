"""A run of a session as one kernel sees it, for suites that call kernels without a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from holdfast.contracts import Device
from holdfast.errors import InvalidArgumentError


class KernelContext:
    """What a kernel may ask for, with fixed answers.

    Parameters
    ----------
    device
        The device that the kernel runs on.
    execution
        Number of this execution, which random streams depend on.
    functions
        Python functions by token.
    """

    def __init__(
        self, device: Device, execution: int = 0, functions: Mapping[bytes, Callable[..., Any]] | None = None
    ) -> None:
        self._device = device
        self._execution = execution
        self._functions = dict(functions or {})

    @property
    def device(self) -> Device:
        """The device that the kernel runs on."""
        return self._device

    def random_key(self, op_name: str, seed: int, seed2: int) -> tuple[int, int, int]:
        """Return the seeds and the number of this execution."""
        return seed & (2**64 - 1), seed2 & (2**64 - 1), self._execution

    def python_function(self, token: bytes) -> Callable[..., Any]:
        """Return the function of a token."""
        if token not in self._functions:
            raise InvalidArgumentError(None, None, f"no Python function is registered under {token!r}")
        return self._functions[token]

    def release_session(self) -> AbstractContextManager[None]:
        """Do nothing: there is no session to release."""
        return nullcontext()
