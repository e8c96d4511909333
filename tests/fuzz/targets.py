"""What is fuzzed: readers that are given files and texts by strangers.

Each target takes one input and comes to a result, which is then looked at, or refuses it with an
`LstmcastError`. Anything else is a finding.
"""

from __future__ import annotations

import gzip
import json
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from hypothesis import strategies as st
from inputs import NASTY_BYTES, Alike, edited, edits, json_values, mostly, near, put_at, words
from safetensors.torch import load as load_tensors

from lstmcast.config import dump_config, fields, load_config
from lstmcast.errors import LstmcastError
from lstmcast.forecasting.model_file.model import load_model
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.proposing.propose import propose_config
from lstmcast.runs.tensors import checksum
from lstmcast.stamps.frequency import frequency_from_alias, infer_frequency
from lstmcast.stamps.timestamps import parse_stamp, parse_stamps
from lstmcast.tables.peek import peek
from lstmcast.tables.read import read_table
from lstmcast.workflows.check import check
from lstmcast.workflows.predict import predict

TOP = Path(__file__).parents[2]
GOLDEN = TOP / "tests/golden"
CPU = torch.device("cpu")
PLACE = Path(tempfile.mkdtemp(prefix="lstmcast-fuzz-"))


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        inputs: What it is given.
        read: Reads one, and looks at the result.
    """

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], None]


# ---------------------------------------------------------------- config

CONFIGS = [path.read_bytes() for path in sorted((TOP / "configs").glob("*.yaml"))]
KEYS = [field.name for field in fields()]
YAML_TOKENS = [
    *NASTY_BYTES, *(f"{key.partition('.')[2]}: ".encode() for key in KEYS),
    *(f"\n{section}:\n  ".encode() for section in dict.fromkeys(k.split(".")[0] for k in KEYS)),
    b"*a", b"&a ", b"!!python/object:os.system ", b"<<: ", b"---\n", b"...", b"? ", b": ", b"- ",
    b"|\n", b">-\n", b"[", b"]", b"{", b"}", b"[[[[[[[[[[", b"# ", b"%YAML 1.2\n", b"'", b"\\x41",
]  # fmt: skip
BASE = {"data": {"path": "t.csv", "target": "y"}}


def _sections(changes: list[tuple[str, Any]]) -> str:
    values: dict[str, Any] = {name: dict(section) for name, section in BASE.items()}
    for key, value in changes:
        section, _, name = key.partition(".")
        values.setdefault(section, {})[name] = value
    return yaml.safe_dump(values, allow_unicode=True)


config_texts = st.one_of(
    near(CONFIGS, YAML_TOKENS),
    st.lists(st.tuples(st.sampled_from(KEYS), json_values), max_size=5).map(
        lambda changes: _sections(changes).encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=60),
)
overrides = mostly(
    st.just([]),
    st.lists(
        st.one_of(
            st.builds("{}={}".format, st.sampled_from(KEYS), words),
            st.builds("{}=[{}, {}]".format, st.sampled_from(KEYS), words, words),
            st.builds("{}={{{}: {}}}".format, st.sampled_from(KEYS), words, words),
            st.builds("{}.{}={}".format, st.sampled_from(KEYS), words, words),
            words,
        ),
        max_size=3,
    ),
)


def read_config(given: tuple[bytes, list[str]]) -> None:
    """A config that is taken is written and read as the same."""
    text, settings = given
    path = PLACE / "c.yaml"
    path.write_bytes(text)
    config = load_config(path, settings)
    again = PLACE / "again.yaml"
    again.write_text(dump_config(config), encoding="utf-8")
    assert load_config(again) == config


# ---------------------------------------------------------------- tables

_LONG = (TOP / "data/shops_daily.csv").read_bytes().splitlines(keepends=True)
TABLES = [
    b"".join((TOP / "data/co2_weekly.csv").read_bytes().splitlines(keepends=True)[:40]),
    b"".join(_LONG[:1] + _LONG[1:25] + _LONG[-24:]),
    (TOP / "data/macro_quarterly.csv").read_bytes()[:1500],
    b"date,a,b\n" + b"".join(b"2024-01-%02d,%d,%d\n" % (d, d, d * d) for d in range(1, 29)),
    b"V1,V2,V3,V4,V5\n" + b"".join(b'"H%d",1,2,3,4\n' % k for k in range(9)),
    b"Datum;Wert\n" + b"".join(b"%02d.03.2021 14:00;1.234,%d\n" % (d, d) for d in range(1, 31)),
    b"x\n" + b"".join(b"%d.5\n" % k for k in range(40)),
    "t,v\n".encode("utf-16") + "".join(f"{k},{k}\n" for k in range(30)).encode("utf-16-le"),
    *(path.read_bytes() for path in sorted((TOP / "tests/findings").glob("*.csv"))),
]
_parquet = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=30), "y": np.arange(30.0)})
PARQUET = _parquet.to_parquet(index=False)


def _table(columns: list[str], rows: list[list[str]], separator: str, end: str) -> bytes:
    return end.join(separator.join(cells) for cells in [columns, *rows]).encode(
        "utf-8", "surrogatepass"
    )


tables = st.one_of(
    near(TABLES),
    near(TABLES).map(lambda data: gzip.compress(data, mtime=0)),
    near([PARQUET]),
    near([gzip.compress(TABLES[0], mtime=0)]),
    st.integers(1, 4).flatmap(
        lambda width: st.builds(
            _table,
            st.lists(words, min_size=width, max_size=width),
            st.lists(st.lists(words, min_size=width, max_size=width), max_size=30),
            st.sampled_from([",", ";", "\t", "|", " "]),
            st.sampled_from(["\n", "\r\n", "\r"]),
        )
    ),
)

_settings = {
    "data.layout": ["wide", "rows", "long"],
    "data.frequency": ["D", "h", "MS", "B", "12h", "2W-TUE", "999999Y", "1us", "QE-FEB", "5ms"],
    "data.season": ["1", "7", "2147483647"],
    "data.gaps": ["forward", "interpolate", "zero", "mask", "error"],
    "data.duplicates": ["first", "last", "mean", "error"],
    "data.calendar": ["auto", "[hour, week, year, weekend]"],
    "data.lags": ["[1, 7]", "[2147483647]", "3"],
    "data.time": ["null", "date", "day"],
    "data.target": ["co2", "sales", "a", "y", "[a, b]"],
    "data.past": ["b", "price"],
    "data.future": ["b", "promo"],
    "data.categorical": ["shop", "a", "b"],
    "data.start": ["2", "2024-01-05", "99999", "1900-01-01", "9999-12-31"],
    "data.end": ["2", "2024-01-20", "1"],
    "data.time_format": ["day_first", "%d/%m/%Y", "%s"],
    "split.test": ["0", "5", "0.9", "2024-01-15", "2147483647"],
    "split.validation": ["0", "5", "0.9", "2024-01-10"],
    "window.lookback": ["1", "3", "1000000"],
    "window.horizon": ["1", "2", "1000000"],
    "window.pad": ["true"],
    "scale.method": ["robust", "minmax", "none"],
    "scale.per": ["all"],
    "scale.transform": ["log1p"],
    "network.embed_series": ["true"],
    "network.head": ["poisson", "quantiles"],
}
table_settings = mostly(
    st.just([]),
    st.lists(
        st.sampled_from(
            [f"{key}={value}" for key, values in _settings.items() for value in values]
        ),
        max_size=3,
    ),
)


def read_a_table(data: bytes) -> None:
    """A table is read, peeked at and asked for its cells; all name the same columns."""
    path = PLACE / "t.csv"
    path.write_bytes(data)
    _taken(lambda: peek(path))
    table = read_table(path)
    for column in table.frame:
        texts = table.text(column)
        assert len(texts) == len(table.frame)
        assert table.strings(column).to_pylist() == texts.tolist()
        numbers = _taken(lambda column=column: table.numbers(column))
        assert numbers is None or len(numbers) == len(table.frame)
    if len(table.frame):
        table.line(len(table.frame) - 1)


def use_a_table(given: tuple[bytes, list[str]]) -> None:
    """A table is checked, a config proposed, and the table made ready for windows by it."""
    data, settings = given
    path = PLACE / "u.csv"
    path.write_bytes(data)
    check(path, settings)
    config = propose_config(path, settings, ProgressListener())[0]
    prepared = prepare(config, ProgressListener())
    assert np.isfinite(prepared.scaler.scale).all() and (prepared.scaler.scale > 0).all()


def _taken(read: Callable[[], Any]) -> Any:
    """What a reader gives; None where it refuses."""
    try:
        return read()
    except LstmcastError:
        return None


# ---------------------------------------------------------------- stamps

PATTERNS = [
    "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S.%f%z", "%d.%m.%Y", "%m/%d/%Y %I:%M %p",
    "%Y%m%d", "%b %d, %Y", "%d-%B-%y", "%Y-%m", "%YQ%q", "%Y", "%s", "%H:%M", "%j %Y", "%%", "%",
    "%Y-%Y", "%-d/%-m/%Y", "%A", "%Z", "%c", "(%Y", "%Y)+", "%Y.*", "", "auto", "day_first",
    "month_first",
]  # fmt: skip
moments = st.datetimes(min_value=datetime(1000, 1, 1))
_written = st.sampled_from(
    ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%b %Y", "%Y%m%d", "%Y-%m", "%Y", "%d %B %Y", "%m/%d/%y",
     "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%Y-%m-%dT%H:%M:%S.%f"]
)  # fmt: skip
_zones = st.sampled_from(["", "Z", "+01:00", "-0330", " UTC", "+14", "-00:00", "+23:59"])


def _in_steps(start: datetime, step: int, count: int, pattern: str, zone: str) -> list[str]:
    values = np.datetime64(start, "us") + np.timedelta64(step, "m") * np.arange(count)
    values = values[values < np.datetime64("9999-12-31")]
    zone = zone if "%M" in pattern else ""
    return [stamp.strftime(pattern) + zone for stamp in values.astype(object)]


_regular = st.builds(
    _in_steps,
    moments,
    st.sampled_from([1, 15, 60, 1440, 10080, 43200, 44640, 525600, 0]),
    st.integers(1, 40),
    _written,
    _zones,
)
stamps = st.tuples(
    mostly(_regular, st.lists(words, min_size=1, max_size=12)),
    mostly(st.just([]), st.lists(st.tuples(st.integers(0, 99), words), max_size=2)),
    mostly(
        st.just("auto"),
        st.one_of(st.sampled_from(PATTERNS), st.text("%YmdHMSfzbBpq-/ .:T", max_size=9)),
    ),
    words,
)


def read_stamps(given: tuple[list[str], list[tuple[int, str]], str, str]) -> None:
    """Stamps are read; written in their style they are the same; a user's stamp is read by it."""
    texts, wrong, pattern, alias = given
    texts = texts or ["2024-01-01"]
    for place, text in wrong:
        texts[place % len(texts)] = text
    column = np.array(texts, dtype=object)
    _taken(lambda: parse_stamp(texts[0]))
    read = parse_stamps(column, pattern)
    assert len(read.values) == len(texts) and not np.isnat(read.values).any()
    again = np.array(read.style.format(read.values), dtype=object)
    style = read.style.pattern.replace("%-", "%")
    if style not in ("%s", "%Q"):
        written = parse_stamps(again, style)
        assert (written.values == read.values).all(), f"{again[:3]} for {texts[:3]}"
    _taken(lambda: parse_stamp(texts[0], read.style))
    series = np.zeros(len(texts), dtype=np.int64)
    _taken(lambda: infer_frequency(read.values, series))
    _taken(lambda: frequency_from_alias(alias, read.values))


