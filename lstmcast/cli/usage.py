"""Errors of flags and arguments from typer, in the format of all other errors."""

from __future__ import annotations

from typing import Any

import typer

from lstmcast.errors import nearest

UsageError: Any = typer.BadParameter.__mro__[1]
"""The error class of typer, which contains click and exports only this part of it."""


def usage_words(error: Any) -> str:
    """The fault of a command line, and the command that describes its flags."""
    context = error.ctx
    if context is None:
        return f"error: {_plain(error.format_message())}"
    if type(error).__name__ == "NoArgsIsHelpError":  # `lstmcast` alone
        return str(error.format_message())
    if hasattr(error, "possibilities"):
        known = [flag for each in context.command.params for flag in each.opts if flag[:2] == "--"]
        said = f"there is no flag {error.option_name}; {_bare(nearest(error.option_name, known))}"
    elif getattr(error, "param", None) is not None and error.message:
        wanted = error.message.partition(", unable")[0].replace("Input should", "it should")
        said = f"{_bare(error.param.get_error_hint())}: {wanted}"
    else:
        said = _plain(error.format_message())
    return f"error: {said}\n`{context.command_path} --help` lists the flags, with an example"


def _plain(text: str) -> str:
    """A sentence of typer as the end of our message."""
    text = " ".join(text.split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _bare(words: str) -> str:
    """Words without quotes."""
    return words.replace("'", "")
