"""Writes what the commands of a page print below them: `python docs/fill_outputs.py PAGE...`.

A command is a line `$ lstmcast ...` in a console block; what follows it there is replaced.
`tests/project/test_docs.py` compares the page with what this would write, numbers up to rounding.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]


def filled(page: str) -> str:
    """The page with every output as it is now."""
    return re.sub(r"```console\n\$ (lstmcast [^\n]*)\n.*?```", _block, page, flags=re.DOTALL)


def _block(match: re.Match[str]) -> str:
    command = match[1]
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    result = subprocess.run(
        [sys.executable, "-m", *command.split()],
        capture_output=True,
        text=True,
        check=True,
        cwd=TOP,
        env=environment,
    )
    lines = "\n".join(line.rstrip() for line in result.stdout.strip("\n").splitlines())
    return f"```console\n$ {command}\n{lines}\n```"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
