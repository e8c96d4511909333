"""The config: what is accepted, what is refused and in which words, presets, and the way back."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lstmcast.config import (
    PRESETS,
    Config,
    NetworkConfig,
    build_config,
    dump_config,
    fields,
    json_schema,
    load_config,
    parse_overrides,
)
from lstmcast.errors import ConfigError

DATA = "data:\n  path: ../data/co2.csv\n  time: date\n  target: co2\n"  # lines 1 to 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with `configs/` in it, so that messages name relative files."""
    (tmp_path / "configs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str | bytes, *overrides: str) -> Config:
    path = Path("configs/co2.yaml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path, overrides)


def faults(text: str | bytes, *overrides: str) -> list[str]:
    """The lines of the refusal, without the place where it is the file's."""
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    assert caught.value.exit_code == 2
    lines = str(caught.value).splitlines()
    if len(lines) > 1:
        assert lines.pop(0) == f"{len(lines)} faults:"
    return [line.strip() for line in lines]


def built(**sections: Any) -> Config:
    data = {"path": "/a.csv", "time": "t", "target": "y"} | sections.pop("data", {})
    return build_config({"data": data, **sections})


def refusal(**sections: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        built(**sections)
    return str(caught.value).removeprefix("the command line: ")


# ---------------------------------------------------------------- what a file gives


def test_a_file_with_path_and_target_gets_every_default(folder: Path) -> None:
    config = load(DATA)
    assert config.data.target == ["co2"]
    assert (config.data.time, config.data.series, config.data.season) == ("date", [], "auto")
    assert (config.split.validation, config.split.test) == (0.1, 0.2)
    assert (config.window.lookback, config.window.horizon) == (96, 24)
    assert config.training.learning_rate == 0.001
    assert config.training.patience == 8 and config.training.max_steps is None
    assert config.forecast.minimum is None


def test_the_path_in_a_file_is_relative_to_the_file(folder: Path) -> None:
    assert load(DATA).data.path == str(folder / "data" / "co2.csv")
    assert load(DATA.replace("../data/", "/abs/../")).data.path == "/abs/../co2.csv"


def test_the_path_in_an_override_is_relative_to_the_current_folder(folder: Path) -> None:
    assert load(DATA, "data.path=new.csv").data.path == str(folder / "new.csv")
    assert build_config({"data": {"path": "b.csv", "target": "y"}}).data.path == str(
        folder / "b.csv"
    )


def test_a_path_that_is_a_link_keeps_its_name_and_a_folder_link_is_followed(folder: Path) -> None:
    (folder / "elsewhere" / "configs").mkdir(parents=True)
    (folder / "elsewhere" / "data").mkdir()
    (folder / "elsewhere" / "data" / "co2.csv").symlink_to("january.csv")
    (folder / "configs").rmdir()
    (folder / "configs").symlink_to(folder / "elsewhere" / "configs")
    assert load(DATA).data.path == str(folder / "elsewhere" / "data" / "co2.csv")


def test_a_config_is_frozen(folder: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(DATA).window.__setattr__("lookback", 3)


@pytest.mark.parametrize("name", ["1", "007", "no", "2024-01-31", "1e3", "off", "none", "1:30"])
def test_a_column_name_in_a_file_stays_text(folder: Path, name: str) -> None:
    text = f"data:\n  path: a.csv\n  time: {name}\n  target: [y, x{name}]\n  series: {name}_\n"
    assert load(text).data.time == name
    assert load(text.replace("time: ", "past: ")).data.past == [name]


@pytest.mark.parametrize(
    ("written", "value"), [("1e-3", 1e-3), ("1", 1.0), (".5", 0.5), ("2.", 2.0), ("1.5E+2", 150.0)]
)
def test_numbers_are_read_as_yaml_1_2_spells_them(folder: Path, written: str, value: float) -> None:
    config = load(f"{DATA}training:\n  learning_rate: {written}\n")
    assert config.training.learning_rate == value
    assert isinstance(config.training.learning_rate, float)


def test_a_leading_zero_does_not_make_a_number_octal(folder: Path) -> None:
    assert load(f"{DATA}window: {{lookback: 010}}\n").window.lookback == 10


@pytest.mark.parametrize("written", ["null", "~", ""])
def test_null_in_a_file_is_none_where_a_field_is_optional(folder: Path, written: str) -> None:
    assert load(f"{DATA}training:\n  patience: {written}\n").training.patience is None


def test_none_is_a_word_and_null_is_refused_where_none_is_a_choice(folder: Path) -> None:
    assert load(f"{DATA}scale:\n  method: none\n").scale.method == "none"
    assert faults(f"{DATA}scale:\n  method: null\n") == [
        "configs/co2.yaml:6: scale.method must be one of standard, minmax, robust, none, "
        "got null; write none"
    ]


def test_dates_become_iso_text(folder: Path) -> None:
    text = f"{DATA}  start: 2000-01-01\n  end: 2001-12-14 21:59:43\nsplit:\n  test: 2001-06-01\n"
    config = load(text)
    assert (config.data.start, config.data.end) == ("2000-01-01", "2001-12-14 21:59:43")
    assert config.split.test == "2001-06-01"
    day, hour = datetime.date(2001, 6, 1), datetime.datetime(2001, 6, 1, 13, 30)
    config = built(split={"test": day}, data={"start": day, "end": hour})
    assert config.split.test == "2001-06-01" == config.data.start
    assert config.data.end == "2001-06-01T13:30:00"
    midnight = datetime.datetime(2001, 6, 1)
    assert built(split={"test": midnight}).split.test == "2001-06-01"


def test_a_bare_year_is_a_stamp_where_there_is_a_time_column_and_else_a_row(folder: Path) -> None:
    config = load(f"{DATA}  start: 1950\n", "data.end=1999")
    assert (config.data.start, config.data.end) == ("1950", "1999")
    assert load(f"{DATA}  start: 1950\n", "data.time=null").data.start == 1950


def test_a_byte_order_mark_and_windows_line_ends_are_fine(folder: Path) -> None:
    assert load(b"\xef\xbb\xbf" + DATA.replace("\n", "\r\n").encode()).data.time == "date"


def test_a_section_with_nothing_under_it_is_as_good_as_left_out(folder: Path) -> None:
    config = load(f"{DATA}split:\nnetwork:\n  # units: [3]\n")
    assert config == load(DATA)


# ---------------------------------------------------------------- faults and their places


def test_all_faults_come_in_one_answer_with_their_lines(folder: Path) -> None:
    text = f"{DATA}window:\n  lookbak: 4\n  horizon: -3\n  pad: maybe\nscael: {{}}\n"
    assert faults(text, "training.batch_size=0", "training.los=mae") == [
        "configs/co2.yaml:6: window.lookbak is not known; did you mean 'lookback'?",
        "configs/co2.yaml:7: window.horizon must be at least 0, got -3",
        "configs/co2.yaml:8: window.pad must be true or false, got 'maybe'",
        "configs/co2.yaml:9: scael is not known; did you mean 'scale'?",
        "--set training.los=mae: is not known; did you mean 'loss'?",
        "--set training.batch_size=0: must be at least 1, got 0",
    ]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("lookback: 5", "lookback is not known; did you mean 'window.lookback'?"),
        ("targt: co2", "targt is not known; did you mean 'data.target'?"),
        ("zzzzz: 1", "zzzzz is not known; known: data, split, window, scale, network, training, "
         "forecast"),
        ("training: {horizon: 5}", "training.horizon is not known; did you mean 'window.horizon'?"),
        ("window: {xxxxx: 5}", "window.xxxxx is not known; known: lookback, horizon, stride, "
         "judge_stride, pad"),
        ("window: 5", "window must be a section with keys such as lookback, horizon, stride, "
         "got '5'"),
        ("forecast: [a]", "forecast must be a section with keys such as levels, minimum, adaptive, "
         "got ['a']"),
        ("window: {lookback: 3.5}", "window.lookback must be a whole number of at least 1, "
         "got 3.5"),
        ("window: {lookback: true}", "window.lookback must be a whole number of at least 1, "
         "got 'true'"),
        ("window: {lookback: '5'}", "window.lookback must be a whole number of at least 1, "
         "got '5'"),
        ("window: {lookback: [5]}", "window.lookback must be a whole number of at least 1, "
         "got [5]"),
        ("window: {lookback: }", "window.lookback must be a whole number of at least 1, got null"),
        ("window: {lookback: 99999999999}", "window.lookback must be at most 1000000, "
         "got 99999999999"),
        ("network: {cell: lsmt}", "network.cell must be one of rnn, gru, lstm, got 'lsmt'; "
         "did you mean 'lstm'?"),
        ("network: {cell: GRU}", "network.cell must be one of rnn, gru, lstm, got 'GRU'; "
         "did you mean 'gru'?"),
        ("network: {head: mean}", "network.head must be one of point, quantiles, normal, "
         "student_t, negative_binomial, poisson, got 'mean'"),
        ("network: {preset: best}", "network.preset must be one of plain, auto, segments, hybrid, "
         "got 'best'"),
        ("network: {units: []}", "network.units must not be empty"),
        ("network: {units: 0}", "network.units must be at least 1, got 0"),
        ("network: {units: [8, 0]}", "network.units item 2 must be at least 1, got 0"),
        ("network: {units: [8, x]}", "network.units item 2 must be a whole number of at least 1, "
         "got 'x'"),
        ("network: {dropout: 1}", "network.dropout must be below 1, got 1"),
        ("network: {bias: 1}", "network.bias must be true or false, got '1'"),
        ("training: {learning_rate: 0}", "training.learning_rate must be above 0, got 0"),
        ("training: {learning_rate: .nan}", "training.learning_rate must be a finite number, "
         "got nan"),
        ("training: {max_minutes: .inf}", "training.max_minutes must be a finite number, got inf"),
        ("training: {learning_rate: 1e999}", "training.learning_rate must be a finite number, "
         "got inf"),
        ("training: {clip_norm: true}", "training.clip_norm must be a number above 0 or null, "
         "got 'true'"),
        ("training: {patience: none}", "training.patience must be a whole number of at least 1 "
         "or null, got 'none'"),
        ("training: {patience: 0}", "training.patience must be at least 1, got 0"),
        ("training: {decay: 0}", "training.decay must be above 0, got 0"),
        ("training: {seed: 9223372036854775808}", "training.seed must be below "
         "9223372036854775808, got 9223372036854775808"),
        ("split: {test: 1.0}", "split.test must be a fraction of at least 0 and below 1, a whole "
         "number of at least 0 or a day such as 2024-01-31, got 1.0"),
        ("split: {test: 2024-02-30}", "split.test must be a fraction of at least 0 and below 1, "
         "a whole number of at least 0 or a day such as 2024-01-31, got '2024-02-30'"),
        ("split: {test: -1}", "split.test must be a fraction of at least 0 and below 1, a whole "
         "number of at least 0 or a day such as 2024-01-31, got -1"),
    ],
)  # fmt: skip
def test_each_fault_is_told_in_plain_words(folder: Path, lines: str, fault: str) -> None:
    assert faults(f"{DATA}{lines}\n") == [f"configs/co2.yaml:5: {fault}"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("  season: 0", "data.season must be auto or a whole number of at least 1, got 0"),
        ("  season: weekly", "data.season must be auto or a whole number of at least 1, "
         "got 'weekly'"),
        ("  past: ", "data.past must be text or a list of text, got null; write [] for none"),
        ("  past: [a, '']", "data.past item 2 must not be empty"),
        ("  past: [[a]]", "data.past item 1 must be text, got ['a']"),
        ("  past: [a, b, a]", "data.past names 'a' twice; name each one once"),
        ("  past: {a: 1}", "data.past must be text or a list of text, got {a: '1'}"),
        ("  past: co2", "data.past names 'co2', which data.target names too; a column has one "
         "role only"),
        ("  static: [x, date]", "data.static names 'date', which data.time names too; a column "
         "has one role only"),
        ("  time_format: dmy", "data.time_format must be auto, day_first, month_first or a pattern "
         "such as '%d.%m.%Y %H:%M', got 'dmy'"),
        ("  end: ''", "data.end must be text, a whole number of at least 1 or null, got ''"),
        ("  gaps: bridge",
         "data.gaps must be one of forward, interpolate, zero, mask, error, got 'bridge'"),
        ("  time: other", "data.time is given twice, first on line 3"),
    ],
)  # fmt: skip
def test_each_fault_of_the_data_section_is_told(folder: Path, line: str, fault: str) -> None:
    assert faults(f"{DATA}{line}\n") == [f"configs/co2.yaml:5: {fault}"]


def test_a_missing_section_or_key_is_one_clear_line(folder: Path) -> None:
    assert faults("window:\n  lookback: 5\n") == [
        "configs/co2.yaml: data is missing: name the table in data.path and what to forecast in "
        "data.target"
    ]
    assert faults("split: {test: 0}\ndata:\n  target: y\n") == [
        "configs/co2.yaml:2: data.path is missing: the path of a CSV or Parquet file, or of a "
        "folder of such files that form one table, relative to the folder of the config."
    ]
    assert faults("data: {path: ''}\n") == [
        "configs/co2.yaml:1: data.path must not be empty",
        "configs/co2.yaml:1: data.target is missing: the names of the numeric columns to "
        "forecast; one network forecasts all of them.",
    ]


def test_a_fault_of_an_overridden_value_names_the_override(folder: Path) -> None:
    text = f"{DATA}window:\n  lookback: 5\n"
    assert faults(text, "window.lookback=0") == [
        "--set window.lookback=0: must be at least 1, got 0"
    ]
    assert load(f"{DATA}window:\n  lookback: 0\n", "window.lookback=7").window.lookback == 7


def test_a_preset_does_not_hide_what_is_wrong_with_the_network(folder: Path) -> None:
    assert faults(DATA, "network.projection=64") == [
        "--set network.projection=64: must be below every width of network.units [64], got 64"
    ]


def test_a_long_or_unprintable_value_is_shown_short(folder: Path) -> None:
    (fault,) = faults(f"{DATA}window: {{lookback: {'x' * 500}}}\n")
    assert fault.endswith(f"got '{'x' * 57}...'")
    (fault,) = faults(DATA + 'window: {lookback: "\\e[31m"}\n')
    assert fault.endswith(r"got '\x1b[31m'")


# ---------------------------------------------------------------- files that are no config


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", ": the file is empty; a config names data.path and data.target"),
        ("# only a comment\n", ": the file is empty; a config names data.path and data.target"),
        ("- a\n", ":1: a config is made of sections such as 'data:'"),
        ("date,co2\n2020,3\n", ":1: a config is made of sections such as 'data:'"),
        ("data: &x {}\nsplit: *x\n", ":2: YAML aliases (*) are not used here; repeat the value"),
        ("data: !!python/object:os.system x\n",
         ":1: YAML tags (!) are not used here; quote the value"),
        ("data:\n\tpath: x\n", ":2: a tab; YAML is indented by spaces"),
        ("data: {}\n---\ndata: {}\n", ":2: a second document; a config has one, without '---'"),
        ("a: " + "[" * 100_000, ":1: nested deeper than any config"),
        (b"data:\n  path: \xff\n", ":2: not UTF-8 text; save the file as UTF-8"),
        (b"data:\n  path: a\x01\n", ":2: a character that YAML does not allow"),
        ("x" * 1_000_001, ": over 1,000,000 bytes: too large for a config; is it the data?"),
    ],
    ids=str,
)  # fmt: skip
def test_a_file_that_is_no_config_is_refused(folder: Path, text: str | bytes, fault: str) -> None:
    assert faults(text) == [f"configs/co2.yaml{fault}"]


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("data:\n  path: a: b\n", 2, "needs quotes"),
        ("data:\n  path: @x\n", 2, "needs quotes"),
        ("data:\n  path: 'x\n", 3, "not closed"),
        ("data:\n  path: x\nwindow:\n  a: 1\n   b: 2\n", 5, ""),
    ],
)
def test_broken_yaml_is_told_with_its_line_and_a_hint(
    folder: Path, text: str, line: int, hint: str
) -> None:
    (fault,) = faults(text)
    assert fault.startswith(f"configs/co2.yaml:{line}: not valid YAML: ")
    assert hint in fault


