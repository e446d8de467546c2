"""What is written to a container is read back: whole, in part and together, and by a second reader."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from holdfast.checkpoint import tensor_source
from holdfast.dtypes import as_dtype
from holdfast.testing.format_suite import DTYPES, same, values
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs
from holdfast_msgpack import SPEC
from tests.formats.page_reader import contents_of, read

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), min_size=1, max_size=40)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[Any]:
    """Draw an array: any dtype, shape, layout and byte order; noise, repeats and zeros."""
    dtype, shape = draw(st.sampled_from(DTYPES)), draw(SHAPES)
    array = values(dtype, shape, draw(st.integers(0, 50)))
    kind = draw(st.sampled_from(["noise", "repeats", "large", "zeros"]))
    if dtype != "string":
        if kind == "repeats" and array.ndim:
            array = np.repeat(array, draw(st.integers(1, 40)), axis=0)
        elif kind == "large":
            array = np.resize(array, (draw(st.integers(1, 40_000)),)) if array.size else array
        elif kind == "zeros":
            array = np.zeros_like(array)
    layout = draw(st.sampled_from(["C", "F", "reversed", "swapped", "strided"]))
    if layout == "F":
        return np.asfortranarray(array)
    if layout == "reversed" and array.ndim:
        return array[::-1]
    if layout == "strided" and array.ndim:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    if layout == "swapped" and array.dtype.kind in "iufc":
        return array.astype(array.dtype.newbyteorder("S"))
    return array


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as it is read."""
    return np.array(array, array.dtype.newbyteorder("="), order="C")


OPTIONS = st.fixed_dictionaries({"level": st.sampled_from([0, 1, 2, 7, 19]), "threads": st.sampled_from([1, 2])})


@settings(max_examples=60)
@given(
    tensors=st.dictionaries(NAMES, arrays(), max_size=6),
    notes=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    options=OPTIONS,
)
def test_round_trip(tensors: dict[str, NDArray[Any]], notes: dict[str, Any], options: dict[str, Any]) -> None:
    """Tensors and metadata come back bit for bit, whichever way they are read, and for the reader of the page too."""
    outputs = MemoryOutputs(SPEC)
    sources = [tensor_source(name, array) for name, array in tensors.items()]
    SPEC.factory(options).write(outputs, sources, notes)
    expected = {name: plain(array) for name, array in tensors.items()}
    reader = SPEC.factory({}).open(MemoryInputs(SPEC, outputs.contents))
    assert list(reader.entries) == list(tensors)
    assert reader.metadata == notes
    assert all(same(reader.read(name), array) for name, array in expected.items())
    assert all(map(same, reader.read_many(list(tensors)), expected.values()))  # type: ignore[attr-defined]
    found, metadata = read(outputs.contents[".holdfast"])
    assert metadata == notes
    assert found == {name: (as_dtype(a.dtype).name, a.shape, contents_of(a)) for name, a in expected.items()}
    reader.close()


@settings(max_examples=60)
@given(array=arrays(), options=OPTIONS, data=st.data())
def test_regions(array: NDArray[Any], options: dict[str, Any], data: st.DataObject) -> None:
    """A region is what slicing the whole gives."""
    outputs = MemoryOutputs(SPEC)
    SPEC.factory(options).write(outputs, [tensor_source("w", array)], {})
    reader = SPEC.factory({}).open(MemoryInputs(SPEC, outputs.contents))
    expected = plain(array)
    for _ in range(3):
        bounds = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in array.shape]
        region = tuple(slice(start, stop) for start, stop in bounds)
        whole: tuple[Any, ...] = (*region, ...)  # so that nothing of rank 0 becomes a scalar
        assert same(reader.read("w", index=region), plain(expected[whole]))
    reader.close()
