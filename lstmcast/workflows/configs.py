"""`lstmcast configs`: the shipped configs and the data that they name."""

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
        name: Its file's name without suffix.
        path: Where it lies.
        text: Its content.
        files: The table and the vectors that it names, by the path as it is written.
    """

    name: str
    path: Path
    text: str
    files: dict[str, Path]

    def headline(self) -> str:
        """What it shows: its second comment line."""
        comments = [
            line.lstrip("# ").strip() for line in self.text.splitlines() if line.startswith("#")
        ]
        return comments[1] if len(comments) > 1 else ""


def shipped_folder() -> Path:
    """`_shipped` inside an installed package; the top of a checkout otherwise."""
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
        ConfigError: There is none of that name.
    """
    configs = {shipped.name: shipped for shipped in shipped_configs()}
    wanted = name.removesuffix(".yaml")
    if wanted not in configs:
        raise ConfigError(f"there is no shipped config '{name}'; {nearest(wanted, configs)}")
    return configs[wanted]


def copy_config(name: str, target: Path) -> list[Path]:
    """Copy a config to a file, and its data beside it, so that it trains as it is.

    Args:
        name: Of a shipped config.
        target: The file to make; it must not exist.

    Returns:
        The files made.

    Raises:
        ConfigError: There is no such config.
        RunError: A file of that name exists, or the folder cannot be written.
    """
    shipped = shipped_config(name)
    copies = {target.parent / file.name: file.read_bytes() for file in shipped.files.values()}
    if target in copies:
        raise RunError(f"{target} is where the data goes; name the config otherwise with -o")
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