def test_a_missing_file_names_the_nearest(folder: Path) -> None:
    (folder / "configs" / "co2.yaml").write_text(DATA)
    for path, words in {
        "configs/c02.yaml": "no such file; did you mean 'co2.yaml'?",
        "configs/zzzzzzz": "no such file; known: co2.yaml",
        "configs": "is a folder; name a config file in it, such as co2.yaml",
        "nowhere/a.yaml": "there is no folder nowhere",
        "a.yaml": "no such file; there is no *.yaml in .",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load_config(Path(path))
        assert str(caught.value) == f"{path}: {words}"


def test_keys_that_are_no_names_are_refused(folder: Path) -> None:
    assert faults(f"{DATA}? [a, b]\n: 3\n") == [
        "configs/co2.yaml:5: holds a list or mapping as a key"
    ]
    with pytest.raises(ConfigError, match=r"window\.5 is not known"):
        built(window={5: 3})


# ---------------------------------------------------------------- rules between fields


def test_two_fractions_leave_rows_to_train_on() -> None:
    assert built(split={"validation": 0.5, "test": 0.49}).split.test == 0.49
    assert built(split={"validation": 0, "test": 0.0}).split.validation == 0
    assert built(split={"validation": 1, "test": 0.9}).split.validation == 1
    assert refusal(split={"validation": 0.5, "test": 0.5}) == (
        "split.validation and split.test leave no row for training: 0.5 + 0.5 must be below 1"
    )


def test_validation_begins_before_the_test() -> None:
    assert "must begin before split.test (2020-01-01), got 2020-02-01" in refusal(
        split={"validation": "2020-02-01", "test": "2020-01-01"}
    )
    assert "a day such as" in refusal(split={"test": "20200101"})


def test_a_day_needs_a_time_column() -> None:
    text = refusal(data={"time": None}, split={"test": "2020-01-01", "validation": "2019-01-01"})
    assert text.startswith("2 faults:")
    assert "split.test is a day (2020-01-01), but there is no data.time" in text


def test_without_time_nothing_about_stamps_is_taken_and_ignored() -> None:
    text = refusal(
        data={"time": None, "frequency": "h", "duplicates": "mean", "start": "a", "end": 3}
    )
    assert text.startswith("3 faults:")
    for key in ("frequency has no effect", "duplicates has no effect", "start must be a row"):
        assert f"data.{key}" in text
    assert built(data={"time": None, "start": 3, "end": 5}).data.end == 5
    assert "data.end must be at least data.start 3, got 2" in refusal(
        data={"time": None, "start": 3, "end": 2}
    )


def test_a_column_has_one_role_and_the_message_names_both() -> None:
    text = refusal(data={"series": ["t"], "past": ["y", "p"], "future": "p"})
    assert "data.series names 't', which data.time names too" in text
    assert "data.past names 'y', which data.target names too" in text
    assert "data.future names 'p', which data.past names too" in text


def test_a_projection_is_for_lstm_and_below_every_width() -> None:
    assert built(network={"units": [64, 32], "projection": 31}).network.projection == 31
    assert "must be below every width of network.units [64, 32], got 32" in refusal(
        network={"units": [64, 32], "projection": 32}
    )
    assert "is for lstm, and network.cell is gru" in refusal(
        network={"cell": "gru", "projection": 3}
    )


@pytest.mark.parametrize("value", [True, 10**400, float("nan"), "1", [1.0], 1j])
def test_python_values_that_are_no_number_are_refused(value: object) -> None:
    assert "training.learning_rate must be a" in refusal(training={"learning_rate": value})
    assert "training.max_steps must be a" in refusal(training={"max_steps": value})


# ---------------------------------------------------------------- presets


def test_a_config_without_network_gets_auto_and_one_with_it_plain() -> None:
    auto, plain = built().network, built(network={"cell": "gru"}).network
    assert (auto.preset, plain.preset) == ("auto", "plain")
    assert auto == NetworkConfig(preset="auto", **PRESETS["auto"])
    assert plain == NetworkConfig(cell="gru")
    assert auto != NetworkConfig(preset="auto"), "auto is no different from plain"


def test_an_override_of_the_network_counts_as_a_network_section(folder: Path) -> None:
    assert load(DATA, "network.cell=gru").network.preset == "plain"
    named = load(DATA, "network.preset=auto", "network.dropout=0.3").network
    assert named == NetworkConfig(**{"preset": "auto", **PRESETS["auto"], "dropout": 0.3})


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize(
    "given",
    [
        {"decoder": "every_step"},
        {"decoder": "recursive", "teacher_forcing": 0.5},
        {"decoder": "seq2seq"},
        {"bidirectional": True},
        {"readout": "mean"},
    ],
)
def test_a_preset_yields_to_what_does_not_go_with_it(preset: str, given: dict) -> None:
    network = built(network={"preset": preset, **given}).network
    assert network.model_dump().items() >= given.items()
    if "bidirectional" in given and preset != "plain":
        assert network.skip == PRESETS[preset]["skip"] and network.decoder == "direct"


def test_a_preset_leaves_what_is_set_alone() -> None:
    given_fields = {"preset": "auto", "dropout": 0.0, "units": 7}
    network = built(network=given_fields).network
    assert (network.dropout, network.units) == (0.0, [7])
    assert network.normalize == PRESETS["auto"]["normalize"]


def test_every_preset_is_named_by_the_schema_and_valid() -> None:
    assert set(get_args(NetworkConfig.model_fields["preset"].annotation)) == set(PRESETS)
    for name, values in PRESETS.items():
        assert built(network={"preset": name}).network.model_dump().items() >= values.items()


# ---------------------------------------------------------------- overrides


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.target=1", "1"),
        ("data.target=Load [MW]", "Load [MW]"),
        ("data.target=[Load [MW], b]", ["Load [MW]", "b"]),
        ("data.target=a,b", ["a", "b"]),
        ("data.target= [ a , 2 ] ", ["a", "2"]),
        ('data.target=["a, b", \'c,d\', e"f]', ["a, b", "c,d", 'e"f']),
        ('data.target="a,b"', "a,b"),
        ("data.past=[]", []),
        ("data.path=007.csv", "007.csv"),
        ("data.path=a=b.csv", "a=b.csv"),
        ("data.path=C:\\x: y #z", "C:\\x: y #z"),
        ("data.time=none", None),
        ("data.time='none'", "none"),
        ("data.season=auto", "auto"),
        ("data.season=24", 24),
        ("data.end=2020-01-01", "2020-01-01"),
        ("data.end=1e3", "1e3"),
        ('data.end="1950"', "1950"),
        ("data.end=1950", 1950),
        ("split.test=0.25", 0.25),
        ("split.test=52", 52),
        ("split.test=2024-01-31", "2024-01-31"),
        ("window.pad=TRUE", True),
        ("window.pad=off", False),
        ("scale.method=none", "none"),
        ("network.units=64", 64),
        ("network.units=64,32", [64, 32]),
        ("network.units=[64]", [64]),
        ("training.learning_rate=1e-3", 1e-3),
        ("training.patience=null", None),
        ("training.patience=None", None),
        ("training.seed=007", 7),
        ("forecast.minimum=-1.5", -1.5),
    ],
)
def test_an_override_is_typed_by_its_field(text: str, value: object) -> None:
    section, key = text.split("=")[0].split(".")
    parsed = parse_overrides([text])
    assert parsed == {section: {key: value}}
    assert type(parsed[section][key]) is type(value)


