"""Writes `docs/config.md` and `docs/commands.md` from the code: `python docs/make_reference.py`.

`tests/test_docs.py` compares both with what this would write.
"""

import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from lstmcast.config import fields

DOCS = Path(__file__).parent
COMMANDS = ("window", "train", "predict", "inspect", "configs")


def config_page() -> str:
    """Every config field: type, default, meaning."""
    page = [
        "# Config reference",
        "",
        "Written by `python docs/make_reference.py` from the schema. For an editor that completes",
        "and checks configs as you type, save what `lstmcast configs --schema` prints and name it",
        "in the first line of the config: `# yaml-language-server: $schema=schema.json`.",
        "",
        "Every field can be set on the command line too: `-s window.horizon=48`.",
    ]
    for section, members in groupby(fields(), key=lambda field: field.name.partition(".")[0]):
        page += ["", f"## {section}", "", "| field | default | meaning |", "| --- | --- | --- |"]
        for field in members:
            key = field.name.partition(".")[2]
            kind = field.type.replace("|", "or")
            page.append(f"| `{key}` | `{field.default}` | {field.description} Type: {kind}. |")
    return "\n".join(page) + "\n"


def commands_page() -> str:
    """What each command's `--help` prints."""
    page = [
        "# Commands",
        "",
        "Written by `python docs/make_reference.py` from each command's help.",
    ]
    for command in ("", *COMMANDS):
        page += [
            "",
            f"## lstmcast {command}".rstrip(),
            "",
            "```text",
            help_of(command).rstrip(),
            "```",
        ]
    return "\n".join(page) + "\n"


def help_of(command: str) -> str:
    """The help of one command, 80 columns wide."""
    arguments = [sys.executable, "-m", "lstmcast", *([command] if command else []), "--help"]
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERMINAL_WIDTH": "80"}
    result = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
    return "\n".join(line.rstrip() for line in result.stdout.splitlines())


PAGES = {"config.md": config_page, "commands.md": commands_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
