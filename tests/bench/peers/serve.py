"""A peer's side of the talk: reads requests from standard input, answers on standard output, a line of JSON each.

Run as ``python -m tests.bench.peers.serve NAME`` by the interpreter of the peers' environment.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, TextIO

from tests.bench.agreement import excerpt
from tests.bench.row import Contestant, Factory

PEERS = {
    "tf1": ("tensorflow", "tests.bench.peers.tensorflow_peer"),
    "torch": ("torch", "tests.bench.peers.torch_peer"),
    "jax": ("jax", "tests.bench.peers.jax_peer"),
    "safetensors": ("safetensors", "tests.bench.peers.safetensors_peer"),
    "h5py": ("h5py", "tests.bench.peers.h5py_peer"),
    "orbax": ("orbax.checkpoint", "tests.bench.peers.orbax_peer"),
}
"""Of each peer the library without which it is missing, and the module with ``ROWS`` and ``facts()``."""


class _Server:
    """Does what it is asked for, with one row set up at a time."""

    def __init__(self, rows: Mapping[str, Factory]) -> None:
        self._rows = rows
        self._held = ExitStack()
        self._contestant: Contestant | None = None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a request."""
        if "prepare" in request:
            if request["prepare"] not in self._rows:
                raise LookupError("it does not do this row")
            self._contestant = self._held.enter_context(self._rows[request["prepare"]]())
            return {}
        if "release" in request:
            self._contestant = None
            self._held.close()
            return {}
        if self._contestant is None:
            raise RuntimeError("no row is prepared")
        if "sample" in request:
            return {"value": self._contestant.sample(request["sample"])}
        if "proof" in request:
            proof = self._contestant.proof() if self._contestant.proof is not None else []
            return {"arrays": [array.tolist() for array in excerpt(proof)]}
        return {"repeatable": self._contestant.repeatable}


def serve(name: str) -> None:
    """Serve the rows of a peer until standard input ends."""
    library, script = PEERS[name]
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        importlib.import_module(library)
    except Exception as error:  # noqa: BLE001  (a library may fail in any way: whatever it is, the peer is missing)
        _send(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    module = importlib.import_module(script)
    server = _Server(module.ROWS)
    _send(answers, {"facts": module.facts()})
    for line in sys.stdin:
        try:
            answer = server.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001  (the other side says it, and goes on with the next row)
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        _send(answers, answer)


def _send(answers: TextIO, answer: Mapping[str, Any]) -> None:
    """Write one line."""
    print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
