"""The sections between the table and the network: split, window, scale."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from lstmcast.config.values import Count, Cut, Section, Steps, StepsOrZero


class SplitConfig(Section):
    """Which last part of every series is kept for validation and for the test, in time order."""

    model_config = ConfigDict(title="Split")

    validation: Cut = Field(
        default=0.1,
        description="Fraction of the rows (0.1), number of steps (52) or first day (2024-01-31) "
        "that choose the best epoch; 0: no validation.",
    )
    test: Cut = Field(
        default=0.2,
        description="Fraction of the rows (0.2), number of steps (104) or first day (2024-01-31) "
        "that score the forecasts, after validation; 0: no test.",
    )


class WindowConfig(Section):
    """How the steps of a series become pairs of inputs and targets."""

    model_config = ConfigDict(title="Window")

    lookback: Steps = Field(
        default=96, description="Steps of input that one forecast is made from (T)."
    )
    horizon: StepsOrZero = Field(
        default=24,
        description="Steps forecast at once (H); 0: inputs only, for `lstmcast window` alone.",
    )
    stride: Count = Field(
        default=1,
        description="Steps from one training window to the next; see judge_stride for the others.",
    )
    judge_stride: Count = Field(
        default=1,
        description="Steps from one validation or test window to the next: of a table with "
        "millions of them, 1 in 100 says as much in a hundredth of the time.",
    )
    pad: bool = Field(
        default=False,
        description="Whether series or starts shorter than the lookback are padded on the left "
        "instead of being left out.",
    )


class ScaleConfig(Section):
    """How columns are brought to one scale; fitted on training rows only."""

    model_config = ConfigDict(title="Scale")

    method: Literal["standard", "minmax", "robust", "none"] = Field(
        default="standard",
        description="Scale of the columns: standard, mean 0 and deviation 1; minmax, 0 to 1; "
        "robust, median 0 and quartile range 1; none, the units of the data.",
    )
    per: Literal["series", "all"] = Field(
        default="series",
        description="What one scale is fitted to: each series by itself, or all series together.",
    )
    transform: Literal["none", "log1p"] = Field(
        default="none",
        description="What targets go through before they are scaled, undone on forecasts: none; "
        "log1p, log(1 + value), for counts and sales that grow by factors.",
    )
