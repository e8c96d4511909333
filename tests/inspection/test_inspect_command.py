"""`lstmcast inspect` as it is used: what it prints, within 80 columns, and what it refuses."""

import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len
from support.daily import daily_text
from support.processes import run_python

import lstmcast
from lstmcast.errors import LstmcastError
from lstmcast.inspection.layer_table import Row
from lstmcast.inspection.result import InspectOptions
from lstmcast.inspection.text.layers import layer_lines
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.workflows.inspect import inspect

SMALL = ["-s", "window.lookback=8", "-s", "window.horizon=3", "-s", "network.units=4"]
NAMES = {
    "plain": "date,sales",
    "long": "the day on which it was written down,the number of pieces that were sold in all shops",
    "wide": "日付,売上高の合計および返品の差し引き後の金額の総計",
    "markup": "date,[bold]sales[/bold]",
}


@pytest.fixture
def daily(tmp_path, monkeypatch):
    """A folder with a small config and its table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "daily.csv").write_text(daily_text())
    (tmp_path / "c.yaml").write_text(
        "data:\n  path: daily.csv\n  time: date\n  target: sales\n"
        "window:\n  lookback: 8\n  horizon: 3\nnetwork:\n  units: [4]\n"
    )
    return tmp_path


def fits(text):
    wide = [line for line in text.splitlines() if cell_len(line) > 80]
    assert not wide, wide[0]


LOOKS = {
    "a table": [],
    "a trace": ["--trace"],
    "a step": ["--step", "-1", "--unit", "2"],
    "all": ["--trace", "--step", "3"],
}
KINDS = {
    "lstm": [],
    "gru": ["-s", "network.cell=gru"],
    "rnn": ["-s", "network.cell=rnn"],
    "two layers, both ways": ["-s", "network.units=[1000,7]", "-s", "network.bidirectional=true"],
    "seq2seq": ["-s", "network.decoder=seq2seq", "-s", "network.bidirectional=true"],
    "seq2seq, one way": ["-s", "network.decoder=seq2seq", "-s", "network.projection=3"],
    "recursive": ["-s", "network.decoder=recursive", "-s", "network.normalize=last"],
    "every step": ["-s", "network.decoder=every_step"],
    "projected": ["-s", "network.projection=2", "-s", "network.initial_state=learned"],
    "many": ["-s", "network.units=[4,5,6]", "-s", "network.readout=state", "-s", "window.pad=true"],
    "linear": ["-s", "network.activation=linear", "-s", "network.normalize=standard"],
    "segments": ["-s", "network.segment=2", "-s", "network.decoder=segments"],
    "segments, padded": ["-s", "network.segment=2", "-s", "window.pad=true"],
    "differences": ["-s", "network.normalize=difference", "-s", "network.skip=linear"],
    "a linear path": ["-s", "network.skip=linear", "-s", "network.normalize=season"],
    "no scale, no bias": ["-s", "scale.method=none", "-s", "network.bias=false"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_80_columns(kind, daily, cli):
    for asked in LOOKS.values():
        outcome = cli("inspect", "c.yaml", *KINDS[kind], *asked)
        assert outcome.code == 0, outcome.err
        assert len(outcome.out.splitlines()) > 10
        fits(outcome.out)


@pytest.mark.parametrize("names", NAMES)
def test_long_and_strange_names_are_cut(names, daily, cli):
    (daily / "t.csv").write_text(daily_text(header=NAMES[names]), encoding="utf-8")
    outcome = cli("inspect", "t.csv", *SMALL, "--trace")
    assert outcome.code == 0, outcome.err
    fits(outcome.out)
    assert NAMES[names].partition(",")[2][:8] in outcome.out


def test_many_columns_of_all_kinds_fit(daily, cli):
    random, rows = np.random.default_rng(0), ["d," + ",".join(f"column_{k}" for k in range(30))]
    for day in np.datetime64("2024-01-01") + np.arange(60):
        rows.append(f"{day}," + ",".join(f"{value:.4f}" for value in random.normal(0, 1e6, 30)))
    (daily / "wide.csv").write_text("\n".join(rows) + "\n")
    roles = ["data.target=[column_0,column_1,column_2]", "data.future=[column_3,column_4]"]
    roles += [f"data.past=[{','.join(f'column_{k}' for k in range(5, 30))}]", "data.time=d"]
    settings = [part for role in roles for part in ("-s", role)]
    for asked in LOOKS.values():
        outcome = cli("inspect", "wide.csv", *SMALL, *settings, *asked)
        assert outcome.code == 0, outcome.err
        fits(outcome.out)


def test_the_trace_says_what_a_reader_can_check(daily, cli):
    out = cli("inspect", "c.yaml", "--trace").out
    assert "out[:, -1] == h[-1]" in out and "time first: out[-1] == h[-1]" in out
    assert "untrained" in out
    # The first row: (value - center) / scale = result.
    line = next(line for line in out.splitlines() if line.startswith("  sales: ("))
    value, center, scale, result = map(float, re.findall(r"-?[\d.]+", line.replace("- ", "")))
    assert (value - center) / scale == pytest.approx(result, rel=1e-4)
    # The way back: scaled * scale + center = forecast.
    line = next(line for line in out.splitlines() if line.startswith("  scale:"))
    scaled, scale, center, result = map(float, re.findall(r"-?[\d.]+", line))
    assert scaled * scale + center == pytest.approx(result, rel=1e-4)
    # The head: products and bias add up to what stands below them.
    head = out[out.index("THE HEAD") : out.index("BACK IN")]
    numbers = [float(row.split()[-1]) for row in head.splitlines() if re.search(r"\d\.\d", row)]
    assert sum(numbers[:4]) == pytest.approx(numbers[4], abs=3e-4)
    assert numbers[4] + numbers[5] == pytest.approx(numbers[6], abs=2e-4)


def test_a_units_arithmetic_can_be_followed(daily, cli):
    out = cli("inspect", "c.yaml", "--step", "5", "--unit", "3").out
    unit = out[out.index("UNIT 3, WRITTEN OUT") :]

    def gates(name):
        lines = unit[unit.index(f"  {name} = ") :].splitlines()
        terms = re.search(r"\((.*)\)", lines[2])[1].replace("+ ", "+").replace("- ", "-").split()
        total = float(re.search(r"\((-?[\d.e-]+)\) = (-?[\d.e-]+)", lines[3])[1])
        assert sum(map(float, terms)) == pytest.approx(total, abs=3e-4)
        value = float(re.search(r"\) = (-?[\d.e-]+)", lines[3])[1])
        squashed = np.tanh(total) if name == "g" else 1 / (1 + np.exp(-total))
        assert value == pytest.approx(squashed, abs=2e-4)
        return value

    i, f, g, o = (gates(name) for name in "ifgo")
    c_line = unit[unit.index("c = f * c_before") :].splitlines()[1]
    old = float(re.search(r"\* \(?(-?[\d.e-]+)\)? \+", c_line)[1])
    c = float(c_line.rpartition("= ")[2])
    assert f * old + i * g == pytest.approx(c, abs=3e-4)
    h = float(unit[unit.index("h = o * tanh(c)") :].splitlines()[1].rpartition("= ")[2])
    assert o * np.tanh(c) == pytest.approx(h, abs=3e-4)


NUMBER = r"\(?(-?\d[\d.]*(?:e[-+]?\d+)?)\)?"


def written_out(text):
    """Lines of arithmetic by the name before their first `=`, each with its lines below."""
    whole = re.sub(r"\n {8,}(?=\S)", " ", text)  # what was broken to fit
    blocks = [block.splitlines() for block in whole.strip().split("\n\n")]
    return {block[0].split(" = ")[0].strip(): block for block in blocks if " = " in block[0]}


def check_products(line):
    """`W x = 0.1 * 2 + (-0.3) * 4 = -1` -> -1, seen to be the sum."""
    _, products, total = line.split(" = ")
    pairs = re.findall(rf"{NUMBER} \* {NUMBER}", products)
    assert len(pairs) == products.count("*") > 0
    assert sum(float(w) * float(x) for w, x in pairs) == pytest.approx(float(total), abs=4e-4)
    return float(total)


def check_gate(block, activation):
    """The four lines below a gate's formula, each following from those before -> its value."""
    _, by_input, by_state, terms, total = block
    added = [float(term) for term in re.findall(NUMBER, terms.replace("- ", "-"))]
    assert added[:2] == [check_products(by_input), check_products(by_state)]
    summed, value = (float(number) for number in re.findall(NUMBER, total)[:2])
    assert sum(added) == pytest.approx(summed, abs=4e-4)
    assert activation(summed) == pytest.approx(value, abs=2e-4)
    return value


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


