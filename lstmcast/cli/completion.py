"""What a shell offers after a Tab; nothing heavier than the schema is imported for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

RUNS = "runs"
"""Where `train` makes its folders."""

SOURCES = (".yaml", ".yml", ".csv", ".parquet")
"""What a config or a table ends with."""

HELP_WIDTH = 60
"""Characters of the help beside a completion."""

Offer = tuple[str, str]
"""A completion and its help."""


def complete_config(incomplete: str) -> list[Offer]:
    """Names of shipped configs, with what they show."""
    from lstmcast.workflows.configs import shipped_configs

    shipped = [config for config in shipped_configs() if config.name.startswith(incomplete)]
    return [(config.name, config.headline()) for config in shipped]


def complete_run(incomplete: str) -> list[Offer]:
    """Run folders under `runs`; where none fits, the shell offers files."""
    return [(str(path), "") for path in sorted(run_folders()) if str(path).startswith(incomplete)]


def complete_source(incomplete: str) -> list[Offer]:
    """Configs and tables at hand, then run folders."""
    return [*complete_table(incomplete), *complete_run(incomplete)]


def complete_table(incomplete: str) -> list[Offer]:
    """Configs and tables in the folder that was begun to be written."""
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
    """`section.key=`, with what it means; the last one that fits, with each of its choices."""
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
    """One line: zsh shows no second."""
    return shorten(description, HELP_WIDTH, placeholder=" ...")
