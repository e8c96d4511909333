"""Score the defaults: `lstmcast train TABLE` with nothing set, beside the baselines.

    python benchmarks/defaults.py data/*.csv DIR/*.csv

Prints a Markdown row a table: test mae of the network and of every baseline, and the minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = ("lstmcast", "naive", "seasonal_naive", "drift", "linear")


def main() -> None:
    """Train on each table, print a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("-s", "--set", action="append", default=[], help="section.key=value")
    options = parser.parse_args()
    flags = [part for setting in options.set for part in ("-s", setting)]
    print(f"| table | preset | {' | '.join(NAMES)} | minutes |")
    print(f"| --- | --- {'| --- ' * len(NAMES)}| --- |")
    behind = []
    for table in options.tables:
        with tempfile.TemporaryDirectory() as folder:
            run, began = Path(folder) / "run", time.monotonic()
            command = [sys.executable, "-m", "lstmcast", "train", str(table), "--run", str(run)]
            subprocess.run([*command, *flags, "-q"], check=True)
            minutes = (time.monotonic() - began) / 60
            test = json.loads((run / "metrics.json").read_text())["test"]
            config = (run / "config.yaml").read_text()
        preset = config.partition("preset: ")[2].split()[0]
        scores = [test[name]["mae"] for name in NAMES]
        shown = [f"{score:.4g}" for score in scores]
        print(f"| {table.name} | {preset} | {' | '.join(shown)} | {minutes:.1f} |", flush=True)
        if scores[0] >= min(scores[1:3]):
            behind.append(table.name)
    print(f"\nBehind naive or seasonal naive: {', '.join(behind) or 'none'}.")


if __name__ == "__main__":
    main()