SETTINGS_OF_2 = ["--step", "5", "--unit", "1", "-s", "network.units=2"]


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_every_product_of_a_small_cell_is_written_out(cell, daily, cli):
    options = [*SETTINGS_OF_2, "-s", f"network.cell={cell}"]
    out = cli("inspect", "c.yaml", *options).out
    blocks = written_out(out[out.index("WRITTEN OUT\n") + 12 : out.index("CHECKED")])
    own = json.loads(cli("inspect", "c.yaml", *options, "--json").out)["step"]
    if cell == "rnn":
        assert check_gate(blocks["h"], np.tanh) == pytest.approx(own["h"][1], abs=1e-4)
        return
    for name in "ifgo":
        value = check_gate(blocks[name], np.tanh if name == "g" else sigmoid)
        assert value == pytest.approx(own["gates"][name][1], abs=1e-4)


def test_a_grus_arithmetic_can_be_followed(daily, cli):
    options = [*SETTINGS_OF_2, "-s", "network.cell=gru"]
    out = cli("inspect", "c.yaml", *options).out
    blocks = written_out(out[out.index("WRITTEN OUT\n") + 12 : out.index("CHECKED")])
    own = json.loads(cli("inspect", "c.yaml", *options, "--json").out)["step"]
    r, z = (check_gate(blocks[name], sigmoid) for name in "rz")
    _, by_input, by_state, terms, total = blocks["n"]
    x, b_in, reset, h, b_hn = map(float, re.findall(NUMBER, terms.replace("- ", "-")))
    assert (x, h, reset) == (check_products(by_input), check_products(by_state), r)
    summed, n = map(float, re.findall(NUMBER, total))
    assert x + b_in + reset * (h + b_hn) == pytest.approx(summed, abs=4e-4)
    assert np.tanh(summed) == pytest.approx(n, abs=2e-4)
    _, line = blocks["h"]
    new, old, result = (part.replace("- ", "-") for part in line.split(" = ")[-3:])
    (fresh, cand), (kept, before) = re.findall(rf"{NUMBER} \* {NUMBER}", new)
    assert (float(cand), float(kept)) == (n, z)
    assert float(fresh) == pytest.approx(1 - z, abs=2e-4)
    assert float(before) == pytest.approx(own["before"]["h"][1], abs=1e-4)
    assert (1 - z) * n + z * float(before) == pytest.approx(float(result), abs=4e-4)
    assert sum(map(float, re.findall(NUMBER, old))) == pytest.approx(float(result), abs=2e-4)
    assert float(result) == pytest.approx(own["h"][1], abs=1e-4)


