"""Types and bounds of the JSON of a model file, which may come from a stranger."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, StringConstraints

from lstmcast.config.values import MAX_STEPS

LARGE = 2**53
"""Largest whole number that every JSON reader reads exactly."""

Count = Annotated[int, Ge(1), Le(LARGE)]
CountOrZero = Annotated[int, Ge(0), Le(LARGE)]
Steps = Annotated[int, Ge(1), Le(MAX_STEPS)]
ForecasterName = Literal["lstmcast", "naive", "seasonal_naive", "drift", "linear"]
Whole = Annotated[int, Ge(-LARGE), Le(LARGE)]


class Part(BaseModel):
    """Strict types and finite numbers; unknown keys, of later versions, are allowed."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class CategoryPart(Part):
    """See `sizes.Category`."""

    column: str
    static: bool
    place: CountOrZero
    count: CountOrZero
    width: Count
    fixed: bool = False


class SizesPart(Part):
    """See `sizes.Sizes`."""

    lookback: Steps
    horizon: Steps
    inputs: Count
    targets: Count
    future: CountOrZero
    static: CountOrZero
    categories: list[CategoryPart] = []
    levels: list[Annotated[float, Gt(0), Lt(100)]] = []
    season: Steps = 1


class FrequencyPart(Part):
    """See `frequency.Frequency`."""

    alias: str
    season: Count
    words: str
    kind: Literal["fixed", "month", "business", "step"]
    every: Count
    phase: Whole
    day: Whole
    clock: Whole


class ScalerPart(Part):
    """See `scaling.Scaler`: S rows of F numbers."""

    method: Literal["standard", "minmax", "robust", "none"]
    center: list[list[float]]
    scale: list[list[Annotated[float, Gt(0)]]]
    logged: list[CountOrZero] = []


class VocabularyPart(Part):
    """See `categories.Vocabulary`."""

    words: dict[str, list[str]]
    series: list[str]


class MarginsPart(Part):
    """See `intervals.Margins`: (levels, H, C), (H, C), and (levels, C) of some series."""

    pooled: list[list[list[float | None]]]
    typical: list[list[float]]
    own: dict[Annotated[str, StringConstraints(pattern="^[0-9]{1,15}$")], list[list[float | None]]]


class CalibrationPart(Part):
    """See `intervals.Calibration`."""

    levels: list[Annotated[float, Gt(0), Lt(100)]]
    sizes: list[list[float | None]]
    usual: list[float]
    margins: dict[ForecasterName, MarginsPart]


class SplitErrorsPart(Part):
    """See `fallback.SplitErrors`: S places, S counts, and S errors of each forecaster."""

    until: list[Whole]
    points: list[CountOrZero]
    errors: list[list[Annotated[float, Ge(0)]]]


class RecordPart(Part):
    """See `fallback.PastErrors`."""

    forecasters: list[ForecasterName]
    splits: list[SplitErrorsPart]


class Described(Part):
    """The JSON of a model file."""

    config: dict[str, Any]
    sizes: SizesPart
    frequency: FrequencyPart
    series: list[list[str]]
    scaler: ScalerPart
    static_scaler: ScalerPart | None
    vocabulary: VocabularyPart | None = None
    fallbacks: list[Literal["naive", "seasonal_naive", "drift"]]
    calibration: CalibrationPart | None = None
    record: RecordPart | None = None
