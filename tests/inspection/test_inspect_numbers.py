"""Every number of `inspect`, held against torch run by hand and numpy, over many networks."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

import lstmcast
from lstmcast.config import NetworkConfig, build_config
from lstmcast.errors import ConfigError
from lstmcast.inspection.layer_table import layer_rows, recurrent_multiply_adds
from lstmcast.inspection.tolerance import Check, compared
from lstmcast.inspection.trace import trace_window
from lstmcast.network.decoder import Context
from lstmcast.network.forecaster import Forecaster, build_forecaster
from lstmcast.network.normalize import TINY, Level
from lstmcast.network.sizes import Sizes
from lstmcast.network.stepwise import LayerTrace, StepwiseLayer
from lstmcast.windows.batches import Batch

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

T, H = 6, 3
CHOICES: dict[str, list[Any]] = {
    "cell": ["rnn", "gru", "lstm", "lstm"],
    "units": [[4], [5, 5], [5, 4], [4, 4, 4]],
    "bidirectional": [False, True],
    "projection": [0, 0, 2],
    "bias": [True, True, False],
    "dropout": [0.0, 0.3],
    "initial_state": ["zeros", "random", "learned"],
    "activation": ["tanh", "tanh", "relu", "linear"],
    "recurrent_activation": ["sigmoid", "sigmoid", "hard_sigmoid"],
    "normalize": ["none", "last", "standard"],
    "readout": ["last", "state", "mean", "all"],
    "decoder": ["direct", "direct", "recursive", "seq2seq", "every_step"],
}
COLUMNS: list[dict[str, str]] = [
    {"data.target": "y"},
    {"data.target": "[y, z]", "data.past": "p"},
    {"data.target": "y", "data.past": "p", "data.future": "f", "data.static": "s"},
    {"data.target": "[y, z]", "data.future": "[f, p]"},
]


def networks(count: int) -> list[dict[str, Any]]:
    """Networks that the config allows, drawn by chance, the same each time."""
    draw, found = random.Random(0), []
    while len(found) < count:
        options = {name: draw.choice(values) for name, values in CHOICES.items()}
        if options["decoder"] != "direct":
            options["readout"] = "last"
        if options["decoder"] in ("recursive", "every_step"):
            options["bidirectional"] = False
        if options["decoder"] == "every_step":
            options["normalize"] = "none"
        try:
            build_config({"data": {"path": "x", "target": "y"}, "network": options})
        except ConfigError:
            continue
        found.append(options | {"pad": draw.random() < 0.5, "columns": draw.choice(COLUMNS)})
    return found


NETWORKS = networks(60)


@pytest.fixture(scope="module")
def table(tmp_path_factory: Any) -> Any:
    """Two series of 40 days with two targets and covariates of every kind."""
    random = np.random.default_rng(0)
    parts = []
    for k, name in enumerate("ab"):
        part = pd.DataFrame({"id": name, "day": pd.date_range("2024-01-01", periods=40)})
        part["y"] = 50 + 20 * k + random.normal(0, 5, 40)
        part["z"], part["p"] = random.normal(3, 1, (2, 40))
        part["f"], part["s"] = np.arange(40) % 3, k
        parts.append(part)
    path = tmp_path_factory.mktemp("inspect") / "t.csv"
    pd.concat(parts).round({"y": 3, "z": 3, "p": 3}).to_csv(path, index=False)
    return path


def overrides(options: dict[str, Any]) -> list[str]:
    given = {"data.time": "day", "data.series": "id", "window.lookback": T, "window.horizon": H}
    given |= options["columns"] | {"window.pad": str(options["pad"]).lower()}
    given |= {"network.preset": "plain"}
    given |= {f"network.{name}": options[name] for name in CHOICES}
    return [f"{name}={str(value).replace('True', 'true')}" for name, value in given.items()]


def trace_of(table: Any, options: dict[str, Any], window: int | None = None) -> dict[str, Any]:
    return lstmcast.inspect(table, trace=True, window=window, set=overrides(options))


def rebuilt(options: dict[str, Any], found: dict[str, Any]) -> Forecaster:
    """The same untrained network, made anew."""
    config = NetworkConfig(**{name: options[name] for name in CHOICES})
    return build_forecaster(config, Sizes.from_json(found["sizes"]), "mae", seed=0).eval()


def tensor(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[None]


def near(own: Any, other: Any, atol: float = 2e-6) -> None:
    np.testing.assert_allclose(np.asarray(own), np.asarray(other), rtol=2e-6, atol=atol)


def test_the_drawn_networks_hold_every_choice() -> None:
    for name, values in CHOICES.items():
        assert all(any(drawn[name] == value for drawn in NETWORKS) for value in values), name
    assert {drawn["pad"] for drawn in NETWORKS} == {True, False}


@pytest.mark.parametrize("options", NETWORKS, ids=range(len(NETWORKS)))
def test_every_number_is_that_of_torch_run_by_hand(options: Any, table: Any) -> None:
    window = 1 if options["pad"] else None  # with pad, of which two rows exist
    found = trace_of(table, options, window)
    network = rebuilt(options, found)
    trace = found["trace"]
    assert found["parameters"] == sum(p.numel() for p in network.parameters())
    assert sum(row["parameters"] for row in found["layers"]) == found["parameters"]
    assert found["largest_difference"] < 1e-5
    shapes = {weight["name"]: tuple(weight["shape"]) for weight in found["weights"]}
    recurrent = (nn.RNNBase, StepwiseLayer)
    assert shapes == {
        f"{module}.{name}": tuple(values.shape)
        for module, stack in network.named_modules()
        if isinstance(stack, recurrent)
        for name, values in stack.named_parameters()
    }
    with torch.no_grad():
        check_forecast(network, trace)
        check_encoder(network, trace)
    check_level(options, found)
    check_units(found)


def check_forecast(network: Forecaster, trace: dict[str, Any]) -> None:
    """Against the Forecaster itself, given the scaled block."""
    inputs = tensor(trace["scaled"])
    named = {name: trace[name] for name in ("mask", "future", "static")}
    known = {name: None if values is None else tensor(values) for name, values in named.items()}
    series = torch.zeros(1, dtype=torch.long)
    batch = Batch(inputs, torch.zeros(1, H, network.sizes.targets), series, **known)
    near(trace["forecast_scaled"], network(batch)[0])
    assert trace["head"]["total"] == pytest.approx(
        np.dot(trace["head"]["weights"], trace["head"]["inputs"]) + trace["head"]["bias"], abs=2e-6
    )


def check_encoder(network: Forecaster, trace: dict[str, Any]) -> None:
    """Against each stack called by itself on the steps that are not padded."""
    layers = {name: values for name, values in trace["layers"].items() if "decoder" not in name}
    padded = layers["l0"]["first_step"]
    outputs: Any = tensor(trace["encoder_inputs"][padded:])
    steps = outputs.shape[1]
    names, place = list(layers), 0
    states = network.encoder.first_states(outputs)
    for stack, state in zip(network.encoder.layers(), states, strict=True):
        own = names[place : place + stack.num_layers * network.encoder.directions]
        near(layers[own[0]]["inputs"][:steps], outputs[0])
        outputs, final = stack(outputs, state)
        last = [layers[name]["h"][:steps] for name in own[-network.encoder.directions :]]
        near(np.concatenate(last, axis=1), outputs[0])
        h = final[0] if isinstance(final, tuple) else final
        for k, name in enumerate(own):
            end = 0 if layers[name]["reverse"] else steps - 1
            near(layers[name]["h"][end], h[k, 0])
            if isinstance(final, tuple):
                near(layers[name]["c"][end], final[1][k, 0])
            if not layers[name]["fed_back_steps"]:
                near(layers[name]["final"]["h"], h[k, 0])
        place += len(own)
    assert place == len(names)
    near(trace["encoder_outputs"][padded:], outputs[0])
    assert not np.any(trace["encoder_outputs"][:padded])


def check_level(options: dict[str, Any], found: dict[str, Any]) -> None:
    """Normalization, in numpy."""
    trace, targets = found["trace"], found["sizes"]["targets"]
    padded = trace["layers"]["l0"]["first_step"]
    scaled = np.array(trace["scaled"])[padded:]
    expected = scaled.copy()
    if options["normalize"] == "last":
        expected[:, :targets] -= scaled[-1, :targets]
    elif options["normalize"] == "standard":
        values = scaled[:, :targets]
        spread = np.sqrt(values.var(axis=0) + TINY)
        expected[:, :targets] = (values - values.mean(axis=0)) / spread
    static = [trace["static"] or []] * len(expected)  # beside every step
    near(trace["encoder_inputs"][padded:], np.concatenate([expected, static], axis=1), atol=2e-5)


def check_units(found: dict[str, Any]) -> None:
    """Scaling and its way back, in numpy."""
    trace = found["trace"]
    names = [column["name"] for column in trace["columns"]]
    center = np.array([column["center"] for column in trace["columns"]])
    scale = np.array([column["scale"] for column in trace["columns"]])
    rows = [row for row in found["window"]["rows"] if row["part"] == "input"]
    values = np.array([[row[name] for name in names] for row in rows])
    near(trace["scaled"][T - len(rows) :], (values - center) / scale)
    targets = found["sizes"]["targets"]
    back = np.array(trace["forecast_scaled"]) * scale[:targets] + center[:targets]
    near(trace["forecast"], back)
    ahead = [row for row in found["window"]["rows"] if row["part"] == "target"]
    near(trace["actual"], [[row[name] for name in names[:targets]] for row in ahead])


@pytest.mark.parametrize("options", NETWORKS[::2], ids=range(0, len(NETWORKS), 2))
def test_every_layer_of_every_network_fits_into_80_columns(options: Any, table: Any) -> None:
    from lstmcast.inspection.result import InspectOptions
    from lstmcast.inspection.text.page import page
    from lstmcast.pipeline.progress import ProgressListener
    from lstmcast.workflows.inspect import inspect

    asked = InspectOptions(trace=True, step=-1, unit=3, window=2 if options["pad"] else None)
    found = inspect(table, overrides(options), asked, ProgressListener())
    lines = page(found)
    assert max(map(len, lines)) <= 80
    names = [view.name for view in found.layers]
    titles = [line for line in lines if re.match(r"\d+  (decoder\.)?l\d.*UNIT", line)]
    assert [title.split()[1].rstrip(":") for title in titles] == names


@pytest.mark.parametrize("options", NETWORKS[:20], ids=range(20))
def test_what_is_said_to_be_equal_is_equal(options: Any, table: Any) -> None:
    found = trace_of(table, options)
    claims = found["trace"]["equal"]
    assert claims
    for claim in claims:
        assert (claim["difference"] <= 1e-6) == claim["expected"], claim


def test_the_scale_is_that_of_the_train_rows(table: Any) -> None:
    found = trace_of(table, NETWORKS[0] | {"columns": COLUMNS[0], "pad": False})
    frame = pd.read_csv(table)
    (column,) = found["trace"]["columns"]
    train = frame[frame["id"] == found["window"]["series"]]["y"].to_numpy()[: 40 - 8 - 4]
    assert column["center"] == pytest.approx(train.mean())
    assert column["scale"] == pytest.approx(train.std())


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_one_step_adds_up_by_the_textbooks_equations(cell: str, table: Any) -> None:
    settings = ["data.time=day", "data.series=id", "data.target=y", f"network.cell={cell}"]
    settings += [f"window.lookback={T}", f"window.horizon={H}", "network.units=4"]
    step = lstmcast.inspect(table, step=2, set=settings)["step"]
    assert (step["layer"], step["step"]) == ("l0", 2)

    def total(name: str, reset: Any = 1.0) -> Any:
        part = {key: np.array(values) for key, values in step["parts"][name].items()}
        own = part["by_state"][0] if part["by_state"].ndim > 1 else part["by_state"]
        return part["by_input"] + part["bias_ih"] + reset * (own + part["bias_hh"])

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    before = {name: np.array(values) for name, values in step["before"].items() if values}
    if cell == "rnn":
        near(step["h"], np.tanh(total("h")))
        return
    gates = {name: np.array(values) for name, values in step["gates"].items()}
    if cell == "gru":
        near(gates["r"], sigmoid(total("r")))
        near(gates["z"], sigmoid(total("z")))
        near(gates["n"], np.tanh(total("n", gates["r"])))
        near(step["h"], (1 - gates["z"]) * gates["n"] + gates["z"] * before["h"])
        return
    for name in "ifo":
        near(gates[name], sigmoid(total(name)))
    near(gates["g"], np.tanh(total("g")))
    near(step["c"], gates["f"] * before["c"] + gates["i"] * gates["g"])
    near(step["h"], gates["o"] * np.tanh(step["c"]))


def test_a_broken_cell_would_be_noticed(monkeypatch: Any, table: Any) -> None:
    """The check is by torch: gates in another order do not pass it."""
    from lstmcast.network import stepwise

    own = stepwise.lstm_step

    def swapped(x: Any, h: Any, c: Any, *rest: Any) -> Any:
        step = own(x, h, c, *rest)
        return type(step)(step.f, step.i, step.g, step.o, step.i * c + step.f * step.g, step.h)

    settings = ["data.target=y", "data.time=day", "data.series=id", f"window.lookback={T}"]
    settings += [f"window.horizon={H}", "network.units=4"]
    assert lstmcast.inspect(table, trace=True, set=settings)["largest_difference"] < 1e-6
    monkeypatch.setattr(stepwise, "lstm_step", swapped)
    assert lstmcast.inspect(table, trace=True, set=settings)["largest_difference"] > 1e-3


@pytest.mark.parametrize("activation", ["tanh", "linear"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_wrong_number_in_between_is_noticed(
    cell: str, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where outputs and final states are right, only the second layer, step by step, can tell."""
    config = NetworkConfig(cell=cell, units=[4], activation=activation)
    network = build_forecaster(config, Sizes(6, 3, 2, 1), "mae", seed=0)
    batch = network.example_batch(1)
    batch.inputs.normal_()

    def second_layers() -> Check:
        (view,) = trace_window(network, batch).layers
        return next(check for check in view.checks if "a step at a time" in check.what)

    assert second_layers().holds
    record = StepwiseLayer.record
    for name in ("h", "c") if cell == "lstm" else ("h",):

        def bent(*given: Any, name: str = name) -> list[LayerTrace]:
            (trace,) = record(*given)
            steps = list(trace.steps)
            steps[2] = replace(steps[2], **{name: getattr(steps[2], name) + 1e-3})
            return [replace(trace, steps=steps)]

        monkeypatch.setattr(StepwiseLayer, "record", bent)
        check = second_layers()
        assert not check.holds and check.difference == pytest.approx(1e-3, rel=1e-2)