def test_both_directions_are_told_apart(daily, cli):
    units = ["-s", "network.units=[20]", "-s", "network.bidirectional=true"]
    out = cli("inspect", "c.yaml", "--trace", *units).out
    assert "out[:, -1, :20] == h[-2]" in out and "out[-1][:, :20] == h[-2]" in out
    assert "out[:, 0, 20:] == h[-1]" in out and "out[:, -1, 20:] != h[-1]" in out
    one = cli("inspect", "c.yaml", "--layer", "l0_reverse", *units).out
    assert "l0_reverse: LSTM" in one and "l0: LSTM" not in one


def test_json_is_one_object_and_quiet_says_nothing(daily, cli):
    plain = json.loads(cli("inspect", "c.yaml", "--json").out)
    assert plain["parameters"] == 4 * 4 * (1 + 4 + 2) + 3 * 4 + 3
    assert "window" not in plain and "notes" in plain
    traced = json.loads(cli("inspect", "c.yaml", "--json", "--trace", "--step", "-2").out)
    assert traced["step"]["step"] == 6
    assert np.shape(traced["trace"]["layers"]["l0"]["h"]) == (8, 4)
    assert traced["trace"] == lstmcast.inspect("c.yaml", trace=True)["trace"]
    outcome = cli("inspect", "c.yaml", "-q", "--trace")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_the_default_window_is_the_first_of_test(daily, cli):
    found = json.loads(cli("inspect", "c.yaml", "--json", "--trace").out)
    assert found["window"]["split"] == "test"
    before = found["window"]["number"] - 1
    earlier = json.loads(cli("inspect", "c.yaml", "--json", "--window", before).out)
    assert earlier["window"]["split"] == "validation"
    none = cli("inspect", "c.yaml", "--json", "--trace", "-s", "split.test=0").out
    assert json.loads(none)["window"]["number"] == json.loads(none)["window"]["of"] - 1


