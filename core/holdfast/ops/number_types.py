"""The dtypes that op types of mathematics admit: TensorFlow's lists, then what holdfast adds to them."""

from __future__ import annotations

from holdfast.dtypes import (
    bfloat16,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    qint8,
    qint32,
    quint8,
    string,
    uint8,
    uint16,
    uint32,
    uint64,
)
from holdfast.dtypes import bool as boolean

HALF = (float16, bfloat16)
FLOATING = (float16, float32, float64, bfloat16)
COMPLEX = (complex64, complex128)
FLOATING_OR_COMPLEX = (float16, float32, float64, complex64, complex128, bfloat16)
SIGNED = (float16, float32, float64, int32, int64, complex64, complex128, bfloat16)
SIGNED_REAL = (float16, float32, float64, int32, int64, bfloat16)
ARITHMETIC = (
    float16,
    float32,
    float64,
    uint8,
    int8,
    uint16,
    int16,
    int32,
    int64,
    complex64,
    complex128,
    bfloat16,
    uint32,
    uint64,
)
ADDABLE = (
    float16,
    float32,
    float64,
    uint8,
    int8,
    int16,
    int32,
    int64,
    complex64,
    complex128,
    string,
    uint16,
    bfloat16,
    uint32,
    uint64,
)
DIVISIBLE = (int32, int64, float32, float64, float16, bfloat16)
ORDERED = (float32, float64, int32, int64, uint8, int16, int8, uint16, float16, bfloat16, uint32, uint64)
EQUATABLE = (
    float16,
    float32,
    float64,
    uint8,
    int8,
    int16,
    int32,
    int64,
    complex64,
    quint8,
    qint8,
    qint32,
    string,
    boolean,
    complex128,
    uint16,
    bfloat16,
    uint32,
    uint64,
)
NUMBERS = (
    float32,
    float64,
    int64,
    int32,
    uint8,
    uint16,
    int16,
    int8,
    complex64,
    complex128,
    qint8,
    quint8,
    qint32,
    float16,
    bfloat16,
    uint32,
    uint64,
)
MATRIX_ELEMENTS = (float16, float32, float64, int32, complex64, complex128, bfloat16)
INDICES = (int32, int64)
