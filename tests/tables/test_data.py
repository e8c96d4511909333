"""The shipped data is what data/README.md says it is."""

import hashlib
import re
import runpy
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).parents[2] / "data"
LISTED = {
    name: (int(rows.replace(",", "")), digest)
    for name, rows, digest in re.findall(
        r"^\| `(\w+\.csv)` \| ([\d,]+) \| `([0-9a-f]{64})` \|$",
        (DATA / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}


def made_by(script):
    return runpy.run_path(str(DATA / script))["make_table"]()


def test_readme_lists_every_file():
    assert set(LISTED) == {path.name for path in DATA.glob("*.csv")}
    assert len(LISTED) == 4


@pytest.mark.parametrize("name", sorted(LISTED))
def test_file_has_the_listed_checksum_and_rows(name):
    content = (DATA / name).read_bytes()
    rows, digest = LISTED[name]
    assert hashlib.sha256(content).hexdigest() == digest
    assert content.count(b"\n") == rows + 1


def test_shops_are_made_again_byte_for_byte_and_as_explainable_as_the_docstring_says():
    text, overall, within = made_by("make_shops.py")
    assert text.encode() == (DATA / "shops_daily.csv").read_bytes()
    docstring = (DATA / "make_shops.py").read_text(encoding="utf-8")
    said = re.search(r"explains (\d+) % of .*? and (\d+) % of", docstring, re.DOTALL)
    assert said is not None
    assert [int(share) for share in said.groups()] == [round(100 * overall), round(100 * within)]


def test_cities_are_made_again_byte_for_byte():
    assert made_by("make_cities.py").encode() == (DATA / "cities_daily.csv").read_bytes()
    vectors = runpy.run_path(str(DATA / "make_cities.py"))["make_vectors"]()
    assert vectors.encode() == (DATA / "city_vectors.txt").read_bytes()
    assert vectors.splitlines()[0].split()[0] == "c01" and vectors.count("\n") == 12


def test_co2_keeps_its_59_missing_weeks_on_a_weekly_grid():
    table = pd.read_csv(DATA / "co2_weekly.csv", parse_dates=["date"])
    assert (table["date"].diff().dropna() == pd.Timedelta(weeks=1)).all()
    assert table["co2"].isna().sum() == 59


def test_macro_quarters_follow_each_other_without_a_missing_value():
    table = pd.read_csv(DATA / "macro_quarterly.csv")
    quarters = pd.PeriodIndex(table["quarter"], freq="Q")
    assert (quarters == pd.period_range("1959Q1", "2009Q3", freq="Q")).all()
    assert table.notna().all(axis=None)


def test_each_shop_ends_with_28_days_of_known_future():
    table = pd.read_csv(DATA / "shops_daily.csv")
    assert table["shop"].nunique() == 20
    for _, shop in table.groupby("shop"):
        unknown = [False] * (len(shop) - 28) + [True] * 28
        assert shop["sales"].isna().tolist() == unknown
        assert shop["temperature"].isna().tolist() == unknown
        assert shop[["promo", "price", "size"]].notna().all(axis=None)
        assert shop["size"].nunique() == 1


def test_cities_are_daily_without_gaps_and_have_histories_as_long_as_the_readme_says():
    table = pd.read_csv(DATA / "cities_daily.csv", parse_dates=["date"])
    assert table.notna().all(axis=None)
    for _, city in table.groupby("city"):
        assert (city["date"].diff().dropna() == pd.Timedelta(days=1)).all()
        assert city["date"].iloc[-1] == pd.Timestamp("2023-12-31")
    page = (DATA / "README.md").read_text(encoding="utf-8")
    said = re.search(
        r"six from 2022-01-01 \((\d+) days\), three of (\d+), (\d+) and (\d+) days, "
        r"three of (\d+), (\d+) and (\d+) days",
        page,
    )
    assert said is not None
    full, *others = (int(days) for days in said.groups())
    assert sorted(table["city"].value_counts()) == sorted([full] * 6 + others)


def test_pressure_tells_the_temperature_two_days_ahead_better_than_two_days_ago():
    """The generated cities hold what their script says: air that follows the front."""
    table = pd.read_csv(DATA / "cities_daily.csv")
    temperature = table.groupby("city")["temperature"]
    ahead = (temperature.shift(-2) - table["temperature"]).corr(table["pressure"])
    behind = (table["temperature"] - temperature.shift(2)).corr(table["pressure"])
    assert ahead > 0.6 > 0.5 > behind
