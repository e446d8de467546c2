"""What every checkpoint format must do. Subclass :class:`FormatConformance`; pytest runs the rest.

The suite needs pytest, which holdfast's extra ``test`` installs.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import pytest
from numpy.typing import NDArray

from holdfast.checkpoint import open_checkpoint, tensor_source, write_checkpoint
from holdfast.errors import FailedPreconditionError
from holdfast.testing.format_damage import DamageChecks
from holdfast.testing.format_round_trips import RoundTripChecks
from holdfast.testing.format_suite import same
from holdfast.testing.memory_files import MemoryOutputs

__all__ = ["FormatConformance"]


def _told(name: str, array: NDArray[Any], read: list[str]) -> NDArray[Any]:
    """Return an array, and note that it was asked for."""
    read.append(name)
    return array


class FormatConformance(RoundTripChecks, DamageChecks):
    """The conformance suite of checkpoint formats.

    A subclass whose name begins with ``Test`` sets :attr:`spec`, and :attr:`options` to sets of options that reach
    all ways in
    which the format stores values. Dtypes that it cannot hold stand in :attr:`without`, each with a reason. Nothing
    else of
    the suite can be replaced.

    Examples
    --------
    ::

        class TestMine(FormatConformance):
            spec = my_format.SPEC
            options = ({}, {"compression": "best"})
            without = {"string": "the format has no texts"}
    """

    def test_unknown_option(self) -> None:
        """The factory refuses an option that it does not know, and names it."""
        with pytest.raises(ValueError, match="no_such_option"):
            self.spec.factory({"no_such_option": 1})

    def test_magic_stands_in_the_file(self) -> None:
        """The first file begins as the spec says, also without tensors."""
        for fmt in self.formats():
            for tensors in ({}, self.small()):
                data = self.write(fmt, tensors)[self.spec.suffixes[0]]
                assert all(data[offset : offset + len(magic)] == magic for offset, magic in self.spec.magic)

    def test_through_the_engine(self, tmp_path: Any) -> None:
        """The engine writes the format's files, finds the format by content and reads everything back."""
        prefix = os.path.join(tmp_path, "model.ckpt")
        for number, options in enumerate(self.options):
            tensors = self.small()
            saved = write_checkpoint(
                f"{prefix}-{number}",
                [tensor_source(name, array) for name, array in tensors.items()],
                format_options=options,
                formats=[self.spec],
            )
            assert set(saved.files) <= {f"{prefix}-{number}{suffix}" for suffix in self.spec.suffixes}
            with open_checkpoint(f"{prefix}-{number}", formats=[self.spec]) as checkpoint:
                assert checkpoint.metadata.lineage == saved.lineage
                assert all(same(checkpoint.read(name), array) for name, array in tensors.items())

    def test_each_tensor_is_read_once(self) -> None:
        """A tensor's values are asked for once: those of a session that trains on are gone afterwards."""
        for fmt in self.formats():
            read: list[str] = []
            sources = [
                tensor_source(name, partial(_told, name, array, read), dtype=array.dtype, shape=array.shape)
                for name, array in self.small().items()
                if array.dtype != object  # of strings only the values tell the size
            ]
            fmt.write(MemoryOutputs(self.spec, None), sources, {})
            assert sorted(read) == sorted(source.name for source in sources)

    def test_overwriting(self, tmp_path: Any) -> None:
        """A checkpoint is replaced as a whole, or replacing it is refused."""
        prefix = os.path.join(tmp_path, "model.ckpt")
        tensors = self.small()
        write_checkpoint(prefix, [tensor_source("old", tensors["w"])], formats=[self.spec])
        if not self.spec.atomic_overwrite:
            with pytest.raises(FailedPreconditionError):
                write_checkpoint(prefix, [tensor_source("new", tensors["w"])], formats=[self.spec])
            return
        write_checkpoint(prefix, [tensor_source("new", tensors["w"])], formats=[self.spec])
        with open_checkpoint(prefix, formats=[self.spec]) as checkpoint:
            assert list(checkpoint.entries) == ["new"]
