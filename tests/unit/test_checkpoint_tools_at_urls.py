from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from holdfast.checkpoint import RetentionPolicy, convert, diff, inspect, ls, tensor_source, verify, write_checkpoint
from holdfast.cli import main
from holdfast.errors import AlreadyExistsError, InvalidArgumentError

pytest.importorskip("fsspec")


@pytest.fixture
def url() -> str:
    """Return a directory in memory that no other test has."""
    return f"memory://{uuid.uuid4().hex}"


def test_the_tools_take_urls(tmp_path: Path, url: str) -> None:
    """A checkpoint goes up, is verified, compared, listed, and comes down again; either side may be a URL."""
    prefix = write_checkpoint(tmp_path / "m-1", [tensor_source("a", np.arange(5.0))], format="npz").prefix
    found = convert(prefix, f"{url}/m-1.npz", cast={"float64": "float32"})
    assert (found.prefix, found.format) == (f"{url}/m-1", "npz")
    convert(prefix, f"{url}/m-2.npz")
    assert verify(url).intact
    assert [item.tensors for item in verify(url).checkpoints] == [1, 1]
    assert [item.reasons for item in diff(f"{url}/m-1", prefix).changed] == [("dtype",)]
    listing = ls(url, policy=RetentionPolicy(latest=1))
    assert [(item.prefix, item.format, item.fault) for item in listing.checkpoints] == [
        (f"{url}/m-1", "npz", ""),
        (f"{url}/m-2", "npz", ""),
    ]
    assert inspect(f"{url}/m-2").tensors[0].statistics is not None
    convert(f"{url}/m-2", tmp_path / "back.npz")
    assert diff(prefix, tmp_path / "back").equal


def test_slips_at_urls(tmp_path: Path, url: str) -> None:
    """What is there stays, the source is never the target, and statuses are those of local files."""
    prefix = write_checkpoint(tmp_path / "m-1", [tensor_source("a", np.arange(5.0))], format="npz").prefix
    convert(prefix, f"{url}/m-1", format="npz")
    with pytest.raises(AlreadyExistsError):
        convert(prefix, f"{url}/m-1", format="npz")
    with pytest.raises(InvalidArgumentError, match="is the checkpoint that is to be converted itself"):
        convert(f"{url}/m-1", f"{url}/m-1", overwrite=True)
    for arguments, code in (
        (["verify", url], 0),
        (["verify", f"{url}/nope"], 2),
        (["diff", prefix, f"{url}/m-1"], 0),
        (["ls", url], 0),
        (["inspect", f"{url}/m-1", "--json"], 0),
    ):
        assert CliRunner().invoke(main, arguments).exit_code == code, arguments