# ---------------------------------------------------------------- models

MODELS = {path.stem: path.read_bytes() for path in sorted(GOLDEN.glob("*.safetensors"))}


@dataclass(frozen=True)
class Forgery:
    """A golden model with changes, told by name so that a finding can be read.

    Attributes:
        model: Its name.
        changes: Way to a value of its JSON, the value, and whether it is removed.
        edits: Of the bytes.
        where: What is changed: `described`, its JSON, `header`, or nothing but bytes.
        honest: Whether the checksum is computed anew.
    """

    model: str
    changes: list[tuple[list[int], Any, bool]]
    edits: list[Any]
    where: str
    honest: bool

    def data(self) -> bytes:
        """The bytes of the file."""
        data = MODELS[self.model]
        header, body = _split(data)
        if self.where == "header":
            header = _changed(header, self.changes)
            data = _joined(header, body)
        elif self.where == "described":
            described = json.loads(header["__metadata__"]["lstmcast"])
            told = described.pop("checksum", None)
            described = _changed(described, self.changes)
            if isinstance(described, dict):
                described["checksum"] = _checksum(data, described) if self.honest else told
            header["__metadata__"]["lstmcast"] = json.dumps(described)
            data = _joined(header, body)
        return edited(data, self.edits)


def _changed(tree: Any, changes: list[tuple[list[int], Any, bool]]) -> Any:
    for way, value, remove in changes:
        tree = put_at(tree, way, value, remove)
    return tree


