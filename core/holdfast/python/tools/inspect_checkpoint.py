"""Print the tensors of a checkpoint, as TensorFlow's program of this name does.

``python -m holdfast.python.tools.inspect_checkpoint --file_name=model.ckpt --tensor_name=weights``. ``holdfast
inspect`` tells more.
"""

# ruff: noqa: T201  # a program that prints
from __future__ import annotations

import argparse
import ast
import os
import re
import sys
from collections.abc import Sequence

import numpy as np

from holdfast.checkpoint import open_checkpoint
from holdfast.errors import OpError

__all__ = ["main", "parse_numpy_printoption", "print_tensors_in_checkpoint_file"]

_PART_OF_CHECKPOINT = re.compile(r"\.(npz|holdfast|index|meta|data-\d{5}-of-\d{5})$")


def print_tensors_in_checkpoint_file(
    file_name: str | os.PathLike[str], tensor_name: str | None, all_tensors: bool
) -> None:
    """Print tensors of a checkpoint to standard output. Errors of the checkpoint are printed, not raised.

    Parameters
    ----------
    file_name
        The checkpoint: its prefix, one of its files, or its directory.
    tensor_name
        The tensor to print; empty for none in particular.
    all_tensors
        Whether to print the values of all. If this is False and no name is given, names, dtypes and shapes are listed.
    """
    _print_tensors(file_name, tensor_name, all_tensors)


def _print_tensors(file_name: str | os.PathLike[str], tensor_name: str | None, all_tensors: bool) -> bool:
    """Print tensors, or what is wrong; say whether all went well."""
    try:
        with open_checkpoint(file_name) as checkpoint:
            if not all_tensors and not tensor_name:
                print(checkpoint.debug_string())
                return True
            for name in [tensor_name] if tensor_name and not all_tensors else sorted(checkpoint.entries):
                print("tensor_name: ", name)
                print(checkpoint.read(name))
    except (OpError, OSError) as error:
        print(error)
        _print_hint(os.fspath(file_name))
        return False
    return True


def _print_hint(file_name: str) -> None:
    """Say what to do about the name of a file where a prefix was meant."""
    match = _PART_OF_CHECKPOINT.search(file_name)
    if match is not None:
        print(
            "\nIt's likely that you need to provide the filename *prefix*.  Try removing the '.' and extension.  Try:\n"
            f"inspect checkpoint --file_name = {file_name[: match.start()]}"
        )


def parse_numpy_printoption(option: str) -> None:
    """Set one of NumPy's print options from ``name=value``; argparse.ArgumentTypeError where it is none."""
    name, found, text = option.partition("=")
    known = np.get_printoptions()
    if not found or name not in known:
        raise argparse.ArgumentTypeError(f"{option!r} is not one of {', '.join(sorted(known))} with =value.")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    try:
        np.set_printoptions(**{name: value})
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{option!r}: {error}") from error


def _flag(text: str) -> bool:
    """Read a boolean flag's value."""
    return text.lower() in {"true", "t", "1"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status.

    Parameters
    ----------
    arguments
        The command line without the program's name; None for that of the process.
    """
    parser = argparse.ArgumentParser(prog="inspect_checkpoint", description="Print the tensors of a checkpoint.")
    parser.add_argument("--file_name", default="", help="The checkpoint: prefix, file or directory.")
    parser.add_argument("--tensor_name", default="", help="Name of the tensor to inspect.")
    parser.add_argument(
        "--all_tensors", nargs="?", const=True, default=False, type=_flag, help="Print the values of all the tensors."
    )
    parser.add_argument(
        "--printoptions", nargs="*", type=parse_numpy_printoption, help="For numpy.set_printoptions(), as k=v."
    )
    flags = parser.parse_args(arguments)
    if not flags.file_name:
        print("Usage: inspect_checkpoint --file_name=checkpoint_file_name [--tensor_name=tensor_to_print]")
        return 1
    return 0 if _print_tensors(flags.file_name, flags.tensor_name, flags.all_tensors) else 1


if __name__ == "__main__":
    sys.exit(main())
