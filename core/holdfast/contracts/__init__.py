"""What a plug-in implements: contracts without behaviour, in terms of op types, attributes, dtypes and arrays."""

from holdfast.contracts.backend import API_VERSION, Backend, BackendSpec, Device, MemoryStatistics, RegionCompiler
from holdfast.contracts.checkpoint_format import (
    MAX_METADATA_BYTES,
    CheckpointFormat,
    Entry,
    FormatSpec,
    Index,
    Inputs,
    Outputs,
    Reader,
    TensorSlice,
    TensorSource,
)
from holdfast.contracts.kernel import (
    AliasingKernel,
    Array,
    ExpressionKernel,
    IntoKernel,
    Kernel,
    KernelRequest,
    PlainKernel,
    UpdateKernel,
)
from holdfast.contracts.region import Region, RegionOp
from holdfast.contracts.run_context import RunContext
from holdfast.contracts.storage import FileStatus, ReadableFile, Storage, WritableFile

__all__ = [
    "API_VERSION",
    "MAX_METADATA_BYTES",
    "AliasingKernel",
    "Array",
    "Backend",
    "BackendSpec",
    "CheckpointFormat",
    "Device",
    "Entry",
    "ExpressionKernel",
    "FileStatus",
    "FormatSpec",
    "Index",
    "Inputs",
    "IntoKernel",
    "Kernel",
    "KernelRequest",
    "MemoryStatistics",
    "Outputs",
    "PlainKernel",
    "ReadableFile",
    "Reader",
    "Region",
    "RegionCompiler",
    "RegionOp",
    "RunContext",
    "Storage",
    "TensorSlice",
    "TensorSource",
    "UpdateKernel",
    "WritableFile",
]
