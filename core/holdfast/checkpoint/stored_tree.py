"""The tree that an open checkpoint holds: its description, checked against its tensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.checkpoint.leaf_arrays import returned, returned_nbytes
from holdfast.checkpoint.leaf_names import join_name
from holdfast.checkpoint.opened import OpenCheckpoint
from holdfast.checkpoint.tree_description import DescriptionReader
from holdfast.checkpoint.tree_nodes import (
    ArrayLeaf,
    Branch,
    BytesLeaf,
    Plain,
    StoredLeaf,
    ValueLeaf,
    branches_of,
    leaves_of,
)
from holdfast.checkpoint.tree_sources import MAX_DESCRIPTION_BYTES, TREE_TENSOR, TREE_VERSION
from holdfast.contracts import Entry
from holdfast.dtypes import int64, string, uint8
from holdfast.errors import CorruptCheckpointError, UnsupportedCheckpointError


class StoredTree:
    """What a checkpoint holds, as branches and leaves. One that was not saved as a tree is a dict of its tensors.

    Parameters
    ----------
    checkpoint
        The open checkpoint.

    Raises
    ------
    CorruptCheckpointError
        If the description of the tree is damaged, or does not fit the tensors.
    UnsupportedCheckpointError
        If it was written by a later version of holdfast.
    """

    def __init__(self, checkpoint: OpenCheckpoint) -> None:
        self.checkpoint = checkpoint
        self.described = bool(checkpoint.metadata.tree)
        """Whether it was saved as a tree."""
        self._reader = DescriptionReader(checkpoint.path)
        if self.described:
            self.root = self._reader.node(self._description())
        else:
            names = tuple(checkpoint.entries)
            self.root = Branch("dict", names, names, tuple(ArrayLeaf() for _ in names))
        self.leaves: dict[str, StoredLeaf] = dict(leaves_of(self.root, ""))
        """All leaves by name, in order."""
        self._branches: dict[str, Branch] = dict(branches_of(self.root, ""))
        for name, leaf in self.leaves.items():
            self._check(name, leaf)

    def _fault(self, field: str, found: object, expected: str) -> CorruptCheckpointError:
        """Return the error about the description as a whole."""
        return CorruptCheckpointError(path=self.checkpoint.path, field=field, found=found, expected=expected)

    def _description(self) -> Any:
        """Return the description, wherever it is."""
        said = self.checkpoint.metadata.tree
        version = said.get("version")
        if type(version) is not int:
            raise self._fault("version of the tree", version, "a number")
        if version > TREE_VERSION:
            raise UnsupportedCheckpointError(
                path=self.checkpoint.path,
                field="version of the tree",
                found=version,
                expected=f"at most {TREE_VERSION}",
            )
        if "tensor" not in said:
            return said.get("root", [])
        name, entry = said["tensor"], self.checkpoint.entries.get(TREE_TENSOR)
        if name != TREE_TENSOR or entry is None or entry.dtype != uint8 or entry.nbytes > MAX_DESCRIPTION_BYTES:
            expected = f"a uint8 tensor {TREE_TENSOR} of at most {MAX_DESCRIPTION_BYTES:,} bytes"
            raise self._fault("tensor that describes the tree", name if entry is None else entry, expected)
        try:
            return json.loads(self.checkpoint.read(TREE_TENSOR).tobytes().decode("ascii"))
        except (ValueError, RecursionError) as error:
            raise self._fault("description of the tree", str(error), "JSON") from error

    def _check(self, name: str, leaf: StoredLeaf) -> None:
        """Refuse a leaf whose tensor is not there, or is not such a leaf's."""
        if isinstance(leaf, ValueLeaf):
            return
        entry = self.checkpoint.entries.get(name)
        if entry is None:
            raise self._reader.fault(name, "no tensor of this name", "one for each array of the tree")
        if isinstance(leaf, BytesLeaf):
            fits = entry.dtype == uint8 and len(entry.shape) == 1
        elif not leaf.kind:
            fits = not leaf.scalar or entry.shape == ()
        else:
            needed = int64 if leaf.kind[0] in "mM" else string
            fits = entry.dtype == needed and (not leaf.scalar or entry.shape == ())
        if not fits:
            raise self._reader.fault(name, f"a tensor of {entry.dtype.name} {list(entry.shape)}", f"one for {leaf}")

    def __contains__(self, name: object) -> bool:
        """Whether a leaf or branch has this name."""
        return isinstance(name, str) and self.find(name) is not None

    def entry(self, name: str) -> Entry | None:
        """Return the tensor of a leaf; None for plain values and branches."""
        return self.checkpoint.entries.get(name) if name in self.leaves else None

    def find(self, name: str) -> Branch | StoredLeaf | None:
        """Return the leaf or the branch of a name, the whole tree for the empty one; None if there is none."""
        if not name:
            root: Branch | StoredLeaf = self.root
            return root
        found = self.leaves.get(name)
        if found is not None:
            return found
        if self.described:
            return self._branches.get(name)
        below = [other.removeprefix(f"{name}/") for other in self.leaves if other.startswith(f"{name}/")]
        leaves = tuple(self.leaves[join_name(name, other)] for other in below)
        return Branch("dict", tuple(below), tuple(below), leaves) if below else None

    def names_below(self, name: str, node: Any) -> Iterator[str]:
        """Yield the names of all leaves of a node."""
        return iter(self.leaves) if node is self.root else (leaf_name for leaf_name, _ in leaves_of(node, name))

    def nbytes(self, name: str) -> int:
        """Return about how much memory a leaf takes while it is loaded."""
        leaf, entry = self.leaves[name], self.entry(name)
        if entry is None:
            return 0
        return returned_nbytes(leaf, entry) if isinstance(leaf, ArrayLeaf) else 2 * entry.nbytes

    def value(self, name: str, values: NDArray[Any] | None) -> Any:
        """Return what a leaf was, from the values of its tensor.

        Raises
        ------
        CorruptCheckpointError
            If they are not what such a leaf has.
        """
        leaf = self.leaves[name]
        if isinstance(leaf, ValueLeaf):
            return leaf.value
        if values is None:
            raise ValueError(f"the values of {name} were not read")
        try:
            return returned(leaf, values) if isinstance(leaf, ArrayLeaf) else _from_bytes(leaf, values)
        except ValueError as error:
            raise self._reader.fault(name, str(error), f"the values of {leaf}") from error


def plain_values(checkpoint: OpenCheckpoint) -> dict[str, Plain]:
    """Return the plain values of a checkpoint by the names of their leaves; none if it was not saved as a tree.

    Those too large for the description are tensors. Raises what :class:`StoredTree` raises.
    """
    if not checkpoint.metadata.tree:
        return {}
    return {name: leaf.value for name, leaf in StoredTree(checkpoint).leaves.items() if isinstance(leaf, ValueLeaf)}


def _from_bytes(leaf: BytesLeaf, values: NDArray[Any]) -> Any:
    """Return the plain value whose bytes were stored."""
    data = values.astype(np.uint8, copy=False).tobytes()
    if leaf.kind == "int":
        return int.from_bytes(data, "little", signed=True)
    return data.decode("utf-8", "surrogatepass") if leaf.kind == "str" else data
