from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.devices import DeviceSpec, canonical_name

_NUMBERS = st.none() | st.integers(0, 10**6)
_WORDS = st.none() | st.text("abcxyzABC_.-0", min_size=1, max_size=8)


@st.composite
def specs(draw: st.DrawFn) -> DeviceSpec:
    """Any device name: an index only where there is a type, as elsewhere it is not printed."""
    kind = draw(st.none() | st.sampled_from(["CPU", "GPU", "cpu", "gpu", "FOO"]))
    index = None if kind is None else draw(_NUMBERS)
    return DeviceSpec(draw(_WORDS), draw(_NUMBERS), draw(_NUMBERS), kind, index)


def _fields(spec: DeviceSpec) -> tuple[object, ...]:
    return spec.job, spec.replica, spec.task, spec.device_type, spec.device_index


def _merged(base: DeviceSpec, other: DeviceSpec) -> DeviceSpec:
    result = DeviceSpec(*_fields(base))  # type: ignore[arg-type]  # the fields in the order of the parameters
    result.merge_from(other)
    return result


@given(specs())
def test_printed_names_parse_to_the_same_device(spec: DeviceSpec) -> None:
    """Print and parse are inverse."""
    assert _fields(DeviceSpec.from_string(spec.to_string())) == _fields(spec)


@given(specs())
def test_canonical_names_are_fixed_points(spec: DeviceSpec) -> None:
    """The standard spelling of a standard spelling is itself."""
    assert canonical_name(canonical_name(spec)) == canonical_name(spec)


@given(specs(), specs(), specs())
def test_merging_is_associative(a: DeviceSpec, b: DeviceSpec, c: DeviceSpec) -> None:
    """Nested device scopes can be folded from either end."""
    assert _fields(_merged(_merged(a, b), c)) == _fields(_merged(a, _merged(b, c)))


@given(specs())
def test_merging_is_idempotent_and_the_empty_device_is_neutral(a: DeviceSpec) -> None:
    """A device merged with itself or with nothing stays what it is."""
    assert _fields(_merged(a, a)) == _fields(a)
    assert _fields(_merged(a, DeviceSpec())) == _fields(a)
    assert _fields(_merged(DeviceSpec(), a)) == _fields(a)