def test_a_nan_anywhere_is_no_agreement() -> None:
    good, bad = torch.ones(2), torch.tensor([1.0, float("nan")])
    for pairs in ([(good, bad), (good, good)], [(good, good), (bad, bad)], [(bad, good)]):
        assert not compared("", pairs).holds
    infinite = torch.tensor([float("inf")])
    assert not compared("", [(infinite, infinite)]).holds
    assert compared("", [(good, good)]).holds
    assert not compared("", [(100 * good, 100 * good + 0.01)]).holds


@pytest.mark.parametrize("module", ["decoder", "level"])
def test_a_broken_way_back_is_noticed(module: str, monkeypatch: Any) -> None:
    """All numbers of the forecast are computed again, not the first alone."""
    config = NetworkConfig(units=[4], normalize="standard")
    network = build_forecaster(config, Sizes(6, 3, 2, 1), "mae", seed=0)
    batch = network.example_batch(1)
    batch.inputs.normal_()
    assert all(check.holds for check in trace_window(network, batch).all_checks())
    if module == "level":
        own = Level.restore
        off = torch.tensor([0.0, 0.0, 1e-3])[None, :, None]
        monkeypatch.setattr(
            Level, "restore", lambda level, x: own(level, x) + off * (x.dtype == torch.float32)
        )
    else:

        def bend(module: Any, inputs: Any, output: Any) -> Any:
            return output + torch.tensor([0.0, 0.0, 1e-3])

        network.decoder.linear.register_forward_hook(bend)
    failed = [check.what for check in trace_window(network, batch).all_checks() if not check.holds]
    assert any("forecast" in what for what in failed)
    assert any("linear" in what for what in failed) == (module == "decoder")


