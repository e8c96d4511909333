"""From a YAML file and overrides to a frozen Config, and back to YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lstmcast.config.document import read_document
from lstmcast.config.faults import Fault, Sources, explain, unknown
from lstmcast.config.schema import Config
from lstmcast.config.shapes import INTEGER, Shape, accepts, items, members, shapes, typed
from lstmcast.errors import ConfigError, join

_QUOTED = re.compile(r'"([^"]*)"|\'([^\']*)\'')
_ITEM = re.compile(r'\s*(?:"([^"]*)"|\'([^\']*)\'|([^,]*?))\s*(?:,|\Z)')


@dataclass(frozen=True)
class Setting:
    """One override: section and key, the value as the schema wants it, the text as written.

    `data.vectors.item=items.txt` sets one member of a mapping: `item`.
    """

    loc: tuple[str, str]
    value: Any
    text: str
    member: str | None = None


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read a config file, put the overrides over it, fill the preset and check everything.

    Args:
        path: A YAML file; a relative `data.path` in it is relative to its folder.
        overrides: `section.key=value`, the later over the earlier; a relative `data.path` among
            them is relative to the current folder.

    Raises:
        ConfigError: With all faults, each with its line or its override.
    """
    path = Path(path)
    document = read_document(path)
    sources = Sources(str(path), document.lines)
    return _build(document.values, overrides, sources, path.parent, document.faults)


def build_config(
    values: Mapping[str, Any], overrides: Sequence[str] = (), source: str = "the command line"
) -> Config:
    """The same as `load_config`, from a dict of sections.

    Args:
        values: Section -> key -> value; a relative `data.path` is relative to the current folder.
        overrides: `section.key=value`, the later over the earlier.
        source: Where the values come from, in words, for messages.

    Raises:
        ConfigError: With all faults.
    """
    return _build(values, overrides, Sources(source), Path(), [])


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Overrides as a nested dict, each value checked alone and typed by its field.

    Args:
        overrides: `section.key=value`. A list is `a,b` or `[a, b]`, quotes keep a comma in a name;
            `null` or `none` is None where a field is optional; one member of a mapping is
            `section.key.member=value`; the later wins.

    Raises:
        ConfigError: With all faults: no `=`, a name that the schema does not have, a value that
            the field does not take.
    """
    settings, faults = _settings(overrides)
    values = _merge({}, settings)
    try:
        Config.model_validate(values)
    except ValidationError as error:
        given = {setting.loc for setting in settings}
        # Missing fields and rules between fields can be checked in a whole config only.
        found = explain(error, values)
        faults += [fault for fault in found if fault.loc in given and not fault.rule]
    _raise(Sources("", settings={setting.loc: setting.text for setting in settings}), faults)
    return values


def dump_config(config: Config, header: str = "") -> str:
    """YAML text that loads to an equal config: all fields, in schema order, lists in one line.

    Args:
        config: What to write.
        header: Lines to put on top, as comments.
    """
    comment = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    text: str = yaml.dump(
        config.model_dump(),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    return comment + text


def dump_field(key: str, value: Any) -> str:
    """`key: value` as one line of YAML that reads back the same."""
    text: str = yaml.dump(
        {key: value}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=float("inf")
    )
    return text.removesuffix("\n")


class _Dumper(yaml.SafeDumper):
    """Lists in one line, and no aliases, which `read_document` refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_row(self, data: list[Any]) -> yaml.SequenceNode:
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)

    def represent_text(self, data: str) -> yaml.ScalarNode:
        # In single quotes PyYAML leaves characters such as U+0085 raw, which read as line ends.
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(list, _Dumper.represent_row)
_Dumper.add_representer(str, _Dumper.represent_text)
# PyYAML takes 08 for text and would write it without quotes; `typed` takes it for a number.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", INTEGER, list("-+0123456789"))


def _build(
    given: Mapping[str, Any],
    overrides: Sequence[str],
    sources: Sources,
    folder: Path,
    faults: Sequence[Fault],
) -> Config:
    settings, setting_faults = _settings(overrides)
    faults = [*faults, *setting_faults]
    written: dict[tuple[str, ...], str] = {setting.loc: setting.text for setting in settings}
    sources = replace(sources, settings=written)
    values = _merge(given, settings)
    _make_paths_absolute(values, folder, settings)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        _raise(sources, [*faults, *explain(error, values)])
        raise AssertionError("pydantic refused a config without a reason") from error
    _raise(sources, faults)
    return config


def _raise(sources: Sources, faults: Sequence[Fault]) -> None:
    if faults:
        raise join(ConfigError, sources.tell(faults)) from None


