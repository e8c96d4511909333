"""Writes the pages of PAGES from the code: `python docs/make_reference.py`.

`tests/project/test_docs.py` compares them with what this would write.
"""

import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from lstmcast.checking.codes import CODES
from lstmcast.cli import main
from lstmcast.config import fields

DOCS = Path(__file__).parent
COMMANDS = tuple(command.__name__ for _, command, *_ in main.COMMANDS)


def config_page() -> str:
    """Every config field: type, default, meaning."""
    page = [
        "# Config reference",
        "",
        "`python docs/make_reference.py` writes this page from the schema.",
        "[configs.md](configs.md) explains how to write a config.",
        "",
        "`-s section.key=value` sets any field on the command line: `-s window.horizon=48`.",
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
        "`python docs/make_reference.py` writes this page from the help of each command.",
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


def findings_page() -> str:
    """Every code of `lstmcast check`."""
    page = [
        "# What `lstmcast check` finds",
        "",
        "`python docs/make_reference.py` writes this page from the code. An error stops training",
        "or spoils its scores, and `check` exits with code 1; a warning can do so; a note is good",
        "to know. The config can change a severity: missing steps are an error with",
        "`data.gaps: error`, repeated time stamps a note with `data.duplicates: mean`. For each",
        "code, `tests/findings/` has a table that raises it and one that does not.",
        "",
        "`lstmcast check SOURCE --fix FILE` writes a repaired copy of the table: it sorts the",
        "rows, writes all time stamps in one form, drops rows that repeat another in every cell,",
        "and empties cells that hold no number. It never overwrites a file and never invents a",
        "value.",
    ]
    for code, entry in CODES.items():
        fixed = ", repaired by `--fix`" if entry.mended else ""
        page += ["", f"## {code} {entry.title}", "", f"{entry.severity.capitalize()}{fixed}."]
        page += [entry.meaning, "", f"What to do: {entry.advice[0].lower()}{entry.advice[1:]}"]
    return "\n".join(page) + "\n"


PAGES = {"config.md": config_page, "commands.md": commands_page, "findings.md": findings_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
