"""`lstmcast check`: every code, from duplicates to outliers, is raised where it should be alone."""

import csv
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.daily import daily_text

from lstmcast.checking.codes import CODES, SEVERITIES
from lstmcast.checking.config import find_config
from lstmcast.checking.finish_run import findings_of
from lstmcast.checking.table import check_rows
from lstmcast.checking.values import quantiles
from lstmcast.errors import ConfigError, DataError
from lstmcast.pipeline import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.windows.scaling import fit_scaler
from lstmcast.workflows.check import check, write_repaired

FOLDER = Path(__file__).parents[1] / "findings"
TINY = {"window": ["window.lookback=7", "window.horizon=3"], "network": ["network.units=4"]}


def source(name):
    """The config of a case, or its table where it has none."""
    config = FOLDER / f"{name}.yaml"
    return config if config.exists() else FOLDER / f"{name}.csv"


def codes_of(path, overrides=(), **options):
    return {finding.code for finding in check(path, overrides, **options).findings}


def scaler_over_all_rows(method, per, values, observed, starts, ends, *rest):
    """The planted leak: as if the train rows of each series went on to the next one's first."""
    last = np.append(starts[1:], len(values))
    return fit_scaler(method, per, values, observed, starts, last, *rest)


@pytest.fixture
def leaky_scaler(monkeypatch):
    monkeypatch.setattr(prepare, "fit_scaler", scaler_over_all_rows)


PLANTED = {"LC401": "leaky_scaler"}
"""Codes that no table can raise, and the fixture that breaks what they watch over."""


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_file_that_raises_it(code, request):
    if code in PLANTED:
        request.getfixturevalue(PLANTED[code])
    assert code in codes_of(source(code), leaks=code in PLANTED)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_file_that_does_not_raise_it(code):
    assert code not in codes_of(source(f"{code}_clean"), leaks=code in PLANTED)
    assert source(f"{code}_clean").suffix == source(code).suffix


def test_a_table_with_a_series_to_a_row_is_checked_as_it_is_read(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"H{k}," + ",".join(f"{v:.1f}" for v in rng.normal(50, 5, 60)) for k in range(5)]
    header = ",".join(f"V{k}" for k in range(1, 62))
    path = tmp_path / "m4.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    assert codes_of(path) == set()
    cells = rows[2].split(",")
    cells[30] = "4000.0"
    path.write_text("\n".join([header, *rows[:2], ",".join(cells), *rows[3:]]) + "\n")
    (found,) = check(path).findings
    assert found.code == "LC206" and "line 4, column 'V31'" in found.message


def test_whole_numbers_that_could_be_years_are_numbers_and_keep_their_order(tmp_path):
    """`--fix` once sorted such a table by its target, as if that were its time."""
    rng = np.random.default_rng(0)
    path = tmp_path / "sales.csv"
    rows = rng.integers(1200, 2500, (200, 2))
    pd.DataFrame(rows, columns=["sold", "price"]).to_csv(path, index=False)
    report = check(path)
    assert {finding.code for finding in report.findings} <= {"LC206"}
    assert report.view is not None and report.view.stamps is None


def test_a_series_is_as_short_as_its_lags_leave_it(tmp_path):
    path = tmp_path / "t.csv"
    parts = [f"{name},{day},{day % 7}" for name, n in (("a", 90), ("b", 32)) for day in range(n)]
    path.write_text("\n".join(["id,n,y", *parts]) + "\n")
    config = tmp_path / "c.yaml"
    config.write_text(
        "data: {path: t.csv, series: id, target: y, lags: [7]}\n"
        "window: {lookback: 28, horizon: 2}\nnetwork: {units: 4}\n"
    )
    found = [f for f in check(config).findings if f.code == "LC301"]
    assert "a baseline forecasts 1 of them" in found[0].message


