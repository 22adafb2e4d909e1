"""A simulated GPIO chip and what hangs on its pins: levels, owners, relays, and what can go wrong with them.

The chip outlives the processes (`rig.gpio.simulated.SimulatedGpio`) that use it. Time comes from outside; whatever is
due happens at its own time as soon as somebody looks. Rules and numbers: gpio reference 2.7, 5.1.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from rig.errors import UsageError
from rig.gpio.module import HIGHEST_BCM, IN, OUT, PUD_DOWN, PUD_OFF, PUD_UP

RELAY_LAG_NS = 10_000_000
PERSIST, RELEASE = "persist", "release"
Watcher = Callable[[int, int, int], None]  # pin, level, time in ns


@dataclass(slots=True)
class Wave:
    """A pulse train on an output: frequency in Hz, share of high time from 0 to 1, since when in ns."""

    frequency_hz: float
    duty: float
    since_ns: int

    def level(self, now_ns: int) -> int:
        """Return the level at a time."""
        periods = (now_ns - self.since_ns) * self.frequency_hz / 1e9
        return int(periods - int(periods) < self.duty)


@dataclass(slots=True)
class Line:
    """One pin: what the chip does with it, and what the world does."""

    pin: int
    direction: int | None = None
    latch: int = 0
    pull: int = PUD_OFF
    drive: int | None = None  # what the world puts on it
    floats: int = 0  # the level that it takes when nothing pulls
    stuck: int | None = None
    wave: Wave | None = None
    owner: object | None = None
    watchers: list[Watcher] = field(default_factory=list)
    lose: int = 0  # edges that nobody is told of
    was: int = 0
    fails: Exception | None = None  # raised by the next writes

    def level(self, now_ns: int) -> int:
        """Return the level that the wire carries."""
        if self.stuck is not None:
            return self.stuck
        if self.direction == OUT:
            return self.wave.level(now_ns) if self.wave is not None else self.latch
        if self.drive is not None:
            return self.drive
        return {PUD_UP: 1, PUD_DOWN: 0}.get(self.pull, self.floats)

    @property
    def short(self) -> bool:
        """Say whether the world drives against an output."""
        return self.direction == OUT and self.drive is not None and self.drive != self.latch


@dataclass(slots=True)
class Relay:
    """A relay whose coil hangs on an output and whose contact is read on another pin."""

    contact: int
    lag_ns: int
    inverted: bool
    welded: bool = False


class SimulatedBoard:
    """The chip; ``now_ns`` tells the time, ``wait_until`` lets it pass.

    ``on_death`` says what becomes of the lines of a process that ends without cleaning up: ``persist`` keeps their
    levels, as Raspberry Pi's kernels do by default, ``release`` lets them go, as others do.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        wait_until: Callable[[int], None] | None = None,
        *,
        on_death: str = PERSIST,
    ) -> None:
        if on_death not in (PERSIST, RELEASE):
            raise UsageError(f"'{on_death}' is no way to die", expected=f"{PERSIST} or {RELEASE}")
        self.now_ns = now_ns
        self.on_death = on_death
        self._wait_until = wait_until
        self._lines = {pin: Line(pin) for pin in range(HIGHEST_BCM + 1)}
        self._relays: dict[int, Relay] = {}
        self._agenda: list[tuple[int, int, Callable[[int], None]]] = []
        self._count = 0

    # --- for the module

    def line(self, pin: int) -> Line:
        """Return a pin."""
        return self._lines[pin]

    def level(self, pin: int) -> int:
        """Return the level that a wire carries now."""
        self.run()
        return self._lines[pin].level(self.now_ns())

    def at(self, due_ns: int, act: Callable[[int], None]) -> None:
        """Do something at a time; it is told that time."""
        self._count += 1
        heapq.heappush(self._agenda, (due_ns, self._count, act))

    def run(self) -> None:
        """Let everything happen that is due."""
        while self._agenda and self._agenda[0][0] <= self.now_ns():
            due_ns, _, act = heapq.heappop(self._agenda)
            act(due_ns)

    def wait(self, until_ns: int | None) -> bool:
        """Let time pass until the next thing is due, or until ``until_ns``; say whether something was due."""
        due_ns = self._agenda[0][0] if self._agenda else None
        if due_ns is None and until_ns is None:
            raise RuntimeError("nothing will ever happen on this board: the wait would have no end")
        wakes_ns = min(each for each in (due_ns, until_ns) if each is not None)
        if self._wait_until is not None and wakes_ns > self.now_ns():
            self._wait_until(wakes_ns)
        self.run()
        return due_ns is not None and due_ns <= self.now_ns()

    def changed(self, pin: int, at_ns: int) -> None:
        """Tell whoever watches a pin if its level is another one than before."""
        line = self._lines[pin]
        level = line.level(at_ns)
        if level == line.was:
            return
        line.was = level
        self._follow(pin, level, at_ns)
        if line.lose > 0:
            line.lose -= 1
            return
        for watcher in list(line.watchers):
            watcher(pin, level, at_ns)

    def _follow(self, pin: int, level: int, at_ns: int) -> None:
        relay = self._relays.get(pin)
        if relay is None or relay.welded:
            return
        shown = 1 - level if relay.inverted else level
        if relay.lag_ns <= 0:
            self._put(relay.contact, shown, at_ns)
            return
        self.at(at_ns + relay.lag_ns, lambda due_ns: self._put(relay.contact, shown, due_ns))

    def _put(self, pin: int, level: int | None, at_ns: int) -> None:
        self._lines[pin].drive = level
        self.changed(pin, at_ns)

    def died(self, owner: object) -> None:
        """End a process: its lines are nobody's, and keep their levels or float."""
        for line in self._lines.values():
            if line.owner is not owner:
                continue
            line.owner = None
            line.watchers.clear()
            if self.on_death == RELEASE:
                line.direction, line.wave = IN, None
                self.changed(line.pin, self.now_ns())

    # --- the world

    def drive(self, pin: int, level: int | None) -> None:
        """Put a level on a wire, or let go of it."""
        self.run()
        self._put(pin, level, self.now_ns())

    def drive_later(self, after_ns: int, pin: int, level: int | None) -> None:
        """Put a level on a wire after a time."""
        self.at(self.now_ns() + after_ns, lambda due_ns: self._put(pin, level, due_ns))

    def float_at(self, pin: int, level: int) -> None:
        """Choose the level that a wire takes when nothing pulls on it."""
        self._lines[pin].floats = level
        self.changed(pin, self.now_ns())

    def relay(self, coil: int, contact: int, *, lag_ns: int = RELAY_LAG_NS, inverted: bool = False) -> None:
        """Hang a relay on an output; its contact is read on another pin, by default 10 ms later."""
        self._relays[coil] = Relay(contact, lag_ns, inverted)
        level = self._lines[coil].level(self.now_ns())
        self._put(contact, 1 - level if inverted else level, self.now_ns())

    # --- what goes wrong

    def weld(self, coil: int, *, welded: bool = True) -> None:
        """Weld the contact of a relay where it is now."""
        self.run()
        self._relays[coil].welded = welded

    def stick(self, pin: int, level: int | None) -> None:
        """Tie a wire to a level, whoever drives it; None unties it."""
        self.run()
        self._lines[pin].stuck = level
        self.changed(pin, self.now_ns())

    def chatter(self, pin: int, level: int, *, times: int, every_ns: int) -> None:
        """Let a contact bounce ``times`` times, ``every_ns`` apart, before it rests at ``level``."""
        self.run()
        for number in range(2 * times):
            self.drive_later(number * every_ns, pin, level if number % 2 == 0 else 1 - level)
        self.drive_later(2 * times * every_ns, pin, level)
        self.run()

    def lose_edges(self, pin: int, count: int = 1) -> None:
        """Tell nobody of the next changes of a pin."""
        self._lines[pin].lose += count

    def fail_writes(self, pin: int, error: Exception | None) -> None:
        """Let every write to a pin raise; None ends that."""
        self._lines[pin].fails = error
