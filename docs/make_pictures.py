"""Makes the pictures of the README and docs: `python docs/make_pictures.py`, a minute on two cores.

Trains the shipped configs, opens the pages of their runs in a headless Chromium, and saves the
parts that PICTURES names, in light colours. Look at them before you commit them.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[1]
FOLDER = TOP / "docs" / "pictures"
WIDTH = 1000
"""Pixels of the window."""


@dataclass(frozen=True)
class Picture:
    """A part of a page.

    Attributes:
        config: The shipped config whose run it is of.
        first: CSS selector of what stands at its top.
        last: Of what stands at its bottom.
    """

    config: str
    first: str
    last: str


PICTURES = {
    "verdict.png": Picture("shops", "header", "#scores > .wide"),
    "forecast.png": Picture("shops", "#chosen", "#chart-forecast"),
    "calendar.png": Picture("co2", "figure:has(#chart-calendar)", "#chart-calendar"),
}
"""Every picture of docs/pictures/."""

PLACE = """(() => {
    const [a, b] = [%r, %r].map((s) => document.querySelector(s).getBoundingClientRect());
    return [a.top + scrollY - 10, b.bottom + scrollY + 10];
})()"""


def main() -> None:
    """Train, open, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, help="folder with runs of the configs, by their names")
    runs = parser.parse_args().runs
    sys.path.insert(0, str(TOP / "tests"))
    from support.browser import Browser

    import lstmcast

    FOLDER.mkdir(exist_ok=True)
    browser = Browser()
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(picture.config for picture in PICTURES.values()):
            run = (runs or Path(folder)) / name
            if not run.exists():
                lstmcast.train(TOP / "configs" / f"{name}.yaml", run=run)
            page = browser.open(lstmcast.report(run), width=WIDTH)
            for file, picture in PICTURES.items():
                if picture.config == name:
                    top, bottom = page.run(PLACE % (picture.first, picture.last))
                    clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top, "scale": 1}
                    shot = page.ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
                    (FOLDER / file).write_bytes(base64.b64decode(shot["data"]))
    browser.close()


if __name__ == "__main__":
    main()
