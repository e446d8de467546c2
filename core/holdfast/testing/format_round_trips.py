"""The part of the format suite about sound files: what goes in comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from holdfast.contracts import MetadataFormat
from holdfast.dtypes import as_dtype
from holdfast.errors import InvalidArgumentError, NotFoundError
from holdfast.testing.format_suite import SHAPES, FormatSuite, PiecewiseSource, same, values
from holdfast.testing.memory_files import MemoryInputs, MemoryOutputs


class RoundTripChecks(FormatSuite):
    """Writing and reading of sound files."""

    def test_values_come_back_bit_for_bit(self) -> None:
        """Each dtype in each shape is read as it was written."""
        for fmt in self.formats():
            tensors = {f"{dtype}/{shape}": values(dtype, shape) for dtype in self.dtypes() for shape in SHAPES}
            reader = self.open(fmt, self.write(fmt, tensors))
            for name, expected in tensors.items():
                assert same(reader.read(name), expected), name

    def test_entries_say_what_was_written(self) -> None:
        """Dtype, shape, size and order of the entries are those of the tensors."""
        for fmt in self.formats():
            tensors = self.small()
            reader = self.open(fmt, self.write(fmt, tensors))
            assert list(reader.entries) == list(tensors)
            for name, array in tensors.items():
                entry = reader.entries[name]
                nbytes = sum(map(len, array.flat)) if array.dtype == object else array.nbytes
                assert (entry.dtype, entry.shape, entry.nbytes) == (as_dtype(array.dtype), array.shape, nbytes)

    def test_many_tensors(self) -> None:
        """A thousand small tensors come back, each under its own name."""
        for fmt in self.formats():
            tensors = {f"scope_{number}/x": np.array([number], np.float32) for number in range(1000)}
            reader = self.open(fmt, self.write(fmt, tensors))
            assert [int(reader.read(name)[0]) for name in reader.entries] == list(range(1000))

    def test_no_tensors(self) -> None:
        """A checkpoint without tensors is one."""
        for fmt in self.formats():
            assert dict(self.open(fmt, self.write(fmt, {})).entries) == {}

    def test_unusual_names(self) -> None:
        """Names that are no file names are kept as they are."""
        names = [
            "..",
            "../../etc/passwd",
            "/absolute",
            "C:\\x",
            "a//b",
            "ü/日本",
            "x.npy",
            "x",
            "__holdfast__/x",
            "n" * 1024,
            " ",
        ]
        for fmt in self.formats():
            tensors = {name: np.array(number, np.float32) for number, name in enumerate(names)}
            reader = self.open(fmt, self.write(fmt, tensors))
            assert {name: int(reader.read(name)) for name in reader.entries} == {n: i for i, n in enumerate(names)}

    def test_tensors_that_are_read_in_pieces(self) -> None:
        """A tensor that can be read piece by piece is written as one that is in memory."""
        for fmt in self.formats():
            tensors = {dtype: values(dtype, (7, 3)) for dtype in self.dtypes()} | {"empty": values("float32", (0, 2))}
            outputs = MemoryOutputs(self.spec)
            fmt.write(outputs, [PiecewiseSource(name, array) for name, array in tensors.items()], {})
            reader = self.open(fmt, outputs.contents)
            for name, expected in tensors.items():
                assert same(reader.read(name), expected), name

    def test_large_tensors_that_are_read_in_pieces(self) -> None:
        """A tensor of several chunks that is read piece by piece comes back, and so do regions of it in any order."""
        array = values("uint8", (3, 3_000_001))
        for fmt in self.formats():
            outputs = MemoryOutputs(self.spec)
            fmt.write(outputs, [PiecewiseSource("large", array)], {})
            reader = self.open(fmt, outputs.contents)
            for start in (0, 2_000_000, 2_500_000, 1_000_000, 2_999_999):
                region = (slice(1, 3), slice(start, start + 600_000))
                assert same(reader.read("large", index=region), array[region]), start
            assert same(reader.read("large"), array)

    def test_metadata_alone(self) -> None:
        """A format that can read the metadata alone gives what the reader gives."""
        for fmt in self.formats():
            contents = self.write(fmt, self.small(), {"a": [1, "ü"], "b": {}})
            if isinstance(fmt, MetadataFormat):
                assert dict(fmt.read_metadata(MemoryInputs(self.spec, contents))) == {"a": [1, "ü"], "b": {}}
            assert dict(self.open(fmt, contents).metadata) == {"a": [1, "ü"], "b": {}}

    def test_metadata_comes_back(self) -> None:
        """The metadata is any JSON object."""
        metadata = {
            "a": [1, 2.5, None, True, {"b": "ü\u2028\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")}],
            "n": 2**70,
            "": {},
        }
        for fmt in self.formats():
            assert dict(self.open(fmt, self.write(fmt, self.small(), metadata)).metadata) == metadata
            assert dict(self.open(fmt, self.write(fmt, {}, {})).metadata) == {}

    def test_regions(self) -> None:
        """A region is what slicing the whole gives."""
        regions = [
            (slice(0, 3), slice(0, 4)),
            (slice(1, 2), slice(1, 3)),
            (slice(2, 3), slice(0, 4)),
            (slice(1, 3), slice(3, 4)),
            (slice(1, 1), slice(0, 4)),
            (slice(None), slice(2, None)),
        ]
        for fmt in self.formats():
            tensors = {dtype: values(dtype, (3, 4)) for dtype in self.dtypes()}
            reader = self.open(fmt, self.write(fmt, tensors))
            for name, array in tensors.items():
                for region in regions:
                    assert same(reader.read(name, index=region), array[region]), (name, region)

    def test_regions_of_many_dimensions(self) -> None:
        """Regions of tensors of rank 0 to 3 are right at every edge."""
        for fmt in self.formats():
            tensors = {"0": values("float32", ()), "1": values("float32", (5,)), "3": values("float32", (2, 3, 4))}
            reader = self.open(fmt, self.write(fmt, tensors))
            assert same(reader.read("0", index=()), tensors["0"])
            for start in range(5):
                for stop in range(start, 6):
                    assert same(reader.read("1", index=(slice(start, stop),)), tensors["1"][start:stop])
            for a in range(2):
                for b in range(3):
                    region = (slice(a, a + 1), slice(b, b + 1), slice(1, 3))
                    assert same(reader.read("3", index=region), tensors["3"][region])

    def test_out_receives_the_values(self) -> None:
        """With ``out`` the values go there, and it is what is returned."""
        for fmt in self.formats():
            tensors = self.small()
            reader = self.open(fmt, self.write(fmt, tensors))
            for name, array in tensors.items():
                out = np.empty_like(array)
                assert reader.read(name, out=out) is out
                assert same(out, array)

    def test_arrays_are_the_caller_s(self) -> None:
        """What is returned is writable, and writing to it changes nothing that is read later."""
        for fmt in self.formats():
            tensors = self.small()
            reader = self.open(fmt, self.write(fmt, tensors))
            first = reader.read("w")
            assert first.flags.writeable
            first[...] = 0
            assert same(reader.read("w"), tensors["w"])

    @pytest.mark.parametrize(
        "request_",
        [
            {"index": (slice(0, 1),)},
            {"index": (slice(0, 3, 2), slice(0, 4))},
            {"out": "shape"},
            {"out": "dtype"},
            {"out": "order"},
        ],
        ids=str,
    )
    def test_requests_that_do_not_fit(self, request_: dict[str, Any]) -> None:
        """An index or ``out`` that does not fit the tensor is an InvalidArgumentError."""
        wrong: dict[str, NDArray[Any]] = {
            "shape": np.empty((4, 3), np.float32),
            "dtype": np.empty((3, 4), np.float64),
            "order": np.empty((3, 4), np.float32, order="F"),
        }
        arguments: dict[str, Any] = {
            key: wrong[value] if isinstance(value, str) else value for key, value in request_.items()
        }
        for fmt in self.formats():
            reader = self.open(fmt, self.write(fmt, self.small()))
            with pytest.raises(InvalidArgumentError):
                reader.read("w", **arguments)

    def test_missing_tensor(self) -> None:
        """A name that is not there is a NotFoundError."""
        for fmt in self.formats():
            reader = self.open(fmt, self.write(fmt, self.small()))
            with pytest.raises(NotFoundError):
                reader.read("no such tensor")

    def test_closing_twice(self) -> None:
        """Closing twice is allowed."""
        for fmt in self.formats():
            reader = self.open(fmt, self.write(fmt, self.small()))
            reader.close()
            reader.close()

    def test_sources_are_left_alone(self) -> None:
        """Writing changes nothing in the arrays it is given."""
        for fmt in self.formats():
            tensors = self.small()
            before = {name: array.copy() for name, array in tensors.items()}
            self.write(fmt, tensors)
            assert all(same(tensors[name], before[name]) for name in tensors)

    def test_any_options_read_any_file(self) -> None:
        """What is written with some options is read with any other."""
        for writer in self.formats():
            contents = self.write(writer, self.small())
            for fmt in self.formats():
                assert same(self.open(fmt, contents).read("w"), self.small()["w"])
