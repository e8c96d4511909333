"""neuralforecast on a job, see bare.py; in its own environment: `pip install neuralforecast`.

It trains, and forecasts the last steps of each series once: no scores of all test windows.
"""

import json
import sys

import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MAE
from neuralforecast.models import LSTM


def main() -> None:
    job = json.loads(sys.argv[2])
    lookback, horizon = job["lookback"], job["horizon"]
    frame = pd.read_csv(sys.argv[1], parse_dates=["date"])
    frame = frame.rename(columns={"id": "unique_id", "date": "ds", "value": "y"})
    rows = len(frame) // job["series"]
    place = frame.groupby("unique_id").cumcount()
    # Of each of the series in a batch, all windows are drawn from: one series fills all of it.
    model = LSTM(
        h=horizon,
        input_size=lookback,
        encoder_n_layers=job["layers"],
        encoder_hidden_size=job["units"],
        decoder_layers=0,
        recurrent=False,
        loss=MAE(),
        max_steps=job["steps"],
        batch_size=min(job["batch"], job["series"]),
        windows_batch_size=job["batch"],
        inference_windows_batch_size=1024,
        learning_rate=1e-3,
        num_lr_decays=0,
        scaler_type="identity",
        random_seed=0,
        accelerator="cpu",
        gradient_clip_val=1.0,
        enable_progress_bar=False,
        enable_checkpointing=False,
        logger=False,
    )
    forecaster = NeuralForecast([model], freq="h", local_scaler_type="standard")
    known, last = frame[place < rows - horizon], frame[place >= rows - horizon]
    forecaster.fit(known[place < rows - int(0.2 * rows) - int(0.1 * rows)])
    made = last.merge(forecaster.predict(known), on=["unique_id", "ds"])
    print(json.dumps({"mae": float((made.y - made.LSTM).abs().mean())}))


if __name__ == "__main__":
    main()
