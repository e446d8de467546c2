"""SaveSliceInfo: which part of a larger tensor a variable is in checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holdfast import protos
from holdfast.variables.export_scope import prepend_name_scope, strip_name_scope


class SaveSliceInfo:
    """The place of a variable within a tensor that checkpoints hold as one.

    Parameters
    ----------
    full_name
        Name of the full tensor.
    full_shape
        Its shape.
    var_offset
        Where the variable begins within it, one number an axis.
    var_shape
        Shape of the variable.
    save_slice_info_def
        A SaveSliceInfoDef message with all these, instead of them.
    import_scope
        Name scope to put before the message's name.
    """

    def __init__(
        self,
        full_name: str | None = None,
        full_shape: Sequence[int] | None = None,
        var_offset: Sequence[int] | None = None,
        var_shape: Sequence[int] | None = None,
        save_slice_info_def: Any = None,
        import_scope: str | None = None,
    ) -> None:
        if save_slice_info_def is not None:
            full_name = prepend_name_scope(save_slice_info_def.full_name, import_scope)
            full_shape = save_slice_info_def.full_shape
            var_offset = save_slice_info_def.var_offset
            var_shape = save_slice_info_def.var_shape
        self.full_name = full_name
        """Name of the full tensor."""
        self.full_shape = list(full_shape or ())
        """Shape of the full tensor."""
        self.var_offset = list(var_offset or ())
        """Where the variable begins within it."""
        self.var_shape = list(var_shape or ())
        """Shape of the variable."""

    @property
    def spec(self) -> str:
        """The slice as checkpoints spell it: ``"7 2 3,2:0,2"`` is rows 3 and 4 of a 7 x 2 tensor."""
        extents = ":".join(f"{offset},{size}" for offset, size in zip(self.var_offset, self.var_shape, strict=True))
        return f"{' '.join(map(str, self.full_shape))} {extents}"

    def to_proto(self, export_scope: str | None = None) -> Any:
        """Return a SaveSliceInfoDef message, the name without ``export_scope``; None if the name is not within it."""
        name = self.full_name or ""
        if export_scope is not None and not name.startswith(export_scope):
            return None
        return protos.SaveSliceInfoDef(
            full_name=strip_name_scope(name, export_scope),
            full_shape=self.full_shape,
            var_offset=self.var_offset,
            var_shape=self.var_shape,
        )
