from __future__ import annotations

import importlib
import pkgutil

import pytest

import holdfast.ops
from holdfast.graph.op_def import op_def
from holdfast.testing.op_case import OpCase, UpdateCase
from holdfast.testing.op_cases import CASES
from holdfast.testing.update_cases import UPDATE_CASES

EACH: tuple[OpCase | UpdateCase, ...] = (*CASES, *UPDATE_CASES)
ALL = {op_type: [item for item in EACH if item.op_type == op_type] for op_type in {item.op_type for item in EACH}}


@pytest.fixture(scope="module", autouse=True)
def _definitions() -> None:
    """Import all definitions of ops."""
    for module in pkgutil.iter_modules(holdfast.ops.__path__):
        importlib.import_module(f"holdfast.ops.{module.name}")


@pytest.mark.parametrize("op_type", sorted(ALL))
def test_cases_have_exactly_the_attributes_of_their_op(op_type: str) -> None:
    """A backend is asked by the suite as it is by a session: every attribute is there, and no other."""
    definition = op_def(op_type)
    assert definition is not None
    for item in ALL[op_type]:
        assert set(item.attrs) == set(definition.attrs)


def test_ids_are_unique() -> None:
    """Each case can be selected by itself."""
    ids = [item.id for item in EACH]
    assert len(set(ids)) == len(ids)
