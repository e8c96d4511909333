"""The charts of a page as PNG or SVG files, drawn by kaleido in Chrome or Chromium."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from lstmcast.errors import ConfigError
from lstmcast.reporting.axis import season_names
from lstmcast.reporting.charts import INK, SOFT, Chart, Figure, axis_style
from lstmcast.reporting.contents import Contents
from lstmcast.reporting.figures_series import columns_of, filled, series_charts
from lstmcast.reporting.page_content import dates_of, sections_of
from lstmcast.reporting.series_results import Item, items_of, ranked

TITLE = 96
"""Letters in a line of an image's title."""

WIDTH = 1000
"""Pixels of an image; a PNG has twice as many, for sharp letters."""


@dataclass(frozen=True)
class Image:
    """A chart outside the page.

    Attributes:
        name: File name without ending.
        figure: Figure with title.
        height: Height in pixels.
    """

    name: str
    figure: Figure
    height: int


def images_of(contents: Contents) -> Iterator[Image]:
    """Every chart of a page; with many series, the worst, a typical and the best one."""
    dates = dates_of(contents)
    layout = contents.layout
    items = items_of(dates, layout, contents.test, contents.recent, contents.future)
    season = season_names(dates)
    charts = series_charts(layout.levels, dates, season)
    for name, item in chosen(items).items():
        columns = columns_of(item, dates, season)
        for chart in charts if len(items) == 1 else charts[:1]:
            title = " · ".join(part for part in (chart.title, item.name, item.target) if part)
            made = filled(chart.figure, columns)
            yield Image(f"{chart.key}{name}", titled(made, title), chart.height)
    for section in sections_of(contents, items, dates):
        for chart in section.charts:
            yield Image(chart.key, titled(chart.figure, title_of(chart)), chart.height)


def chosen(items: list[Item]) -> dict[str, Item]:
    """The drawn items by the suffix of their file names."""
    if len(items) <= 3:
        return {f"-{k + 1}" if len(items) > 1 else "": item for k, item in enumerate(items)}
    order = [items[k] for k in ranked(items)]
    judged = [item for item in order if item.scored.relative is not None] or order
    return {"-worst": judged[0], "-typical": judged[len(judged) // 2], "-best": judged[-1]}


def title_of(chart: Chart) -> str:
    """The title of a chart outside a page."""
    return f"{chart.title}: all series" if chart.key.startswith("all-") else chart.title


def titled(figure: Figure, title: str) -> Figure:
    """A figure with title and style; plotly parses tags, so series names are escaped."""
    lines = wrap(title, TITLE, break_on_hyphens=False)[:4]
    words = "<br>".join(html.escape(line, quote=False) for line in lines)
    layout: dict[str, Any] = {
        "template": {"layout": {"xaxis": axis_style(), "yaxis": axis_style()}},
        "title": {"text": words, "x": 0.02, "font": {"size": 17}},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 60, "r": 24, "t": 34 + 22 * max(len(lines), 1), "b": 48},
        **figure["layout"],
    }
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
    layout["legend"] = {**legend, "font": {"color": SOFT}, **figure["layout"].get("legend", {})}
    return {"data": figure["data"], "layout": layout}


def drawn(images: Iterable[Image], kinds: Sequence[str]) -> list[tuple[str, str, bytes]]:
    """Draw images; returns kind, name and content of each file.

    Args:
        images: Images to draw.
        kinds: png, svg or both.

    Raises:
        ConfigError: kaleido or a browser is missing.
    """
    flags = ", ".join(f"--{kind}" for kind in kinds)
    try:
        from choreographer.errors import ChromeNotFoundError
        from kaleido import Kaleido
    except ImportError:
        raise ConfigError(
            f"{flags} needs the package kaleido: pip install 'lstmcast[plots]'"
        ) from None

    async def draw() -> list[tuple[str, str, bytes]]:
        files = []
        # mathjax=False: otherwise the browser downloads mathjax.
        async with Kaleido(mathjax=False) as kaleido:
            for image in images:
                for kind in kinds:
                    size = {"width": WIDTH, "height": image.height + 60}
                    options = {**size, "format": kind, "scale": 2 if kind == "png" else 1}
                    content = await kaleido.calc_fig(image.figure, options)
                    files.append((kind, f"{image.name}.{kind}", content))
        return files

    try:
        return asyncio.run(draw())
    except ChromeNotFoundError:
        raise ConfigError(
            f"{flags} needs Chrome or Chromium, and none was found: install one, such as Debian's "
            "package chromium, or set BROWSER_PATH to its program"
        ) from None