def _checksum(data: bytes, described: dict[str, Any]) -> str:
    try:
        return checksum(load_tensors(data), described)
    except ValueError:
        return "NaN is no JSON, and has no checksum"


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _joined(header: Any, body: bytes) -> bytes:
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + body


_ways = st.lists(st.integers(0, 60), min_size=1, max_size=6)
_values = mostly(st.builds(Alike, st.integers(0, 50)), json_values)
_changes = st.lists(
    st.tuples(_ways, _values, st.sampled_from([False, False, False, True])), min_size=1, max_size=3
)
_names = st.sampled_from(list(MODELS))
models = mostly(
    st.builds(Forgery, _names, _changes, st.just([]), st.just("described"), st.just(True)),
    st.one_of(
        st.builds(Forgery, _names, st.just([]), edits(NASTY_BYTES), st.just(""), st.just(True)),
        st.builds(
            Forgery,
            _names,
            _changes,
            st.just([]),
            st.sampled_from(["described", "header"]),
            st.just(False),
        ),
    ),
)


def read_model(forgery: Forgery) -> None:
    """A model that is taken can forecast, or says why not."""
    path = PLACE / "m.safetensors"
    path.write_bytes(forgery.data())
    load_model(path, CPU)
    predicted = predict(path, str(GOLDEN / "table.csv"), None, None, CPU, ProgressListener())
    assert len(predicted.forecast)


TARGETS = {
    "config": Target(st.tuples(config_texts, overrides), read_config),
    "csv": Target(tables, read_a_table),
    "table": Target(st.tuples(tables, table_settings), use_a_table),
    "stamps": Target(stamps, read_stamps),
    "model": Target(models, read_model),
}


def warm_up() -> None:
    """Load what the first inputs would load, so that none is blamed for that."""
    read_model(Forgery(next(iter(MODELS)), [], [], "", True))
    use_a_table((TABLES[3], []))
