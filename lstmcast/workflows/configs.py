"""`lstmcast configs`: the shipped configs and their data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from lstmcast.errors import ConfigError, RunError, nearest
from lstmcast.runs.numbered import write_together

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Shipped:
    """A config that comes with lstmcast.

    Attributes:
        name: Of the file, without suffix.
        path: Of the file.
        text: Its content.
        files: The files of the table and the vectors, by the path in the config.
    """

    name: str
    path: Path
    text: str
    files: dict[str, Path]

    def headline(self) -> str:
        """A description: the second comment line."""
        comments = [
            line.lstrip("# ").strip() for line in self.text.splitlines() if line.startswith("#")
        ]
        return comments[1] if len(comments) > 1 else ""


def shipped_folder() -> Path:
    """`_shipped` in an installed package; otherwise the top folder of the checkout."""
    installed = PACKAGE / "_shipped"
    return installed if installed.is_dir() else PACKAGE.parent


def shipped_configs() -> list[Shipped]:
    """All shipped configs by name."""
    found = []
    for path in sorted((shipped_folder() / "configs").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        data = yaml.safe_load(text)["data"]
        named = [data["path"], *data.get("vectors", {}).values()]
        files = {name: (path.parent / name).resolve() for name in named}
        found.append(Shipped(path.stem, path, text, files))
    return found


def shipped_config(name: str) -> Shipped:
    """One shipped config.

    Raises:
        ConfigError: There is no config of that name.
    """
    configs = {shipped.name: shipped for shipped in shipped_configs()}
    wanted = name.removesuffix(".yaml")
    if wanted not in configs:
        raise ConfigError(f"there is no shipped config '{name}'; {nearest(wanted, configs)}")
    return configs[wanted]


def copy_config(name: str, target: Path) -> list[Path]:
    """Copy a shipped config to a new file, and its data into the same folder; return the new files.

    Raises:
        ConfigError: There is no such config.
        RunError: A file exists, or the folder cannot be written.
    """
    shipped = shipped_config(name)
    copies = {target.parent / file.name: file.read_bytes() for file in shipped.files.values()}
    if target in copies:
        raise RunError(f"{target} is the name of the data file; rename the config with -o")
    for path in (target, *copies):
        if path.exists() and (path == target or path.read_bytes() != copies[path]):
            raise RunError(f"{path} exists; nothing was changed. Name another file with -o")
    if not target.parent.is_dir():
        raise RunError(f"the folder {target.parent} does not exist")
    text = shipped.text.replace(f"configs/{shipped.path.name}", target.name)
    for written, file in shipped.files.items():
        text = text.replace(written, file.name)
    write_together({**copies, target: text.encode()})
    return [target, *copies]