def test_padded_steps_are_never_shown_as_if_they_ran(daily, cli):
    out = cli("inspect", "c.yaml", "-s", "window.pad=true", "--window", "1").out
    assert "steps 0 to 5 are padding" in out
    found = json.loads(
        cli("inspect", "c.yaml", "-s", "window.pad=true", "--window", "1", "--json").out
    )
    assert found["trace"]["layers"]["l0"]["first_step"] == 6
    assert len(found["trace"]["layers"]["l0"]["h"]) == 2
    assert found["trace"]["mask"] == [0] * 6 + [1] * 2


def test_huge_networks_fit_too(daily):
    counts = (123_456_789_012, 123_456_780_000, 9_123_456_789_012, 164 * 10**9)
    axes, shape = ("B", "T", "2*U"), (1024, 1000, 20_000)
    huge = Row("decoder.stack.stacks.0", "LSTM", axes, shape, 1, *counts)
    found = inspect(daily / "c.yaml", [], InspectOptions(), ProgressListener())
    lines = layer_lines(replace(found, rows=[huge]))
    fits("\n".join(lines))
    (line,) = (line for line in lines if "(B 1,024, T 1,000, 2*U 20,000)" in line)
    assert "164.0 GB" in line and "9,123.5 G" in line


OVERFLOWING = ["network.activation=linear", "network.recurrent_activation=linear"]
OVERFLOWING += ["scale.method=none", "network.normalize=none"]


def test_numbers_that_overflow_are_said_to(daily, cli):
    settings = [part for setting in OVERFLOWING for part in ("-s", setting)]
    settings += ["-s", "window.lookback=40"]
    out = cli("inspect", "c.yaml", "--trace", *settings).out
    assert "THE NUMBERS OVERFLOW, first at step" in out and "They agree" not in out
    fits(out)
    outcome = cli("inspect", "c.yaml", "--trace", "--json", *settings)
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out, parse_constant=lambda word: pytest.fail(word))
    assert found["agrees"] is False and found["largest_difference"] is None
    step = int(found["overflow"].split()[1])
    layer = found["trace"]["layers"]["l0"]
    finite = [None not in c + h for c, h in zip(layer["c"], layer["h"], strict=True)]
    assert finite == [t < step for t in range(40)] and step > 0


def test_a_page_says_that_a_broken_cell_does_not_agree(daily, cli, monkeypatch):
    from lstmcast.network import stepwise

    own = stepwise.lstm_step

    def swapped(x, h, c, *rest):
        step = own(x, h, c, *rest)
        return type(step)(step.f, step.i, step.g, step.o, step.i * c + step.f * step.g, step.h)

    assert "They agree" in cli("inspect", "c.yaml", "--trace").out
    monkeypatch.setattr(stepwise, "lstm_step", swapped)
    out = cli("inspect", "c.yaml", "--trace").out
    assert "THEY DO NOT AGREE" in out and "They agree" not in out
    assert not json.loads(cli("inspect", "c.yaml", "--trace", "--json").out)["agrees"]


def test_slices_that_ought_to_be_equal_are_counted_when_they_are_not(daily, cli, monkeypatch):
    from lstmcast.inspection import state_identities
    from lstmcast.inspection.tolerance import Check

    off = Check("two slices", difference=0.1, size=1.0)
    monkeypatch.setattr(state_identities, "compared", lambda what, pairs: off)
    out = cli("inspect", "c.yaml", "--trace").out
    assert "out[:, -1] == h[-1]: not the same" in out and "THEY SHOULD BE THE SAME" in out
    assert "THEY DO NOT AGREE" in out


def test_a_fed_back_trace_tells_the_windows_h_from_the_last(daily, cli):
    options = ["inspect", "c.yaml", "--trace", "-s", "network.decoder=recursive"]
    out = cli(*options).out
    layer = json.loads(cli(*options, "--json").out)["trace"]["layers"]["l0"]
    for word, h in (("final", layer["h"][7]), ("last", layer["h"][-1])):
        line = next(line for line in out.splitlines() if line.startswith(f"  {word} h: "))
        shown = [float(value) for value in re.findall(r"-?\d\.\d+", line)]
        assert shown == pytest.approx(h, abs=1e-4)
    assert out.index("After the window") < out.index("After 2 steps of the horizon")


def test_a_decoders_known_ahead_columns_are_named(daily, cli):
    options = ["inspect", "c.yaml", "--trace", "-s", "network.decoder=seq2seq"]
    assert "future covariates" not in cli(*options).out
    out = " ".join(cli(*options, "-s", "data.calendar=day_of_week").out.split())
    assert "and the future covariates of each step (day_of_week (sin)," in out


