"""One-bias weights written to and read from a trained run, and the forecasts with them."""

import shutil

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from support.files import digests

import lstmcast
from lstmcast.errors import ConfigError, RunError

KERNEL = [[2, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0], [1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0]]
RECURRENT = np.full((3, 12), 7.0)  # any value: the state before is zero
BIAS = [3, 1, 0, 1, 1, 0, 0, 1, 0, 2, 0, 0]
"""The tutorials' example: with the input [1, 0], h is [0, 4, 0] and c is [0, 4, 1]."""


def trained(folder, **changes):
    """A run of three units and a window of one row (a, b), without any scaling."""
    settings = {
        "data.target": "a",
        "data.past": "b",
        "window.lookback": 1,
        "window.horizon": 1,
        "scale.method": "none",
        "network.preset": "plain",
        "network.units": "[3]",
        "network.activation": "linear",
        "network.recurrent_activation": "linear",
        "training.max_epochs": 1,
        "forecast.minimum": "null",  # would keep forecasts of counts above zero
    } | changes
    table = folder / "t.csv"
    if not table.exists():
        rows = [f"{1 if k % 7 == 3 else k % 5},{0 if k % 7 == 3 else k % 3}" for k in range(60)]
        table.write_text("\n".join(["a,b", *rows]) + "\n")
    overrides = [f"{key}={value}" for key, value in settings.items()]
    return lstmcast.train(table, set=overrides, run=folder / "run", device="cpu")


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("keras_weights"))


def test_the_weights_of_a_run_are_torchs_laid_on_their_side(linear):
    weights = load_file(linear.path / "model.safetensors")
    kernel, recurrent, bias = linear.keras_weights()
    assert (kernel.shape, recurrent.shape, bias.shape) == ((2, 12), (3, 12), (12,))
    np.testing.assert_array_equal(kernel, weights["encoder.stacks.0.weight_ih_l0"].T)
    np.testing.assert_array_equal(recurrent, weights["encoder.stacks.0.weight_hh_l0"].T)
    both = weights["encoder.stacks.0.bias_ih_l0"] + weights["encoder.stacks.0.bias_hh_l0"]
    np.testing.assert_array_equal(bias, both)


def test_given_weights_forecast_what_they_give_by_hand(linear, tmp_path):
    before = digests(linear.path)
    model = linear.with_keras_weights(KERNEL, RECURRENT, BIAS, out=tmp_path / "m.safetensors")
    assert digests(linear.path) == before
    (tmp_path / "new.csv").write_text("a,b\n3,3\n1,0\n")
    frame = model.predict(tmp_path / "new.csv")
    weights = load_file(tmp_path / "m.safetensors")
    head, bias = weights["decoder.linear.weight"], weights["decoder.linear.bias"]
    # h = [0, 4, 0]: four times the second weight.
    assert frame["a"].item() == pytest.approx(4 * head[0, 1] + bias[0], rel=1e-6)
    assert weights["encoder.stacks.0.bias_hh_l0"].tolist() == [0] * 12


def test_inspect_shows_the_tutorials_numbers(linear, tmp_path):
    run = lstmcast.Run(shutil.copytree(linear.path, tmp_path / "run"))
    (run.path / "model.safetensors").unlink()
    linear.with_keras_weights(KERNEL, RECURRENT, BIAS, out=run.path / "model.safetensors")
    table = pd.read_csv(linear.path.parent / "t.csv")
    number = int(np.flatnonzero((table["a"][:-1] == 1) & (table["b"][:-1] == 0))[0])
    layer = lstmcast.inspect(run.path, trace=True, window=number)["trace"]["layers"]["l0"]
    assert layer["inputs"] == [[1, 0]]
    assert layer["h"] == [[0, 4, 0]] and layer["c"] == [[0, 4, 1]]
    gates = {"i": [[5, 2, 1]], "f": [[1, 1, 0]], "g": [[0, 2, 1]], "o": [[2, 1, 0]]}
    assert layer["gates"] == gates


def test_weights_read_and_given_back_forecast_the_same(linear, tmp_path):
    model = linear.with_keras_weights(*linear.keras_weights(), out=tmp_path / "m.safetensors")
    table = linear.path.parent / "t.csv"
    np.testing.assert_allclose(model.predict(table)["a"], linear.predict(table)["a"], rtol=1e-5)
    for own, other in zip(model.keras_weights(), linear.keras_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


def test_no_file_is_ever_written_over(linear, tmp_path):
    before = digests(linear.path)
    with pytest.raises(RunError, match="exists"):
        linear.with_keras_weights(KERNEL, RECURRENT, BIAS, out=linear.path / "model.safetensors")
    assert digests(linear.path) == before
    with pytest.raises(RunError, match="cannot write"):
        linear.with_keras_weights(KERNEL, RECURRENT, BIAS, out=tmp_path / "no" / "m.safetensors")
    with pytest.raises(ConfigError, match=r"\.safetensors"):
        linear.with_keras_weights(KERNEL, RECURRENT, BIAS, out=tmp_path / "m.bin")
    assert not list(tmp_path.iterdir())


WRONG = {
    "a kernel on its side": ((np.transpose(KERNEL), RECURRENT, BIAS), r"kernel .* \(2, 12\)"),
    "no bias": ((KERNEL, RECURRENT, None), "bias is missing"),
    "text": ((KERNEL, RECURRENT, ["a"] * 12), "bias is not an array of numbers"),
    "rows of many lengths": (([[1], [1, 2]], RECURRENT, BIAS), "kernel is not an array"),
    "nan": ((KERNEL, RECURRENT * np.nan, BIAS), "recurrent_kernel has values that are not"),
}


@pytest.mark.parametrize("case", WRONG)
def test_weights_that_do_not_fit_are_refused(case, linear, tmp_path):
    weights, words = WRONG[case]
    with pytest.raises(ConfigError, match=words):
        linear.with_keras_weights(*weights, out=tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("units", ["[3, 3]", "[4, 3]"])
def test_a_network_of_two_layers_has_no_such_weights(units, tmp_path):
    run = trained(tmp_path, **{"network.units": units})
    with pytest.raises(ConfigError, match="this network has 2"):
        run.keras_weights()


def test_a_run_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RunError, match="does not exist"):
        lstmcast.Run(tmp_path / "none").keras_weights()


def test_the_former_names_still_work(linear, tmp_path):
    weights = linear.one_bias_weights()
    model = linear.with_one_bias_weights(*weights, out=tmp_path / "m.safetensors")
    np.testing.assert_array_equal(model.keras_weights().kernel, weights.kernel)
