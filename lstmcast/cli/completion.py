"""Shell completions; they import nothing heavier than the schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

RUNS = "runs"
"""Folder in which `train` creates run folders."""

SOURCES = (".yaml", ".yml", ".csv", ".parquet")
"""Suffixes of configs and tables."""

HELP_WIDTH = 60
"""Most characters of the help of a completion."""

Offer = tuple[str, str]
"""A completion and its help."""


def complete_config(incomplete: str) -> list[Offer]:
    """Names of shipped configs, with their headlines."""
    from lstmcast.workflows.configs import shipped_configs

    shipped = [config for config in shipped_configs() if config.name.startswith(incomplete)]
    return [(config.name, config.headline()) for config in shipped]


def complete_run(incomplete: str) -> list[Offer]:
    """Run folders under `runs`; if none matches, the shell offers files."""
    return [(str(path), "") for path in sorted(run_folders()) if str(path).startswith(incomplete)]


def complete_source(incomplete: str) -> list[Offer]:
    """Configs and tables in the current folder, then run folders."""
    return [*complete_table(incomplete), *complete_run(incomplete)]


def complete_table(incomplete: str) -> list[Offer]:
    """Configs and tables in the folder that the text begins with."""
    folder = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in SOURCES)
    except OSError:
        return []
    return [(str(path), "") for path in paths if str(path).startswith(incomplete)]


def run_folders() -> Iterator[Path]:
    """Folders under `runs` that hold a config: complete or interrupted."""
    return (path.parent for path in Path(RUNS).glob("*/config.yaml"))


def complete_set(incomplete: str) -> list[Offer]:
    """`section.key=` with its meaning; a single match is followed by each of its choices."""
    from lstmcast.config import fields

    key = incomplete.partition("=")[0]
    found = [field for field in fields() if field.name.startswith(key)]
    found = [field for field in found if field.name == key] or found
    keys = [(f"{field.name}=", in_short(field.description)) for field in found]
    values = [
        (f"{field.name}={choice}", in_short(field.description))
        for field in found
        for choice in field.choices
    ]
    offers = values if len(found) == 1 and values else keys
    return [offer for offer in offers if offer[0].startswith(incomplete)]


def in_short(description: str) -> str:
    """One line, because zsh shows only the first."""
    return shorten(description, HELP_WIDTH, placeholder=" ...")