def test_a_table_that_is_not_there_is_no_finding(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        check(tmp_path / "gone.csv")


def test_clean_files_have_no_error_at_all():
    for code in CODES:
        findings = check(source(f"{code}_clean")).findings
        assert [f for f in findings if f.severity == "error"] == [], code


def test_every_code_says_what_it_means_and_what_to_do():
    for code, entry in CODES.items():
        assert entry.severity in SEVERITIES, code
        assert entry.meaning.endswith(".") and entry.advice.endswith("."), code
        assert len(entry.advice) <= 75, code
        assert len(entry.title) < 45, code


@pytest.mark.parametrize("code", [code for code, entry in CODES.items() if entry.mended])
def test_what_fix_mends_is_no_longer_found(code, tmp_path):
    report = check(source(code))
    write_repaired(report, tmp_path / "mended.csv")
    assert len(report.fixed) >= 2
    assert code not in codes_of(tmp_path / "mended.csv")


def test_fix_changes_nothing_else(tmp_path):
    """Against a table mended by hand."""
    text = (
        "date;sales;note\n2024-01-03;3,5;x\n01.01.2024;1,5;\n2024-01-02;n. a.;y\n2024-01-02;inf;y\n"
    )
    text += "".join(f"2024-01-{day:02d};{day},25;z\n" for day in range(4, 25))
    text += "2024-01-24;24,25;z\n"
    (tmp_path / "t.csv").write_text(text)
    write_repaired(check(tmp_path / "t.csv"), tmp_path / "mended.csv")
    rows = list(csv.reader((tmp_path / "mended.csv").open(), delimiter=";"))
    by_hand = [["2024-01-01", "1,5", ""], ["2024-01-02", "", "y"], ["2024-01-03", "3,5", "x"]]
    by_hand += [[f"2024-01-{day:02d}", f"{day},25", "z"] for day in range(4, 25)]
    assert rows == [["date", "sales", "note"], *by_hand]


def test_fix_never_writes_over_a_file(cli, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    outcome = cli("check", source("LC104"), "--fix", tmp_path / "there.csv")
    assert outcome.code == 2 and "there.csv" in outcome.err
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_fix_does_not_empty_a_whole_column(tmp_path):
    """Percentages are no text among numbers: they are numbers that nobody has rewritten yet."""
    rows = "".join(f"2024-01-{day:02d},{day} %,{day % 5}\n" for day in range(30, 0, -1))
    (tmp_path / "t.csv").write_text(f"date,share,sales\n{rows}")
    report = check(tmp_path / "t.csv", ["data.target=share,sales"])
    write_repaired(report, tmp_path / "mended.csv")
    assert pd.read_csv(tmp_path / "mended.csv")["share"].tolist() == [
        f"{k} %" for k in range(1, 31)
    ]
    assert any("left as it is" in line for line in report.fixed)


def test_half_of_the_stamps_in_another_form_are_read(tmp_path):
    days = pd.date_range("2024-01-01", periods=40)
    texts = [f"{day:%Y-%m-%d}" if day.day % 2 else f"{day:%d.%m.%Y}" for day in days]
    rows = "".join(f"{text},{k % 7}\n" for k, text in enumerate(texts))
    (tmp_path / "t.csv").write_text(f"date,sales\n{rows}")
    report = check(tmp_path / "t.csv")
    assert {f.code for f in report.findings} == {"LC102", "LC100"}
    write_repaired(report, tmp_path / "mended.csv")
    assert pd.read_csv(tmp_path / "mended.csv")["date"].tolist() == days.astype(str).tolist()


def test_a_stamp_without_zone_among_zoned_ones_is_not_guessed(tmp_path):
    stamps = [f"2024-01-{day:02d}T00:00:00Z" for day in range(1, 31)]
    stamps[10] = stamps[10][:-1]
    rows = "".join(f"{stamp},{k % 7}\n" for k, stamp in enumerate(stamps))
    (tmp_path / "t.csv").write_text(f"date,sales\n{rows}")
    assert {"LC101"} == codes_of(tmp_path / "t.csv") & {"LC101", "LC102"}


def test_exit_code_is_1_with_errors_only(cli):
    assert cli("check", source("LC101")).code == 1
    assert cli("check", source("LC105")).code == 0
    assert cli("check", source("LC101_clean")).code == 0


def test_text_names_file_line_and_column_within_80_columns(cli, monkeypatch):
    monkeypatch.chdir(FOLDER)
    out = cli("check", source("LC201").name).out
    assert "LC201.csv:6 sales  LC201 text among numbers" in out
    assert "'closed'" in out and out.splitlines()[-2].startswith("LC201.csv: 1 error, ")
    assert max(len(line) for line in out.splitlines()) <= 80


def test_json_names_every_row_and_line(cli):
    found = json.loads(cli("check", source("LC201"), "--format", "json").out)
    (finding,) = [f for f in found["findings"] if f["code"] == "LC201"]
    assert finding["rows"] == [5, 10] and finding["lines"] == ["line 6", "line 11"]
    assert finding["count"] == 2 and finding["column"] == "sales"
    assert found["counts"]["error"] == 1


def test_all_faults_come_in_one_answer(tmp_path):
    """Text, an infinity, a bad stamp, a repeat and a gap in one table."""
    lines = daily_text(60).splitlines()
    lines[5] = "2024-01-05,closed"
    lines[9] = "2024-01-09,inf"
    lines[14] = "tomorrow,50"
    lines[20] = "2024-01-19,51"
    lines[30:33] = []
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert codes_of(tmp_path / "t.csv") >= {"LC101", "LC103", "LC105", "LC201", "LC202"}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "date,sales\n", "date,sales\n2024-01-01,1\n2024-01-02,2\n", "a\nb\nc\n"]
)
def test_hardly_a_table_is_a_finding_and_no_crash(text, tmp_path, cli):
    (tmp_path / "t.csv").write_text(text)
    outcome = cli("check", tmp_path / "t.csv")
    assert outcome.code == 1 and "LC100" in outcome.out, outcome.err


