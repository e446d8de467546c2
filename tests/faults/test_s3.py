"""Checkpoints in S3, against a server on loopback that speaks its protocol."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import holdfast as tf
from holdfast.checkpoint import (
    CheckpointHistory,
    RetentionPolicy,
    SaveMetadata,
    inspect,
    latest_checkpoint,
    open_checkpoint,
    storage_for,
    tensor_source,
    write_checkpoint,
)
from holdfast.checkpoint.manifest import split_part_name
from holdfast_npz import SPEC

moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
pytest.importorskip("s3fs", reason="s3fs is not installed")

pytestmark = [
    # What these call that newer versions of Python deprecate is their own affair.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(aiobotocore|asyncio|botocore|fsspec|moto|s3fs|werkzeug)"),
    pytest.mark.timeout(240),
]
BUCKET = "holdfast-tests"
OPTIONS: dict[str, Any] = {
    "key": "test",
    "secret": "test",
    "client_kwargs": {"region_name": "eu-west-1"},
    "default_block_size": 5 << 20,  # the least that S3 takes as a part of an upload
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Run a server, and let fsspec find it as it finds any S3: by its configuration."""
    import fsspec

    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    options = {"endpoint_url": url, **OPTIONS}
    before = dict(fsspec.config.conf)
    fsspec.config.conf["s3"] = options
    fsspec.filesystem("s3").mkdir(BUCKET)
    yield url
    fsspec.config.conf.clear()
    fsspec.config.conf.update(before)
    server.stop()


