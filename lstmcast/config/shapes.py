"""Fields as the schema describes them: words for help and messages, and parsing of plain text."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel

from lstmcast.config.schema import Config
from lstmcast.config.values import LIMIT

Shape = dict[str, Any]  # one property of a JSON schema

# YAML 1.2's numbers; PyYAML, at YAML 1.1, takes 1e-3 for text and 010 for 8.
INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|nan)", re.IGNORECASE)
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class FieldWords(NamedTuple):
    """One field of the config, in words; `choices` if it accepts no other text."""

    name: str
    type: str
    default: str
    description: str
    choices: tuple[str, ...]


@cache
def shapes() -> dict[str, dict[str, Shape]]:
    """Section -> key -> its JSON schema, in schema order."""
    found: dict[str, dict[str, Shape]] = {}
    for name, field in Config.model_fields.items():
        section = field.annotation
        assert isinstance(section, type) and issubclass(section, BaseModel)
        found[name] = section.model_json_schema()["properties"]
    return found


def alternatives(shape: Shape) -> list[Shape]:
    """The alternative shapes of a value."""
    options: list[Shape] = shape.get("anyOf", [shape])
    return options


def accepts(shape: Shape, kind: str) -> bool:
    """Whether the field accepts a value of this JSON type (`integer`, `null`, ...)."""
    return any(option.get("type") == kind for option in alternatives(shape))


def _accepts_any_text(shape: Shape) -> bool:
    free = [option for option in alternatives(shape) if option.get("type") == "string"]
    return any("format" not in option and not choices(option) for option in free)


def items(shape: Shape) -> Shape:
    """The shape of a list's elements; the field's own if it is not a list."""
    return next((option["items"] for option in alternatives(shape) if "items" in option), shape)


def members(shape: Shape) -> Shape:
    """The shape of a mapping's values; empty if the field is not a mapping."""
    found = (option.get("additionalProperties") for option in alternatives(shape))
    return next((option for option in found if isinstance(option, dict)), {})


def choices(shape: Shape) -> list[str]:
    """The words that a field accepts, if it accepts no other text."""
    found = [
        option.get("enum", [option["const"]] if "const" in option else [])
        for option in alternatives(shape)
    ]
    return [choice for options in found for choice in options]


def words(shape: Shape) -> str:
    """The values that a field accepts, such as `a whole number of at least 1 or null`."""
    texts = [_words(option) for option in alternatives(shape)]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def _words(option: Shape) -> str:
    if option_choices := choices(option):
        listed = ", ".join(option_choices)
        return f"one of {listed}" if len(option_choices) > 1 else listed
    match option.get("type"):
        case "integer":
            return f"a whole number{_bounds(option)}"
        case "number":
            noun = "fraction" if option.get("exclusiveMaximum") == 1 else "number"
            return f"a {noun}{_bounds(option)}"
        case "string" if option.get("format") == "date":
            return "a day such as 2024-01-31"
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "array":
            what = words(option["items"])
            return "a list of " + what.removeprefix("a ").replace("number", "numbers")
        case "object":
            return f"a mapping of names, each to {words(option['additionalProperties'])}"
        case _:
            return "null"


def _bounds(option: Shape) -> str:
    low = f"of at least {option['minimum']:g}" if "minimum" in option else ""
    if "exclusiveMinimum" in option:
        low = f"above {option['exclusiveMinimum']:g}"
    high = ""
    if option.get("exclusiveMaximum", LIMIT) < LIMIT:  # larger ones guard against overflow only
        high = f"below {option['exclusiveMaximum']:g}"
    return "".join(f" {part}" for part in [" and ".join(filter(None, (low, high)))] if part)


def typed(text: str, shape: Shape) -> Any:
    """The value of a plain, unquoted text, converted to the type of the field.

    Args:
        text: What the user wrote.
        shape: The field's shape; where it wants text, the text stays as it is.

    Returns:
        A number, a truth value, or the text itself, which the schema refuses where it does not fit.
    """
    if accepts(shape, "boolean") and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    numeric = accepts(shape, "integer") or accepts(shape, "number")
    if numeric and INTEGER.fullmatch(text):
        return int(text)
    if numeric and not _accepts_any_text(shape):
        if _NUMBER.fullmatch(text):
            return float(text)
        if _NOT_FINITE.fullmatch(text):
            return float(text.replace(".", ""))
    return text


def spelled(value: Any) -> str:
    """A value as YAML writes it in one line: `null`, `true`, `[a, b]`."""
    text: str = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def fields() -> list[FieldWords]:
    """All fields in schema order, for the docs and the help.

    Returns:
        Dotted name, type in words, default as YAML writes it (`required` where there is none),
        description, and the words that it may hold.
    """
    return [
        FieldWords(
            f"{section}.{key}",
            words(shape),
            spelled(shape["default"]) if "default" in shape else "required",
            shape["description"],
            tuple(choices(shape)) or (("true", "false") if accepts(shape, "boolean") else ()),
        )
        for section, keys in shapes().items()
        for key, shape in keys.items()
    ]


def json_schema() -> dict[str, Any]:
    """The JSON schema of a config file, for editors that complete and check YAML."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
    }
