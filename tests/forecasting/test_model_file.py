"""The model file: read for ever, and refused in one message where it is not what was written."""

from __future__ import annotations

import json
import runpy
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.model_files import GOLDEN, SAMPLE, TABLE, join, put, split, with_json

import lstmcast
from lstmcast.config import PRESETS
from lstmcast.errors import RunError
from lstmcast.forecasting.model_file.model import Model, load_model

MODELS = sorted(GOLDEN.glob("*.safetensors"))
CPU = torch.device("cpu")


def load_bytes(data: bytes, tmp_path: Path) -> Model:
    (tmp_path / "m.safetensors").write_bytes(data)
    return load_model(tmp_path / "m.safetensors", CPU)


# ---------------------------------------------------------------- for ever


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_every_model_ever_kept_forecasts_what_it_forecast(path: Path) -> None:
    forecast = lstmcast.predict(path, TABLE, device="cpu")
    kept = pd.read_csv(path.with_suffix(".csv"), dtype={"id": str, "day": str})
    assert list(forecast.columns) == list(kept.columns) and len(kept) == 6
    for name in kept.columns:
        if pd.api.types.is_numeric_dtype(kept[name]):  # processors round in the last digits
            np.testing.assert_allclose(forecast[name], kept[name], rtol=1e-6, atol=1e-6)
        else:
            assert forecast[name].tolist() == kept[name].tolist()


def test_there_is_a_golden_model_of_every_kind_and_none_is_written_again() -> None:
    script = runpy.run_path(str(GOLDEN / "make_golden.py"))
    assert set(script["KINDS"]) <= {path.stem for path in MODELS}
    assert all(path.stat().st_size < 20_000 for path in MODELS)
    before = {path: path.stat().st_mtime_ns for path in GOLDEN.iterdir()}
    script["main"]()
    assert {path: path.stat().st_mtime_ns for path in GOLDEN.iterdir()} == before


def test_a_file_from_before_checksums_has_none() -> None:
    header, _ = split((GOLDEN / "before-checksums.safetensors").read_bytes())
    assert "checksum" not in json.loads(header["__metadata__"]["lstmcast"])


def test_the_checksum_is_the_one_that_the_description_says() -> None:
    """docs/model-format.md, followed by hand."""
    import hashlib

    header, body = split(SAMPLE.read_bytes())
    described = json.loads(header.pop("__metadata__")["lstmcast"])
    told = described.pop("checksum")
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode())
    for name in sorted(header):
        start, stop = header[name]["data_offsets"]
        digest.update(f"\n{name} float32 {header[name]['shape']}\n".encode() + body[start:stop])
    assert digest.hexdigest() == told


def test_a_newer_format_is_refused_politely(tmp_path: Path) -> None:
    newer = with_json(lambda d: d.update(format=2), SAMPLE.read_bytes())
    with pytest.raises(RunError, match=r"has format 2, but this lstmcast reads format 1"):
        load_bytes(newer, tmp_path)


@pytest.mark.parametrize("place", ["training", None])
def test_a_config_field_of_a_newer_version_is_named(tmp_path: Path, place: str | None) -> None:
    newer = with_json(
        lambda d: (d["config"][place] if place else d["config"]).update(tuning={}),
        SAMPLE.read_bytes(),
    )
    with pytest.raises(RunError, match=r"written by a newer lstmcast.*tuning"):
        load_bytes(newer, tmp_path)


def test_a_preset_may_gain_fields_without_changing_old_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget_bias(described: dict[str, Any]) -> None:
        described["config"]["network"]["preset"] = "auto"
        del described["config"]["network"]["bias"]

    old = with_json(forget_bias, SAMPLE.read_bytes())
    monkeypatch.setitem(PRESETS, "auto", {"bias": False})
    model = load_bytes(old, tmp_path)
    assert model.config.network.bias and model.config.network.preset == "auto"


def test_keys_that_a_later_version_adds_beside_the_others_are_left_alone(tmp_path: Path) -> None:
    more = with_json(lambda d: d.update(remark="hello"), SAMPLE.read_bytes())
    assert load_bytes(more, tmp_path).sizes.lookback == 8


