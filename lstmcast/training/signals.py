"""SIGINT and SIGTERM, deferred until a training step is complete."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class HeldSignals:
    """Defers the first SIGINT or SIGTERM; the second acts at once.

    >>> with HeldSignals(True) as held:
    ...     if held.number is not None:
    ...         held.let_go()

    Args:
        active: Whether to defer signals at all.
        patient: Whether to defer the second too: torchrun repeats the signals of a terminal.

    Attributes:
        number: Number of the deferred signal; None if none has arrived.
    """

    def __init__(self, active: bool, patient: bool = False) -> None:
        self.active, self.patient = active, patient
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> HeldSignals:
        """Start to defer; only the main thread can, and ignored signals stay ignored."""
        if self.active and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop deferring, and raise a signal that is still deferred."""
        if kind is None:
            self.let_go()
        self._restore()

    def let_go(self) -> None:
        """Raise the deferred signal, if there is one."""
        self._restore()
        number, self.number = self.number, None
        if number is not None:
            signal.raise_signal(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self.patient:
            self._restore()
        self.number = number

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