def _merge(values: Mapping[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """A copy of the values with the settings put over them."""
    merged = {
        name: dict(section) if isinstance(section, Mapping) else section
        for name, section in values.items()
    }
    for setting in settings:
        section, key = setting.loc
        if merged.get(section) is None:
            merged[section] = {}
        if not isinstance(merged[section], dict):
            continue  # the schema refuses the section
        if setting.member is None:
            merged[section][key] = setting.value
        else:
            before = merged[section].get(key)
            before = before if isinstance(before, dict) else {}
            merged[section][key] = {**before, setting.member: setting.value}
    return merged


def _make_paths_absolute(values: dict[str, Any], folder: Path, settings: Sequence[Setting]) -> None:
    """Set the relative paths in place to the absolute paths that they have.

    Those of the file start from its folder, those of overrides from the current one.
    """
    here = {(setting.loc, setting.member) for setting in settings}
    training, data = values.get("training"), values.get("data")
    if isinstance(training, dict) and "init_from" in training:
        training["init_from"] = _absolute(
            training["init_from"], Path() if (("training", "init_from"), None) in here else folder
        )
    if not isinstance(data, dict):
        return
    for key in {"path", "tables"} & data.keys():
        data[key] = _absolute(data[key], Path() if (("data", key), None) in here else folder)
    if isinstance(data.get("vectors"), dict):
        whole = (("data", "vectors"), None) in here
        data["vectors"] = {
            name: _absolute(
                path, Path() if whole or (("data", "vectors"), name) in here else folder
            )
            for name, path in data["vectors"].items()
        }


def _absolute(path: Any, folder: Path) -> Any:
    """The absolute path of a path relative to a folder; other values are returned unchanged.

    Links among the folders are followed, as the system does for `..`; the file's own name is kept,
    so that a link `latest.csv` may lead to another file tomorrow.
    """
    if not isinstance(path, str | Path) or not str(path) or "\0" in str(path):
        return path  # the schema refuses it
    if os.path.isabs(path):
        return path
    parent, name = os.path.split(folder / path)
    return os.path.join(os.path.realpath(parent), name)


def _settings(overrides: Sequence[str]) -> tuple[list[Setting], list[Fault]]:
    """The overrides that name a field, and the faults of the others."""
    settings: list[Setting] = []
    faults: list[Fault] = []
    for text in overrides:
        name, equals, value = text.partition("=")
        # The name of a member may hold dots.
        loc = tuple(part.strip() for part in name.split(".", 2))
        shape = shapes().get(loc[0], {}).get(loc[1]) if len(loc) > 1 else None
        if not equals:
            faults.append(Fault(loc, "has no '='; write section.key=value", setting=text))
        elif len(loc) == 1 and loc[0] in shapes():
            faults.append(Fault(loc, f"is a section; write {loc[0]}.key=value", setting=text))
        elif len(loc) > 2 and not (shape and accepts(shape, "object")):
            faults.append(Fault(loc, "has too many dots; write section.key=value", setting=text))
        elif len(loc) > 2 and shape:
            value = _setting_value(value.strip(), members(shape))
            settings.append(Setting((loc[0], loc[1]), value, text, loc[2]))
        elif shape is None:
            where = loc[:1] if loc[0] not in shapes() else loc[:2]
            faults.append(Fault(loc, unknown(where), setting=text))
        else:
            settings.append(Setting((loc[0], loc[1]), _setting_value(value.strip(), shape), text))
    return settings, faults


def _setting_value(text: str, shape: Shape) -> Any:
    """The value of an override, converted to the type of its field."""
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1] if quoted[1] is not None else quoted[2]
    if accepts(shape, "null") and text.lower() in ("null", "none"):
        return None
    if accepts(shape, "array"):
        if text.startswith("[") and text.endswith("]"):
            return _list(text[1:-1], items(shape)) if text[1:-1].strip() else []
        if "," in text:
            return _list(text, items(shape))
    if accepts(shape, "object") and text.startswith("{") and text.endswith("}"):
        return _mapping(text, members(shape))
    return typed(text, shape)


def _mapping(text: str, shape: Shape) -> Any:
    """The members of `{a: b, c: d}`; the text itself if it has another form."""
    pairs = [str(item).partition(":") for item in _list(text[1:-1], {}) if text[1:-1].strip()]
    if not all(colon for _, colon, _ in pairs):
        return text  # the schema refuses it
    return {name.strip(): typed(value.strip(), shape) for name, _, value in pairs}


def _list(text: str, shape: Shape) -> list[Any]:
    """The elements of `a, b`; one in quotes may hold commas, and stays text."""
    values: list[Any] = []
    at = 0
    while True:
        item = _ITEM.match(text, at)
        assert item is not None  # plain text up to the next comma always matches
        double, single, plain = item.groups()
        values.append(typed(plain, shape) if plain is not None else double or single or "")
        at = item.end()
        if not item[0].endswith(","):
            return values
