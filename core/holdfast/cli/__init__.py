"""The command line: ``holdfast COMMAND``. A command's module is imported when it is called.

Exit codes: 0 the command did what it was asked; 1 it could not, or it found something broken; 2 the command line or
``plugins.toml`` is wrong.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from holdfast.errors import ConfigError, OpError, PluginError

__all__ = ["main"]

_COMMANDS = {
    "inspect": "holdfast.cli.inspect:inspect",
    "plugins": "holdfast.cli.plugins:plugins",
}
"""Command to the module and object that it lives in."""


class _LazyGroup(click.Group):
    """A group that imports a command when it is needed, and turns holdfast's errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            raise _WrongConfiguration(str(error)) from error
        except OpError as error:
            raise click.ClickException(error.message) from error
        except PluginError as error:
            raise click.ClickException(str(error)) from error


class _WrongConfiguration(click.ClickException):
    """Printed as ``Error: message``, as click does with a wrong command line."""

    exit_code = 2


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 failed, or something is broken; 2 wrong command line or plugins.toml.",
)
@click.version_option(package_name="holdfast", prog_name="holdfast", message="%(prog)s %(version)s")
def main() -> None:
    """Look at checkpoints and plug-ins of holdfast."""