# ---------------------------------------------------------------- the table of layers


def rows_of(config: NetworkConfig, sizes: Sizes, batch: int = 2) -> dict[str, Any]:
    network = build_forecaster(config, sizes, "mae", seed=0)
    rows = layer_rows(network, trace_window(network, network.example_batch(1)), batch)
    return {row.name: row for row in rows}


def test_the_tutorials_lstm_3_and_dense_1_has_76_parameters_beside_88() -> None:
    rows = rows_of(NetworkConfig(units=[3]), Sizes(lookback=3, horizon=1, inputs=2, targets=1))
    assert (rows["l0"].parameters, rows["l0"].one_bias) == (84, 72)
    assert (rows["decoder.linear"].parameters, rows["decoder.linear"].one_bias) == (4, 4)
    # 3 steps of 4 gates, 3 units, 2 inputs and 3 states: 3 * 4 * 3 * 5; the head: 3 * 1.
    assert rows["l0"].multiply_adds == 180
    assert rows["decoder.linear"].multiply_adds == 3
    assert rows["l0"].shape == (2, 3, 3) and rows["l0"].bytes == 2 * 3 * 3 * 4
    assert rows["forecast"].shape == (2, 1, 1)


def test_layers_and_directions_are_counted_with_one_bias_each() -> None:
    config = NetworkConfig(units=[5, 5], bidirectional=True, decoder="direct")
    rows = rows_of(config, Sizes(lookback=4, horizon=1, inputs=3, targets=1))
    # Per direction: 4 * (5 * 3 + 5 * 5 + 5) and, on both directions' outputs, 4 * (5 * 10 + 30).
    assert [rows[name].one_bias for name in ("l0", "l1")] == [2 * 180, 2 * 320]
    assert [rows[name].parameters for name in ("l0", "l1")] == [2 * 200, 2 * 340]