# ---------------------------------------------------------------- damaged and hostile


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    f"{place} {str(value)[:20]}": put(place, value)
    for place, values in {
        "sizes.inputs": [2**31 - 1, 2**53, -1, "3", 3.0, None, True, 10**400],
        "sizes.targets": [2**31 - 1, 0, 2],
        "sizes.lookback": [2**31 - 1, 0, 9],
        "sizes.horizon": [2**31 - 1, 4],
        "sizes.future": [2**31 - 1, -1],
        "sizes.static": [2**31 - 1, 5],
        "sizes.categories": [
            [{"column": "w", "static": False, "place": 1, "count": 2**40, "width": 2**20}],
            [{"column": "w", "static": False, "place": 99, "count": 0, "width": 1}],
            [{}] * 10_000,
            {"a": 1},
        ],
        "config.network.units": [[2**31 - 1], [2**31 - 1] * 100_000, [1] * 200_000, [0], "3"],
        "config.network.cell": ["gru", "../../x"],
        "config.network.projection": [2**31 - 1],
        "config.window.lookback": [2**31 - 1, 1_000_000],
        "config.window.horizon": [2**31 - 1, 1_000_000],
        "config.data.target": [["y"] * 5, [1] * 300_000, "y" * 2_000_000],
        "config.data": [{}, [], None, {"x" * 9: 1}],
        "config": [[], None, {}, {f"k{n}": 1 for n in range(50_000)}],
        "scaler.scale": [[[0.0] * 3] * 2, [[1.0]], "x", [[-1.0] * 3] * 2],
        "scaler.logged": [[3], [-1], ["y"]],
        "scaler.center": [[[None] * 3] * 2, [], [[1.0] * 3] * 3],
        "static_scaler": [None, {}, {"method": "none", "center": [[1.0] * 9], "scale": []}],
        "frequency": [{}, None, {"alias": "D", "season": 0, "words": ""}],
        "frequency.season": [2**80, -7],
        "fallbacks": [[], ["drift"], ["exec"], [["naive"]], "naive"],
        "series": [[["a"]], [[1], [2]], None, [["a"]] * 100_000],
        "vocabulary": [{"words": [], "series": []}, {"words": {"w": [1]}, "series": []}],
        "format": [None, "1", 1.0, True, [], 10**30],
    }.items()
    for value in values
}


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def header_changes(data: bytes) -> dict[str, bytes]:
    """Files whose header lies."""
    header, body = split(data)
    text = header["__metadata__"]["lstmcast"]
    names = [name for name in header if name != "__metadata__"]

    def told(**entries: Any) -> bytes:
        return join({**header, **entries}, body)

    first = header[names[0]]
    twin, other = "encoder.stacks.0.bias_ih_l0", "encoder.stacks.0.bias_hh_l0"
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    changes = {
        "huge shape": told(**{names[0]: {**first, "shape": [2**40, 2**20]}}),
        "overflowing shape": told(**{names[0]: {**first, "shape": [2**63, 2]}}),
        "other type": told(**{names[0]: {**first, "dtype": "I32"}}),
        "unknown type": told(**{names[0]: {**first, "dtype": "PICKLE"}}),
        "offsets beyond the end": told(**{names[0]: {**first, "data_offsets": [0, 10**12]}}),
        "overlapping": told(
            **{names[0]: {**first, "data_offsets": header[names[1]]["data_offsets"]}}
        ),
        "swapped tensors": told(**{twin: header[other], other: header[twin]}),
        "renamed tensor": join(
            {("../" + n if n == names[0] else n): v for n, v in header.items()}, body
        ),
        "a tensor too many": join(
            {
                **header,
                "extra": {**first, "data_offsets": [len(body), len(body) + 4], "shape": [1]},
            },
            body + b"\0" * 4,
        ),
        "no metadata": join({n: header[n] for n in names}, body),
        "no tensors": join({"__metadata__": header["__metadata__"]}, b""),
        "header longer than the file": struct.pack("<Q", 2**40) + data[8:],
        "header of 2^64": b"\xff" * 8 + data[8:],
        "header of 0": b"\0" * 8 + data[8:],
        "header is deep": struct.pack("<Q", len(deep)) + deep.encode() + body,
        "empty": b"",
        "zeros": b"\0" * len(data),
        "pickle": b"\x80\x04\x95" + data[3:],
        "zip": b"PK\x03\x04" + data[4:],
        "more behind the end": data + b"x",
    }
    for name, words in {
        "deep json": deep,
        "deep lists": "[" * 500_000,
        "NaN": text.replace('"lookback":8', '"lookback":NaN'),
        "a number of many digits": text.replace('"lookback":8', '"lookback":' + "8" * 10_000),
        "half": text[: len(text) // 2],
        "a number beyond floats": text.replace('"phase":0', '"phase":1e999'),
        "a list": "[1]",
        "nothing": "",
    }.items():
        changes[name] = told(__metadata__={"lstmcast": words})
    return changes


def damaged_versions() -> dict[str, bytes]:
    """At least 200 files that must all be refused."""
    data = SAMPLE.read_bytes()
    random = np.random.default_rng(8)
    versions = header_changes(data)
    versions |= {name: with_json(change, data) for name, change in HOSTILE.items()}
    for place, value in (
        ("config.data.past", ["q"]),
        ("config.training.seed", 9),
        ("scaler.center", [[1.0, 0.0, 0.0]] * 2),
    ):
        name = f"{place} under the old checksum"
        versions[name] = with_json(put(place, value), data, honest=False)
    length = struct.unpack("<Q", data[:8])[0]
    for bit in random.choice(8 * (8 + length), 60, replace=False):
        versions[f"bit {bit} of the header"] = flip(data, int(bit))
    for bit in random.integers(8 * (8 + length), 8 * len(data), 40):
        versions[f"bit {bit} of the weights"] = flip(data, int(bit))
    for size in random.integers(1, len(data), 20):
        versions[f"cut at {size}"] = data[:size]
    return versions


LOAD_ALL = """
import json, resource, signal, sys
from pathlib import Path
import torch
from lstmcast.errors import RunError
from lstmcast.forecasting.model_file.model import load_model
load_model(Path(sys.argv[2]), torch.device("cpu"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answers = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    signal.setitimer(signal.ITIMER_PROF, 5)  # a hang ends the process, however busy the machine
    try:
        load_model(path, torch.device("cpu"))
        answers[path.name] = "loaded"
    except RunError as error:
        answers[path.name] = str(error)
    except Exception as error:
        answers[path.name] = f"CRASH {type(error).__name__} {str(error)[:200]}"
signal.setitimer(signal.ITIMER_PROF, 0)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"answers": answers, "grown_kilobytes": grown}))
"""


def test_200_damaged_and_hostile_models_are_each_refused_in_one_message(tmp_path: Path) -> None:
    versions = damaged_versions()
    assert len(versions) >= 200
    folder = tmp_path / "models"
    folder.mkdir()
    names = {f"{number:03d}.safetensors": name for number, name in enumerate(versions)}
    for file, name in names.items():
        (folder / file).write_bytes(versions[name])
    told = subprocess.run(
        [sys.executable, "-c", LOAD_ALL, str(folder), str(SAMPLE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    result = json.loads(told.stdout)
    answers = {names[file]: answer for file, answer in result["answers"].items()}
    wrong = {
        name: answer
        for name, answer in answers.items()
        if answer == "loaded" or answer.startswith("CRASH") or "\n" in answer or len(answer) > 1000
    }
    assert not wrong
    assert result["grown_kilobytes"] < 500_000


@pytest.mark.parametrize("name", ["swapped tensors", "cut", "deep json", "huge sizes"])
def test_predict_with_a_bad_model_exits_5_and_writes_nothing(
    cli: Any, tmp_path: Path, name: str
) -> None:
    data = SAMPLE.read_bytes()
    bad = {
        **header_changes(data),
        "cut": data[:1000],
        "huge sizes": with_json(put("sizes.inputs", 2**31 - 1), data),
    }[name]
    (tmp_path / "m.safetensors").write_bytes(bad)
    outcome = cli("predict", tmp_path / "m.safetensors", TABLE, "-o", tmp_path / "f.csv")
    assert outcome.code == 5 and outcome.out == ""
    assert outcome.err.startswith("error: ") and len(outcome.err.splitlines()) == 1
    assert not (tmp_path / "f.csv").exists()


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = load_model(SAMPLE, CPU)
    with torch.no_grad():
        next(model.network.parameters())[0] = torch.nan
    model.save(tmp_path / "nan.safetensors")
    with pytest.raises(RunError, match="not finite"):
        load_model(tmp_path / "nan.safetensors", CPU)


def test_a_model_that_was_loaded_is_saved_as_the_same_bytes(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.safetensors", tmp_path / "twice.safetensors"
    load_model(SAMPLE, CPU).save(once)  # config fields that came later are added
    load_model(once, CPU).save(twice)
    assert once.read_bytes() == twice.read_bytes()
