"""How gradients move the weights: SGD, Adam and AdamW along one flat gradient.

The same arithmetic as torch.optim's, in a tenth of its operations and without its import, which
wakes the compiler (torch._dynamo, sympy) and costs more than importing torch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

MOMENTUM = 0.9
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
TINY = 1e-6
"""Added to a norm before it divides, as torch's clip_grad_norm_ does."""


class Optimizer(ABC):
    """Moves parameters by their gradients.

    Args:
        parameters: To be trained; they stay on their device.
        weight_decay: Pull towards zero.

    Attributes:
        steps: Taken so far.
        gradient: (P,) of all parameters, one behind the other.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        self.parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.weight_decay = weight_decay
        self.steps = 0
        self.gradient = torch.cat([torch.zeros_like(each).flatten() for each in self.parameters])

    def clear(self) -> None:
        """Forget the gradients of the step before."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float, clip_norm: float | None) -> None:
        """Clip the gradients that lie at the parameters, and take a step.

        Args:
            rate: Learning rate.
            clip_norm: Largest norm of all gradients together; None: they stay as they are.
        """
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        torch.cat([part.flatten() for part in parts], out=self.gradient)
        if clip_norm is not None:
            norm = torch.linalg.vector_norm(self.gradient)
            self.gradient.mul_((clip_norm / (norm + TINY)).clamp_(max=1.0))
        self.steps += 1
        self.move(rate)

    @abstractmethod
    def move(self, rate: float) -> None:
        """Move the parameters by the clipped gradient."""

    @abstractmethod
    def memory(self) -> dict[str, Tensor]:
        """What is kept from step to step, (P,) each."""

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step depends on."""
        return {**self.memory(), "steps": torch.tensor(self.steps)}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` told."""
        self.steps = int(tensors["steps"])
        for name, kept in self.memory().items():
            kept.copy_(tensors[name])

    def add_decay(self) -> None:
        """Add the pull towards zero to the gradient."""
        if self.weight_decay:
            flat = torch.cat([parameter.flatten() for parameter in self.parameters])
            self.gradient.add_(flat, alpha=self.weight_decay)

    def with_parameters(self, *flat: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Each parameter with its own part of flat tensors (P,), in its own shape."""
        begin = 0
        for parameter in self.parameters:
            end = begin + parameter.numel()
            yield (parameter, *(each[begin:end].view_as(parameter) for each in flat))
            begin = end


class SGD(Optimizer):
    """Gradient descent with momentum: Polyak 1964, in the form of Sutskever et al. 2013."""

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        super().__init__(parameters, weight_decay)
        self.velocity = torch.zeros_like(self.gradient)
        self.pairs = list(self.with_parameters(self.velocity))

    def memory(self) -> dict[str, Tensor]:
        """The velocity."""
        return {"velocity": self.velocity}

    def move(self, rate: float) -> None:
        """Velocity = 0.9 velocity + gradient; a step of rate times it."""
        self.add_decay()
        self.velocity.mul_(MOMENTUM).add_(self.gradient)
        for parameter, velocity in self.pairs:
            parameter.add_(velocity, alpha=-rate)


class Adam(Optimizer):
    """Steps of the mean gradient over its root mean square: Kingma and Ba 2015, algorithm 1."""

    def __init__(self, parameters: Iterable[nn.Parameter], weight_decay: float) -> None:
        super().__init__(parameters, weight_decay)
        self.mean = torch.zeros_like(self.gradient)
        self.square = torch.zeros_like(self.gradient)
        self.root = torch.zeros_like(self.gradient)
        self.triples = list(self.with_parameters(self.mean, self.root))

    def memory(self) -> dict[str, Tensor]:
        """Running means of the gradient and of its square."""
        return {"mean": self.mean, "square": self.square}

    def move(self, rate: float) -> None:
        """Both means, freed of their start at 0, and the step."""
        self.decay(rate)
        self.mean.lerp_(self.gradient, 1 - BETA1)
        self.square.mul_(BETA2).addcmul_(self.gradient, self.gradient, value=1 - BETA2)
        torch.sqrt(self.square, out=self.root)
        self.root.div_(math.sqrt(1 - BETA2**self.steps)).add_(EPSILON)
        for parameter, mean, root in self.triples:
            parameter.addcdiv_(mean, root, value=-rate / (1 - BETA1**self.steps))

    def decay(self, rate: float) -> None:
        """In Adam the pull towards zero is a part of the gradient."""
        self.add_decay()


class AdamW(Adam):
    """Adam with a pull that the gradient's size does not change: Loshchilov and Hutter 2019."""

    def decay(self, rate: float) -> None:
        """In AdamW it acts on the weights themselves."""
        if self.weight_decay:
            for parameter in self.parameters:
                parameter.mul_(1 - rate * self.weight_decay)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
"""What `training.optimizer` names."""