def test_multiply_adds_of_projection_directions_and_fed_back_steps() -> None:
    assert recurrent_multiply_adds("GRU", 5, 7, 0, 10) == 10 * 3 * 7 * 12
    assert recurrent_multiply_adds("RNN_TANH", 5, 7, 0, 10) == 10 * 7 * 12
    assert recurrent_multiply_adds("LSTM", 5, 7, 2, 10) == 10 * (4 * 7 * (5 + 2) + 2 * 7)
    sizes = Sizes(lookback=6, horizon=3, inputs=2, targets=1)
    both = rows_of(NetworkConfig(units=[4, 4], bidirectional=True), sizes)
    assert both["l0"].multiply_adds == 2 * 6 * 16 * (2 + 4)
    assert both["l1"].multiply_adds == 2 * 6 * 16 * (8 + 4)
    assert both["l1"].axes == ("B", "T", "2*U") and both["l1"].shape == (2, 6, 8)
    fed = rows_of(NetworkConfig(units=[4], decoder="recursive"), sizes)
    assert fed["l0"].multiply_adds == 8 * 16 * (2 + 4)
    assert fed["decoder.linear"].multiply_adds == 3 * 4
    assert fed["decoder.linear"].calls == 3


def test_a_module_that_nobody_knows_has_a_row_too() -> None:
    """At the head of the network, say: shapes as they are, parameters counted."""

    class WithMixer(Forecaster):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.mixer = nn.Linear(2, 2)
            self.scale = nn.Embedding(3, 2)

        def encode(self, batch: Batch) -> Context:
            inputs = self.mixer(batch.inputs) + self.scale(batch.series)[:, None]
            changed = {"inputs": inputs, "targets": batch.targets, "series": batch.series}
            return super().encode(Batch(**changed))

    sizes = Sizes(lookback=6, horizon=3, inputs=2, targets=1)
    network = WithMixer(NetworkConfig(units=[4]), sizes, "mae")
    rows = layer_rows(network, trace_window(network, network.example_batch(1)), 8)
    names = [row.name for row in rows]
    assert names[:4] == ["window", "mixer", "scale", "l0"]
    assert rows[1].shape == (8, 6, 2) and rows[1].multiply_adds == 6 * 2 * 2
    assert rows[2].multiply_adds == 0
    assert sum(row.parameters for row in rows) == network.parameter_count()


