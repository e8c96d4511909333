"""`lstmcast --help`: the commands in the order of their use, each with an example."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from typer.core import TyperCommand, TyperGroup

from lstmcast.errors import ConfigError, nearest


class Overview(TyperGroup):
    """Lists commands by panel, in plain text: rich would cost a tenth of a second."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names.

        Raises:
            ConfigError: No such command; suggests the nearest one.
        """
        if args[0] not in self.commands:
            raise ConfigError(f"there is no command '{args[0]}'; {nearest(args[0], self.commands)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section per panel; typer changes the types of both arguments."""
        commands = [each for each in self.commands.values() if isinstance(each, TyperCommand)]
        for panel, members in groupby(commands, key=lambda command: command.rich_help_panel):
            with formatter.section(panel):
                for command in members:
                    formatter.write_dl([(f"{command.name or '':<8}", command.short_help or "")])
                    formatter.write(f"{'':12}$ {example_of(command)}\n")


def example_of(command: TyperCommand) -> str:
    """The first line of a command's epilog, `Example: ...`."""
    lines = (command.epilog or "").splitlines()
    return next(line for line in lines if line.startswith("Example:")).removeprefix("Example: ")


def epilog(name: str, arguments: str, more: str = "") -> str:
    """The text below a command's flags; the mark keeps its line breaks."""
    return f"\b\nExample: lstmcast {name} {arguments}" + (f"\n\n\b\n{more}" if more else "")
