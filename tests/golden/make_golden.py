"""Makes `tests/golden/<kind>.safetensors` with its forecast: `python tests/golden/make_golden.py`.

A model of every kind of network, as small as it can be. Files that are there are never written
again: they stand for models that users trained with the lstmcast of that day, and every later one
must forecast the same from them. A new kind of network is a new entry in KINDS.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import lstmcast

HERE = Path(__file__).parent
TABLE = HERE / "table.csv"

CELLS = ("rnn", "gru", "lstm")
DECODERS = ("direct", "recursive", "seq2seq", "every_step")
COLUMNS = ["data.past=p", "data.future=f", "data.static=s"]
WORDS = ["data.past=w", "data.categorical=w"]

KINDS: dict[str, list[str]] = {
    **{
        f"{cell}-{decoder}": [f"network.cell={cell}", f"network.decoder={decoder}"]
        for cell in CELLS
        for decoder in DECODERS
    },
    **{f"columns-{d}": [*COLUMNS, f"network.decoder={d}"] for d in DECODERS},
    "categories": WORDS,
    "series-embedded": ["network.embed_series=true", "network.decoder=seq2seq"],
    "two-targets": ["data.target=y,z"],
    "deep": ["network.units=3,2"],
    "deep-of-one-width": ["network.units=2,2"],
    "bidirectional": ["network.bidirectional=true", "network.decoder=seq2seq"],
    "projection": ["network.projection=2"],
    "no-bias": ["network.bias=false"],
    "dropout": ["network.dropout=0.5"],
    "learned-state": ["network.initial_state=learned"],
    "random-state": ["network.initial_state=random"],
    "relu": ["network.activation=relu"],
    "hard-sigmoid": ["network.recurrent_activation=hard_sigmoid"],
    "normalize-last": ["network.normalize=last"],
    "normalize-standard": ["network.normalize=standard"],
    "readout-state": ["network.readout=state"],
    "readout-mean": ["network.readout=mean"],
    "readout-all": ["network.readout=all"],
    "pad": ["window.pad=true"],
    "minmax": ["scale.method=minmax"],
    "robust": ["scale.method=robust"],
    "unscaled": ["scale.method=none", "scale.per=all"],
    "log1p": ["scale.transform=log1p"],
    "calendar": ["data.calendar=day_of_week,month"],
    "minimum": ["forecast.minimum=52"],
    "auto": ["network.preset=auto"],
    "linear-path": ["network.preset=auto", "network.units=3"],
    "ridge": ["network.skip=ridge", "network.normalize=last"],
    "segments": ["network.preset=segments", "network.units=3", "data.target=y,z"],
    "segments-of-columns": [*COLUMNS, "network.segment=2", "network.decoder=segments"],
    "hybrid": ["network.preset=hybrid", "network.units=3", "data.target=y,z"],
    "difference": ["network.normalize=difference", "network.skip=linear", "data.target=y,z"],
    "normalize-season": ["network.normalize=season"],
    "independent": ["network.channels=independent", "data.target=y,z"],
    "smape": ["training.loss=smape"],
    "members": ["training.members=3", "network.decoder=recursive"],
    "mean-of-members": ["training.members=2", "training.combine=mean", "network.head=normal"],
}
BASE = [
    "data.time=day",
    "data.target=y",
    "data.series=id",
    "window.lookback=8",
    "window.horizon=3",
    "network.preset=plain",
    "network.units=3",
    "training.max_epochs=3",
    "training.learning_rate=0.01",
    "split.test=0",
]


def table() -> pd.DataFrame:
    """Two series of 60 days and three known ahead: numbers, covariates of each kind, words."""
    random = np.random.default_rng(0)
    parts = []
    for number, name in enumerate("ab"):
        days = np.arange(63)
        part = pd.DataFrame({"id": name, "day": pd.date_range("2024-01-01", periods=63)})
        part["y"] = 50 + 20 * number + 10 * np.sin(days * 2 * np.pi / 7) + random.normal(0, 2, 63)
        part["z"], part["p"] = random.normal(0, 1, 63), random.normal(0, 1, 63)
        part["f"], part["s"] = days % 2, 10 * number
        part["w"] = np.array(["sun", "rain", "snow"])[days % 3]
        part.loc[60:, ["y", "z", "p"]] = np.nan
        parts.append(part.round({"y": 3, "z": 3, "p": 3}))
    return pd.concat(parts)


def main() -> None:
    """Add what is missing."""
    if not TABLE.exists():
        table().to_csv(TABLE, index=False)
    for kind, overrides in KINDS.items():
        model, forecast = HERE / f"{kind}.safetensors", HERE / f"{kind}.csv"
        if model.exists() or forecast.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            run = lstmcast.train(
                TABLE, set=[*BASE, *overrides], run=Path(folder) / "run", device="cpu"
            )
            model.write_bytes((run.path / "model.safetensors").read_bytes())
            forecast.write_bytes((run.path / "forecast.csv").read_bytes())
        print(f"{model.name}: {model.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