# ---------------------------------------------------------------- of a run


@pytest.fixture(scope="module")
def trained(table: Any, tmp_path_factory: Any) -> Any:
    options = NETWORKS[0] | {
        "cell": "gru",
        "units": [4, 4],
        "bidirectional": True,
        "decoder": "direct",
        "activation": "tanh",
        "projection": 0,
        "columns": COLUMNS[2],
        "pad": False,
    }
    settings = [*overrides(options), "training.max_epochs=2", "forecast.minimum=51"]
    run = tmp_path_factory.mktemp("run") / "run"
    return lstmcast.train(table, set=settings, run=run, device="cpu")


def test_the_forecast_of_a_run_is_that_of_its_backtest_and_of_predict(trained: Any) -> None:
    found = lstmcast.inspect(trained.path, trace=True)
    assert found["trained"] and found["window"]["split"] == "test"
    past = pd.read_csv(trained.path / "backtest.csv")
    first = past[(past["origin"] == past["origin"].iloc[0]) & (past["id"] == "a")]
    np.testing.assert_allclose(np.ravel(found["trace"]["forecast"]), first["y"], rtol=3e-7)
    np.testing.assert_allclose(np.ravel(found["trace"]["actual"]), first["y_actual"])
    frame = trained.predict(at=first["origin"].iloc[0])
    own = frame[frame["id"] == "a"]["y"].to_numpy()
    np.testing.assert_allclose(np.ravel(found["trace"]["forecast"]), own, rtol=3e-7)


