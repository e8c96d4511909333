"""Heat maps of the gates and states of a followed window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from lstmcast.errors import ConfigError
from lstmcast.inspection.result import InspectionResult, WindowTrace
from lstmcast.inspection.verify_layers import LayerView
from lstmcast.network.cells import BOUNDED
from lstmcast.runs.atomic import write_text

if TYPE_CHECKING:
    from lstmcast.reporting.plots import HeatMaps

SAYS = {
    "i": "lets in (0 nothing, 1 all)",
    "f": "keeps (0 forgets, 1 keeps)",
    "g": "what could be let in",
    "o": "shows (0 nothing, 1 all)",
    "r": "how much of the old h the candidate sees",
    "z": "how much of the old h stays",
    "n": "the candidate",
    "c": "the memory",
    "h": "the state, given to the next step and layer",
}


def check_plot_path(path: Path) -> None:
    """Refuse a place where no page can be written.

    Raises:
        ConfigError: The name does not end in .html, or its folder does not exist.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(
            f"--plot {path}: pages are written as .html; open one in a browser, where the camera "
            "above each figure saves it as PNG"
        )
    if not path.parent.is_dir():
        raise ConfigError(f"--plot {path}: the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise ConfigError(f"--plot {path} is a folder; name a file in it")


def write_plot(found: InspectionResult, path: Path) -> None:
    """Write the heat maps of the requested layers, on one page.

    Raises:
        RunError: The file cannot be written.
    """
    from lstmcast.reporting.plots import heat_map_page  # plotly is slow to load

    traced = found.traced
    assert traced is not None
    state = "trained" if found.trained else "untrained"
    series = f" of series {traced.series}" if traced.series else ""
    groups = [_group(traced, view) for view in found.layers]
    about = (
        f"Window {traced.number:,} of {traced.windows:,} ({traced.split}){series}, {state} "
        "network. Across: time steps. Up: units. Point at a cell for its number."
    )
    write_text(path, heat_map_page(f"Gates and states: {found.source}", about, groups))


def _group(traced: WindowTrace, view: LayerView) -> HeatMaps:
    from lstmcast.reporting.plots import HeatMap, HeatMaps

    steps = view.steps
    between = view.recurrent_activation in BOUNDED
    maps = [
        HeatMap(
            name,
            SAYS[name] if between else SAYS[name].partition(" (")[0],
            _array(values[0]),
            name in "gn" or not between,
        )
        for name, values in steps.gates.items()
    ]
    if steps.c is not None:
        maps.append(HeatMap("c", SAYS["c"], _array(steps.c[0]), True))
    maps.append(HeatMap("h", SAYS["h"], _array(steps.h[0]), True))
    numbers = range(view.padded, view.count)
    inputs = int((traced.rows["part"] == "input").sum())
    first = inputs if view.name.startswith("decoder") else 0
    stamps = traced.rows[traced.time or "step"].astype(str).tolist()[first : first + len(numbers)]
    about = "Runs from the last step to the first." if steps.reverse else ""
    title = f"{view.name}: {view.kind}, {view.units} units"
    return HeatMaps(title, about, numbers, stamps, maps)


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.cpu().numpy()
    return array
