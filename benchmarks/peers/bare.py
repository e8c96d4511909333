"""The floor: what somebody would write by hand in torch, without a library.

`python bare.py TABLE JOB` reads a long table (series, time, value), trains nn.LSTM and a linear
map on windows of it, and prints the mean absolute error of the test windows; JOB is JSON, see
`speed.Job`.
"""

import json
import sys

import numpy as np
import pandas as pd
import torch
from torch import nn


class Network(nn.Module):
    """nn.LSTM and a linear map of its last output."""

    def __init__(self, units: int, layers: int, horizon: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, units, layers, batch_first=True)
        self.linear = nn.Linear(units, horizon)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, 1) -> (B, H)."""
        return self.linear(self.lstm(x)[0][:, -1])


def main() -> None:
    job = json.loads(sys.argv[2])
    lookback, horizon, batch = job["lookback"], job["horizon"], job["batch"]
    width = lookback + horizon
    torch.manual_seed(0)
    frame = pd.read_csv(sys.argv[1], parse_dates=["date"])
    values = frame.value.to_numpy(dtype=np.float32).reshape(job["series"], -1)  # (S, R)
    rows = values.shape[1]
    cut = rows - int(0.2 * rows)  # the last fifth is for the test
    train_cut = cut - int(0.1 * rows)
    center = values[:, :train_cut].mean(axis=1, keepdims=True)
    scale = values[:, :train_cut].std(axis=1, keepdims=True)
    table = torch.from_numpy((values - center) / scale)
    windows = table.unfold(1, width, 1)  # (S, R - T - H + 1, T + H), a view
    train = windows[:, : train_cut - width + 1]
    test = windows[:, cut - lookback :]

    network = Network(job["units"], job["layers"], horizon)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.0)
    count = train.shape[0] * train.shape[1]
    order = torch.randperm(count)
    place = 0
    for _ in range(job["steps"]):
        if place + batch > count:
            order, place = torch.randperm(count), 0
        chosen = order[place : place + batch]
        place += batch
        block = train[chosen // train.shape[1], chosen % train.shape[1]]
        loss = nn.functional.l1_loss(network(block[:, :lookback, None]), block[:, lookback:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    network.eval()
    with torch.inference_mode():
        errors = []
        for series in range(len(test)):
            for block in test[series].split(1024):
                forecast = network(block[:, :lookback, None])
                errors.append((forecast - block[:, lookback:]).abs().mean(dim=1))
    print(json.dumps({"mae": torch.cat(errors).mean().item(), "loss": loss.item()}))


if __name__ == "__main__":
    main()
