"""The style of time stamps: a pattern, and how whole columns are written by it.

A pattern has strptime's directives, and three more: `%q` the quarter, `%s` seconds and `%Q`
milliseconds since 1970. In a style, `%-d` is a number without leading zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmcast.errors import ConfigError

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

# The regular expression of each directive, and its text in messages.
SHAPES = {
    "Y": r"[0-9]{4}", "y": r"[0-9]{2}", "m": r"[0-9]{1,2}", "d": r"[0-9]{1,2}", "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]{3,9}", "q": r"[1-4]", "H": r"[0-9]{1,2}", "I": r"[0-9]{1,2}", "M": r"[0-9]{2}",
    "S": r"[0-9]{2}", "f": r"[0-9]{1,9}", "p": r"[AaPp][Mm]", "s": r"-?[0-9]{1,11}",
    "z": r"Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?", "Q": r"-?[0-9]{1,14}",
}  # fmt: skip
_WORDS = {
    "Y": "YYYY", "y": "YY", "m": "MM", "d": "DD", "b": "Mon", "B": "Month", "q": "1", "H": "HH",
    "I": "HH", "M": "MM", "S": "SS", "f": "ffffff", "p": "AM", "s": "seconds since 1970",
    "z": "+HH:MM", "Q": "milliseconds since 1970", "%": "%",
}  # fmt: skip
MANY = 1000
"""Number of stamps from which a check for duplicates saves time."""

UNPADDED = "mdHI"  # directives that may lack a leading zero


@dataclass(frozen=True)
class StampStyle:
    """How a column writes its time stamps, so that new stamps have the same format.

    Attributes:
        pattern: Directives and the text between them.
        digits: Digits of the fraction of a second.
        zone: Text of `%z`.
        shift: Minutes that the written time is ahead of the stamp: 0 if stamps are wall time, the
            zone's offset if they are UTC.
        zone_changes: First stamp and text of each zone, in order of time, if stamps are wall time
            in several zones.
        case: Case of month names: "title", "upper" or "lower".
        small_am: Whether AM and PM are in lower case.
    """

    pattern: str
    digits: int = 0
    zone: str = ""
    shift: int = 0
    zone_changes: tuple[tuple[np.datetime64, str], ...] = ()
    case: str = "title"
    small_am: bool = False

    @property
    def words(self) -> str:
        """The format for messages, such as `YYYY-MM-DD HH:MM`."""
        parts = [_WORDS[t[-1]] if t[0] == "%" else t for t in tokens(self.pattern)]
        return "".join(parts)

    def format(self, stamps: np.ndarray) -> list[str]:
        """Stamps (datetime64) as texts."""
        if len(stamps) > MANY:  # many series may have the same stamps
            once, places = np.unique(stamps, return_inverse=True)
            if 2 * len(once) < len(stamps):
                texts = self.format(once)
                return [texts[place] for place in places.tolist()]
        wall = stamps.astype("datetime64[us]") + np.timedelta64(self.shift, "m")
        template, columns = "", []
        for token in tokens(self.pattern):
            if token[0] != "%" or token == "%%":
                template += token.replace("%", "%%") if token != "%%" else "%%"
                continue
            width, values = self._written(token[-1], wall)
            template += "%s" if width is None else f"%0{width}d" if token[1] != "-" else "%d"
            columns.append(values)
        return [template % row for row in zip(*columns, strict=True)]

    def _written(self, letter: str, wall: np.ndarray) -> tuple[int | None, list[Any]]:
        """Width (None for text) and values of one directive."""
        if letter == "z":
            if not self.zone_changes:
                return None, [self.zone] * len(wall)
            begins, zones = zip(*self.zone_changes, strict=True)
            place = np.searchsorted(np.array(begins), wall, side="right") - 1
            return None, [zones[k] for k in np.maximum(place, 0).tolist()]
        if letter == "p":
            late = (_part(wall, "h", "D") >= 12).tolist()
            noon = ("am", "pm") if self.small_am else ("AM", "PM")
            return None, [noon[after] for after in late]
        if letter in "bB":
            months = [self._cased(name if letter == "B" else name[:3]) for name in MONTHS]
            return None, [months[k] for k in _month_index(wall).tolist()]
        if letter == "f":
            micro = _part(wall, "us", "s")
            digits = self.digits or 6
            scaled = micro * 10 ** max(digits - 6, 0) // 10 ** max(6 - digits, 0)
            return digits, scaled.tolist()
        width = {"Y": 4, "q": 1, "s": 1, "Q": 1}.get(letter, 2)
        return width, _NUMBERS[letter](wall).tolist()

    def _cased(self, name: str) -> str:
        return {"lower": name.lower(), "upper": name.upper()}.get(self.case, name)


def tokens(pattern: str) -> list[str]:
    """A pattern cut into directives and literal texts."""
    return re.findall(r"%-?[A-Za-z%]|[^%]+|%", pattern)


def check_pattern(pattern: str) -> None:
    """Raise ConfigError for a pattern without year, or with unknown or repeated directives."""
    letters = [t[-1] for t in tokens(pattern) if t[0] == "%" and t != "%%"]
    known = ", ".join(f"%{letter}" for letter in SHAPES)
    for letter in letters:
        if letter not in SHAPES:
            raise ConfigError(
                f"data.time_format: '{pattern}' has the directive '%{letter.strip('%')}', which is "
                f"not among {known}"
            )
        if letters.count(letter) > 1:
            raise ConfigError(f"data.time_format: '{pattern}' has the directive '%{letter}' twice")
    if not set(letters) & set("YysQ"):
        raise ConfigError(
            f"data.time_format: '{pattern}' has no year; set auto, day_first, month_first or a "
            f"strptime pattern such as '%d.%m.%Y %H:%M' (directives: {known})"
        )


def _part(wall: np.ndarray, unit: str, within: str) -> np.ndarray:
    """Whole units since the start of the larger unit, such as hours in the day."""
    large = wall.astype(f"datetime64[{within}]")
    return np.asarray((wall.astype(f"datetime64[{unit}]") - large).astype(np.int64))


def _month_index(wall: np.ndarray) -> np.ndarray:
    return wall.astype("datetime64[M]").astype(np.int64) % 12


def _year(wall: np.ndarray) -> np.ndarray:
    return wall.astype("datetime64[Y]").astype(np.int64) + 1970


_NUMBERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Y": _year,
    "y": lambda wall: _year(wall) % 100,
    "m": lambda wall: _month_index(wall) + 1,
    "d": lambda wall: _part(wall, "D", "M") + 1,
    "q": lambda wall: _month_index(wall) // 3 + 1,
    "H": lambda wall: _part(wall, "h", "D"),
    "I": lambda wall: (_part(wall, "h", "D") - 1) % 12 + 1,
    "M": lambda wall: _part(wall, "m", "h"),
    "S": lambda wall: _part(wall, "s", "m"),
    "s": lambda wall: wall.astype("datetime64[s]").astype(np.int64),
    "Q": lambda wall: wall.astype("datetime64[ms]").astype(np.int64),
}
