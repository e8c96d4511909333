"""LSTM layers: by our compiled code where it runs, by torch's own elsewhere."""

from __future__ import annotations

from typing import Any

from torch import nn

from lstmcast.network.kernel.autograd import run_layers, runs_here


class LSTM(nn.LSTM):
    """torch's LSTM layers, computed by our own code where that is possible and worth it."""

    def forward(self, inputs: Any, state: Any = None) -> Any:
        """What torch.nn.LSTM gives of inputs, or packed inputs, and first states."""
        if runs_here(self, inputs):
            if state is not None:
                self.check_forward_args(inputs, state, None)
            outputs, last = run_layers(self, inputs, state)
            return outputs, tuple(last)
        return super().forward(inputs, state)