@pytest.mark.parametrize("method", ["standard", "minmax", "robust"])
def test_the_leak_audit_finds_a_scaler_over_all_rows(method, leaky_scaler, tmp_path):
    (tmp_path / "t.csv").write_text(daily_text())
    found = codes_of(tmp_path / "t.csv", [*TINY["window"], f"scale.method={method}"], leaks=True)
    assert "LC401" in found


@pytest.mark.parametrize("gaps", ["forward", "interpolate", "zero", "mask"])
def test_the_leak_audit_finds_nothing_where_nothing_leaks(gaps, tmp_path):
    lines = daily_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join(lines[:90] + lines[93:]) + "\n")
    overrides = [*TINY["window"], f"data.gaps={gaps}", "data.lags=[2,3]", "data.calendar=auto"]
    assert "LC401" not in codes_of(tmp_path / "t.csv", overrides, leaks=True)


def covariate_codes(tmp_path, make, role="past", decimals=2):
    """Codes for a daily table with a covariate made of its sales."""
    (tmp_path / "t.csv").write_text(daily_text(200))
    frame = pd.read_csv(tmp_path / "t.csv")
    frame["extra"] = make(frame["sales"]).round(decimals)
    frame.to_csv(tmp_path / "t.csv", index=False)
    overrides = ["data.target=sales", f"data.{role}=extra", *TINY["window"]]
    return codes_of(tmp_path / "t.csv", overrides) & {"LC305", "LC306", "LC307"}


@pytest.mark.parametrize("steps", [1, 2, 5, 24])
def test_a_shifted_copy_of_the_target_is_found(steps, tmp_path):
    assert covariate_codes(tmp_path, lambda y: y.shift(-steps)) == {"LC305"}
    assert covariate_codes(tmp_path, lambda y: -3 * y.shift(-steps) + 8) == {"LC305"}
    assert covariate_codes(tmp_path, lambda y: y.shift(steps)) == set()


@pytest.mark.parametrize("width", [3, 5, 7, 12, 21])
def test_a_centred_rolling_mean_of_the_target_is_found(width, tmp_path):
    def mean(y, **options):
        return y.rolling(width, **options).mean()

    assert covariate_codes(tmp_path, lambda y: mean(y, center=True), decimals=4) == {"LC306"}
    assert covariate_codes(tmp_path, mean, decimals=4) == set()


def test_a_column_known_ahead_may_know_the_target_of_a_horizon_ago(tmp_path):
    """The horizon is 3 steps: the target of 2 steps ago is not known for the third."""
    assert covariate_codes(tmp_path, lambda y: y.shift(2), "future") == {"LC305"}
    assert covariate_codes(tmp_path, lambda y: y.shift(3), "future") == set()


