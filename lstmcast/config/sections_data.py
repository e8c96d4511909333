"""Section data: the table, its columns, and the treatment of its faults."""

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
    """The table, the roles of its columns, and how its rows become equally spaced steps."""

    model_config = ConfigDict(title="Data")

    path: FilePath = Field(
        description="Path of a CSV or Parquet file, or of a folder of such files that form one "
        "table, relative to the folder of the config."
    )
    storage: Literal["auto", "memory", "disk"] = Field(
        default="auto",
        description="Where the rows are held: memory; disk, as memory-mapped files that a table "
        "larger than memory is streamed into once; auto, disk for a folder and for a file that "
        "would fill much of the memory, else memory.",
    )
    tables: FilePath | None = Field(
        default=None,
        description="Folder for the tables held on disk, relative to the folder of the config; "
        "null: runs/.tables in the current folder.",
    )
    layout: Literal["auto", "long", "wide", "rows"] = Field(
        default="auto",
        description="Arrangement of the series: long, one below the other, identified by "
        "data.series; wide, one column per series (data.target); rows, one row per series, a name "
        "and then its values; auto, rows if the header is V1, V2, ..., else long.",
    )
    time: Name | None = Field(
        default=None,
        description="Name of the column of time stamps; null: rows are equally spaced steps.",
    )
    target: Targets = Field(
        description="Names of the numeric columns to forecast; one network forecasts all of them."
    )
    series: Columns = Field(
        default=[],
        description="Names of the columns that identify the series of a long table; []: the table "
        "is one series.",
    )
    past: Columns = Field(
        default=[],
        description="Names of past covariates: numeric columns known up to the forecast origin.",
    )
    future: Columns = Field(
        default=[],
        description="Names of future covariates: numeric columns known ahead, such as prices or "
        "holidays; the table must contain them for the horizon too.",
    )
    static: Columns = Field(
        default=[], description="Names of static covariates: columns with one value per series."
    )
    categorical: Columns = Field(
        default=[],
        description="Names of columns in past, future or static that contain categories, not "
        "numbers; the network learns an embedding for each category.",
    )
    vectors: Files = Field(
        default={},
        description="Path of a word2vec or GloVe text file with the initial embedding of a "
        "categorical column: {item: items.txt}, relative to the folder of the config.",
    )
    calendar: Calendar = Field(
        default=[],
        description="Calendar features of each time stamp, known ahead: hour, day_of_week, month "
        "and similar as sine and cosine, year and weekend as numbers; auto: those that suit the "
        "frequency.",
    )
    holidays: Name | None = Field(
        default=None,
        description="Country, or country and region, whose public holidays become a future "
        "covariate: DE, US-CA; needs the extra holidays; null: none.",
    )
    lags: Lags = Field(
        default=[],
        description="Steps back at which earlier target values become columns: [24, 168]; lags of "
        "at least the horizon are known ahead.",
    )
    frequency: Name = Field(
        default="auto",
        description="Time from one step to the next, in pandas notation (30min, h, D, B, W-SUN, "
        "MS, ME, QS, YS); auto: inferred from the time stamps.",
    )
    season: Literal["auto"] | Count = Field(
        default="auto",
        description="Steps in one season, for the seasonal naive baseline and MASE; auto: taken "
        "from the frequency.",
    )
    time_format: TimeFormat = Field(
        default="auto",
        description="Format of the time stamps: auto, day_first, month_first or a strptime "
        "pattern such as '%d.%m.%Y %H:%M'; auto refuses time stamps that can be read in two ways.",
    )
    gaps: Literal["forward", "interpolate", "zero", "mask", "error"] = Field(
        default="forward",
        description="Imputation of missing steps and values: forward, the last value; "
        "interpolate, a line between neighbours; zero, 0; mask, the last value plus an indicator "
        "column for each target and past covariate; error, none, missing values are refused.",
    )
    duplicates: Literal["error", "first", "last", "mean"] = Field(
        default="error",
        description="Treatment of rows with the same series and time stamp: error, refuse them; "
        "first or last, keep that row; mean, average the numbers.",
    )
    start: Stamp = Field(
        default=None,
        description="First time stamp used, or first row number (from 1) of a table without time; "
        "null: the first one.",
    )
    end: Stamp = Field(
        default=None,
        description="Last time stamp used, or last row number (from 1) of a table without time; "
        "null: the last one.",
    )

    @model_validator(mode="before")
    @classmethod
    def _years_are_stamps(cls, values: Any) -> Any:
        """Read `start: 1950` as a time stamp if there is a time column, else as a row number."""
        if not isinstance(values, Mapping) or values.get("time") is None:
            return values
        stamps = {key: str(values[key]) for key in ("start", "end") if type(values.get(key)) is int}
        return {**values, **stamps}