def test_gates_without_bounds_are_not_said_to_be_shares(daily, cli):
    assert "0 nothing, 1 all" in " ".join(cli("inspect", "c.yaml", "--trace").out.split())
    options = ["-s", "network.recurrent_activation=tanh", "--plot", "p.html"]
    out = cli("inspect", "c.yaml", "--trace", *options).out
    assert "0 nothing" not in out and "keeps it" not in out
    assert "0 nothing" not in (daily / "p.html").read_text(encoding="utf-8")


def test_categories_are_shown_by_code_and_word(daily, cli):
    rows = [
        f"{day},{k % 9},{'snow' if k > 90 else ['rain', 'sun'][k % 2]}"
        for k, day in enumerate(np.datetime64("2024-01-01") + np.arange(100))
    ]
    (daily / "t.csv").write_text("day,y,sky\n" + "\n".join(rows) + "\n")
    settings = ["data.past=sky", "data.categorical=sky", "data.target=y", "data.time=day"]
    options = [*SMALL, "--trace", *(part for setting in settings for part in ("-s", setting))]
    out = cli("inspect", "t.csv", *options, "--window", "0").out
    assert "1 rain" in out and "2 sun" in out and "Code 0" not in out
    line = next(line for line in out.splitlines() if line.startswith("  sky rain (t = 0) -> ["))
    assert len(re.findall(r"\d\.\d{4}", line)) > 1
    late = cli("inspect", "t.csv", *options).out
    count = int(re.search(r"of (\d+) \(counted", late)[1])
    last = cli("inspect", "t.csv", *options, "--window", str(count - 1)).out
    assert "0 (unknown)" in last and "Code 0, (unknown), is the code of" in last


# ---------------------------------------------------------------- plots


def test_a_plot_is_one_page_without_a_single_request(daily, cli):
    from plotly.offline import get_plotlyjs

    both = ["-s", "network.bidirectional=true"]
    outcome = cli("inspect", "c.yaml", "--plot", "p.html", *both)
    assert outcome.code == 0, outcome.err
    assert "Heat maps: p.html" in outcome.out
    page = (daily / "p.html").read_text(encoding="utf-8")
    assert get_plotlyjs() in page
    own = page.replace(get_plotlyjs(), "")
    assert "http" not in own and "<link" not in own and " src=" not in own
    for name in ("i: lets in", "f: keeps", "c: the memory", "h: the state"):
        assert own.count(name) == 2, name
    assert "l0_reverse: LSTM, 4 units" in own
    one = cli("inspect", "c.yaml", "--plot", "one.html", "--layer", "l0", *both)
    assert one.code == 0
    assert "l0_reverse" not in (daily / "one.html").read_text(encoding="utf-8")


def test_plotly_is_loaded_for_plots_only(daily):
    printed = run_python("""
import sys, lstmcast
for plot in (None, "p.html"):
    lstmcast.inspect("c.yaml", trace=True, plot=plot)
    print("plotly" in sys.modules)
""")
    assert printed.split() == ["False", "True"]


def test_heat_maps_show_the_numbers_of_the_trace(daily):
    from lstmcast.reporting.plots import HeatMap, HeatMaps, heat_map_figure

    values = np.array([[0.1, -0.5], [0.2, 0.4], [0.3, 0.0]])
    maps = [HeatMap("i", "lets in", values, False), HeatMap("c", "memory", values, True)]
    figure = heat_map_figure(HeatMaps("l0", "", range(3), ["a", "b", "c"], maps))
    gate, state = figure.data
    np.testing.assert_array_equal(np.array(gate.z), values.T)
    assert (gate.zmin, gate.zmax) == (0, 1) and (state.zmin, state.zmax) == (-0.5, 0.5)
    assert figure.layout.xaxis2.ticktext == ("0<br>a", "1<br>b", "2<br>c")


def test_names_in_a_plot_are_text(daily, cli):
    (daily / "<b>x.csv").write_text(daily_text())
    assert cli("inspect", "<b>x.csv", *SMALL, "--plot", "p.html").code == 0
    assert html.escape("<b>x.csv") in (daily / "p.html").read_text(encoding="utf-8")


# ---------------------------------------------------------------- mistakes

