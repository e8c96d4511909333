"""Findings as terminal text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lstmcast.checking.codes import CODES, SEVERITIES
from lstmcast.checking.finding import Finding, described
from lstmcast.errors import counted
from lstmcast.tables.read import Table

WIDTH = 80

SHOWN = 5
"""Findings printed in full, per code and severity."""


def findings_text(source: str, table: Table | None, findings: Sequence[Finding]) -> str:
    """All findings by severity, each with advice, then their counts."""
    parts = []
    for severity in SEVERITIES:
        some = [finding for finding in findings if finding.severity == severity]
        if some:
            parts.append(f"{severity.upper()}S\n")
            for code in dict.fromkeys(finding.code for finding in some):
                alike = [finding for finding in some if finding.code == code]
                parts += [_finding_text(source, table, finding) for finding in alike[:SHOWN]]
                if len(alike) > SHOWN:
                    parts.append(f"{code} also in {_names(alike[SHOWN:])}\n")
    counts = ", ".join(
        counted(sum(f.severity == severity for f in findings), severity) for severity in SEVERITIES
    )
    mended = sum(CODES[finding.code].mended for finding in findings)
    more = f"; --fix FILE repairs {mended}" if mended else ""
    parts.append(f"{Path(source).name}: {counts}{more}" if findings else f"{source}: nothing found")
    return "\n".join(parts) + "\n"


def _finding_text(source: str, table: Table | None, finding: Finding) -> str:
    code = CODES[finding.code]
    place = Path(source if table is None or finding.code == "LC001" else table.name).name
    if table is not None and finding.rows:
        place += f":{table.line(finding.rows[0]).split()[-1]}"
    column = f" {finding.column}" if finding.column else ""
    lines = [f"{place}{column}  {finding.code} {code.title}"]
    message = finding.message.removeprefix(f"{source}: ")
    if table is not None:
        message = message.replace(f"{table.name}: ", "")  # `place` already names the table
        if len(finding.rows) > 1:
            message += f" ({_lines(table, finding)})"
    for text in (message, f"-> {code.advice}"):
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _names(findings: Sequence[Finding]) -> str:
    """The first columns by name, and the number of others."""
    names = [f"'{finding.column}'" if finding.column else "the table" for finding in findings]
    more = f" and {len(names) - 3:,} more (--format json)" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _lines(table: Table, finding: Finding) -> str:
    """`lines 3, 17, 18, ...`."""
    words = [table.line(row).split() for row in finding.rows]
    more = ", ..." if finding.count > len(words) else ""
    return f"{words[0][0]}s {', '.join(word[-1] for word in words)}{more}"


def findings_json(
    source: str, table: Table | None, findings: Sequence[Finding], fixed: Sequence[str]
) -> dict[str, Any]:
    """All findings as one object for scripts."""
    return {
        "source": source,
        "table": None if table is None else table.name,
        "findings": [
            {
                **described(
                    finding, [table.line(row) for row in finding.rows] if table is not None else []
                ),
                "rows": [row + 1 for row in finding.rows],
                "fixable": CODES[finding.code].mended,
            }
            for finding in findings
        ],
        "counts": {s: sum(f.severity == s for f in findings) for s in SEVERITIES},
        "fixed": list(fixed),
    }
