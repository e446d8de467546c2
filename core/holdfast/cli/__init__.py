"""The command line: ``holdfast COMMAND``. A command's module is imported when it is called.

Exit codes of all commands: 0 done, and nothing is wrong; 1 something was found that is wrong: damage, a difference, a
broken plug-in; 2 it could not be done: the command line or ``plugins.toml`` is wrong, or something is not there or
cannot be read or written; 130 interrupted.
"""

from __future__ import annotations

import errno
import importlib
from typing import Any

import click

from holdfast.cli.output import DamageFound, Failure, print_error
from holdfast.errors import ConfigError, CorruptCheckpointError, OpError, PluginError, TruncatedCheckpointError

__all__ = ["main"]

_COMMANDS = {
    "convert": "holdfast.cli.convert:convert",
    "diff": "holdfast.cli.diff:diff",
    "inspect": "holdfast.cli.inspect:inspect",
    "ls": "holdfast.cli.ls:ls",
    "plugins": "holdfast.cli.plugins:plugins",
    "verify": "holdfast.cli.verify:verify",
}
"""Command to the module and object that it lives in."""

_INTERRUPTED = 130  # what shells give for a program that SIGINT ended


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
        except (CorruptCheckpointError, TruncatedCheckpointError) as error:
            raise DamageFound(error.message) from error
        except OpError as error:
            raise Failure(error.message) from error
        except (ConfigError, PluginError) as error:
            raise Failure(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has seen enough
                raise
            raise Failure(str(error)) from error
        except KeyboardInterrupt:
            print_error("Interrupted: nothing was left behind.")
            raise SystemExit(_INTERRUPTED) from None


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, nothing is wrong; 1 found: damage, a difference, a broken plug-in; 2 could not be "
    "done: wrong command line or plugins.toml, not there, not readable; 130 interrupted.",
)
@click.version_option(package_name="holdfast", prog_name="holdfast", message="%(prog)s %(version)s")
def main() -> None:
    """Look at checkpoints and plug-ins of holdfast."""