MISTAKES = {
    "an unknown layer": (["--layer", "l2", "--step", "1"], 2, ["--layer l2", "l0"]),
    "a layer by another name": (["--layer", "lstm"], 2, ["--layer lstm", "known: l0"]),
    "a step too far": (["--step", "8"], 2, ["--step 8", "0 (the oldest row) to 7", "-1"]),
    "a step too far back": (["--step", "-9"], 2, ["--step -9", "to 7"]),
    "a step that is padding": (
        ["--step", "2", "--window", "1", "-s", "window.pad=true"],
        2,
        ["--step 2", "padding", "6 to 7"],
    ),
    "a decoder's step": (
        ["--step", "3", "--layer", "decoder.l0", "-s", "network.decoder=seq2seq"],
        2,
        ["--step 3", "decoder.l0", "horizon", "to 2"],
    ),
    "a unit too many": (["--step", "1", "--unit", "4"], 2, ["--unit 4", "0 to 3"]),
    "a unit below zero": (["--trace", "--unit", "-1"], 2, ["--unit -1", "0 to 3"]),
    "a window too many": (["--window", "9999"], 3, ["no window 9999", "0 to"]),
    "a window below zero": (["--window", "-1"], 3, ["no window -1"]),
    "no horizon": (["-s", "window.horizon=0"], 2, ["window.horizon", "at least 1"]),
    "a lookback without windows": (["--trace", "-s", "window.lookback=500"], 3, ["no window"]),
    "a PNG": (["--plot", "p.png"], 2, ["p.png", ".html"]),
    "a plot without suffix": (["--plot", "plot"], 2, ["plot", ".html"]),
    "a plot into nowhere": (["--plot", "no/p.html"], 2, ["no/p.html", "folder no"]),
    "text for a step": (["--step", "last"], 2, ["--step"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_message(mistake, daily, cli):
    arguments, code, words = MISTAKES[mistake]
    before = sorted(daily.iterdir())
    outcome = cli("inspect", "c.yaml", *arguments)
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    for word in words:
        assert word in outcome.err
    assert sorted(daily.iterdir()) == before


def test_a_folder_that_is_no_run_is_named(daily, cli):
    (daily / "empty").mkdir()
    outcome = cli("inspect", "empty")
    assert outcome.code == 5 and "model.safetensors" in outcome.err
    assert cli("inspect", "nothing").code in (2, 3, 5)


def copy_of(run, folder):
    import shutil

    return shutil.copytree(run, folder)


def test_a_damaged_run_is_one_message(daily, cli, daily_run):
    run = copy_of(daily_run, daily / "run")
    (run / "model.safetensors").write_bytes(b"nonsense")
    outcome = cli("inspect", "run")
    assert outcome.code == 5 and "damaged" in outcome.err
    run = copy_of(daily_run, daily / "other")
    (run / "manifest.json").write_text("{")
    outcome = cli("inspect", "other", "--trace")
    assert outcome.code == 5 and "manifest.json" in outcome.err


def test_a_run_needs_its_table_only_for_a_window(daily, cli, daily_run):
    run = copy_of(daily_run, daily / "run")
    config = run / "config.yaml"
    moved = re.sub(r"path: .*", "path: gone.csv", config.read_text())
    config.write_text(moved)
    assert cli("inspect", "run").code == 0
    assert cli("inspect", run / "model.safetensors").code == 0
    outcome = cli("inspect", "run", "--trace")
    assert outcome.code == 3
    assert "gone.csv" in outcome.err and "data.path" in outcome.err
    outcome = cli("inspect", run / "model.safetensors", "--trace")
    assert outcome.code == 2 and "run folder" in outcome.err


def test_a_table_that_has_changed_is_said(daily, cli, daily_run):
    run = copy_of(daily_run, daily / "run")
    config = run / "config.yaml"
    config.write_text(re.sub(r"path: .*", f"path: {daily / 'new.csv'}", config.read_text()))
    (daily / "new.csv").write_text(daily_text(seed=1))
    outcome = cli("inspect", "run", "--trace")
    assert outcome.code == 0 and "has changed since" in outcome.err
    assert "has changed since" not in cli("inspect", daily_run, "--trace").err


def test_overrides_are_refused_for_a_run(cli, daily_run):
    outcome = cli("inspect", daily_run, "-s", "network.units=5")
    assert outcome.code == 2 and "-s changes configs" in outcome.err


def test_the_python_face_raises_what_the_command_prints(daily):
    with pytest.raises(LstmcastError, match="--unit 9"):
        lstmcast.inspect("c.yaml", step=1, unit=9)
    with pytest.raises(LstmcastError, match="no such layer"):
        lstmcast.inspect("c.yaml", layer="l7")