def test_a_run_shows_its_trained_weights(trained: Any) -> None:
    weights = load_file(trained.path / "model.safetensors")
    found = lstmcast.inspect(trained.path, trace=True)
    head = found["trace"]["head"]
    assert head["weights"] == weights["decoder.linear.weight"][0].tolist()
    assert head["bias"] == weights["decoder.linear.bias"][0]
    named = {weight["name"] for weight in found["weights"]}
    assert named == {name for name in weights if "stacks" in name}
    assert found["parameters"] == sum(values.size for values in weights.values())


@pytest.mark.parametrize("refit", ["none", "all"])
def test_categories_logarithms_and_lags_are_followed_too(refit: str, tmp_path: Any) -> None:
    random, rows = np.random.default_rng(0), ["shop,day,y,sky,kind"]
    for shop, kind in (("a", "old"), ("b", "new")):
        for k, day in enumerate(np.datetime64("2024-01-01") + np.arange(60)):
            sky = ["rain", "sun"][k % 2] if k < 50 else "snow"  # which the train rows lack
            rows.append(f"{shop},{day},{random.gamma(3, 9):.2f},{sky},{kind}")
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    settings = ["data.series=shop", "data.time=day", "data.target=y", "data.past=sky"]
    settings += ["data.static=kind", "data.categorical=[sky,kind]", "network.embed_series=true"]
    settings += ["data.calendar=[day_of_week]", "data.lags=[7]", "scale.transform=log1p"]
    settings += [
        "window.lookback=6",
        "window.horizon=3",
        "network.units=4",
        f"training.refit={refit}",
    ]
    settings += ["network.normalize=last", "training.max_epochs=1"]
    run = lstmcast.train(tmp_path / "t.csv", set=settings, run=tmp_path / "run", device="cpu")
    found = lstmcast.inspect(run.path, trace=True)
    table = pd.read_csv(tmp_path / "t.csv")
    shop, rows_shown = found["window"]["series"], found["window"]["rows"]
    origin = next(row["day"] for row in reversed(rows_shown) if row["part"] == "input")
    if refit == "none":  # otherwise the window's own future has other fills and categories
        frame = run.predict(at=str(origin)[:10])
        own = frame[frame["shop"] == shop]["y"]
        np.testing.assert_allclose(np.ravel(found["trace"]["forecast"]), own, rtol=3e-7)
    ahead = [row["y"] for row in rows_shown if row["part"] == "target"]
    days = [str(row["day"])[:10] for row in rows_shown if row["part"] == "target"]
    known = table[(table["shop"] == shop) & table["day"].isin(days)]["y"]
    assert ahead == known.tolist()
    by_name = {row["name"]: row for row in found["layers"]}
    assert sum(row["parameters"] for row in found["layers"]) == found["parameters"]
    assert found["parameters"] == sum(
        values.size for values in load_file(run.path / "model.safetensors").values()
    )
    tables = [row for name, row in by_name.items() if name.startswith("embedder")]
    assert len(tables) == 3 and all(row["multiply_adds"] == 0 for row in tables)
    target = found["trace"]["columns"][0]
    assert target["logged"]
    scaled = (np.log1p(rows_shown[0]["y"]) - target["center"]) / target["scale"]
    assert found["trace"]["scaled"][0][0] == pytest.approx(scaled, abs=1e-5)
    wide = np.shape(found["trace"]["encoder_inputs"])[1]
    assert found["trace"]["layers"]["l0"]["inputs"] == found["trace"]["encoder_inputs"]
    assert wide > np.shape(found["trace"]["scaled"])[1]


