"""Write the golden containers that are missing: ``python -m tests.formats.generate_golden`` from the root.

A golden file is never written again: it stands for what a released version wrote. What holdfast writes may change from
version to version; that the files are read with the same contents may not.
"""

from __future__ import annotations

from unittest.mock import patch

from holdfast.checkpoint import tensor_source
from holdfast.testing.memory_files import MemoryOutputs
from holdfast_msgpack import SPEC
from tests.formats.golden_contents import FOLDER, WRITTEN, future_files, liberties, path


def written(name: str) -> bytes:
    """Return what holdfast writes for one of the golden files."""
    golden = WRITTEN[name]
    outputs = MemoryOutputs(SPEC)
    sources = [tensor_source(key, array) for key, array in golden.tensors().items()]
    with patch("holdfast_msgpack.container_writer.new_file_id", lambda: name.encode().ljust(16, b".")[:16]):
        SPEC.factory(golden.options).write(outputs, sources, golden.metadata)
    return outputs.contents[".holdfast"]


def main() -> None:
    """Write what is missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {name: written(name) for name in WRITTEN} | future_files() | {"liberties": liberties()[0].seal()}
    for name, data in files.items():
        if not path(name).exists():
            path(name).write_bytes(data)


if __name__ == "__main__":
    main()
