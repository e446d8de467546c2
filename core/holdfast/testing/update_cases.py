"""Cases of ops that update variables, by NumPy's account."""

from __future__ import annotations

import numpy as np

from holdfast import dtypes
from holdfast.testing.op_case import UpdateCase

_F32 = {"T": dtypes.float32, "use_locking": False}


def _array(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return a vector."""
    return np.array(values, np.float32)


def _scatter_cases() -> list[UpdateCase]:
    """Return updates of rows, one of them named twice."""
    rows, indices = np.arange(8, dtype=np.float32).reshape(4, 2), np.array([3, 1, 3], np.int32)
    updates = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    expected = {"ScatterAdd": rows.copy(), "ScatterSub": rows.copy(), "ScatterUpdate": rows.copy()}
    np.add.at(expected["ScatterAdd"], indices, updates)
    np.subtract.at(expected["ScatterSub"], indices, updates)
    expected["ScatterUpdate"][[1, 3]] = updates[1:]
    attrs = {"T": dtypes.float32, "Tindices": dtypes.int32, "use_locking": False}
    outside = (np.array([0, 4, 1], np.int32), updates)
    return [
        UpdateCase(op_type, op_type, (rows,), (indices, updates), (value,), attrs=attrs, wrong=outside)
        for op_type, value in expected.items()
    ]


def _adam_case() -> UpdateCase:
    """Return one step of Adam."""
    variable, m, v, gradient = _array(1, 2), _array(0.1, 0.2), _array(0.3, 0.4), _array(0.5, -1)
    beta1_power, beta2_power, rate, beta1, beta2, epsilon = map(np.float32, (0.9, 0.999, 0.01, 0.9, 0.999, 1e-8))
    new_m = m + (gradient - m) * (1 - beta1)
    new_v = v + (gradient * gradient - v) * (1 - beta2)
    step = rate * np.sqrt(1 - beta2_power) / (1 - beta1_power)
    inputs = tuple(map(np.asarray, (beta1_power, beta2_power, rate, beta1, beta2, epsilon, gradient)))
    expected = (variable - step * new_m / (np.sqrt(new_v) + epsilon), new_m, new_v)
    attrs = {**_F32, "use_nesterov": False}
    return UpdateCase("ApplyAdam", "ApplyAdam", (variable, m, v), inputs, expected, attrs=attrs)


UPDATE_CASES: tuple[UpdateCase, ...] = (
    UpdateCase(
        "AssignAdd", "AssignAdd", (_array(1, 2),), (_array(3, 4),), (_array(4, 6),), attrs=_F32, wrong=(_array(3),)
    ),
    UpdateCase(
        "AssignSub", "AssignSub", (_array(1, 2),), (_array(3, 4),), (_array(-2, -2),), attrs=_F32, wrong=(_array(3),)
    ),
    UpdateCase(
        "AssignAdd-scalar",
        "AssignAdd",
        (np.array(5, np.int64),),
        (np.array(1, np.int64),),
        (np.array(6, np.int64),),
        attrs={"T": dtypes.int64, "use_locking": False},
    ),
    UpdateCase(
        "CountUpTo",
        "CountUpTo",
        (np.array(2, np.int32),),
        (),
        (np.array(3, np.int32),),
        outputs=(np.array(2, np.int32),),
        attrs={"T": dtypes.int32, "limit": 3},
    ),
    UpdateCase(
        "ApplyGradientDescent",
        "ApplyGradientDescent",
        (_array(1, 2),),
        (np.array(0.5, np.float32), _array(2, 4)),
        (_array(0, 0),),
        attrs=_F32,
    ),
    UpdateCase(
        "ApplyMomentum",
        "ApplyMomentum",
        (_array(1, 2), _array(1, -1)),
        (np.array(0.5, np.float32), _array(2, 4), np.array(0.5, np.float32)),
        (_array(-0.25, 0.25), _array(2.5, 3.5)),
        attrs={**_F32, "use_nesterov": False},
    ),
    _adam_case(),
    *_scatter_cases(),
)
"""All cases."""
