"""Edge detection of the simulated module: who is armed for what, the two bounce rules, and the one thread.

rpi-lgpio holds an edge back until no further one of its kind has come for the bounce time; with both edges it also
wants another level than the one it told last. RPi.GPIO takes an edge and ignores the next ones (gpio reference 2.4).
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from rig.gpio.board import SimulatedBoard
from rig.gpio.module import BOTH, FALLING, RISING

Callback = Callable[[int], object]
_LEVELS = {RISING: (1,), FALLING: (0,), BOTH: (0, 1)}


@dataclass(slots=True, eq=False)
class Alert:
    """One armed channel."""

    pin: int
    channel: int
    edge: int
    bounce_ns: int
    original: bool
    callbacks: list[Callback] = field(default_factory=list)
    detected: bool = False
    closed: bool = False
    queued: int = 0
    _held: int = 0  # edges that were held back so far: only the last of them may be told
    _told: int | None = None
    _taken_ns: int | None = None

    def seen(self, board: SimulatedBoard, level: int, at_ns: int, tell: Callable[[Alert], None]) -> None:
        """Take an edge; call ``tell`` now, later or never."""
        if self.closed or level not in _LEVELS[self.edge]:
            return
        if not self.bounce_ns:
            tell(self)
        elif self.original:
            if self._taken_ns is None or at_ns - self._taken_ns >= self.bounce_ns:
                self._taken_ns = at_ns
                tell(self)
        else:
            self._hold(board, at_ns, tell)

    def _hold(self, board: SimulatedBoard, at_ns: int, tell: Callable[[Alert], None]) -> None:
        self._held += 1
        held = self._held

        def due(due_ns: int) -> None:
            level = board.line(self.pin).level(due_ns)
            if self.closed or held != self._held or (self.edge == BOTH and level == self._told):
                return
            self._told = level
            tell(self)

        board.at(at_ns + self.bounce_ns, due)


class Deliveries:
    """The one thread on which all callbacks of a module run, in order; tests can pause it and wait for it."""

    def __init__(self, *, original: bool) -> None:
        self._original = original
        self._queue: SimpleQueue[Alert | None] = SimpleQueue()
        self._idle = threading.Condition()
        self._open = threading.Event()
        self._open.set()
        self._waiting = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="simulated GPIO", daemon=True)
            self._thread.start()

    def tell(self, alert: Alert) -> None:
        """Queue an edge; the original module has no queue: what comes while one waits is that one."""
        if self._original:
            alert.detected = True
            if alert.queued:
                return
        alert.queued += 1
        with self._idle:
            self._waiting += 1
        self._queue.put(alert)

    def pause(self) -> None:
        """Hold deliveries back."""
        self._open.clear()

    def go_on(self) -> None:
        """Deliver what was held back."""
        self._open.set()

    def flush(self, limit_s: float = 10.0) -> None:
        """Return when every queued edge was delivered; from a callback, at once."""
        if threading.current_thread() is self._thread or not self._open.is_set():
            return
        with self._idle:
            self._idle.wait_for(lambda: not self._waiting, limit_s)

    def close(self) -> None:
        """End the thread."""
        self._open.set()
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(10.0)
            self._thread = None

    def _run(self) -> None:
        while (alert := self._queue.get()) is not None:
            self._open.wait()
            alert.queued -= 1
            if not alert.closed:
                alert.detected = True
                self._call(alert)
            with self._idle:
                self._waiting -= 1
                self._idle.notify_all()

    def _call(self, alert: Alert) -> None:
        callbacks = list(alert.callbacks)
        for callback in callbacks * (len(callbacks) if self._original else 1):  # the original calls N of them N times
            try:
                callback(alert.channel)
            except Exception as error:  # noqa: BLE001 - as the modules do: it goes to stderr, and the next one runs
                text = "".join(traceback.format_exception(error)) if self._original else f"{error}\n"
                sys.stderr.write(text)
