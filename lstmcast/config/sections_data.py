"""The sections about the table: data, split, window, scale."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from lstmcast.config.values import (
    Calendar,
    Columns,
    Count,
    CountOrZero,
    Cut,
    FilePath,
    Files,
    Lags,
    Name,
    Rule,
    Section,
    Stamp,
    Targets,
    TimeFormat,
    refuse,
)

ROLES = ("time", "target", "series", "past", "future", "static")


class DataConfig(Section):
    """The table to read, what its columns are, and how its rows become equally spaced steps."""

    model_config = ConfigDict(title="Data")

    path: FilePath = Field(
        description="Path of the CSV or Parquet table, relative to the folder of the config."
    )
    time: Name | None = Field(
        default=None,
        description="Name of the column of time stamps; null: rows are equally spaced steps.",
    )
    target: Targets = Field(
        description="Names of the numeric columns to forecast, all by one network."
    )
    series: Columns = Field(
        default=[],
        description="Names of the columns that tell the series of a long table apart; "
        "[]: the table is one series.",
    )
    past: Columns = Field(
        default=[],
        description="Names of numeric columns known up to the forecast origin, read as inputs.",
    )
    future: Columns = Field(
        default=[],
        description="Names of numeric columns known ahead, such as prices or holidays; "
        "the table holds them for the horizon too.",
    )
    static: Columns = Field(
        default=[], description="Names of columns that hold one value for each series."
    )
    categorical: Columns = Field(
        default=[],
        description="Names of the columns of past, future and static whose cells are categories, "
        "not numbers; the network learns a vector for each.",
    )
    vectors: Files = Field(
        default={},
        description="Path of a word2vec or GloVe text file for each column of categories that "
        "begins with given vectors: {item: items.txt}, relative to the folder of the config.",
    )
    calendar: Calendar = Field(
        default=[],
        description="Features of each stamp, known ahead: hour, day_of_week, month and the like as "
        "sine and cosine, year and weekend as numbers; auto: what the frequency suggests.",
    )
    holidays: Name | None = Field(
        default=None,
        description="Country whose public holidays are a column known ahead, with or without a "
        "part of it: DE, US-CA; needs the extra holidays; null: none.",
    )
    lags: Lags = Field(
        default=[],
        description="Steps back whose target values are columns of their own: [24, 168]; those of "
        "at least the horizon are known ahead.",
    )
    frequency: Name = Field(
        default="auto",
        description="Time from one step to the next, as pandas spells it (30min, h, D, B, W-SUN, "
        "MS, ME, QS, YS); auto: taken from the stamps.",
    )
    season: Literal["auto"] | Count = Field(
        default="auto",
        description="Steps in one season, as the seasonal naive baseline and MASE use it; "
        "auto: taken from the frequency.",
    )
    time_format: TimeFormat = Field(
        default="auto",
        description="Spelling of the stamps: auto, day_first, month_first or a strptime pattern "
        "such as '%d.%m.%Y %H:%M'; auto refuses stamps that can be read two ways.",
    )
    gaps: Literal["forward", "interpolate", "zero", "mask", "error"] = Field(
        default="forward",
        description="What fills missing steps and values: forward, the last value; interpolate, "
        "a line between neighbours; zero, 0; mask, the last value, and a column for each target "
        "and past column tells the network where; error, nothing, they are refused.",
    )
    duplicates: Literal["error", "first", "last", "mean"] = Field(
        default="error",
        description="What becomes of rows of one series with the same stamp: error, they are "
        "refused; first or last, that row is kept; mean, numbers are averaged.",
    )
    start: Stamp = Field(
        default=None,
        description="First stamp used, or first row number (from 1) of a table without time; "
        "null: the first there is.",
    )
    end: Stamp = Field(
        default=None,
        description="Last stamp used, or last row number (from 1) of a table without time; "
        "null: the last there is.",
    )

    @model_validator(mode="before")
    @classmethod
    def _years_are_stamps(cls, values: Any) -> Any:
        """Read `start: 1950` as a stamp where there is a time column, else as a row number."""
        if not isinstance(values, Mapping) or values.get("time") is None:
            return values
        stamps = {key: str(values[key]) for key in ("start", "end") if type(values.get(key)) is int}
        return {**values, **stamps}

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(self._shared_columns() + self._category_rules() + self._time_rules())
        return self

    def _shared_columns(self) -> list[Rule]:
        columns = {role: getattr(self, role) for role in ROLES}
        columns["time"] = [self.time] if self.time is not None else []
        return [
            (f"data.{b}", f"names '{name}', which data.{a} names too; a column has one role only")
            for a, b in combinations(ROLES, 2)
            for name in columns[b]
            if name in columns[a]
        ]

    def _category_rules(self) -> list[Rule]:
        covariates = [*self.past, *self.future, *self.static]
        rules: list[Rule] = []
        for name in self.categorical:
            if name in self.target:
                rules.append(("data.categorical", f"names '{name}', a target; targets are numbers"))
            elif name in self.series:
                text = f"names '{name}' of data.series; set network.embed_series to true instead"
                rules.append(("data.categorical", text))
            elif name not in covariates:
                text = f"names '{name}', which is not in data.past, data.future or data.static"
                rules.append(("data.categorical", text))
        known = [*self.categorical, *self.series]
        rules += [
            ("data.vectors", f"names '{name}', which is not in data.categorical or data.series")
            for name in self.vectors
            if name not in known
        ]
        return rules

    def _time_rules(self) -> list[Rule]:
        rules: list[Rule] = []
        if self.time is None:
            for field in ("frequency", "time_format", "duplicates", "holidays", "calendar"):
                if field == "calendar" and self.calendar == "auto":
                    continue
                if getattr(self, field) != type(self).model_fields[field].default:
                    text = "has no effect without data.time; name the time column, or leave it out"
                    rules.append((f"data.{field}", text))
            for field, end in (("start", self.start), ("end", self.end)):
                if isinstance(end, str):
                    text = f"must be a row number where there is no data.time, got '{end}'"
                    rules.append((f"data.{field}", text))
        if isinstance(self.start, int) and isinstance(self.end, int) and self.start > self.end:
            rules.append(("data.end", f"must be at least data.start {self.start}, got {self.end}"))
        return rules


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

    @model_validator(mode="after")
    def _check(self) -> Self:
        a, b = self.validation, self.test
        rules: list[Rule] = []
        if isinstance(a, float) and isinstance(b, float) and a + b >= 1:
            rules.append(
                (
                    "split.validation",
                    f"and split.test leave no row to train on: {a} + {b} must stay below 1",
                )
            )
        if isinstance(a, str) and isinstance(b, str) and a >= b:
            rules.append(("split.validation", f"must begin before split.test ({b}), got {a}"))
        refuse(rules)
        return self


class WindowConfig(Section):
    """How the steps of a series become pairs of inputs and targets."""

    model_config = ConfigDict(title="Window")

    lookback: Count = Field(
        default=96, description="Steps of input that one forecast is made from (T)."
    )
    horizon: CountOrZero = Field(
        default=24,
        description="Steps forecast at once (H); 0: inputs only, for `lstmcast window` alone.",
    )
    stride: Count = Field(
        default=1,
        description="Steps from one training window to the next; validation and test keep all.",
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