def test_a_later_override_wins() -> None:
    assert parse_overrides(["window.stride=2", "window.pad=true", "window.stride=3"]) == {
        "window": {"stride": 3, "pad": True}
    }
    assert parse_overrides([]) == {}


def test_all_faults_of_the_overrides_come_in_one_answer() -> None:
    wrong = {
        "window.lookback": "has no '='; write section.key=value",
        "window=3": "is a section; write window.key=value",
        "network.units.0=3": "has too many dots; write section.key=value",
        "lookback=4": "is not known; did you mean 'window.lookback'?",
        "windw.lookback=4": "is not known; did you mean 'window'?",
        "window.lookbak=4": "is not known; did you mean 'lookback'?",
        "=4": "is not known; known: data, split, window, scale, network, training, forecast",
        "data.path=": "must not be empty",
        "data.past=[a, ]": "item 2 must not be empty",
        "split.test=7.5": "must be a fraction of at least 0 and below 1, a whole number of at "
        "least 0 or a day such as 2024-01-31, got 7.5",
        "network.normalize=null": "must be one of none, last, standard, season, difference, got "
        "'null'; write none",
        "network.units=4,x": "item 2 must be a whole number of at least 1, got 'x'",
        "training.loss=mea": "must be one of auto, mse, mae, huber, smape, mae_smape, "
        "got 'mea'; did you mean 'mse'?",
        "training.batch_size=true": "must be a whole number of at least 1, got 'true'",
        "training.learning_rate=nan": "must be a finite number, got nan",
    }
    with pytest.raises(ConfigError) as caught:
        parse_overrides(list(wrong))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{len(wrong)} faults:"
    assert sorted(lines[1:]) == sorted(f"  --set {text}: {fault}" for text, fault in wrong.items())


