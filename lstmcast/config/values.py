"""Types of the values of config fields, and the base of all sections.

Types are strict: a whole number is not text, a fraction not a whole number, `true` not a number.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

# Keeps sums and products of two counts inside 64 bits, so that numpy never wraps around.
LIMIT = 2**31 - 1
MAX_STEPS = 1_000_000  # of a window; what has more is no window, but a slip or an attack
TIME_FORMATS = ("auto", "day_first", "month_first")


def _as_list(value: Any) -> Any:
    """Accept one value as a list of one."""
    if isinstance(value, tuple):
        return list(value)
    return (
        [value] if isinstance(value, str | int | float) and not isinstance(value, bool) else value
    )


def _as_stamp(value: Any) -> Any:
    """A date as ISO text; midnight as the day alone."""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date() if value.tzinfo is None else value
    return value.isoformat() if isinstance(value, datetime.date) else value


def _as_path(value: Any) -> Any:
    return str(value) if isinstance(value, PurePath) else value


def _is_day(text: str) -> str:
    day = datetime.date.fromisoformat(text)
    if text != day.isoformat():  # fromisoformat also takes 20240131 and 2024-W05-3
        raise ValueError("must be a day such as 2024-01-31")
    return text


def _is_path(text: str) -> str:
    if "\0" in text:
        raise ValueError("must be the path of a file, without a NUL character")
    return text


def _is_time_format(text: str) -> str:
    if text not in TIME_FORMATS and "%" not in text:
        known = ", ".join(TIME_FORMATS)
        raise ValueError(f"must be {known} or a pattern such as '%d.%m.%Y %H:%M', got '{text}'")
    return text


Item = TypeVar("Item")


def _is_memory(text: str) -> str:
    memory_bytes(text)
    return text


def memory_bytes(text: str) -> int:
    """Bytes that a size of memory such as `4GB` or `512 MiB` names.

    Raises:
        ValueError: It is none.
    """
    found = re.fullmatch(r"(?i)([0-9]{1,9}(?:[.][0-9]{1,9})?) ?([kmgt])(i?)b", text.strip())
    if found is None:
        raise ValueError(f"must be a size such as 4GB, 512MB or 7.5GiB, got '{text}'")
    number, letter, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (" kmgt".index(letter.lower())))


def _no_twins(values: list[Item]) -> list[Item]:
    twins = [value for value, count in Counter(values).items() if count > 1]
    if twins:
        raise ValueError(f"names {', '.join(map(repr, twins))} twice; name each one once")
    return values


def _no_twin_levels(values: list[float]) -> list[float]:
    if len(set(values)) < len(values):
        raise ValueError("names a level twice; name each once")
    # 80 stays 80 when the config is written again, and in column names.
    return [int(value) if value == int(value) else value for value in values]


Count = Annotated[int, Ge(1), Le(LIMIT)]
Steps = Annotated[int, Ge(1), Le(MAX_STEPS)]
StepsOrZero = Annotated[int, Ge(0), Le(MAX_STEPS)]
CountOrZero = Annotated[int, Ge(0), Le(LIMIT)]
Fraction = Annotated[float, Ge(0), Lt(1)]
Positive = Annotated[float, Gt(0)]
Name = Annotated[str, MinLen(1)]
FilePath = Annotated[Name, AfterValidator(_is_path), BeforeValidator(_as_path)]
MemorySize = Annotated[str, AfterValidator(_is_memory)]
TimeFormat = Annotated[Name, AfterValidator(_is_time_format)]
Columns = Annotated[
    list[Name],
    AfterValidator(_no_twins),
    BeforeValidator(_as_list, json_schema_input_type=Name | list[Name]),
]
Names = Annotated[list[Name], MinLen(1)]
Files = dict[Name, FilePath]
Targets = Annotated[
    Names,
    AfterValidator(_no_twins),
    BeforeValidator(_as_list, json_schema_input_type=Name | Names),
]
Percent = Annotated[float, Gt(0), Lt(100)]
Percents = Annotated[
    list[Percent],
    AfterValidator(_no_twin_levels),
    BeforeValidator(_as_list, json_schema_input_type=Percent | list[Percent]),
]
Counts = Annotated[list[Count], MinLen(1)]
Lags = Annotated[
    list[Count],
    AfterValidator(_no_twins),
    BeforeValidator(_as_list, json_schema_input_type=Count | list[Count]),
]
CalendarName = Literal[
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "week",
    "month",
    "quarter",
    "year",
    "weekend",
]
Calendar = Annotated[
    Literal["auto"] | Annotated[list[CalendarName], AfterValidator(_no_twins)],
    BeforeValidator(
        lambda value: value if value == "auto" else _as_list(value),
        json_schema_input_type=Literal["auto"] | CalendarName | list[CalendarName],
    ),
]
Widths = Annotated[Counts, BeforeValidator(_as_list, json_schema_input_type=Count | Counts)]
Day = Annotated[str, AfterValidator(_is_day), WithJsonSchema({"type": "string", "format": "date"})]
Cut = Annotated[Fraction | CountOrZero | Day, BeforeValidator(_as_stamp)]
Stamp = Annotated[Name | Count | None, BeforeValidator(_as_stamp)]


class Section(BaseModel):
    """Base of all sections: frozen, strict, no unknown keys, no NaN and no infinity."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
