"""How long the page of 500 series x 1,000 rows takes to be written and to open.

`python benchmarks/report_opening.py` makes the panel, trains on it for 30 steps, writes the
page and opens it in headless Chromium, three times.
"""

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


def main() -> None:
    """Make, write, open; print sizes and seconds."""
    from browser import Browser

    with tempfile.TemporaryDirectory() as place:
        table = Path(place) / "panel.csv"
        make_panel(table)
        run = lstmcast.train(table, set=SETTINGS, run=Path(place) / "run").path
        began = time.monotonic()
        page = lstmcast.report(run)
        print(f"written in {time.monotonic() - began:.1f} s, {page.stat().st_size / 1e6:.1f} MB")
        browser = Browser()
        for _ in range(3):
            first = "!!document.documentElement?.dataset.drawn"
            print(f"first chart after {browser.open(page, ready=first).seconds:.2f} s", end=", ")
            print(f"all after {browser.open(page).seconds:.2f} s")
        browser.close()


if __name__ == "__main__":
    main()
