"""Stamps, daylight saving time (DST) too: read as pandas reads them, written back as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.errors import ConfigError, DataError
from lstmcast.stamps.timestamps import StampStyle, parse_stamp, parse_stamps


def stamps_of(texts: list[str], time_format: str = "auto") -> tuple[np.ndarray, StampStyle]:
    found = parse_stamps(np.array(texts, dtype=object), time_format)
    assert found.values.dtype == np.dtype("datetime64[us]")
    return found.values, found.style


def refusal(texts: list[str], time_format: str = "auto") -> str:
    with pytest.raises(DataError) as caught:
        parse_stamps(
            np.array(texts, dtype=object),
            time_format,
            where=lambda row: f"line {row + 2}",
            column="when",
            table="t.csv",
        )
    return str(caught.value)


def us(*stamps: str) -> np.ndarray:
    return np.array(stamps, dtype="datetime64[us]")


# Patterns that strftime can write, so that it is the oracle; the unit is the finest that is kept.
FORMS = {
    "%Y-%m-%d": "D", "%Y/%m/%d": "D", "%Y.%m.%d": "D", "%Y%m%d": "D", "%d.%m.%Y": "D",
    "%d.%m.%y": "D", "%Y-%m-%d %H": "h", "%Y-%m-%dT%H:%M": "m", "%Y-%m-%d %H:%M:%S": "s",
    "%Y-%m-%dT%H:%M:%S": "s", "%Y-%m-%d %H:%M:%S.%f": "us", "%Y-%m-%dT%H:%M:%S.%fZ": "us",
    "%Y-%m-%dT%H:%M:%SZ": "s", "%Y-%m-%d %H:%M:%S+01:00": "s", "%Y-%m-%dT%H:%M:%S-0330": "s",
    "%Y-%m-%d %H:%M:%S UTC": "s", "%Y%m%dT%H%M%S": "s", "%Y%m%d %H:%M": "m", "%Y%m%d%H": "h",
    "%Y%m%d%H%M": "m", "%Y%m%d%H%M%S": "s", "%d.%m.%Y %H:%M": "m", "%d.%m.%Y, %H:%M:%S": "s",
    "%d %b %Y": "D", "%d-%b-%Y": "D", "%d-%b-%y": "D", "%d %B %Y": "D", "%b %d, %Y": "D",
    "%B %d, %Y %I:%M %p": "m", "%d/%b/%Y %I:%M%p": "m", "%Y-%b-%d": "D", "%Y-%m": "M",
    "%Y/%m": "M", "%m/%Y": "M", "%m.%Y": "M", "%b %Y": "M", "%b-%Y": "M", "%B %Y": "M",
    "%b-%y": "M", "%Y %b": "M", "%Y%m": "M", "%Y": "Y",
}  # fmt: skip
MOMENTS = st.datetimes(pd.Timestamp("1970-01-02"), pd.Timestamp("2068-12-30"))


@settings(max_examples=10, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=12, unique=True))
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_and_written_back(form: str, moments: list[pd.Timestamp]) -> None:
    expected = np.array(moments, "datetime64[us]").astype(f"datetime64[{FORMS[form]}]")
    texts = list(pd.DatetimeIndex(expected.astype("datetime64[us]")).strftime(form))
    values, style = stamps_of(texts)
    assert style.format(values) == texts
    np.testing.assert_array_equal(values, expected.astype("datetime64[us]"))
    assert [parse_stamp(text, style) for text in texts] == list(values)


@settings(max_examples=10, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=12, unique=True))
@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y %H:%M", "%d-%m-%y", "%m/%d/%y %I:%M %p"])
def test_a_named_order_of_day_and_month_is_followed(form: str, moments: list[pd.Timestamp]) -> None:
    order = "day_first" if form.startswith("%d") else "month_first"
    texts = list(pd.DatetimeIndex(moments).strftime(form))
    values, style = stamps_of(texts, order)
    assert style.format(values) == texts
    oracle = pd.to_datetime(pd.Series(texts), format=form).to_numpy().astype("datetime64[us]")
    np.testing.assert_array_equal(values, oracle)


@settings(max_examples=50, deadline=None)
@given(
    moments=st.lists(
        st.datetimes(pd.Timestamp("0001-01-01"), pd.Timestamp("9999-12-31")), min_size=1
    )
)
def test_a_pattern_given_by_the_user_holds_for_any_year(moments: list[pd.Timestamp]) -> None:
    texts = [
        f"{m.year:04}|{m.month:02}|{m.day:02} at {m.hour:02}h{m.minute:02} 100%" for m in moments
    ]
    values, style = stamps_of(texts, "%Y|%m|%d at %Hh%M 100%%")
    assert style.format(values) == texts
    assert values.astype("datetime64[m]").tolist() == [
        m.replace(second=0, microsecond=0) for m in moments
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1/9/2020", "1/10/2020", "1/31/2020"], ["2020-01-09", "2020-01-10", "2020-01-31"]),
        (["9.1.2020", "10.1.2020"], ["2020-01-09", "2020-01-10"]),
        (["31/1/2020 9:05", "31/1/2020 10:05"], ["2020-01-31T09:05", "2020-01-31T10:05"]),
        (["1/31/2020 9:05 AM", "1/31/2020 12:05 PM"], ["2020-01-31T09:05", "2020-01-31T12:05"]),
        (["1/31/2020 12:00 am", "1/31/2020 1:00 pm"], ["2020-01-31T00", "2020-01-31T13"]),
        (["3 Mar 2021", "13 Mar 2021"], ["2021-03-03", "2021-03-13"]),
        (["JAN 2020", "MAY 2020"], ["2020-01", "2020-05"]),
        (["january 2020", "may 2020"], ["2020-01", "2020-05"]),
        (["May 2020"], ["2020-05"]),
        (["1749-01", "1749-02"], ["1749-01", "1749-02"]),
        (["2020Q1", "2020Q4"], ["2020-01", "2020-10"]),
        (["2020-Q1", "2020-Q2"], ["2020-01", "2020-04"]),
        (["Q3 2020", "Q1 2021"], ["2020-07", "2021-01"]),
        (["1990", "1991"], ["1990", "1991"]),
        (["1577836800", "1577840400"], ["2020-01-01T00", "2020-01-01T01"]),
        (["1577836800000", "1577836800500"], ["2020-01-01", "2020-01-01T00:00:00.5"]),
        (["2020-01-01 00:00:00.5", "2020-01-01 00:00:01.0"],
         ["2020-01-01T00:00:00.5", "2020-01-01T00:00:01"]),
        (["2020-01-01T00:00:00.123000000", "2020-01-01T00:00:01.000000000"],
         ["2020-01-01T00:00:00.123", "2020-01-01T00:00:01"]),
        (["0001-01-01", "9999-12-31"], ["0001-01-01", "9999-12-31"]),
    ],
)  # fmt: skip
def test_spellings_are_kept_to_the_letter(texts: list[str], expected: list[str]) -> None:
    values, style = stamps_of(texts)
    np.testing.assert_array_equal(values, np.concatenate([us(stamp) for stamp in expected]))
    assert style.format(values) == texts


def test_a_form_with_and_without_leading_zeros_goes_on_in_the_same_way() -> None:
    _, style = stamps_of(["12/30/2020", "12/31/2020"])
    assert style.format(us("2021-01-01")) == ["01/01/2021"]
    _, style = stamps_of(["8/30/2020", "8/31/2020"])
    assert style.format(us("2020-09-01")) == ["9/1/2020"]


def test_blanks_round_a_stamp_do_not_matter() -> None:
    values, _ = stamps_of([" 2020-01-01", "2020-01-02 "])
    np.testing.assert_array_equal(values, us("2020-01-01", "2020-01-02"))


@pytest.mark.parametrize(("form", "other"), [("%d/%m/%Y", "%m/%d/%Y"), ("%m-%d-%Y", "%d-%m-%Y")])
@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2020-01-01", periods=20, freq="D"),
        pd.date_range("2020-01-01", periods=14, freq="MS"),
        pd.date_range("2020-02-01", periods=72, freq="h"),
        pd.date_range("2020-01-01", periods=60, freq="MS").repeat(2),
        pd.date_range("2019-01-01", periods=9, freq="QS"),
        pd.date_range("2020-01-01", periods=400, freq="D")[::-1],
    ],
    ids=["days", "months", "hours", "two series", "quarters", "newest first"],
)
def test_day_and_month_are_told_apart_by_all_rows(
    form: str, other: str, index: pd.DatetimeIndex
) -> None:
    form += " %H:%M" if index.hour.any() else ""
    values, _ = stamps_of(list(index.strftime(form)))
    np.testing.assert_array_equal(values, index.values.astype("datetime64[us]"))


def test_stamps_with_two_readings_are_refused() -> None:
    texts = [f"01/{month:02}/2020" for month in range(1, 13)]
    message = refusal(texts)
    assert "'01/01/2020' can be read as DD/MM/YYYY and MM/DD/YYYY" in message
    assert "day_first" in message
    assert stamps_of(texts, "day_first")[0][1] == np.datetime64("2020-02-01")
    assert stamps_of(texts, "month_first")[0][1] == np.datetime64("2020-01-02")


def test_a_short_year_in_front_is_not_taken_for_a_day() -> None:
    index = pd.date_range("2020-01-01", periods=90, freq="D")
    values, _ = stamps_of(list(index.strftime("%y-%m-%d")))
    np.testing.assert_array_equal(values, index.values.astype("datetime64[us]"))


def test_rows_of_another_form_are_counted_and_shown_with_their_line() -> None:
    texts = ["2020-01-01", "2020-13-01", "", "01.02.2020", "2020-02-30", "2020-01-05", "2020-01-06"]
    message = refusal(texts)
    assert "t.csv: column 'when': 4 of 7 time stamps do not have the form YYYY-MM-DD" in message
    assert "line 3 '2020-13-01', line 4 (empty), line 5 '01.02.2020', ..." in message


@pytest.mark.parametrize(
    "bad",
    ["2020-01-01 24:00:00", "2020-01-01 10:60:00", "2020-01-01 10:00", "2020-01-01T10:00:00"],
)
def test_one_odd_row_does_not_change_what_the_others_are(bad: str) -> None:
    index = pd.date_range("2020-01-01", periods=300, freq="h").astype(str)
    texts = [bad, *index]
    fault = f"1 of 301 time stamps do not have the form YYYY-MM-DD HH:MM:SS: line 2 '{bad}'"
    assert fault in refusal(texts)


def test_hour_24_of_compact_stamps_is_a_fault_not_a_count_of_seconds() -> None:
    texts = [f"202001{day:02}{hour:02}" for day in range(1, 10) for hour in range(1, 25)]
    fault = "9 of 216 time stamps do not have the form YYYYMMDDHH: line 25 '2020010124'"
    assert fault in refusal(texts)


def test_what_is_no_stamp_is_refused_with_what_is() -> None:
    assert "line 2 'abc' is not a time stamp: write stamps as 2020-12-31" in refusal(["abc", "def"])
    assert "(empty)" in refusal(["", ""])
    assert "Excel day number" in refusal(["43831", "43832"])
    assert "is not a time stamp" in refusal(["1", "2"])


def test_a_wrong_pattern_names_the_first_row_that_it_fails_on() -> None:
    message = refusal(["2020-01-01", "2020-01-02"], "%d.%m.%Y")
    assert "2 of 2 time stamps do not have the form DD.MM.YYYY: line 2 '2020-01-01'" in message
    assert "cannot be read day first" in refusal(["2020-01-01"], "day_first")
    assert "line 3 '01/31/2020'" in refusal(["01/02/2020", "01/31/2020"], "day_first")


@pytest.mark.parametrize("pattern", ["%d.%m", "%Y-%k", "%Y %Y", "%", "%Y%", "dayfirst"])
def test_a_pattern_that_is_none_is_a_fault_of_the_config(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.time_format"):
        stamps_of(["2020-01-01"], pattern)


def test_finer_than_microseconds_is_refused_not_cut() -> None:
    assert "1 of 1 time stamps" in refusal(["2020-01-01 00:00:00.123456789"])


def test_numbers_beyond_any_clock_do_not_crash() -> None:
    assert "line 3" in refusal(["1577836800", "99999999999999999999999"])
    values, style = stamps_of(["-62135596800", "0"], "%s")
    assert style.format(values) == ["-62135596800", "0"]


def test_one_constant_offset_is_wall_time() -> None:
    texts = ["2020-06-01T00:00:00+02:00", "2020-06-01T01:00:00+02:00"]
    values, style = stamps_of(texts)
    np.testing.assert_array_equal(values, us("2020-06-01T00", "2020-06-01T01"))
    assert style.format(values) == texts
    assert parse_stamp("2020-06-01 01:00", style) == values[1]
    assert parse_stamp("2020-05-31T23:00:00Z", style) == values[1]


def berlin(start: str, periods: int, freq: str) -> tuple[pd.DatetimeIndex, list[str]]:
    index = pd.date_range(start, periods=periods, freq=freq, tz="Europe/Berlin")
    return index, [stamp.isoformat() for stamp in index]


def test_daylight_saving_time_dst_between_hours_is_undone_in_utc() -> None:
    index, texts = berlin("2020-10-24", 72, "h")
    values, style = stamps_of(texts)
    oracle = index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")
    np.testing.assert_array_equal(values, oracle)
    assert style.format(values)[-24:] == texts[-24:]
    assert (np.diff(values) == np.timedelta64(1, "h")).all()
    assert parse_stamp(texts[0], style) == values[0]
    assert parse_stamp("2020-10-26 12:00", style) == np.datetime64("2020-10-26T11:00")


def test_daylight_saving_time_dst_between_days_leaves_local_time() -> None:
    index, texts = berlin("2020-03-20", 20, "D")
    values, style = stamps_of(texts)
    np.testing.assert_array_equal(
        values, index.tz_localize(None).to_numpy().astype("datetime64[us]")
    )
    assert style.format(values)[-1] == texts[-1]
    assert parse_stamp(texts[0], style) == values[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-12-31", "2020-12-31"),
        (" 2020-12-31 14:30 ", "2020-12-31T14:30"),
        ("31.12.2020", "2020-12-31"),
        ("12/31/2020", "2020-12-31"),
        ("Dec 2020", "2020-12"),
        ("2020Q4", "2020-10"),
        ("2020", "2020"),
    ],
)
def test_a_stamp_given_by_the_user_may_have_any_form(text: str, expected: str) -> None:
    assert parse_stamp(text) == us(expected)[0]


def test_a_stamp_given_by_the_user_is_read_as_its_column_first() -> None:
    _, style = stamps_of(["31/12/2020", "01/02/2021"])
    assert parse_stamp("01/02/2021", style) == np.datetime64("2021-02-01")
    assert parse_stamp("2021-02-01", style) == np.datetime64("2021-02-01")
    _, epochs = stamps_of(["1577836800", "1577840400"])
    assert parse_stamp("1577840400", epochs) == np.datetime64("2020-01-01T01")
    assert parse_stamp("2020", epochs) == np.datetime64("2020-01-01")


@pytest.mark.parametrize("text", ["", "soon", "2020-13-01", "01/02/2020", "99999999999999999999"])
def test_a_stamp_that_cannot_be_read_one_way_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"write it as 2020-12-31"):
        parse_stamp(text)
