"""A proposed config: values with their reasons, the source of both the config and its YAML."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmcast.config import Config, build_config, dump_field, fields

WIDTH = 80
"""Columns of the YAML; a single long name may be wider."""
COMMENT_COLUMN = 30
"""Last column at which a reason begins; the reason of a longer value is above it."""
NAMES = ("data.target", "data.series", "data.past", "data.future", "data.static")
"""Fields that also accept a single name."""


@dataclass(frozen=True)
class Line:
    """One field of a proposal.

    Attributes:
        field: Dotted name, such as `window.horizon`.
        value: As the schema takes it.
        reason: Why, in a few words.
        active: False: a suggestion, which the YAML holds as a comment and the config does not.
    """

    field: str
    value: Any
    reason: str = ""
    active: bool = True


@dataclass(frozen=True)
class Proposal:
    """A config with a reason for each value.

    Attributes:
        source: The table, as the user gave it.
        about: What was seen in the table, a sentence each.
        lines: In the schema's order.
    """

    source: Path
    about: tuple[str, ...]
    lines: tuple[Line, ...]

    def config(self) -> Config:
        """The config of the active lines.

        Raises:
            ConfigError: What the user gave does not go together.
        """
        values: dict[str, Any] = {}
        for line in self.lines:
            section, _, key = line.field.partition(".")
            if line.active:
                values.setdefault(section, {})[key] = line.value
        return build_config(values, source=str(self.source))

    def describe(self) -> dict[str, Any]:
        """The whole config and the reasons, for programs."""
        reasons = {line.field: line.reason for line in self.lines if line.active and line.reason}
        return {"config": self.config().model_dump(), "reasons": reasons}

    def yaml(self, file: Path) -> str:
        """The config as YAML with a reason for each value; paths are relative to its folder.

        Args:
            file: Path of the YAML file; it need not exist.
        """
        text = [f"# lstmcast train {_printable(shlex.quote(str(file)))}"]
        for sentence in self.about:
            text += textwrap.wrap(_printable(sentence), WIDTH - 2, **_COMMENT)
        section = ""
        folder = os.path.realpath(file.parent)
        for line in self.lines:
            name, _, key = line.field.partition(".")
            if name != section:
                text.append(f"{name}:")
                section = name
            text += _written(line, key, _relative(line, folder))
        return "\n".join(text) + "\n"


_COMMENT: Any = {"initial_indent": "# ", "subsequent_indent": "# ", "break_on_hyphens": False}


def arrange(lines: list[Line], given: Mapping[str, Mapping[str, Any]]) -> tuple[Line, ...]:
    """Replace proposed values with those of the user; each field once, in the schema's order."""
    by_field = {line.field: line for line in lines}
    for section, keys in given.items():
        for key, value in keys.items():
            field = f"{section}.{key}"
            one = isinstance(value, list) and len(value) == 1 and field in NAMES
            by_field[field] = Line(field, value[0] if one else value, "as given")
    order = [field.name for field in fields()]
    return tuple(sorted(by_field.values(), key=lambda line: order.index(line.field)))


def _relative(line: Line, folder: str) -> Any:
    """The value; paths are relative to a folder."""
    if line.field == "data.path":
        return _from(line.value, folder)
    if line.field == "data.vectors":
        return {name: _from(path, folder) for name, path in line.value.items()}
    return line.value


def full_path(path: str | Path) -> str:
    """The absolute path, its folders without links, as in `load_config`."""
    parent, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(parent), name)


def _from(path: str, folder: str) -> str:
    """A path relative to a folder; absolute if they have only the root in common."""
    path = full_path(path)
    if len(Path(os.path.commonpath([path, folder])).parts) < 2:
        return path
    return Path(os.path.relpath(path, folder)).as_posix()


def _written(line: Line, key: str, value: Any) -> Iterator[str]:
    """The lines of one field: the value with its reason on the right, or above a long value."""
    mark = "" if line.active else "# "
    first, *rest = _wrapped(key, value, WIDTH - 2 - len(mark))
    first = f"  {mark}{first}"
    reason = _printable(line.reason)
    if not reason:
        yield first
    elif rest or len(first) + 2 > COMMENT_COLUMN:
        yield from textwrap.wrap(
            reason, WIDTH, initial_indent="  # ", subsequent_indent="  # ", break_on_hyphens=False
        )
        yield first
    else:
        beside, *more = textwrap.wrap(reason, WIDTH - COMMENT_COLUMN - 2, break_on_hyphens=False)
        yield f"{first:<{COMMENT_COLUMN}}# {beside}"
        yield from (f"{'':<{COMMENT_COLUMN}}# {text}" for text in more)
    yield from (f"  {mark}{text}" for text in rest)


def _wrapped(key: str, value: Any, width: int) -> list[str]:
    """A field as YAML, a list in as many lines as it needs."""
    whole = dump_field(key, value)
    if len(whole) <= width or not isinstance(value, list):
        return [whole]
    lines = [f"{key}: ["]
    for k, item in enumerate(value):
        text = dump_field("", [item]).partition("[")[2].removesuffix("]")
        text += "]" if k == len(value) - 1 else ","
        if len(lines[-1]) + 1 + len(text) > width:
            lines.append(f"  {text}")
        else:
            lines[-1] += text if lines[-1].endswith("[") else f" {text}"
    return lines


def _printable(text: str) -> str:
    """Text that stays on one line of a comment."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