def test_windows_have_the_numbers_of_the_window_command(table: Any, tmp_path: Any) -> None:
    options = NETWORKS[0] | {"columns": COLUMNS[1], "pad": True}
    lstmcast.window(table, tmp_path / "w", set=overrides(options))
    x, y = np.load(tmp_path / "w" / "x.npy"), np.load(tmp_path / "w" / "y.npy")
    about = pd.read_csv(tmp_path / "w" / "windows.csv")
    for number in (0, 3, len(x) - 1):
        found = trace_of(table, options, number)
        near(found["trace"]["scaled"], x[number])
        assert found["window"]["split"] == about["split"][number]
        assert found["window"]["series"] == about["series"][number]
        rows = list(chain(found["window"]["rows"]))
        assert str(rows[0]["day"])[:10] == about["first_input"][number]
        scale = found["trace"]["columns"]
        back = y[number] * [c["scale"] for c in scale[:2]] + [c["center"] for c in scale[:2]]
        near(found["trace"]["actual"], back, atol=1e-4)


def test_a_learned_first_state_is_where_the_layers_start() -> None:
    config = NetworkConfig(units=[4, 3], initial_state="learned", activation="relu")
    network = build_forecaster(config, Sizes(6, 3, 2, 1), "mae", seed=0)
    with torch.no_grad():
        for values in network.encoder.learned:
            values.normal_()
    trace = trace_window(network, network.example_batch(1))
    h0, c0, h1, c1 = (values[0].detach() for values in network.encoder.learned)
    first, second = (view.steps.start for view in trace.layers)
    assert torch.equal(first[0], h0) and torch.equal(second[0], h1)
    assert first[1] is not None and second[1] is not None
    assert torch.equal(first[1], c0) and torch.equal(second[1], c1)
    assert all(check.holds for check in trace.all_checks())
