from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from holdfast.checkpoint import open_checkpoint, tensor_source, write_checkpoint
from holdfast.checkpoint.manifest import decode_manifest
from holdfast.errors import OpError
from holdfast.testing.format_suite import DTYPES, same, values
from holdfast.testing.two_file_format import SPEC as TWO_FILES
from holdfast_msgpack import SPEC as CONTAINER
from holdfast_npz import SPEC


@settings(max_examples=40)
@given(data=st.data(), count=st.integers(0, 6), keys=st.integers(1, 4))
def test_where_tensors_go_changes_nothing(data: st.DataObject, count: int, keys: int) -> None:
    """However tensors are spread over parts, what is read is what was saved."""
    arrays = {
        f"t{n}": values(data.draw(st.sampled_from(DTYPES)), data.draw(hnp.array_shapes(min_dims=0, max_side=4)), n)
        for n in range(count)
    }
    shards = data.draw(st.lists(st.integers(0, keys), min_size=count, max_size=count))
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        sources = [tensor_source(name, array) for name, array in arrays.items()]
        spec = data.draw(st.sampled_from([SPEC, CONTAINER]))
        write_checkpoint(prefix, sources, shards=shards, formats=[spec])
        with open_checkpoint(prefix, formats=[spec]) as checkpoint:
            assert checkpoint.entries.keys() == arrays.keys()
            assert checkpoint.parts == max(1, len(set(shards)))
            for name, array in arrays.items():
                assert same(checkpoint.read(name), array)


@settings(max_examples=50)
@given(data=st.data(), rows=st.lists(st.integers(0, 4), min_size=1, max_size=6), columns=st.integers(1, 3))
def test_slices_over_parts_are_one_tensor(data: st.DataObject, rows: list[int], columns: int) -> None:
    """However a tensor is cut and its slices are spread over parts, it is read whole, and so is each region."""
    whole = np.arange(sum(rows) * columns).reshape(-1, columns)
    starts = np.cumsum([0, *rows]).tolist()
    sources = [
        tensor_source("w", whole[a : a + n], spec=f"{sum(rows)} {columns} {a},{n}:-")
        for a, n in zip(starts, rows, strict=False)
    ]
    order = data.draw(st.permutations(range(len(rows))))
    shards = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    region = tuple(
        slice(*sorted((data.draw(st.integers(0, size)), data.draw(st.integers(0, size))))) for size in whole.shape
    )
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        write_checkpoint(prefix, [sources[n] for n in order], shards=shards, formats=[SPEC])
        with open_checkpoint(prefix, formats=[SPEC]) as checkpoint:
            assert checkpoint.entries["w"].slices == ()
            assert checkpoint.entries["w"].shape == whole.shape
            assert same(checkpoint.read("w"), whole)
            assert same(checkpoint.read("w", index=region), whole[region].copy())
            out = np.zeros_like(whole)
            checkpoint.read("w", out=out)
            assert same(out, whole)


layouts = st.sampled_from([None, [0, 0], [0, 1]])


@settings(max_examples=30)
@given(saves=st.lists(st.tuples(layouts, st.sampled_from([SPEC, TWO_FILES])), min_size=1, max_size=5))
def test_the_last_save_is_all_that_is_left(saves: list[tuple[Any, Any]]) -> None:
    """Saves of any layout and format over each other leave the files of the last one and nothing else."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        last = None
        for version, (drawn, spec) in enumerate(saves):
            shards = [0, 0] if drawn is None and spec is TWO_FILES else drawn  # two files alone replace nothing
            sources = [tensor_source(name, np.full(3, version)) for name in "ab"]
            last = write_checkpoint(prefix, sources, shards=shards, format=spec.name, formats=[SPEC, TWO_FILES])
            with open_checkpoint(prefix, formats=[SPEC, TWO_FILES]) as checkpoint:
                assert {name: checkpoint.read(name).tolist() for name in checkpoint.entries} == {
                    "a": [version] * 3, "b": [version] * 3,
                }  # fmt: skip
        assert last is not None
        assert {os.path.join(directory, name) for name in os.listdir(directory)} == set(last.files)


@given(
    st.binary(max_size=300) | st.binary(max_size=60).map(lambda data: b'{"holdfast_manifest": 1, "digest": "' + data)
)
def test_any_bytes_are_no_manifest_or_a_named_error(text: bytes) -> None:
    """Whatever stands in a manifest, reading it is an error of checkpoints and nothing else."""
    try:
        decode_manifest(text, "m")
    except OpError:
        return
    raise AssertionError(text)
