"""What inspect is asked, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.config import Config
from lstmcast.errors import ConfigError, nearest
from lstmcast.inspection.head_arithmetic import HeadArithmetic
from lstmcast.inspection.layer_table import Row, Weight
from lstmcast.inspection.state_identities import Equality
from lstmcast.inspection.tolerance import Check
from lstmcast.inspection.trace import Trace
from lstmcast.inspection.verify_layers import LayerView
from lstmcast.network.sizes import Sizes


@dataclass(frozen=True)
class InspectOptions:
    """What is asked of inspect.

    Attributes:
        trace: Whether to tell a window's whole way; to choose a window or layer and nothing to
            show of it asks for that too.
        window: Number of the window to follow, as in `lstmcast window --show`; None: the first of
            test, or the last of all.
        layer: Name of one layer; None: all, and for a step the first.
        step: Time step to open; negative ones count from the end.
        unit: Unit whose numbers are written out.
        plot: HTML file to write heat maps to.
    """

    trace: bool = False
    window: int | None = None
    layer: str | None = None
    step: int | None = None
    unit: int = 0
    plot: Path | None = None

    @property
    def describes_window(self) -> bool:
        """Whether the whole trace of a window is described."""
        chosen = self.window is not None or self.layer is not None or self.unit != 0
        return self.trace or (chosen and self.step is None and self.plot is None)

    @property
    def traces_window(self) -> bool:
        """Whether a window is followed at all."""
        return self.describes_window or self.step is not None or self.plot is not None


@dataclass(frozen=True)
class ColumnScale:
    """How a column is scaled: `(value - center) / scale`.

    Attributes:
        name: Of the column.
        center: In units of the column, or where logged of the logarithm.
        scale: In the same units.
        logged: Whether log(1 + value) is what is scaled.
        words: Whether it holds categories; their codes stay as they are.
    """

    name: str
    center: float
    scale: float
    logged: bool = False
    words: bool = False


@dataclass(frozen=True)
class WindowTrace:
    """One window of real data on its way through the network.

    Attributes:
        number: Of the window, counted from 0.
        windows: How many there are.
        split: train, validation or test.
        series: Name of its series; empty for a plain table.
        time: Name of the time column; None where rows are counted.
        rows: A row a step with stamp, row of the table and values, as `lstmcast window --show`.
        columns: How each input column is scaled.
        static: Names of the static columns.
        words: The texts that the codes of each column of categories stand for, code k being k - 1.
        trace: Of the network.
        equal: What equals what.
        head: The sum that makes the first number of the forecast.
        units: The check of the way back to the units of the data.
        forecast: (H, C) in units of the data.
        actual: (H, C) actual values; NaN if missing.
    """

    number: int
    windows: int
    split: str
    series: str
    time: str | None
    rows: pd.DataFrame
    columns: list[ColumnScale]
    static: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    trace: Trace
    equal: list[Equality]
    head: HeadArithmetic
    units: Check
    forecast: np.ndarray
    actual: np.ndarray

    def word(self, column: str, code: float) -> str:
        """The category of a code."""
        return self.words[column][int(code) - 1] if code else "(unknown)"

    @property
    def padded(self) -> int:
        """Steps of the window before its series begins."""
        return len(self.trace.batch.inputs[0]) - int((self.rows["part"] == "input").sum())


@dataclass(frozen=True)
class InspectionResult:
    """What inspect found.

    Attributes:
        source: The config, table or run.
        options: What was asked.
        trained: Whether the weights are trained, or those that training would start from.
        config: Of the network.
        sizes: Axes of its windows.
        rows: The table of layers.
        weights: Of the recurrent layers.
        traced: The trace of a window; None if not requested.
        layers: The requested layers of the trace.
        opened: The layer whose step is shown in detail; None without one.
        step: Of that layer, counted from 0.
    """

    source: str
    options: InspectOptions
    trained: bool
    config: Config
    sizes: Sizes
    rows: list[Row]
    weights: list[Weight]
    traced: WindowTrace | None
    layers: list[LayerView]
    opened: LayerView | None
    step: int | None

    @property
    def checks(self) -> list[Check]:
        """All that was computed a second time; the same check of several layers once."""
        if self.traced is None:
            return []
        traced = self.traced
        return list(dict.fromkeys([*traced.trace.all_checks(), traced.head.check, traced.units]))

    @property
    def agrees(self) -> bool:
        """Whether all checks hold, and everything that must be the same is."""
        equal = [] if self.traced is None else self.traced.equal
        return all(check.holds for check in self.checks) and all(two.holds for two in equal)

    @property
    def overflow(self) -> str:
        """Where numbers first are not finite, such as `step 3 of l0`; empty where all are."""
        if self.traced is None:
            return ""
        trace = self.traced.trace
        for view in trace.layers:
            if view.overflows_at is not None:
                return f"step {view.overflows_at} of {view.name}"
        finite = trace.forecast.isfinite().all() and np.isfinite(self.traced.forecast).all()
        return "" if finite else "the forecast"


def chosen_layers(layers: list[LayerView], name: str | None) -> list[LayerView]:
    """The layer of a name, or all.

    Raises:
        ConfigError: No layer has the name.
    """
    if name is None:
        return layers
    chosen = [view for view in layers if view.name == name]
    if not chosen:
        names = [view.name for view in layers]
        raise ConfigError(f"--layer {name}: this network has no such layer; {nearest(name, names)}")
    return chosen


def chosen_step(view: LayerView, step: int) -> int:
    """A step counted from 0.

    Raises:
        ConfigError: The layer does not run that step.
    """
    last = view.count - 1
    chosen = step if step >= 0 else view.count + step
    if not 0 <= chosen <= last:
        rows = "the horizon's first" if view.name.startswith("decoder") else "the oldest row"
        raise ConfigError(
            f"--step {step}: steps of {view.name} are counted from 0 ({rows}) to {last}; "
            "negative ones count from the end, -1 being the last"
        )
    if chosen < view.padded:
        raise ConfigError(
            f"--step {step}: steps 0 to {view.padded - 1} of this window are padding, which no "
            f"layer sees; name one from {view.padded} to {last}"
        )
    return chosen


def check_unit(view: LayerView, unit: int) -> None:
    """Refuse a unit that a layer does not have.

    Raises:
        ConfigError: There is no such unit.
    """
    if not 0 <= unit < view.units:
        raise ConfigError(
            f"--unit {unit}: units of {view.name} are counted from 0 to {view.units - 1}"
        )