def test_columns_that_grow_together_are_no_copies(tmp_path):
    assert covariate_codes(tmp_path, lambda y: pd.Series(np.arange(len(y)) * 2.0)) == set()


def test_an_hour_repeated_by_daylight_saving_time_dst_differs_from_other_repeats(tmp_path):
    stamps = pd.date_range("2024-10-25", "2024-10-30", freq="h", tz="Europe/Berlin")
    values = 50 + np.random.default_rng(0).normal(size=len(stamps)).round(2)
    frame = pd.DataFrame({"date": stamps.strftime("%Y-%m-%d %H:%M"), "load": values})
    frame.to_csv(tmp_path / "t.csv", index=False)
    report = check(tmp_path / "t.csv")
    (finding,) = [f for f in report.findings if f.code == "LC107"]
    assert finding.severity == "error" and finding.count == 1
    assert stamps[finding.rows[0]].strftime("%m-%d %H") == "10-27 02"
    assert "LC103" not in {f.code for f in report.findings}


def test_days_and_months_are_not_swapped_to_read_a_stamp(tmp_path):
    """03/25/2024 among day-first stamps is reported, never taken for another day."""
    days = pd.date_range("2024-03-01", periods=40).strftime("%d/%m/%Y").tolist()
    days[24] = "03/25/2024"
    rows = "\n".join(f"{day},{k % 7}" for k, day in enumerate(days))
    (tmp_path / "t.csv").write_text(f"date,sales\n{rows}\n")
    found = codes_of(tmp_path / "t.csv")
    assert "LC101" in found and "LC102" not in found


def test_after_training_the_same_is_found_in_what_is_held_as_in_the_file():
    found, held = set(), 0
    files = [source(name) for code in CODES for name in (code, f"{code}_clean")]
    for path, duplicates in product(files, ("error", "first")):
        settings = [*TINY["window"], f"data.duplicates={duplicates}"]
        config, *_ = find_config(path, settings)
        try:
            prepared = prepare.prepare(config, ProgressListener()) if config else None
        except (ConfigError, DataError):
            prepared = None
        if prepared is None:
            continue  # it cannot be trained on
        findings = check_rows(prepared).findings
        assert findings == check_rows(replace(prepared, cells=None)).findings, path
        found |= {finding.code for finding in findings}
        held += prepared.cells is not None
    assert held > 80 and found >= {"LC103", "LC104", "LC105", "LC106", "LC110", "LC207", "LC301"}


def test_a_table_that_changes_during_training_is_looked_at_as_it_was(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(daily_text(seed=3))
    prepared = prepare.prepare(find_config(path, TINY["window"])[0], ProgressListener())
    path.write_text(daily_text(seed=3).replace(",", ",1e9"))
    assert findings_of(prepared) == []
    path.unlink()
    assert findings_of(prepared) == []
    days = daily_text(seed=3).splitlines()
    del days[60]
    path.write_text("\n".join(days) + "\n")
    prepared = prepare.prepare(find_config(path, TINY["window"])[0], ProgressListener())
    (found,) = findings_of(prepared)
    assert found["code"] == "LC105" and found["lines"] == ["line 61"]
    for other in (days[:40], [days[0], *days[5:]], [days[0], days[1], *days[1:]]):
        prepared = prepare.prepare(find_config(path, TINY["window"])[0], ProgressListener())
        path.write_text("\n".join(other) + "\n")  # nobody knows the line any more
        assert findings_of(prepared) is None
        path.write_text("\n".join(days) + "\n")


def test_quantiles_of_series_of_any_length_are_values_of_theirs():
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.repeat([0, 1, 3, 4], [1, 21, 21, 400]))
    values = rng.normal(size=len(codes))
    low, high, counts = quantiles(values, codes, 5)
    assert counts.tolist() == [1, 21, 0, 21, 400] and np.isnan([low[2], high[2]]).all()
    for k in (0, 1, 3, 4):
        own = np.sort(values[codes == k])
        assert (low[k], high[k]) == (own[(len(own) - 1) // 20], own[19 * (len(own) - 1) // 20])