def test_overrides_alone_are_not_held_to_rules_of_a_whole_config() -> None:
    alone = ["data.frequency=h", "split.test=2020-01-01", "network.projection=100"]
    assert parse_overrides(alone)["network"] == {"projection": 100}


def test_overrides_leave_the_callers_values_alone() -> None:
    values = {"data": {"path": "a.csv", "target": ["y"]}}
    build_config(values, ["data.target=z", "window.stride=2"])
    assert values == {"data": {"path": "a.csv", "target": ["y"]}}


# ---------------------------------------------------------------- there and back

NASTY = [
    "08", "1e3", "1_0", "0x1F", "none", "null", "~", "yes", "2020-01-01", "<<", "=", " ", " a ",
    "a: b", "# x", "a #b", "- a", "*x", "&x", "!t", "%d", "@", "`", "[a", "{a", "a,b", "'", '"',
    "a\nb", "\t", "\r", "\x85", "\u2028", "\ufeff", "é", "日本", "\x00x", "\x1b", "---", "...",
]  # fmt: skip
names = st.sampled_from(NASTY) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8
)
unit = st.floats(0, 1, exclude_max=True)
counts = st.integers(1, 2**31 - 1)
positive = st.floats(0, exclude_min=True, allow_infinity=False, allow_nan=False)
days = st.dates(datetime.date(1000, 1, 1)).map(str)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Valid configs of every kind that the schema allows."""
    columns = draw(st.lists(names, min_size=6, max_size=12, unique=True))
    time, target, series, past, future, static, *more = columns
    test = draw(unit | counts | days)
    validation = draw(st.floats(0, 0.4) | counts)
    assume(not (isinstance(test, float) and isinstance(validation, float))
           or test + validation < 1)  # fmt: skip
    values: dict[str, Any] = {
        "data": {
            "path": "/" + draw(names).replace("\0", ""),
            "time": time,
            "target": [target, *more],
            "series": draw(st.sampled_from([[], [series]])),
            "past": draw(st.sampled_from([[], past])),
            "future": [future],
            "static": [static],
            "frequency": draw(names),
            "season": draw(st.just("auto") | counts),
            "start": draw(st.none() | names),
            "end": draw(st.none() | days),
        },
        "split": {"validation": validation, "test": test},
        "window": {"lookback": draw(st.integers(1, 1_000_000)), "pad": draw(st.booleans())},
        "training": {
            "learning_rate": draw(positive),
            "decay": draw(unit.filter(bool)),
            "max_minutes": draw(st.none() | positive),
            "patience": draw(st.none() | counts),
            "seed": draw(st.integers(0, 2**63 - 1)),
        },
        "forecast": {"minimum": draw(st.none() | st.floats(allow_nan=False, allow_infinity=False))},
    }
    if draw(st.booleans()):
        values["network"] = {
            "preset": draw(st.sampled_from(sorted(PRESETS))),
            "units": draw(st.lists(counts, min_size=1, max_size=3)),
            "dropout": draw(unit),
        }
    return build_config(values)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(config=configs(), header=st.text(st.characters(codec="ascii", categories=["L", "Zs"])))
def test_a_dumped_config_loads_to_an_equal_config(
    tmp_path_factory: pytest.TempPathFactory, config: Config, header: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "again.yaml"
    text = dump_config(config, header)
    path.write_bytes(text.encode())
    again = load_config(path)
    assert again == config
    assert dump_config(again, header) == text


def test_a_dump_is_in_schema_order_with_lists_in_one_line_and_a_header() -> None:
    text = dump_config(built(data={"target": ["a", "b"]}), "lstmcast train x.yaml\n\nsecond")
    assert text.startswith("# lstmcast train x.yaml\n#\n# second\ndata:\n  path: /a.csv\n")
    assert "\n  target: [a, b]\n  series: []\n" in text
    assert "\n  units: [64]\n" in text and "\n  patience: 8\n" in text
    order = [line.strip().split(":")[0] for line in text.splitlines() if line.startswith("  ")]
    assert order == [field.name.split(".")[1] for field in fields()]


def test_other_yaml_readers_see_the_same_values_in_a_dump() -> None:
    config = built(data={"target": ["08", "1"], "end": "2020-01-01"}, training={"decay": 1e-5})
    assert yaml.safe_load(dump_config(config)) == config.model_dump()


# ---------------------------------------------------------------- words for docs and editors


def test_the_schema_for_editors_is_closed_and_described() -> None:
    schema = json_schema()
    assert schema["$schema"].startswith("https://json-schema.org/draft/2020-12")
    assert schema["title"] == "lstmcast config"
    assert schema["additionalProperties"] is False and schema["required"] == ["data"]
    assert set(schema["properties"]) == set(Config.model_fields)
    for section in schema["properties"].values():
        part = schema["$defs"][section["$ref"].removeprefix("#/$defs/")]
        assert part["additionalProperties"] is False and part["description"]
        for shape in part["properties"].values():
            assert shape["description"].endswith(".") and shape["title"]
    units = schema["$defs"]["NetworkConfig"]["properties"]["units"]
    assert [option["type"] for option in units["anyOf"]] == ["integer", "array"]


def test_a_dumped_config_fits_the_schema_for_editors() -> None:
    check = jsonschema.Draft202012Validator(json_schema())
    for config in (built(), built(split={"test": 3}, network={"units": 5}, data={"time": None})):
        check.validate(yaml.safe_load(dump_config(config)))
    assert not check.is_valid({"data": {"path": "a"}})
    assert not check.is_valid({"data": {"path": "a", "target": "b"}, "window": {"lookbak": 3}})


def test_fields_tell_name_type_default_and_meaning_of_each() -> None:
    by_name = {field.name: field for field in fields()}
    assert len(by_name) == sum(
        len(section) for section in built().model_dump().values()
    )  # every field, once
    assert by_name["data.path"].default == "required"
    assert by_name["data.path"].type == "text"
    assert by_name["network.units"][1:3] == (
        "a whole number of at least 1 or a list of whole numbers of at least 1",
        "[64]",
    )
    assert by_name["training.patience"][1:3] == ("a whole number of at least 1 or null", "8")
    assert by_name["training.max_minutes"][1:3] == ("a number above 0 or null", "null")
    assert by_name["split.test"].type == (
        "a fraction of at least 0 and below 1, a whole number of at least 0 or a day such as "
        "2024-01-31"
    )
    assert by_name["scale.per"].type == "one of series, all"
    assert by_name["window.pad"][1:3] == ("true or false", "false")
