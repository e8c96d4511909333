"""Faults that pydantic found, as plain messages: where, what, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lstmcast.config.shapes import accepts, choices, items, members, shapes, words
from lstmcast.errors import nearest

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        loc: Section and key; a section alone; or nothing, for the file as a whole.
        text: What is wrong, as the sentence that follows the field's name.
        line: Line of the file, where it is not the field's own.
        setting: The override at fault, as written, where it is not the field's own.
        rule: Whether it is a rule between fields, which only a whole config can break.
    """

    loc: tuple[str, ...]
    text: str
    line: int | None = None
    setting: str | None = None
    rule: bool = False


@dataclass(frozen=True)
class Sources:
    """The origin of each value of a config.

    Attributes:
        name: The file as the user gave it, or words such as `the command line`.
        lines: Line of each section and key of the file.
        settings: Section and key -> the override that set it, as written.
    """

    name: str
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    settings: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def tell(self, faults: Sequence[Fault]) -> list[str]:
        """Each fault with its origin: those of the file by line, then those of the overrides."""
        told = [self._tell(fault) for fault in faults]
        return [text for _, _, text in sorted(told, key=lambda one: one[:2])]

    def _tell(self, fault: Fault) -> tuple[bool, int, str]:
        setting = fault.setting or self.settings.get(fault.loc)
        if setting is not None:
            return True, 0, f"--set {_short(setting)}: {fault.text}"
        line = fault.line or self.lines.get(fault.loc) or self.lines.get(fault.loc[:1]) or 0
        place = f"{self.name}:{line}" if line else self.name
        return False, line, " ".join(filter(None, (f"{place}:", ".".join(fault.loc), fault.text)))


def explain(error: ValidationError, values: Mapping[str, Any]) -> list[Fault]:
    """All faults that pydantic found, one for each value.

    Args:
        error: What pydantic raised for a whole config.
        values: What was validated; it tells a single value from a list of one.
    """
    # A field that accepts several types has one error for each type that does not match.
    by_value: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for one in error.errors(include_url=False):
        loc = one["loc"]
        by_value.setdefault(loc[: 3 if _is_inside(loc, values) else 2], []).append(one)
    return [fault for loc, errors in by_value.items() for fault in _explain(loc, errors, values)]


def _explain(
    loc: tuple[str | int, ...], errors: list[ErrorDetails], values: Mapping[str, Any]
) -> list[Fault]:
    first = errors[0]
    names = tuple(str(part) for part in loc[:2])
    if first["type"] == "rules":
        return [
            Fault(tuple(name.split(".")), text, rule=True) for name, text in first["ctx"]["rules"]
        ]
    if first["type"] in ("extra_forbidden", "invalid_key"):
        return [Fault(names, unknown(names))]
    if len(names) == 1:
        return [Fault(names, _section(names[0], first))]
    shape = shapes()[names[0]][names[1]]
    if first["type"] == "missing":
        meaning = shape["description"]
        return [Fault(names, f"is missing: the {meaning[0].lower()}{meaning[1:]}")]
    if len(loc) == 2:
        return [Fault(names, _value(first["input"], shape, errors))]
    given = values[names[0]][names[1]]
    if isinstance(given, Mapping):
        return [Fault(names, f"{loc[2]} {_value(first['input'], members(shape), errors)}")]
    text = _value(first["input"], items(shape), errors)
    return [Fault(names, f"item {int(loc[2]) + 1} {text}" if isinstance(given, list) else text)]


def _is_inside(loc: tuple[str | int, ...], values: Mapping[str, Any]) -> bool:
    """Whether the third part of a place is an item of the list, or a member of the mapping, given.

    Otherwise it is pydantic's name for one of several kinds that the value may have.
    """
    if len(loc) < 3:
        return False
    if isinstance(loc[2], int):
        return True
    section = values.get(str(loc[0]))
    given = section.get(loc[1]) if isinstance(section, Mapping) else None
    return isinstance(given, Mapping) and loc[2] in given


def _section(name: str, error: ErrorDetails) -> str:
    """The fault of a section that is missing or not a mapping."""
    if error["type"] == "missing":
        return "is missing: name the table in data.path and what to forecast in data.target"
    keys = ", ".join(list(shapes()[name])[:3])
    return f"must be a section with keys such as {keys}, got {show(error['input'])}"


def _value(value: Any, shape: dict[str, Any], errors: list[ErrorDetails]) -> str:
    """The fault of a value, from all errors that pydantic gave for it."""
    kind, ctx = errors[0]["type"], errors[0].get("ctx", {})
    if len(errors) == 1:
        if kind in _BOUNDS:
            key, bound = _BOUNDS[kind]
            limit = ctx[key]
            shown = f"{limit:g}" if limit <= 1 else limit
            return f"must be {bound} {shown}, got {show(value)}"
        if kind in ("too_short", "string_too_short"):
            return "must not be empty"
        if kind == "finite_number":
            return f"must be a finite number, got {show(value)}"
        if kind == "value_error":
            return str(ctx["error"])
    text = f"must be {words(shape)}, got {show(value)}"
    known = choices(shape)
    if "none" in known and value in (None, "null"):
        return f"{text}; write none"
    if isinstance(value, str) and (close := difflib.get_close_matches(value.lower(), known, n=1)):
        return f"{text}; did you mean '{close[0]}'?"
    if value is None and accepts(shape, "array") and not accepts(shape, "null"):
        return f"{text}; write [] for none"
    return text


def unknown(loc: tuple[str, ...]) -> str:
    """The fault of an unknown name, with the nearest known one."""
    known = shapes()
    *section, key = loc
    own = known.get(section[0], {}) if section else known
    near = difflib.get_close_matches(key, own, n=1, cutoff=0.75)
    homes = [f"{other}.{name}" for other, keys in known.items() for name in keys if name == key]
    if not near and not homes and not section:
        dotted = {name: f"{other}.{name}" for other, keys in known.items() for name in keys}
        homes = [dotted[name] for name in difflib.get_close_matches(key, dotted, n=1, cutoff=0.75)]
    if homes and not near:
        return f"is not known; did you mean '{homes[0]}'?"
    return f"is not known; {nearest(key, own)}"


def show(value: Any) -> str:
    """A value in a message: text in quotes, the rest as YAML writes it, at most 60 characters."""
    if isinstance(value, str):
        return f"'{_short(value)}'"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        inside = (
            f"{key}: {'...' if isinstance(item, Mapping | list | tuple) else show(item)}"
            for key, item in value.items()
        )
        return _short("{" + ", ".join(inside) + "}")
    if isinstance(value, list | tuple):
        return _short("[" + ", ".join(map(show, value)) + "]")
    return _short(repr(value))


def _short(text: str) -> str:
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    return text if len(text) <= 60 else f"{text[:57]}..."