@pytest.fixture
def home(endpoint: str, request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty place in the bucket."""
    return f"s3://{BUCKET}/{re.sub('[^a-z0-9]+', '-', request.node.name)}"


def tensors(version: int, size: int = 1000) -> list[Any]:
    """Return tensors that tell the version."""
    return [tensor_source(name, np.full(size, version, np.float32)) for name in ("a", "b")]


def save(prefix: str, version: int, **more: Any) -> Any:
    """Write one version."""
    notes = SaveMetadata(global_step=version, lineage="one")
    return write_checkpoint(prefix, tensors(version), metadata=notes, formats=[SPEC], **more)


def version_at(path: str) -> int:
    """Read a checkpoint wholly and return its version."""
    with open_checkpoint(path, formats=[SPEC]) as checkpoint:
        found = {value for name in checkpoint.entries for value in checkpoint.read(name).tolist()}
        assert found == {checkpoint.metadata.global_step}
        return int(found.pop())


@pytest.mark.parametrize("shards", [None, ["x", "y"]], ids=["whole", "sharded"])
def test_save_and_restore(home: str, shards: Any) -> None:
    """What is saved is read back, replaced, found as the latest, and retired with all of its parts."""
    history = CheckpointHistory(RetentionPolicy(latest=2), formats=[SPEC])
    for version in range(4):
        history.add(save(f"{home}/m-{version}", version, shards=shards))
        history.publish(home)
    assert latest_checkpoint(home, formats=[SPEC]) == f"{home}/m-3"
    assert version_at(home) == 3
    save(f"{home}/m-3", 9, shards=shards)
    assert version_at(f"{home}/m-3") == 9
    assert inspect(f"{home}/m-3", formats=[SPEC]).parts == (1 if shards is None else 2)
    names = storage_for(home).list_directory(home)
    assert {name.split(".")[0] for name in names} == {"checkpoint", "m-2", "m-3"}
    assert len(names) == 1 + 2 * (2 if shards is None else 3)


def test_a_part_of_many_uploads(home: str) -> None:
    """A part larger than what is uploaded at once comes back bit for bit, whole and in regions."""
    values = np.random.default_rng(1).integers(0, 255, 12 << 20, np.uint8)
    write_checkpoint(f"{home}/m", [tensor_source("x", values)], formats=[SPEC])
    with open_checkpoint(f"{home}/m", formats=[SPEC]) as checkpoint:
        assert np.array_equal(checkpoint.read("x"), values)
        region = checkpoint.read("x", index=(slice(7 << 20, (7 << 20) + 5),))
        assert region.tolist() == values[7 << 20 : (7 << 20) + 5].tolist()


def test_a_saver_takes_urls(home: str) -> None:
    """Saver, latest_checkpoint and restore work on URLs as on paths, adoption included."""
    variable = tf.Variable([1.0, 2.0], name="v")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        saver = tf.train.Saver(max_to_keep=2, sharded=True)
        for step in range(3):
            assert saver.save(sess, f"{home}/m", global_step=step) == f"{home}/m-{step}"
            sess.run(variable.assign_add([1.0, 1.0]))
        successor = tf.train.Saver(max_to_keep=1)
        report = successor.restore(sess, tf.train.latest_checkpoint(home))
        assert report is not None
        assert report.prefix == f"{home}/m-2"
        assert sess.run(variable).tolist() == [3.0, 4.0]
        successor.save(sess, f"{home}/m", global_step=3)
    assert {name.split(".")[0] for name in storage_for(home).list_directory(home)} == {"checkpoint", "m-3"}


def test_options_for_one_storage(endpoint: str, home: str) -> None:
    """A storage with options of its own serves where fsspec is not configured, or otherwise."""
    storage = storage_for(home, endpoint_url=endpoint, **OPTIONS)
    save(f"{home}/m", 5, storage=storage)
    assert version_at(f"{home}/m") == 5


def test_a_missing_bucket_is_an_os_error(home: str) -> None:
    """An upload to nowhere fails with errno, and says where."""
    with pytest.raises(OSError, match="no-such-bucket") as caught:
        save("s3://no-such-bucket/m", 1)
    assert caught.value.errno is not None


def test_an_upload_that_fails_leaves_nothing(home: str) -> None:
    """An error in the middle of an upload ends it: the old checkpoint is there, and no part of the new one."""
    import fsspec

    save(f"{home}/m", 1)

    def value() -> Any:
        raise OSError(28, "No space left on device")

    broken = [*tensors(2, 2 << 20), tensor_source("c", value, dtype=np.float32, shape=(1,))]
    before = storage_for(home).list_directory(home)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(f"{home}/m", broken, shards=[0, 1, 1], formats=[SPEC])
    assert storage_for(home).list_directory(home) == before
    assert fsspec.filesystem("s3").call_s3("list_multipart_uploads", Bucket=BUCKET).get("Uploads", []) == []
    assert version_at(f"{home}/m") == 1


PROGRAM = """
import fsspec, sys, time
import numpy as np
from holdfast.checkpoint import SaveMetadata, tensor_source, write_checkpoint
from holdfast_npz import SPEC

endpoint, prefix, first, stop_in = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
options = {"endpoint_url": endpoint, "key": "test", "secret": "test", "client_kwargs": {"region_name": "eu-west-1"}}
fsspec.config.conf["s3"] = options

def stopping(version):
    print("uploading", version, flush=True)
    time.sleep(60)

for version in range(first, 1_000_000):
    tensors = [tensor_source(name, np.full(1000, version, np.float32)) for name in "ab"]
    if stop_in and version > first:
        values = lambda: stopping(version) or np.full(1000, version, np.float32)
        tensors[1] = tensor_source("b", values, dtype=np.float32, shape=(1000,))
    print("begin", version, flush=True)
    write_checkpoint(prefix, tensors, shards=[0, 1], metadata=SaveMetadata(global_step=version), formats=[SPEC])
    print("saved", version, flush=True)
"""


def _start(endpoint: str, prefix: str, first: int, stop_in: str = "") -> subprocess.Popen[str]:
    """Start a process that saves one version after the other."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, endpoint, prefix, str(first), stop_in],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def _kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill a process, and return what it still said."""
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate()
    return said.splitlines()


def test_killed_while_a_part_is_uploaded(endpoint: str, home: str) -> None:
    """A process that dies in the middle of an upload leaves the previous checkpoint; the next save replaces it."""
    process = _start(endpoint, f"{home}/m", 1, "b")
    assert process.stdout is not None
    while not process.stdout.readline().startswith("uploading"):
        assert process.poll() is None
    _kill(process)
    assert version_at(f"{home}/m") == 1
    assert version_at(home) == 1
    save(f"{home}/m", 7)
    assert version_at(f"{home}/m") == 7


def test_killed_at_any_moment(endpoint: str, home: str) -> None:
    """Whenever a saving process is killed, what it said it had saved is there, or the next version; never a mixture."""
    rng = np.random.default_rng(7)
    acknowledged = 0
    for _ in range(3):
        process = _start(endpoint, f"{home}/m", acknowledged + 1)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(int(rng.integers(2, 9)))] + _kill(process)
        saved = [int(line.split()[1]) for line in lines if line.startswith("saved") and len(line.split()) == 2]
        acknowledged = max([acknowledged, *saved])
        if acknowledged:
            found = version_at(f"{home}/m")
            assert acknowledged <= found <= acknowledged + 1
            acknowledged = found
    assert acknowledged


def test_nobody_trusts_parts(home: str) -> None:
    """Parts that were uploaded without their manifest are no checkpoint."""
    saved = save(f"{home}/m", 1)
    storage_for(home).remove(saved.path)
    assert all(split_part_name(name) for name in storage_for(home).list_directory(home))
    assert latest_checkpoint(home, formats=[SPEC]) is None
