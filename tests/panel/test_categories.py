"""Categories and their embeddings: codes by training's words, unknown ones, no look-ahead."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

import lstmcast
from lstmcast.config import build_config
from lstmcast.errors import ConfigError, DataError
from lstmcast.forecasting.model_file.model import load_model
from lstmcast.network.embedding import Embedder
from lstmcast.network.sizes import Category, Sizes, embedding_width
from lstmcast.panel.categories import encode
from lstmcast.panel.vectors import read_vectors
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.tables.read import read_table
from lstmcast.windows.batches import Batch

WORDS = ["rain", "sun", "wind"]
LEVELS = {"rain": -1.0, "sun": 1.0, "wind": 4.0}


def driven_frame(rows=400, seed=0):
    """y is the level of a category drawn anew each day, and known ahead; noise has deviation 0.1"""
    rng = np.random.default_rng(seed)
    weather = rng.choice(WORDS, rows)
    y = np.array([LEVELS[word] for word in weather]) + rng.normal(0, 0.1, rows)
    return pd.DataFrame(
        {"day": pd.date_range("2024-01-01", periods=rows), "weather": weather, "y": y.round(4)}
    )


def config_of(path, **changes):
    values = {
        "data": {
            "path": str(path),
            "time": "day",
            "target": "y",
            "future": "weather",
            "categorical": "weather",
        },
        "window": {"lookback": 8, "horizon": 2},
        "network": {"units": [8]},
        "training": {"max_epochs": 15, "learning_rate": 0.02, "loss": "mse"},
    }
    for section, keys in changes.items():
        values[section] = {**values.get(section, {}), **keys}
    return values


def written(path, frame):
    frame.to_csv(path, index=False)
    return path


def prepared(path, frame, **changes):
    return prepare(build_config(config_of(written(path, frame), **changes)), ProgressListener())


def write_config(folder, values):
    import yaml

    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


# From texts to codes.


def test_words_are_coded_in_order_and_empty_cells_are_missing(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("w,y\nsun,1\n,2\nrain,3\nsun,4\n007,5\n")
    codes, words = encode(read_table(path, text=["w"]), "w")
    assert words == ("007", "rain", "sun")
    assert codes[[0, 2, 3, 4]].tolist() == [3, 2, 3, 1]
    assert np.isnan(codes[1])


def test_only_words_of_train_rows_have_a_code(tmp_path):
    frame = driven_frame(100)
    frame.loc[90:, "weather"] = "hail"  # the last tenth is test
    ready = prepared(tmp_path / "t.csv", frame)
    assert ready.vocabulary.words == {"weather": tuple(WORDS)}
    assert (ready.panel.values[90:, 1] == 0).all()
    places = [WORDS.index(word) + 1 for word in frame["weather"][:90]]
    assert ready.panel.values[:90, 1].tolist() == places
    assert any("1 category of 'weather' is not in the train rows" in n for n in ready.notes)


def test_codes_are_not_scaled(tmp_path):
    ready = prepared(tmp_path / "t.csv", driven_frame(100), scale={"method": "minmax"})
    assert ready.scaler.center[:, 1].tolist() == [0] and ready.scaler.scale[:, 1].tolist() == [1]
    assert ready.scaler.scale[0, 0] > 4


def test_noise_in_categories_after_a_cut_changes_nothing_before_it(tmp_path):
    frame = driven_frame(100)
    clean = prepared(tmp_path / "a.csv", frame)
    cut = int(clean.cuts.train[0])
    frame.loc[cut:, "weather"] = np.random.default_rng(1).choice(["x", "y", *WORDS], 100 - cut)
    noisy = prepared(tmp_path / "b.csv", frame)
    assert noisy.vocabulary == clean.vocabulary
    assert (noisy.panel.values[cut:, 1] != clean.panel.values[cut:, 1]).any()
    assert np.array_equal(noisy.panel.values[:cut], clean.panel.values[:cut])


@pytest.mark.parametrize(("gaps", "code"), [("forward", 3), ("interpolate", 3), ("zero", 0)])
def test_a_missing_category_is_the_last_one_or_unknown(tmp_path, gaps, code):
    frame = driven_frame(100)
    frame.loc[10, "weather"], frame.loc[11, "weather"] = "wind", ""
    frame.loc[12, "weather"] = "rain"
    ready = prepared(
        tmp_path / "t.csv",
        frame,
        data={**config_of("")["data"], "gaps": gaps, "path": str(tmp_path / "t.csv")},
    )
    assert ready.panel.values[10:13, 1].tolist() == [3, code, 1]


def test_categories_have_no_mean(tmp_path):
    frame = driven_frame(60)
    frame.loc[5, "weather"] = "sun"
    again = frame.loc[[5]].assign(y=9.0)
    data = {**config_of(tmp_path / "t.csv")["data"], "duplicates": "mean"}
    ready = prepared(tmp_path / "t.csv", pd.concat([frame, again]), data=data)
    assert ready.panel.values[5].tolist() == [(frame.loc[5, "y"] + 9) / 2, 2]
    with pytest.raises(DataError, match="'weather' holds categories, which have no mean"):
        prepared(tmp_path / "t.csv", pd.concat([frame, again.assign(weather="rain")]), data=data)


def test_text_in_a_numeric_covariate_points_to_categorical(tmp_path):
    path = written(tmp_path / "t.csv", driven_frame(60))
    values = config_of(path)
    del values["data"]["categorical"]
    with pytest.raises(DataError, match=r"not a number.*list it in data\.categorical"):
        prepare(build_config(values), ProgressListener())


# From codes to vectors.


def test_embeddings_stand_in_the_place_of_codes_as_torch_embeds_them():
    torch.manual_seed(0)
    sizes = Sizes(
        lookback=3,
        horizon=2,
        inputs=4,  # a target, a past category, a future number, a future category
        targets=1,
        future=2,
        static=2,
        categories=(
            Category("p", static=False, place=1, count=3, width=2),
            Category("f", static=False, place=3, count=2, width=3),
            Category("s", static=True, place=0, count=4, width=5),
        ),
    )
    embedder = Embedder(sizes).eval()
    p, f, s = (torch.cat([table.unknown[None], table.known]).detach() for table in embedder.tables)
    inputs, future, static = torch.randn(6, 3, 4), torch.randn(6, 2, 2), torch.randn(6, 2)
    inputs[:, :, 1] = torch.randint(0, 4, (6, 3))
    inputs[:, :, 3], future[:, :, 1] = torch.randint(0, 3, (6, 3)), torch.randint(0, 3, (6, 2))
    static[:, 0] = torch.randint(0, 5, (6,))
    wide = embedder(
        Batch(inputs, torch.randn(6, 2, 1), torch.arange(6), None, None, None, future, static)
    )
    expected = torch.cat(
        [
            inputs[:, :, :1],
            functional.embedding(inputs[:, :, 1].long(), p),
            inputs[:, :, 2:3],
            functional.embedding(inputs[:, :, 3].long(), f),
        ],
        dim=2,
    )
    torch.testing.assert_close(wide.inputs, expected)
    ahead = functional.embedding(future[:, :, 1].long(), f)
    torch.testing.assert_close(wide.future, torch.cat([future[:, :, :1], ahead], dim=2))
    whose = functional.embedding(static[:, 0].long(), s)
    torch.testing.assert_close(wide.static, torch.cat([whose, static[:, 1:]], dim=1))
    assert (embedder.sizes.inputs, embedder.sizes.future, embedder.sizes.static) == (7, 4, 6)
    assert embedder.sizes.targets == 1


def test_training_hides_one_category_in_twenty():
    sizes = Sizes(2, 1, 2, 1, categories=(Category("p", False, 1, count=1, width=1),))
    embedder = Embedder(sizes)
    with torch.no_grad():
        embedder.tables[0].known.fill_(1.0)
    batch = Batch(torch.ones(20_000, 2, 2), torch.ones(20_000, 1, 1), torch.zeros(20_000))
    torch.manual_seed(0)
    shown = float(embedder.train()(batch).inputs[:, :, 1].detach().mean())
    assert shown == pytest.approx(0.95, abs=0.005)  # 4.6 deviations of 40,000 draws
    assert float(embedder.eval()(batch).inputs[:, :, 1].detach().mean()) == 1


@pytest.mark.parametrize(("count", "width"), [(1, 2), (2, 2), (7, 5), (100, 21), (10_000, 50)])
def test_the_rule_for_the_width_of_vectors(count, width):
    assert embedding_width(count) == width


# What they are good for.


@pytest.mark.parametrize("decoder", ["direct", "seq2seq", "recursive", "every_step"])
def test_a_category_known_ahead_explains_what_it_drives(tmp_path, decoder):
    """Without it the mean absolute error is about 1.7; the noise alone has 0.08."""
    path = written(tmp_path / "t.csv", driven_frame())
    values = config_of(path, network={"units": [8], "decoder": decoder})
    run = lstmcast.train(write_config(tmp_path, values), run=tmp_path / "run", device="cpu")
    assert run.metrics["test"]["lstmcast"]["mae"] < 0.3
    assert run.metrics["test"]["naive"]["mae"] > 1.5


def two_series(rows=200):
    """Every other day one series goes up and the other down; the day before shows neither."""
    rng = np.random.default_rng(0)
    turn = np.arange(rows) % 2
    parts = []
    for name, sign in (("up", 1), ("down", -1)):
        day = pd.date_range("2024-01-01", periods=rows)
        y = sign * turn + rng.normal(0, 0.05, rows)
        parts.append(pd.DataFrame({"id": name, "day": day, "turn": turn, "y": y}))
    return pd.concat(parts)


@pytest.mark.parametrize("decoder", ["direct", "seq2seq"])
def test_a_vector_for_each_series_tells_them_apart(tmp_path, decoder):
    path = written(tmp_path / "t.csv", two_series())
    maes = {}
    for embed in (False, True):
        values = {
            "data": {
                "path": str(path),
                "time": "day",
                "target": "y",
                "series": "id",
                "future": "turn",
            },
            "window": {"lookback": 1, "horizon": 1},
            "scale": {"per": "all"},
            "network": {"units": [16], "embed_series": embed, "decoder": decoder},
            "training": {"max_epochs": 20, "learning_rate": 0.02},
        }
        run = lstmcast.train(
            write_config(tmp_path, values), run=tmp_path / f"run{embed}", device="cpu"
        )
        test = pd.read_csv(run.path / "backtest.csv")
        turns = test[test["y_actual"].abs() > 0.5]
        maes[embed] = float((turns["y"] - turns["y_actual"]).abs().mean())
    assert maes[False] > 0.8  # without a name, 0 is the best guess for 1 and -1
    assert maes[True] < 0.3


# At forecast time.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("categories")
    path = written(folder / "t.csv", driven_frame(200))
    values = config_of(path, training={"max_epochs": 3})
    return lstmcast.train(write_config(folder, values), run=folder / "run", device="cpu").path


def last_days(seed=5):
    """Ten days of history, and two more of which only the weather is known."""
    frame = driven_frame(12, seed)
    frame.loc[10:, "y"] = np.nan
    return frame


def test_a_table_with_some_of_the_words_is_read_in_the_codes_of_training(trained, tmp_path):
    """`wind` is the third word in training, and the first of this table."""
    frame = last_days().assign(weather="wind")
    forecast = lstmcast.predict(trained, written(tmp_path / "a.csv", frame))
    # The same rows behind ten earlier ones that hold the other words too.
    early = driven_frame(10).assign(day=lambda f: f["day"] - pd.Timedelta(days=10))
    longer = pd.concat([early, frame])
    assert set(early["weather"]) == set(WORDS)
    assert lstmcast.predict(trained, written(tmp_path / "b.csv", longer)).equals(forecast)
    rain = lstmcast.predict(trained, written(tmp_path / "c.csv", frame.assign(weather="rain")))
    assert not np.allclose(rain["y"], forecast["y"])


def test_predict_says_how_many_categories_are_new(trained, tmp_path, cli):
    path = written(tmp_path / "a.csv", last_days().assign(weather="hail"))
    told = cli("predict", trained, path)
    assert told.code == 0 and "1 category of 'weather' is not in the train rows" in told.err
    path = written(tmp_path / "b.csv", last_days().assign(weather="sun"))
    assert "note" not in cli("predict", trained, path).err


def test_new_categories_are_read_as_the_unknown_that_was_trained(trained, tmp_path):
    forecasts = [
        lstmcast.predict(
            trained, written(tmp_path / f"{word}.csv", last_days().assign(weather=word))
        )
        for word in ("hail", "snow", "sun")
    ]
    assert forecasts[0]["y"].equals(forecasts[1]["y"])
    assert not np.allclose(forecasts[0]["y"], forecasts[2]["y"])
    model = load_model(trained / "model.safetensors", torch.device("cpu"))
    unknown = model.network.embedder.tables[0].unknown.detach()
    assert float(unknown.abs().max()) > 1e-4  # it began as zeros


def test_window_writes_codes_and_says_what_they_mean(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = driven_frame(60)
    config = write_config(tmp_path, config_of(written(tmp_path / "t.csv", frame)))
    assert cli("window", config, "-o", "w").code == 0
    described = json.loads((tmp_path / "w/windows.json").read_text())
    assert described["categories"] == {"weather": WORDS}
    x = np.load("w/x.npy")
    assert x[0, :, 1].tolist() == [WORDS.index(word) + 1 for word in frame["weather"][:8]]
    shown = cli("window", config, "--show", "0").out
    assert frame["weather"][0] in shown


# Vectors that are given.


def vectors_config(tmp_path, text, **network):
    (tmp_path / "v.txt").write_text(text)
    path = written(tmp_path / "t.csv", driven_frame(200))
    values = config_of(path, network={"units": [8], **network}, training={"max_epochs": 2})
    values["data"]["vectors"] = {"weather": "v.txt"}
    return write_config(tmp_path, values)


GIVEN = "sun 1 2\nrain 3 4\nwind 5 -6e-1\nother 7 8\n"


@pytest.mark.parametrize("train", [False, True])
def test_given_vectors_stay_or_are_trained(tmp_path, train):
    config = vectors_config(tmp_path, GIVEN, train_vectors=train)
    run = lstmcast.train(config, run=tmp_path / "run", device="cpu")
    (tmp_path / "v.txt").unlink()  # the model holds them
    model = load_model(run.path / "model.safetensors", torch.device("cpu"))
    known = model.network.embedder.tables[0].known
    given = torch.tensor([[3, 4], [1, 2], [5, -0.6]])  # in the order of the words
    assert torch.equal(known, given) != train
    unknown = model.network.embedder.tables[0].unknown.detach()
    assert torch.allclose(unknown, given.mean(dim=0), atol=0.5) and unknown.abs().min() > 0.5
    assert torch.allclose(known, given, atol=0.5)
    assert len(lstmcast.predict(run.path, written(tmp_path / "n.csv", last_days()))) == 2


@pytest.mark.parametrize("head", ["", "4 2\n"])
def test_vectors_are_read_with_and_without_word2vecs_header(tmp_path, head):
    path = tmp_path / "v.txt"
    path.write_text(head + "new  york 1 2\nrome 3 4\n<unk> 9 9\n")
    if head:  # only a header can tell the words of the first line from its numbers
        vectors = read_vectors(path, ["new york", "oslo", "rome"], "city")
        assert vectors.known.tolist() == [[1, 2], [9, 9], [3, 4]]
        assert vectors.unknown.tolist() == [9, 9]
    path.write_text("rome 3 4\nnew  york 1 2\n")
    assert read_vectors(path, ["new york"], "city").known.tolist() == [[1, 2]]
    path.write_text(head + "oslo 1 2\nrome 3 4\n")
    plain = read_vectors(path, ["oslo", "rome"], "city")
    assert plain.known.tolist() == [[1, 2], [3, 4]]
    assert plain.unknown.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sun 1 2\nrain 3 4\n", r"no vector for 1 of the 3 categories of 'weather': 'wind'"),
        ("a 1 2\n<unk> 3 4\n", r"no vector for 3 of the 3 categories of 'weather'"),
        ("Sun 1 2\nrain 1 2\nwind 1 2\n", r"'sun' \(it has 'Sun'\)"),
        ("sun 1 2\nrain 3\nwind 1 2\n", r"line 2: 'rain' has 1 number, .* before have 2"),
        ("sun 1 2\nrain 3 x\nwind 1 2\n", r"line 2: the vector of 'rain' has 'x', .* not a finite"),
        ("sun 1 nan\nrain 3 1\nwind 1 2\n", r"line 1: .* 'sun' has 'nan', which is not a finite"),
        ("sun 1,5 2\nrain 3 1\nwind 1 2\n", r"'sun' has '1,5', .* a decimal point"),
        ("3 2\nsun 1 2 3\nrain 1 2 3\nwind 1 2 3\n", r"line 1 states vectors of 2 numbers, but"),
        ("3 4\nsun 1 2\nrain 1 2\nwind 1 2\n", r"vectors of 4 numbers, but line 2 has 2"),
        ("", r"has no vector"),
        ("sun\nrain\n", r"line 1: expected a word and its vector, got 'sun'"),
    ],
)
def test_vectors_with_a_fault_are_refused(tmp_path, text, message):
    config = vectors_config(tmp_path, text)
    with pytest.raises(DataError, match=message):
        lstmcast.train(config, run=tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_vectors_that_cannot_be_read_are_refused(tmp_path):
    config = vectors_config(tmp_path, GIVEN)
    (tmp_path / "v.txt").write_bytes(b"\xff\xfe\x00 1 2")
    with pytest.raises(DataError, match="not UTF-8 text; save a binary word2vec file as text"):
        lstmcast.train(config, run=tmp_path / "run", device="cpu")
    (tmp_path / "v.txt").unlink()
    with pytest.raises(DataError, match=r"vectors of 'weather' .* No such file"):
        lstmcast.train(config, run=tmp_path / "run", device="cpu")


def test_a_width_that_given_vectors_do_not_have_is_refused(tmp_path):
    config = vectors_config(tmp_path, GIVEN, embedding={"weather": 3})
    with pytest.raises(ConfigError, match=r"'weather' is set to 3 numbers.* have 2"):
        lstmcast.train(config, run=tmp_path / "run", device="cpu")


# The config.


@pytest.mark.parametrize(
    ("data", "network", "message"),
    [
        ({"categorical": "y"}, {}, "names 'y', a target"),
        ({"categorical": "id", "series": "id"}, {}, "set network.embed_series to true instead"),
        ({"categorical": "z"}, {}, "names 'z', which is not in data.past, data.future or"),
        ({"vectors": {"z": "v"}}, {}, "which is not in data.categorical or data.series"),
        ({"vectors": {"id": "v"}, "series": "id"}, {}, "set network.embed_series to true"),
        ({}, {"embed_series": True}, "network.embed_series has no effect without data.series"),
        ({}, {"embedding": 4}, "network.embedding has no effect without data.categorical"),
        ({"past": "p", "categorical": "p"}, {"embedding": {"q": 4}}, "names 'q', which is not a"),
        ({"past": "p", "categorical": "p"}, {"embedding": {"p": 0}}, "of at least 1, got {p: 0}"),
        ({}, {"train_vectors": True}, "has no effect without data.vectors"),
    ],
)
def test_what_makes_no_sense_with_categories_is_refused(data, network, message):
    with pytest.raises(ConfigError) as caught:
        build_config({"data": {"path": "t.csv", "target": "y", **data}, "network": network})
    assert message in str(caught.value)


def test_a_member_of_a_mapping_is_set_by_its_name():
    data = {"path": "t.csv", "target": "y", "past": ["a.b", "c"], "categorical": ["a.b", "c"]}
    overrides = ["network.embedding.a.b=3", "network.embedding.c=4", "network.embedding.c=5"]
    config = build_config({"data": data}, overrides)
    assert config.network.embedding == {"a.b": 3, "c": 5}
    whole = build_config({"data": data}, ["network.embedding={a.b: 3, c: 5}"])
    assert whole.network.embedding == {"a.b": 3, "c": 5}
    with pytest.raises(ConfigError, match=r"a mapping of names, each to a whole number"):
        build_config({"data": data}, ["network.embedding={c 5}"])
    with pytest.raises(ConfigError, match="has too many dots"):
        build_config({"data": data}, ["network.units.a=3"])


def test_paths_of_vectors_start_from_the_folder_of_the_config(tmp_path):
    from lstmcast.config import load_config

    values = config_of("t.csv")
    values["data"]["vectors"] = {"weather": "v.txt"}
    (tmp_path / "sub").mkdir()
    config = load_config(write_config(tmp_path / "sub", values))
    assert config.data.vectors == {"weather": str(tmp_path / "sub" / "v.txt")}
