"""A request to stop, from a person or a signal, honoured at the next safe point."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rig.errors import RunAborted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """Counts requests to stop; the run ends at the next safe point, between two readings or before a command."""

    def __init__(self) -> None:
        self.count = 0
        self.reason = ""

    def ask(self, reason: str) -> None:
        """Ask the run to stop."""
        self.count += 1
        self.reason = self.reason or reason

    def check(self) -> None:
        """Raise `RunAborted` when a stop was asked for."""
        if self.count:
            raise RunAborted(f"stopped by {self.reason}")


@contextmanager
def signals_to(stop: StopRequest) -> Iterator[StopRequest]:
    """Turn SIGINT, SIGTERM and SIGHUP into stop requests while a run lasts, whatever handlers were inherited."""

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.ask(signal.Signals(number).name)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # a mask may have been inherited, too
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def interrupt_by_signals() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does; while a run lasts, `signals_to` takes them over."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
