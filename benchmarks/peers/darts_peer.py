"""Darts on a job, see bare.py; in an environment of its own: `pip install "darts[torch]"`.

It trains, and forecasts the last steps of each series once: no scores of all test windows.
"""

import json
import sys

import pandas as pd
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import BlockRNNModel
from sklearn.preprocessing import StandardScaler
from torch.nn import L1Loss


def main() -> None:
    job = json.loads(sys.argv[2])
    lookback, horizon = job["lookback"], job["horizon"]
    frame = pd.read_csv(sys.argv[1], parse_dates=["date"])
    rows = len(frame) // job["series"]
    train_cut = rows - int(0.2 * rows) - int(0.1 * rows)
    whole = TimeSeries.from_group_dataframe(
        frame, group_cols="id", time_col="date", value_cols="value", drop_group_cols="id"
    )
    whole = [series.astype("float32") for series in whole]
    scaler = Scaler(StandardScaler())
    train = scaler.fit_transform([series[:train_cut] for series in whole])
    model = BlockRNNModel(
        input_chunk_length=lookback,
        output_chunk_length=horizon,
        model="LSTM",
        hidden_dim=job["units"],
        n_rnn_layers=job["layers"],
        dropout=0.0,
        batch_size=job["batch"],
        n_epochs=1000,
        loss_fn=L1Loss(),
        optimizer_kwargs={"lr": 1e-3},
        random_state=0,
        pl_trainer_kwargs={
            "accelerator": "cpu",
            "max_steps": job["steps"],
            "gradient_clip_val": 1.0,
            "enable_progress_bar": False,
            "enable_checkpointing": False,
            "logger": False,
        },
    )
    model.fit(train)
    forecasts = scaler.inverse_transform(
        model.predict(horizon, scaler.transform([series[:-horizon] for series in whole]))
    )
    errors = [
        abs(made.values() - series[-horizon:].values()).mean()
        for made, series in zip(forecasts, whole, strict=True)
    ]
    print(json.dumps({"mae": float(sum(errors) / len(errors))}))


if __name__ == "__main__":
    main()
