"""`lstmcast check`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli.completion import complete_table
from lstmcast.cli.options import Debug, Json, Quiet, Set
from lstmcast.errors import ConfigError

if TYPE_CHECKING:
    from lstmcast.checking.table import Report


def next_command(report: Report, source: Path, fix: Path | None) -> str:
    """The next command; empty if only a person can correct the findings."""
    from lstmcast.checking.codes import CODES

    if not report.count("error"):
        return f"lstmcast train {quote(str(source))}"
    if fix is not None:
        return f"lstmcast check {quote(str(fix))}" if fix.exists() else ""
    table = Path(report.table.name if report.table else source)
    mended = table.with_name(f"{table.name.partition('.')[0]}-mended.csv").name
    if any(CODES[finding.code].mended for finding in report.findings):
        return f"lstmcast check {quote(str(source))} --fix {quote(mended)}"
    return ""


def check(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG|DATA", help="A YAML config, or a table.", autocompletion=complete_table
        ),
    ],
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="text or json; json equals --json.")
    ] = "text",
    fix: Annotated[
        Path | None,
        typer.Option("--fix", metavar="FILE", help="Write a repaired copy of the table."),
    ] = None,
    leaks: Annotated[
        bool,
        typer.Option(
            "--leaks",
            help="Also test for data leakage: noise after each split must change nothing before.",
        ),
    ] = False,
    set: Set = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find faults in a config and its table; exit with code 1 if there are errors.

    Every finding has a code (LC101, ...; docs/findings.md), lines, columns and advice.
    """
    if format not in ("text", "json"):
        raise ConfigError(f"--format {format} is not known; use text or json")
    from json import dumps

    from lstmcast.terminal.findings import findings_json, findings_text
    from lstmcast.workflows.check import check as check_source
    from lstmcast.workflows.check import write_repaired

    if fix is not None and fix.exists():
        raise ConfigError(f"--fix {fix}: the file exists; name a new one")
    report = check_source(source, set or [], leaks=leaks)
    if fix is not None:
        write_repaired(report, fix)
    if json or format == "json":
        found = findings_json(report.source, report.table, report.findings, report.fixed)
        print(dumps(found, ensure_ascii=False))
    elif not quiet:
        print(findings_text(report.source, report.table, report.findings), end="")
        for line in report.fixed:
            print(line)
        if following := next_command(report, source, fix):
            print(f"Next: {following}")
    if report.count("error"):
        raise typer.Exit(1)
