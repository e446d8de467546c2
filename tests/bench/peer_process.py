"""Peers from this side: each is a process in another environment that is told what to do, a line of JSON at a time."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.bench.machine import ROOT
from tests.bench.peers.serve import PEERS
from tests.bench.row import Contestant, Proof

_LAST_WORDS = 400


class PeerError(Exception):
    """A peer is not there, cannot do a row, or died."""


class Peer:
    """A peer's process.

    Parameters
    ----------
    name
        One of :data:`PEERS`.
    python
        The interpreter of the environment in which the peer is installed.

    Raises
    ------
    PeerError
        If the library is not there.
    """

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        # Libraries talk on their standard error: a pipe that nobody reads would fill up.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by close)
        try:
            self._process = subprocess.Popen(
                [python, "-m", "tests.bench.peers.serve", name],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        except OSError as error:
            self._errors.close()
            raise PeerError(f"{python} cannot be started: {error}; `make bench-peers` makes it") from error
        try:
            self.facts: dict[str, str] = self._answer()["facts"]
        except PeerError:
            self.close()
            raise

    @contextmanager
    def contestant(self, row: str) -> Iterator[Contestant]:
        """Have the peer set a row up, and release it at the end of the block."""
        self._ask(prepare=row)
        try:
            yield Contestant(self._sample, self._proof, repeatable=self._ask(kind=row)["repeatable"])
        finally:
            if self._process.poll() is None:
                self._ask(release=row)

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def _sample(self, number: int) -> float:
        """Have the work done so many times and return what it took."""
        return float(self._ask(sample=number)["value"])

    def _proof(self) -> Proof:
        """Return an excerpt of the peer's results."""
        return [np.array(values) for values in self._ask(proof=True)["arrays"]]

    def _ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return the answer."""
        if self._process.stdin is None:
            raise PeerError(f"{self.name} has no standard input")
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
        except OSError as error:
            raise self._dead() from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        """Return the next line of the peer."""
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise self._dead()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def _dead(self) -> PeerError:
        """Return what to say of a process that has ended."""
        status = self._process.wait()
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip()
        return PeerError(f"the process of {self.name} ended with status {status}: ...{words[-_LAST_WORDS:]}")


@contextmanager
def peers(python: str, wanted: Collection[str]) -> Iterator[tuple[dict[str, Peer], dict[str, str]]]:
    """Start peers; yields those that are there, and why the others are not."""
    there: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    try:
        for name in sorted(wanted, key=list(PEERS).index):
            try:
                there[name] = Peer(name, python)
            except PeerError as error:
                missing[name] = str(error)
        yield there, missing
    finally:
        for peer in there.values():
            peer.close()
