from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from holdfast.checkpoint import SaveMetadata, open_checkpoint, tensor_source, write_checkpoint

resource = pytest.importorskip("resource", reason="there are no limits on files here")
FORMATS = ["msgpack-zstd", "npz"]
LENGTHS = 200


@contextmanager
def _longest_file(nbytes: int) -> Iterator[None]:
    """Let no file grow beyond a length, as a full disk does not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _save(prefix: str, version: int, format: str) -> None:
    """Save a version with tensors of several sizes."""
    rng = np.random.default_rng(version)
    sources = [tensor_source(f"t{n}", rng.standard_normal(n).astype(np.float32)) for n in (1, 100, 5_000, 20_000)]
    write_checkpoint(prefix, sources, format=format, metadata=SaveMetadata(global_step=version))


@pytest.mark.parametrize("format", FORMATS)
def test_a_disk_that_is_full_after_any_length(
    format: str, tmp_path: Path, count_cases: Callable[[str, int], None]
) -> None:
    """The error has its errno, the old checkpoint is there, and no temporary file is left."""
    prefix = f"{tmp_path}/m.ckpt"
    _save(prefix, 1, format)
    (file,) = tmp_path.glob("m.ckpt.*")
    before = file.read_bytes()
    for length in np.linspace(0, len(before) - 256, LENGTHS // len(FORMATS), dtype=int).tolist():
        with _longest_file(length), pytest.raises(OSError, match="File too large") as caught:
            _save(prefix, 2, format)
        assert caught.value.errno == errno.EFBIG
        assert file.read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == [file.name]
    count_cases("lengths after which the disk is full", LENGTHS // len(FORMATS))
    with open_checkpoint(prefix) as checkpoint:
        assert checkpoint.metadata.global_step == 1
    _save(prefix, 3, format)
    with open_checkpoint(prefix) as checkpoint:
        assert checkpoint.metadata.global_step == 3
