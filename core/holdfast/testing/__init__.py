"""Conformance suites for the authors of plug-ins. They need pytest, which holdfast's extra ``test`` installs."""

import pytest

# Before they are imported, so that a failing assertion in them shows its values.
pytest.register_assert_rewrite(
    "holdfast.testing.backend_suite",
    "holdfast.testing.device_checks",
    "holdfast.testing.format_conformance",
    "holdfast.testing.format_damage",
    "holdfast.testing.format_round_trips",
    "holdfast.testing.format_suite",
    "holdfast.testing.kernel_checks",
    "holdfast.testing.session_checks",
    "holdfast.testing.update_checks",
)
