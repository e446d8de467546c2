"""The source text of a compiled plan: lines, the steps they belong to, and names that mean nothing outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.runtime.plan import Step

FILENAME = "<plan of a session>"
"""What tracebacks show for generated functions."""
PARAMETERS = ("run", "copy", "moves")
"""The parameters that every generated function has, before those of its feeds."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a line comes from."""

    step: Step
    """The step that it carries out."""
    names: tuple[str, ...]
    """Names of the step's inputs at that line, in the order of ``inputs_of``."""


class Source:
    """The text of one function while it is written.

    All names are made here: ``r0`` for values of the run, ``k0`` for objects that the text refers to, ``t0`` for what
    one step keeps for itself. Whatever comes from a graph is such an object, never text.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._origins: list[Origin | None] = []
        self._indent = ""
        self._objects: dict[str, Any] = {}
        self._object_names: dict[int, str] = {}
        self._free: list[str] = []
        self._made = 0
        self._origin: Origin | None = None

    # -- lines ---------------------------------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Add a line."""
        self._lines.append(self._indent + text)
        self._origins.append(self._origin)

    @property
    def length(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def begin(self, origin: Origin | None) -> None:
        """Count the lines from here on to a step, or to none."""
        self._origin = origin

    def indent(self) -> None:
        """Begin a block."""
        self._indent += " "

    def dedent(self) -> None:
        """End a block."""
        self._indent = self._indent[:-1]

    # -- names ---------------------------------------------------------------------------------------------------------

    def constant(self, value: Any) -> str:
        """Return the name that stands for an object."""
        name = self._object_names.get(id(value))
        if name is None:
            name = self._object_names[id(value)] = f"k{len(self._objects)}"
            self._objects[name] = value
        return name

    def take(self) -> str:
        """Return a name for a value; one that was given back, so that few are alive at once."""
        if self._free:
            return self._free.pop()
        self._made += 1
        return f"r{self._made - 1}"

    def give_back(self, name: str) -> None:
        """Let other values have a name."""
        self._free.append(name)

    @property
    def names_made(self) -> int:
        """How many names of values there are."""
        return self._made

    # -- the end -------------------------------------------------------------------------------------------------------

    def text(self, feeds: Sequence[str], prologue: Sequence[str]) -> str:
        """Return the whole text of the function ``plan``."""
        head = f"def plan({', '.join((*PARAMETERS, *feeds))}):"
        return "\n".join((head, *(f" {line}" for line in prologue), *(f" {line}" for line in self._lines), ""))

    def function(self, text: str) -> FunctionType:
        """Return the function of a text that :meth:`text` gave. It sees its own objects, and no builtins."""
        namespace: dict[str, Any] = {"__builtins__": {}, **self._objects}
        exec(compile(text, FILENAME, "exec", dont_inherit=True), namespace)  # noqa: S102  (made of our own names only)
        function: FunctionType = namespace.pop("plan")
        return function

    def origins(self, prologue: Sequence[str]) -> list[Origin | None]:
        """Return the origin of each line by its number; the first line has the number 1."""
        return [None] * (2 + len(prologue)) + self._origins
