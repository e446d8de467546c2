from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from holdfast.checkpoint import (
    CheckpointRecord,
    RetentionPolicy,
    SaveMetadata,
    open_checkpoint,
    parse_slice_spec,
    plan_retention,
    tensor_source,
    write_checkpoint,
)
from holdfast.checkpoint.names import name_fault
from holdfast.checkpoint.state_text import StateText, format_state, parse_state
from holdfast.testing.format_suite import DTYPES, same, values
from holdfast_npz import SPEC

names = st.text(min_size=1, max_size=30).filter(lambda name: name_fault(name) is None)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Draw an array of any dtype and shape, in any layout and byte order."""
    array = values(draw(st.sampled_from(DTYPES)), draw(shapes), draw(st.integers(0, 1000)))
    layout = draw(st.sampled_from(["plain", "fortran", "reversed", "strided", "swapped", "transposed"]))
    if layout == "fortran":
        return np.asfortranarray(array) if array.ndim else array
    if layout == "reversed":
        return array[..., ::-1] if array.ndim else array
    if layout == "strided":
        return np.repeat(array, 2, axis=0)[::2] if array.ndim else array
    if layout == "swapped" and array.dtype.kind in "iufc":
        return array.astype(array.dtype.newbyteorder("S"))
    return array.T if layout == "transposed" else array


def plain(array: Any) -> Any:
    """Return an array C-contiguous in native byte order."""
    return array.astype(array.dtype.newbyteorder("="), order="C")


@settings(max_examples=60)
@given(
    tensors=st.dictionaries(names, arrays(), max_size=5),
    user=st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    options=st.sampled_from([{}, {"compression": "deflate"}]),
)
def test_what_is_saved_is_read(tensors: dict[str, Any], user: dict[str, Any], options: dict[str, Any]) -> None:
    """Any tensors under any names, with any metadata, come back bit for bit."""
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        sources = [tensor_source(name, array) for name, array in tensors.items()]
        write_checkpoint(prefix, sources, metadata=SaveMetadata(user=user), format_options=options, formats=[SPEC])
        with open_checkpoint(prefix, formats=[SPEC]) as checkpoint:
            assert list(checkpoint.entries) == list(tensors)
            assert dict(checkpoint.metadata.user) == user
            for name, array in tensors.items():
                assert same(checkpoint.read(name), plain(array))


@settings(max_examples=40)
@given(data=st.data(), dtype=st.sampled_from(DTYPES), shape=hnp.array_shapes(max_dims=4, max_side=6))
def test_regions_are_slices(data: st.DataObject, dtype: str, shape: tuple[int, ...]) -> None:
    """Reading a region gives what slicing the whole gives."""
    array = values(dtype, shape)
    region = tuple(slice(*sorted((data.draw(st.integers(0, size)), data.draw(st.integers(0, size))))) for size in shape)
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        write_checkpoint(prefix, [tensor_source("x", array)], formats=[SPEC])
        with open_checkpoint(prefix, formats=[SPEC]) as checkpoint:
            assert same(checkpoint.read("x", index=region), array[region].copy())


@settings(max_examples=40)
@given(data=st.data(), rows=st.lists(st.integers(0, 4), min_size=1, max_size=6), columns=st.integers(1, 3))
def test_any_partition_gives_the_whole(data: st.DataObject, rows: list[int], columns: int) -> None:
    """However a tensor is cut into parts, in whatever order they are saved, it is stored whole."""
    whole = np.arange(sum(rows) * columns).reshape(-1, columns)
    starts = np.cumsum([0, *rows]).tolist()
    sources = [
        tensor_source("w", whole[a : a + n], spec=f"{sum(rows)} {columns} {a},{n}:-")
        for a, n in zip(starts, rows, strict=False)
    ]
    with tempfile.TemporaryDirectory() as directory:
        prefix = os.path.join(directory, "m")
        write_checkpoint(prefix, data.draw(st.permutations(sources)), formats=[SPEC])
        with open_checkpoint(prefix, formats=[SPEC]) as checkpoint:
            assert checkpoint.entries["w"].slices == ()
            assert same(checkpoint.read("w"), whole)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4))
def test_slice_specs_come_back(extents: list[tuple[int, int]]) -> None:
    """The text of a part, read and printed, is the same text."""
    dimensions = " ".join(str(start + length) for start, length in extents)
    text = dimensions + " " + ":".join(f"{start},{length}" for start, length in extents)
    assert str(parse_slice_spec(text)) == text


paths = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(latest=paths, kept=st.lists(paths, max_size=4))
def test_state_files_come_back(latest: str, kept: list[str]) -> None:
    """Any paths, written and read, are the same paths."""
    state = StateText(latest, tuple(kept))
    assert parse_state(format_state(state)) == state


@given(st.binary(max_size=200))
def test_any_bytes_are_a_state_or_a_value_error(text: bytes) -> None:
    """Whatever stands in a state file, reading it gives paths or a ValueError."""
    with suppress(ValueError):
        assert parse_state(text).latest


@given(
    times=st.lists(st.floats(0, 1e6) | st.just(float("inf")), min_size=1, max_size=12),
    latest=st.none() | st.integers(0, 5),
    hours=st.none() | st.floats(0.1, 100),
    gone=st.sets(st.integers(0, 11)),
    damaged=st.sets(st.integers(0, 11)),
)
def test_retention_keeps_what_it_must(
    times: list[float], latest: int | None, hours: float | None, gone: set[int], damaged: set[int]
) -> None:
    """Only what is on the list goes, the latest and the newest intact one stay, and deciding again changes nothing."""
    records = [CheckpointRecord(str(n), time, intact=n not in damaged) for n, time in enumerate(times)]
    on_disk = {record.prefix for n, record in enumerate(records) if n not in gone} | {"stranger"}
    policy = RetentionPolicy(latest=latest, every_n_hours=hours)
    plan = plan_retention(records, on_disk, policy)
    there = [record for record in records if record.prefix in on_disk]
    newest_intact = [record for record in there if record.intact][-1:]
    assert sorted([*plan.keep, *plan.delete, *plan.gone], key=records.index) == records
    assert {record.prefix for record in [*(there[-latest:] if latest else there), *newest_intact]} <= {
        record.prefix for record in plan.keep
    }
    again = plan_retention(plan.keep, on_disk, policy)
    assert again.keep == plan.keep
    assert again.delete == ()
