"""Arrays -> figures on one HTML page that works offline, because it contains plotly's script."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

MAP_PIXELS = 130
"""Height of one heat map."""

GAP_PIXELS = 45
"""Gap between two heat maps, for the title."""

TICKS = 7
"""Labelled steps of the time axis."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em }}
h1 {{ font-size: 1.4em }} h2 {{ font-size: 1.1em; margin: 2em 0 0 }} p {{ margin: 0.3em 0 }}
</style>
<script>{script}</script>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


@dataclass(frozen=True)
class HeatMap:
    """Units over time.

    Attributes:
        name: Name, such as `f`.
        about: Meaning in a few words.
        values: (T, U) values by step and unit.
        signed: Whether the colour scale is centred on 0; otherwise it runs from 0 to 1.
    """

    name: str
    about: str
    values: np.ndarray
    signed: bool


@dataclass(frozen=True)
class HeatMaps:
    """Heat maps that share their time axis.

    Attributes:
        title: Heading.
        about: Sentence below the title.
        steps: (T,) number of each step.
        stamps: (T,) time stamps as in the table.
        maps: Heat maps from top to bottom.
    """

    title: str
    about: str
    steps: Sequence[int]
    stamps: Sequence[str]
    maps: Sequence[HeatMap]


def heat_map_page(title: str, about: str, groups: Sequence[HeatMaps]) -> str:
    """An HTML page with a figure for each group."""
    body = [f"<p>{html.escape(about)}</p>"]
    for number, group in enumerate(groups):
        body.append(f"<h2>{html.escape(group.title)}</h2><p>{html.escape(group.about)}</p>")
        body.append(
            heat_map_figure(group).to_html(
                full_html=False,
                include_plotlyjs=False,
                div_id=f"layer-{number}",
                config={"displaylogo": False, "responsive": True},
            )
        )
    return PAGE.format(title=html.escape(title), script=get_plotlyjs(), body="\n".join(body))


def heat_map_figure(group: HeatMaps) -> go.Figure:
    """The heat maps of a group below each other."""
    count = len(group.maps)
    inside = count * MAP_PIXELS + (count - 1) * GAP_PIXELS
    figure = make_subplots(
        rows=count,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=GAP_PIXELS / inside,
        subplot_titles=[f"{one.name}: {one.about}" for one in group.maps],
    )
    for row, one in enumerate(group.maps, start=1):
        low, high = colour_range(one)
        middle = 1 - ((row - 0.5) * MAP_PIXELS + (row - 1) * GAP_PIXELS) / inside
        hover = f"{one.name}, t %{{x}}<br>unit %{{y}}: %{{z:.4f}}<extra></extra>"
        figure.add_trace(
            go.Heatmap(
                x=list(group.steps),
                y=list(range(one.values.shape[1])),
                z=one.values.T,
                zmin=low,
                zmax=high,
                colorscale="RdBu_r" if one.signed else "Viridis",
                colorbar={"len": MAP_PIXELS / inside, "y": middle, "thickness": 10},
                hovertemplate=hover,
            ),
            row=row,
            col=1,
        )
        figure.update_yaxes(title_text="unit", row=row, col=1)
    places = np.linspace(0, len(group.steps) - 1, min(TICKS, len(group.steps))).astype(int)
    figure.update_xaxes(
        tickvals=[group.steps[k] for k in places],
        ticktext=[f"{group.steps[k]}<br>{group.stamps[k]}" for k in places],
    )
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(height=inside + 80, margin={"l": 60, "r": 20, "t": 40, "b": 40})
    return figure


def colour_range(one: HeatMap) -> tuple[float, float]:
    """Values of the first and last colour: 0 and 1, or symmetric around zero."""
    if not one.signed:
        return 0.0, 1.0
    finite = np.abs(one.values[np.isfinite(one.values)])
    bound = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    return -bound, bound
