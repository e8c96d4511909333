"""A YAML file as nested values with their lines: only sections, keys and plain values.

The values are read by the schema's types rather than by YAML's own rules, so that a column named
`no`, `1` or `2024-01-31` stays text and `1e-3` is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lstmcast.config.faults import Fault
from lstmcast.config.shapes import Shape, items, members, shapes, typed
from lstmcast.errors import ConfigError, nearest

MAX_BYTES = 1_000_000
MAX_DEPTH = 8  # sections, keys and lists need three

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C where PyYAML was built with libyaml
_NULLS = {"", "~", "null", "Null", "NULL"}
_TAB = re.compile(r"^[ ]*\t", re.MULTILINE)
_HINTS = {
    "mapping values are not allowed": "a value that holds ': ' needs quotes",
    "cannot start any token": "a value that begins with this character needs quotes",
    "found unexpected end of stream": "a quote or bracket is not closed",
    "could not find expected ':'": "write 'key: value', with a space after the colon",
    "did not find expected key": "keys of one section start in the same column",
}


@dataclass
class Document:
    """The content of a YAML file.

    Attributes:
        values: Section -> key -> value.
        lines: Line of each section and key, counted from 1.
        faults: Keys given twice, and keys that are no names.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_document(path: Path) -> Document:
    """Read a config file.

    Raises:
        ConfigError: The file is missing, a folder, empty, too large, no UTF-8 or no YAML, or it
            holds more than sections, keys and plain values (aliases, tags, several documents).
    """
    text = _read_text(path)
    try:
        _check_syntax(text, path)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}" if mark else f"{path}"
        problem = error.problem or error.context or "it cannot be parsed"
        hint = next((f"; {hint}" for words, hint in _HINTS.items() if words in problem), "")
        raise ConfigError(f"{place}: not valid YAML: {problem}{hint}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{path}:{line}: a character that YAML does not allow") from None
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        raise ConfigError(f"{path}: the file is empty; a config names data.path and data.target")
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1
        raise ConfigError(f"{path}:{line}: a config is made of sections such as 'data:'")
    document = Document()
    document.values = _mapping(root, (), document)
    return document


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a config file{_beside(path)}")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise ConfigError(f"{path}: there is no folder {folder}") from None
        known = _configs(folder)
        hint = nearest(path.name, known) if known else f"there is no *.yaml in {folder}"
        raise ConfigError(f"{path}: no such file; {hint}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path}: over {MAX_BYTES:,} bytes: too large for a config; is it the data?"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
    if tab := _TAB.search(text):
        line = text.count("\n", 0, tab.start()) + 1
        raise ConfigError(f"{path}:{line}: a tab; YAML is indented by spaces")
    return text


def _configs(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.y*ml"))


def _beside(folder: Path) -> str:
    names = _configs(folder)[:6]
    return f" in it, such as {', '.join(names)}" if names else ""


def _check_syntax(text: str, path: Path) -> None:
    """Refuse YAML that a config does not need, before anything is built from it.

    Aliases are the way to make a small file huge in memory; deep nesting is the way to exhaust
    the stack.
    """
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        assert event.start_mark is not None
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(
                f"{path}:{line}: YAML aliases (*) are not used here; repeat the value"
            )
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) is not None:
            raise ConfigError(f"{path}:{line}: YAML tags (!) are not used here; quote the value")
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if documents > 1:
            raise ConfigError(f"{path}:{line}: a second document; a config has one, without '---'")
        if depth > MAX_DEPTH:
            raise ConfigError(f"{path}:{line}: nested deeper than any config")


def _mapping(node: yaml.MappingNode, loc: tuple[str, ...], document: Document) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.faults.append(Fault(loc, "holds a list or mapping as a key", line))
            continue
        key = str(key_node.value)
        at = (*loc, key)
        if key in values:
            first = document.lines[at]
            document.faults.append(Fault(at, f"is given twice, first on line {first}", line))
            continue
        document.lines[at] = line
        shape: Shape = {}
        if len(loc) == 1:
            shape = shapes().get(loc[0], {}).get(key, {})
        elif len(loc) == 2:
            shape = members(shapes().get(loc[0], {}).get(loc[1], {}))
        values[key] = _value(value_node, shape, at, document)
    return values


def _value(node: yaml.Node, shape: Shape, loc: tuple[str, ...], document: Document) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, loc, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, items(shape), loc, document) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    text = str(node.value)
    if node.style:  # quoted, or a block of text
        return text
    return None if text in _NULLS else typed(text, shape)
