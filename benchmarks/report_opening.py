"""How long the page of 500 series x 1,000 rows takes to be written and to open.

`python benchmarks/report_opening.py` makes the panel, trains on it for 30 steps, writes the
page and opens it in headless Chromium, several times, each in a browser of its own. Others may use
the machine: the fastest is what the page itself takes. `--run RUN` opens the page of another run.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import lstmcast

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SERIES, ROWS = 500, 1000
SETTINGS = (
    "data.series=shop", "data.target=sales", "window.lookback=28", "window.horizon=14",
    "network.units=8", "training.max_steps=30", "training.max_epochs=1",
)  # fmt: skip


def make_panel(path: Path) -> None:
    """Daily sales of shops with a weekly season."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2021-01-01", periods=ROWS).strftime("%Y-%m-%d")
    level = np.exp(rng.normal(4, 1, (SERIES, 1)))
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(ROWS) / 7)
    sales = level * (season + 0.1 * rng.normal(size=(SERIES, ROWS)))
    names = np.repeat([f"shop {k:03}" for k in range(SERIES)], ROWS)
    table = {"shop": names, "date": np.tile(days, SERIES), "sales": sales.ravel().round(2)}
    pd.DataFrame(table).to_csv(path, index=False)


def processor_seconds(root: int) -> float:
    """Of a process and all that it has started and that still run."""
    parents, spent = {}, {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # no process, or one that has just ended
        parents[entry.name] = words[1]
        spent[entry.name] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def below(process: str) -> bool:
        while process in parents and process != str(root):
            process = parents[process]
        return process == str(root)

    return sum(seconds for process, seconds in spent.items() if below(process))


def opened(page: Path, ready: str) -> tuple[float, float]:
    """Seconds until something is true of a page, by the clock and of the processor."""
    from support.browser import Browser

    browser = Browser()
    blank = page.with_name("blank.html")
    blank.write_text("<!doctype html><html data-drawn=all><p>nothing")
    browser.open(blank)  # the browser itself has begun
    before = processor_seconds(browser.process.pid)
    seconds = browser.open(page, ready=ready).seconds
    spent = processor_seconds(browser.process.pid) - before
    browser.close()
    return seconds, spent


STAGES = {
    "its text can be read": "!!document.getElementById('repeat')",
    "it is open: the first charts drawn, all usable": "!!document.documentElement?.dataset.drawn",
    "all charts drawn, also those far below": "document.documentElement?.dataset.drawn === 'all'",
}


def main() -> None:
    """Make, write, open; print sizes and seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7, help="how often the page is opened")
    parser.add_argument("--run", type=Path, help="a run to open in place of the panel's")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run = asked.run
        if run is None:
            table = Path(place) / "panel.csv"
            make_panel(table)
            run = lstmcast.train(table, set=SETTINGS, run=Path(place) / "run").path
        began = time.process_time()
        page = lstmcast.report(run)
        written = time.process_time() - began
        print(f"written in {written:.1f} processor seconds, {page.stat().st_size / 1e6:.1f} MB")
        print(f"the fastest of {asked.times}: seconds by the clock, of the processor")
        for words, ready in STAGES.items():
            found = [opened(page, ready) for _ in range(asked.times)]
            clock, processor = (min(values) for values in zip(*found, strict=True))
            print(f"{clock:6.2f} {processor:6.2f}  {words}", flush=True)


if __name__ == "__main__":
    main()
