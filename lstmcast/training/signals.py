"""SIGINT and SIGTERM, held back until training is between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class HeldSignals:
    """Holds back the first SIGINT or SIGTERM; the second one acts at once.

    >>> with HeldSignals(True) as held:
    ...     if held.number is not None:
    ...         held.let_go()

    Args:
        active: Whether to hold any; if not, all is as without this.
        patient: Whether to hold the second, too: torchrun repeats what a terminal has said.

    Attributes:
        number: Of the signal that came; None while none has.
    """

    def __init__(self, active: bool, patient: bool = False) -> None:
        self.active, self.patient = active, patient
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> HeldSignals:
        """Begin to hold; only the main thread can, and signals that are ignored stay so."""
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
        """End to hold, and obey a signal that was not yet let go."""
        if kind is None:
            self.let_go()
        self._restore()

    def let_go(self) -> None:
        """Obey the signal that came, if one did."""
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
