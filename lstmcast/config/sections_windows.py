"""Sections split, window and scale, between the table and the network."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from lstmcast.config.values import Count, Cut, Section, Steps, StepsOrZero


class SplitConfig(Section):
    """The last parts of every series that are kept for validation and test, in time order."""

    model_config = ConfigDict(title="Split")

    validation: Cut = Field(
        default=0.1,
        description="Fraction of the rows (0.1), number of steps (52) or first day (2024-01-31) "
        "of the validation rows, which choose the best epoch; 0: no validation.",
    )
    test: Cut = Field(
        default=0.2,
        description="Fraction of the rows (0.2), number of steps (104) or first day (2024-01-31) "
        "of the test rows, which follow the validation rows and score the forecasts; 0: no test.",
    )


class WindowConfig(Section):
    """How the steps of a series become pairs of inputs and targets."""

    model_config = ConfigDict(title="Window")

    lookback: Steps = Field(default=96, description="Steps of input for each forecast (T).")
    horizon: StepsOrZero = Field(
        default=24,
        description="Steps forecast at once (H); 0: inputs only, for `lstmcast window` alone.",
    )
    stride: Count = Field(
        default=1,
        description="Steps from one training window to the next.",
    )
    judge_stride: Count = Field(
        default=1,
        description="Steps from one validation or test window to the next; with millions of "
        "windows, every hundredth gives nearly the same scores in a hundredth of the time.",
    )
    pad: bool = Field(
        default=False,
        description="Whether series shorter than the lookback, and the first steps of every "
        "series, are padded on the left instead of left out.",
    )


class ScaleConfig(Section):
    """Scaling of the columns, fitted on training rows only."""

    model_config = ConfigDict(title="Scale")

    method: Literal["standard", "minmax", "robust", "none"] = Field(
        default="standard",
        description="Scaling of the columns: standard, mean 0 and deviation 1; minmax, 0 to 1; "
        "robust, median 0 and interquartile range 1; none, the units of the data.",
    )
    per: Literal["series", "all"] = Field(
        default="series",
        description="Rows that one scale is fitted on: those of each series, or those of all "
        "series together.",
    )
    transform: Literal["none", "log1p"] = Field(
        default="none",
        description="Transform of the targets before scaling, inverted on forecasts: none; log1p, "
        "log(1 + value), for counts and sales that grow by factors.",
    )
