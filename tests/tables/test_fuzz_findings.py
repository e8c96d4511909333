"""What `make fuzz` found, each once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.model_files import GOLDEN, SAMPLE, TABLE, put, with_json

import lstmcast
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.proposing.propose import propose_config
from lstmcast.stamps.frequency import frequency_from_alias
from lstmcast.tables.read import read_table
from lstmcast.workflows.check import check


def test_a_whole_number_of_hundreds_of_digits_is_infinite(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n1,{'9' * 400}\n2,x\n3,5\n")
    with pytest.raises(DataError, match="column 'b': 1 cell is not a number: line 3 'x'"):
        read_table(path).numbers("b")
    path.write_text(f"a,b\n1,{'9' * 400}\n2,5\n")
    with pytest.raises(DataError, match="column 'b': 1 cell is infinite: line 2"):
        read_table(path, text=["b"]).numbers("b")
    path.write_text(f",,\n,,{'9' * 400}\n")
    assert check(path).findings


@pytest.mark.parametrize("cells", [("5%", "6%"), ("2020%", "2021%"), ("5%", "x")])
def test_percents_are_text_as_it_was_written(tmp_path: Path, cells: tuple[str, str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n1,{cells[0]}\n2,{cells[1]}\n")
    table = read_table(path)
    assert table.text("b").tolist() == table.strings("b").to_pylist() == list(cells)
    with pytest.raises(DataError, match=f"'b': 2 cells are each not a number: line 2 '{cells[0]}'"):
        table.numbers("b")


def test_a_number_whose_square_overflows_has_a_scale(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("y\n" + "\n".join(["1", "2", "-2e178", "4", "3", "5"] * 5) + "\n")
    config = propose_config(path, [], ProgressListener())[0]
    scaler = prepare(config, ProgressListener()).scaler
    assert np.isfinite(scaler.scale).all() and scaler.scale.max() > 1e177


@pytest.mark.parametrize("alias", ["999999999999D", "9" * 5000 + "h", "9223372036854775808MS"])
def test_a_step_that_64_bits_cannot_tell_is_no_frequency(alias: str) -> None:
    with pytest.raises(ConfigError, match="is not a frequency"):
        frequency_from_alias(alias, np.array(["2024-01-01"], dtype="datetime64[us]"))


@pytest.mark.parametrize(
    "change",
    [
        put("config.data.static", []),
        put("config.data.past", []),
        put("config.data.future", []),
        put("config.data.categorical", ["s"]),
        put("config.data.calendar", ["hour"]),
        put("vocabulary.series", [""]),
        put("scaler.center", [[10**400] * 3] * 2),
    ],
)
def test_a_model_whose_config_makes_other_columns_is_refused(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(with_json(change, SAMPLE.read_bytes()))
    with pytest.raises(RunError, match="damaged"):
        lstmcast.predict(path, TABLE)


def test_whole_numbers_of_any_size_scale_as_floats(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(with_json(put("scaler.center", [[10**30] * 3] * 2), SAMPLE.read_bytes()))
    assert lstmcast.predict(path, TABLE)["y"].dtype == np.float64


LOAD_ALL = """
import sys
from pathlib import Path
import torch
from lstmcast.forecasting.model_file.model import load_model
for path in Path(sys.argv[1]).glob("*.safetensors"):
    load_model(path, torch.device("cpu"))
    assert "torch._dynamo" not in sys.modules, path
"""


def test_no_model_takes_the_seconds_of_loading_a_compiler() -> None:
    subprocess.run([sys.executable, "-c", LOAD_ALL, str(GOLDEN)], check=True)
