"""Names of what a run consists of, as TensorFlow's traces and partition graphs write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.graph.operation import Operation
    from holdfast.graph.tensor import Tensor


class NodeNames:
    """The names of nodes of one run: operations keep theirs, feeds and fetches are nodes too."""

    __slots__ = ("_arguments",)

    def __init__(self, fed: Sequence[Tensor]) -> None:
        self._arguments = {tensor: f"_arg_{tensor.op.name}_{tensor.value_index}_{i}" for i, tensor in enumerate(fed)}

    def argument(self, tensor: Tensor) -> str:
        """Return the node that a fed tensor's value comes from."""
        return self._arguments[tensor]

    def result(self, tensor: Tensor, index: int) -> str:
        """Return the node that takes the value of the fetch of this number."""
        return f"_retval_{tensor.op.name}_{tensor.value_index}_{index}"

    def output(self, tensor: Tensor) -> str:
        """Return a tensor as an input is written: a first output has no number."""
        argument = self._arguments.get(tensor)
        if argument is not None:
            return argument
        return f"{tensor.op.name}:{tensor.value_index}" if tensor.value_index else tensor.op.name

    def inputs(self, op: Operation) -> list[str]:
        """Return the inputs of an operation, control inputs last."""
        return [*map(self.output, op._inputs), *(f"^{control.name}" for control in op._control_inputs)]
