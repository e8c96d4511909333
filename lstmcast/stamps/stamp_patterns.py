"""The possible patterns of a time stamp, by its shape."""

from __future__ import annotations

import re

ACCEPTED = (
    "2020-12-31, 2020-12-31 14:30, 31.12.2020, 12/31/2020, 20201231, 2020-12, Dec 2020, 2020Q4, "
    "2020 or seconds since 1970"
)
"""Formats to name in messages."""

EPOCHS = ("%s", "%Q")
"""Patterns of numbers: seconds and milliseconds since 1970."""

_EPOCH_SECONDS = (100_000_000, 4_102_444_800)  # from 1973 to 2100

_NAME = "[A-Za-z]{3,9}"
# Shapes of dates, and their possible patterns; {0} is the separator, group 1.
_DATES = [
    (r"\d{4}([-/.])\d{1,2}\1\d{1,2}", ["%Y{0}%m{0}%d"]),
    (r"\d{1,2}(\.)\d{1,2}\1\d{4}", ["%d{0}%m{0}%Y"]),
    (r"\d{1,2}(\.)\d{1,2}\1\d{2}", ["%d{0}%m{0}%y"]),
    (r"\d{1,2}([-/])\d{1,2}\1\d{4}", ["%d{0}%m{0}%Y", "%m{0}%d{0}%Y"]),
    (r"\d{1,2}([-/])\d{1,2}\1\d{2}", ["%d{0}%m{0}%y", "%m{0}%d{0}%y", "%y{0}%m{0}%d"]),
    (r"[12]\d{7}()", ["%Y%m%d"]),
    (rf"\d{{1,2}}([-/. ]){_NAME}\1\d{{4}}", ["%d{0}%b{0}%Y", "%d{0}%B{0}%Y"]),
    (rf"\d{{1,2}}([-/ ]){_NAME}\1\d{{2}}", ["%d{0}%b{0}%y", "%d{0}%B{0}%y"]),
    (rf"\d{{4}}([-/ ]){_NAME}\1\d{{1,2}}", ["%Y{0}%b{0}%d", "%Y{0}%B{0}%d"]),
    (rf"{_NAME} \d{{1,2}}(,? )\d{{4}}", ["%b %d{0}%Y", "%B %d{0}%Y"]),
]
# The same for months, quarters and years, which have no time of day.
_PERIODS = [
    (r"\d{4}([-/])\d{1,2}", ["%Y{0}%m"]),
    (r"\d{1,2}([-/.])\d{4}", ["%m{0}%Y"]),
    (r"\d{4}([-/ ]?)Q[1-4]", ["%Y{0}Q%q"]),
    (r"Q[1-4]([-/ ]?)\d{4}", ["Q%q{0}%Y"]),
    (rf"{_NAME}([-/. ])\d{{4}}", ["%b{0}%Y", "%B{0}%Y"]),
    (rf"{_NAME}([-/ ])\d{{2}}", ["%b{0}%y", "%B{0}%y"]),
    (rf"\d{{4}}([-/ ]){_NAME}", ["%Y{0}%b", "%Y{0}%B"]),
]
_TIME = (
    r"(?:(?P<gap>T|, | )(?P<time>\d{1,2}(?::\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?|\d{4}|\d{6})"
    r"(?P<noon> ?[AaPp][Mm])?(?P<zone> ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?)?"
)
# Patterns of digits, by their number; dates come first: few numbers look like dates.
_DIGITS = {
    4: ["%Y"],
    6: ["%Y%m"],
    8: ["%Y%m%d"],
    9: ["%s"],
    10: ["%Y%m%d%H", "%s"],
    12: ["%Y%m%d%H%M", "%Q"],
    13: ["%Q"],
    14: ["%Y%m%d%H%M%S"],
}


def patterns_of(text: str) -> list[str]:
    """The possible patterns of a text, the likely ones first; none if it is not a time stamp.

    03/04/2020 -> %d/%m/%Y, %m/%d/%Y
    """
    if re.fullmatch(r"\d+", text, re.ASCII):
        return _counts(text)
    found = []
    for shape, patterns in _DATES:
        if cut := re.fullmatch(shape + _TIME, text, re.ASCII):
            found += [pattern.format(cut.group(1)) + _time_pattern(cut) for pattern in patterns]
    for shape, patterns in _PERIODS:
        if cut := re.fullmatch(shape, text, re.ASCII):
            found += [pattern.format(cut.group(1)) for pattern in patterns]
    return found


def _counts(digits: str) -> list[str]:
    patterns = _DIGITS.get(len(digits), [])
    seconds = int(digits) // (1000 if len(digits) > 11 else 1)
    if not _EPOCH_SECONDS[0] <= seconds < _EPOCH_SECONDS[1]:
        patterns = [pattern for pattern in patterns if pattern not in EPOCHS]
    if not 1000 <= int(digits[:4]) < 3000:
        patterns = [pattern for pattern in patterns if pattern in EPOCHS]
    return patterns


def _time_pattern(cut: re.Match[str]) -> str:
    time, zone = cut["time"], cut["zone"]
    if not time:
        return ""
    hour = "%I" if cut["noon"] else "%H"
    if ":" in time or len(time) < 3:
        clock = ":".join([hour, "%M", "%S"][: time.count(":") + 1]) + ".%f" * ("." in time)
    else:
        clock = hour + "%M" + "%S" * (len(time) == 6)
    noon = cut["noon"][:-2] + "%p" if cut["noon"] else ""
    return cut["gap"] + clock + noon + (" " * zone.startswith(" ") + "%z" if zone else "")
