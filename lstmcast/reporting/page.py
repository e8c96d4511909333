"""Run folder -> one HTML page that works offline."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from lstmcast.reporting.charts import DARK
from lstmcast.reporting.contents import Contents, read_contents
from lstmcast.reporting.page_content import story_of

PLOTLY = "plotly-cartesian-4.1.1.min.js.gz"


@dataclass(frozen=True)
class Script:
    """A script embedded in the page.

    Attributes:
        packed: Script compressed with gzip, in base64.
        digest: Digest for the Content-Security-Policy.
    """

    packed: str
    digest: str


def digest_of(text: bytes) -> str:
    """Digest of a script for a Content-Security-Policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}"


@cache
def plotly() -> Script:
    """plotly.js with the chart types of the page; plotly/README.md describes its source."""
    packed = (files("lstmcast.reporting") / "plotly" / PLOTLY).read_bytes()
    return Script(base64.b64encode(packed).decode(), digest_of(gzip.decompress(packed)))


@cache
def environment() -> Environment:
    """The templates; all values are escaped."""
    made = Environment(
        loader=PackageLoader("lstmcast.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False,
        "allow_nan": False,
        "separators": (",", ":"),
    }
    return made


def page_of(path: Path) -> str:
    """The page of a run folder or a backtest folder.

    Raises:
        RunError: It is no such folder, or a file in it is damaged.
    """
    return render(read_contents(path))


def render(contents: Contents) -> str:
    """The page for the content of a folder."""
    made, story = environment(), story_of(contents)
    own = made.get_template("report.js").render()
    figures = {chart.key: chart.figure for chart in story.charts()}
    data = {"figures": figures, "series": story.packed.data, "dark": DARK, "which": story.which}
    return made.get_template("report.html").render(
        story=story,
        data=data,
        plotly=plotly(),
        own=own,
        own_digest=digest_of(own.encode()),
    )
