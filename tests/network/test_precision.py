"""Training in bf16: near float32, forecasts in float32, refused where torch has none."""

import json
from typing import Any

import pytest
import torch
from support.daily import daily_text
from support.steps import make_batch, make_stepper

from lstmcast.config import NetworkConfig
from lstmcast.errors import ConfigError
from lstmcast.network import precision
from lstmcast.network.precision import choose_precision, use_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "network",
    [
        {"units": [8, 8]},
        {"units": [8], "bidirectional": True, "initial_state": "learned"},
        {"units": [8], "decoder": "seq2seq"},
        {"units": [8], "activation": "sigmoid"},
    ],
    ids=str,
)
def test_bf16_trains_near_float32_and_forecasts_in_float32(network: dict[str, Any]) -> None:
    batch = make_batch(16, 12, 4)
    wide, narrow = (make_stepper(12, 4, **network) for _ in range(2))
    use_precision(narrow.network, torch.bfloat16)
    for stepper in (wide, narrow):
        stepper.optimizer.clear()
    losses = []
    for stepper in (wide, narrow):
        total, count = stepper.network.loss(batch)
        (total / count).backward()
        losses.append((total / count).item())
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    grads = []
    for stepper in (wide, narrow):
        assert all(
            p.grad is not None and p.grad.dtype == p.dtype for p in stepper.network.parameters()
        )
        grads.append(torch.cat([p.grad.flatten() for p in stepper.network.parameters()]))
    # The gradient of mae is a sign: where a rounding turns one of 64, a bias moves by a fifth.
    assert (grads[0] - grads[1]).norm() <= 0.2 * grads[0].norm()
    with torch.inference_mode():
        assert torch.equal(*(s.network.eval()(batch) for s in (wide, narrow)))


def test_auto_is_bf16_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lstm, gru = NetworkConfig(), NetworkConfig(cell="gru")
    for able in (False, True):
        monkeypatch.setattr(precision, "multiplies_bf16", lambda device, able=able: able)
        best = torch.bfloat16 if able else torch.float32
        assert choose_precision("auto", lstm, CPU) == best
        assert choose_precision("auto", gru, CPU) == torch.float32
        assert choose_precision("float32", lstm, CPU) == torch.float32
        assert choose_precision("bf16", lstm, CPU) == torch.bfloat16


def test_bf16_is_refused_where_torch_has_no_such_layers() -> None:
    for network in (NetworkConfig(cell="gru"), NetworkConfig(projection=8)):
        with pytest.raises(ConfigError, match=r"training\.precision: bf16 on cpu is for LSTM"):
            choose_precision("bf16", network, CPU)


def test_a_run_says_which_precision_it_was_trained_in(cli: Any, tmp_path: Any) -> None:
    (tmp_path / "daily.csv").write_text(daily_text())
    small = ["-s", "window.lookback=7", "-s", "network.units=4", "-s", "training.max_epochs=1"]
    run = str(tmp_path / "run")
    table = str(tmp_path / "daily.csv")
    done = cli("train", table, "--run", run, *small, "-s", "training.precision=bf16")
    assert done.code == 0, done.err
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["precision"] == "bf16"
