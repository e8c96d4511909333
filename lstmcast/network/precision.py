"""The digits that recurrent layers compute with in training."""

from __future__ import annotations

import torch

from lstmcast.config import NetworkConfig
from lstmcast.errors import ConfigError
from lstmcast.network.recurrent import RecurrentEncoder


def choose_precision(wanted: str, config: NetworkConfig, device: torch.device) -> torch.dtype:
    """What `training.precision` means for a network on a device; the same on every call.

    Args:
        wanted: float32, bf16, or auto: bf16 where the processor multiplies it.
        config: Of the network.
        device: Where it is trained.

    Raises:
        ConfigError: torch has no such layers in bf16 there.
    """
    possible = device.type == "cuda" or (
        device.type == "cpu" and config.cell == "lstm" and config.projection == 0
    )
    if wanted == "bf16" and not possible:
        raise ConfigError(
            f"training.precision: bf16 on {device.type} is for LSTM layers without projection "
            f"(network.cell is {config.cell}); write auto or float32"
        )
    narrow = wanted == "bf16" or (wanted == "auto" and possible and multiplies_bf16(device))
    return torch.bfloat16 if narrow else torch.float32


def multiplies_bf16(device: torch.device) -> bool:
    """Whether a device has instructions for bf16; without them it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def use_precision(network: torch.nn.Module, precision: torch.dtype) -> None:
    """Train the recurrent layers of a network in a precision; forecasts always use float32."""
    for module in network.modules():
        if isinstance(module, RecurrentEncoder):
            module.precision = precision
