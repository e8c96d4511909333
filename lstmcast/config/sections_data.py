"""The section about the table: its file, its columns, its faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from lstmcast.config.values import (
    Calendar,
    Columns,
    Count,
    FilePath,
    Files,
    Lags,
    Name,
    Section,
    Stamp,
    Targets,
    TimeFormat,
)


class DataConfig(Section):
    """The table to read, what its columns are, and how its rows become equally spaced steps."""

    model_config = ConfigDict(title="Data")

    path: FilePath = Field(
        description="Path of the CSV or Parquet table, or of a folder of such files whose rows are "
        "one table, relative to the folder of the config."
    )
    storage: Literal["auto", "memory", "disk"] = Field(
        default="auto",
        description="Where the rows are held: memory; disk, in mapped files that a table larger "
        "than memory is streamed into once; auto: disk of a folder, and of a file that would fill "
        "a good part of memory.",
    )
    tables: FilePath | None = Field(
        default=None,
        description="Folder of the tables that are held on disk, relative to the folder of the "
        "config; null: runs/.tables in the current folder.",
    )
    layout: Literal["auto", "long", "wide", "rows"] = Field(
        default="auto",
        description="How the series stand in the table: long, below each other, told apart by "
        "data.series; wide, each column of data.target is a series of its own; rows, each row is "
        "one, a name and then its values; auto: rows where the header is V1, V2, ..., else long.",
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
