"""Optimizers: SGD, Adam and AdamW, with gradient clipping.

Our compiled code does the arithmetic, or the functions that torch.optim calls with `fused=True`.
torch.optim itself is not imported: it loads the compiler (torch._dynamo, sympy), which takes longer
than importing torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

import torch
from torch import Tensor, nn

from lstmcast.training.compiled_update import runs_here, update

MOMENTUM = 0.9
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
TINY = 1e-6
"""Added to the norm before the division, as in torch's clip_grad_norm_."""


class Optimizer(ABC):
    """Updates parameters by their gradients.

    Args:
        parameters: Parameters to train; they stay on their device.
        weight_decay: Strength of the weight decay.

    Attributes:
        steps: Number of steps so far.
        name: Value of `training.optimizer`.
        momentum: Decay of the velocity, or of the mean gradient, at each step.
    """

    name: str
    momentum: float

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self.parameters: list[Tensor] = [each for each in parameters if each.requires_grad]
        assert all(each.is_contiguous() for each in self.parameters), "see `step`"
        self.weight_decay = weight_decay
        self.compiled = runs_here(self.parameters)
        self.steps = 0

    def clear(self) -> None:
        """Remove the gradients of the last step."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float, clip_norm: float | None) -> None:
        """Clip the gradients of the parameters, and take a step.

        Args:
            rate: Learning rate.
            clip_norm: Largest norm of all gradients together; None: no clipping.
        """
        # Gradients must be contiguous like the parameters: on a CPU, torch ignores strides here.
        gradients = [
            torch.zeros_like(p) if p.grad is None else p.grad.contiguous() for p in self.parameters
        ]
        self.steps += 1
        if self.compiled:
            self._move_compiled(gradients, rate, clip_norm)
            return
        too_large = None
        if clip_norm is not None:
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
            too_large = norm.add_(TINY).div_(clip_norm).clamp_(min=1.0)
        self.move(gradients, rate, too_large)

    def _move_compiled(self, gradients: list[Tensor], rate: float, clip_norm: float | None) -> None:
        """Clip the gradients and update the parameters, in our compiled code."""
        update(
            self.name,
            self.parameters,
            gradients,
            list(self.memory().values()),
            rate=rate,
            decay=self.weight_decay,
            clip=math.inf if clip_norm is None else clip_norm,
            tiny=TINY,
            momentum=self.momentum,
            steady=BETA2,
            mean_known=1 - BETA1**self.steps,
            square_known=1 - BETA2**self.steps,
            epsilon=EPSILON,
        )

    @abstractmethod
    def move(self, gradients: list[Tensor], rate: float, too_large: Tensor | None) -> None:
        """Update the parameters, with torch.

        Args:
            gradients: Gradient of each parameter; it may be overwritten.
            rate: Learning rate.
            too_large: Number that divides the gradients first; None: 1.
        """

    @abstractmethod
    def memory(self) -> dict[str, Tensor]:
        """The state that the next step needs, (P,) each."""

    def tensors(self) -> dict[str, Tensor]:
        """The whole state, for a checkpoint."""
        return {**self.memory(), "steps": torch.tensor(self.steps)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore the state that `tensors` returned."""
        self.steps = int(tensors["steps"])
        for name, kept in self.memory().items():
            kept.copy_(tensors[name])

    def zeros(self) -> Tensor:
        """(P,) zeros, one for each number in the parameters."""
        return torch.cat([torch.zeros_like(each).flatten() for each in self.parameters])

    def parts(self, flat: Tensor) -> Iterator[Tensor]:
        """The part of (P,) numbers for each parameter, in its shape."""
        begin = 0
        for parameter in self.parameters:
            end = begin + parameter.numel()
            yield flat[begin:end].view_as(parameter)
            begin = end


class SGD(Optimizer):
    """Gradient descent with momentum: Polyak 1964, in the form of Sutskever et al. 2013."""

    name = "sgd"
    momentum = MOMENTUM

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        super().__init__(parameters, weight_decay)
        self.velocity = self.zeros()

    @cached_property
    def velocities(self) -> list[Tensor]:
        """The velocity of each parameter, as torch's function needs it."""
        return list(self.parts(self.velocity))

    def memory(self) -> dict[str, Tensor]:
        """The velocity."""
        return {"velocity": self.velocity}

    def move(self, gradients: list[Tensor], rate: float, too_large: Tensor | None) -> None:
        """Velocity = 0.9 velocity + gradient; parameter -= rate * velocity."""
        torch._fused_sgd_(
            self.parameters,
            gradients,
            self.velocities,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,  # the velocity starts at 0
            grad_scale=too_large,
        )


class Adam(Optimizer):
    """Mean gradient divided by its root mean square: Kingma and Ba 2015, algorithm 1.

    Weight decay is added to the gradient.
    """

    name = "adam"
    momentum = BETA1
    function: Callable[..., None] = staticmethod(torch._fused_adam_)

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        super().__init__(parameters, weight_decay)
        self.mean, self.square = self.zeros(), self.zeros()

    @cached_property
    def apart(self) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Both means of each parameter, and the number of steps, as torch's function needs them."""
        return list(self.parts(self.mean)), list(self.parts(self.square)), self.mean.new_zeros(())

    def memory(self) -> dict[str, Tensor]:
        """Running means of the gradient and of its square."""
        return {"mean": self.mean, "square": self.square}

    def move(self, gradients: list[Tensor], rate: float, too_large: Tensor | None) -> None:
        """Update both means, correct their bias, and take the step."""
        means, squares, count = self.apart
        count.fill_(self.steps)
        self.function(
            self.parameters,
            gradients,
            means,
            squares,
            [],
            [count] * len(gradients),
            lr=rate,
            beta1=self.momentum,
            beta2=BETA2,
            weight_decay=self.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            grad_scale=too_large,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: Loshchilov and Hutter 2019."""

    name = "adamw"
    function: Callable[..., None] = staticmethod(torch._fused_adamw_)


OPTIMIZERS: dict[str, type[Optimizer]] = {each.name: each for each in (SGD, Adam, AdamW)}
"""Optimizers by the values of `training.optimizer`."""
