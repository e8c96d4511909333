"""GRU layers for training, without compiled code, are torch's: outputs, states, every gradient."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.kernel import gru
from lstmcast.network.kernel.gru import run_gru
from lstmcast.network.recurrent import RecurrentEncoder


def outcome(run: Any, weights: list[Tensor], inputs: Tensor, state: Tensor | None) -> list[Tensor]:
    """Outputs, final states, and the gradients of a loss that looks at both."""
    given = [inputs, *([] if state is None else [state])]
    outputs, final = run(inputs, state)
    scale = torch.arange(outputs.numel(), dtype=outputs.dtype).view_as(outputs).cos()
    loss = (outputs.sin() * scale).sum() + final.exp().sum()
    return [outputs, final, *torch.autograd.grad(loss, [*given, *weights])]


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)], ids=str
)
def test_outputs_and_gradients_are_those_of_torchs_layer(
    layers: int,
    bidirectional: bool,
    bias: bool,
    with_state: bool,
    dtype: torch.dtype,
    tolerance: float,
) -> None:
    torch.manual_seed(layers)
    options: dict[str, Any] = {"bias": bias, "bidirectional": bidirectional, "batch_first": True}
    stack = nn.GRU(3, 5, layers, **options).to(dtype)
    inputs = torch.randn(4, 9, 3, dtype=dtype, requires_grad=True)
    rows = layers * (2 if bidirectional else 1)
    state = torch.randn(rows, 4, 5, dtype=dtype, requires_grad=True) if with_state else None
    weights = list(stack.parameters())
    expected = outcome(stack, weights, inputs, state)
    found = outcome(lambda x, h: run_gru(stack, x, h), weights, inputs, state)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def test_a_single_step_and_a_single_window_are_as_torchs() -> None:
    stack = nn.GRU(2, 3, batch_first=True)
    inputs = torch.randn(1, 1, 2, requires_grad=True)
    weights = list(stack.parameters())
    found = outcome(lambda x, h: run_gru(stack, x, h), weights, inputs, None)
    for one, other in zip(found, outcome(stack, weights, inputs, None), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_an_encoder_takes_it_in_training_and_torchs_layer_in_forecasting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    monkeypatch.setattr(gru, "run_gru", lambda *given: calls.append(1) or run_gru(*given))
    encoder = RecurrentEncoder(NetworkConfig(cell="gru", units=[4, 4]), 2)
    inputs = torch.randn(3, 6, 2)
    trained = encoder(inputs)
    with torch.inference_mode():
        forecast = encoder(inputs)
    assert len(calls) == 1
    torch.testing.assert_close(trained.outputs, forecast.outputs, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(trained.states[0], forecast.states[0], rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(gru, "SMALL", 11)  # 3 windows x 4 units are too many
    encoder(inputs)
    assert len(calls) == 1
