"""The rig's small interface to GPIO lines, over a module that is ``RPi.GPIO`` or behaves like it.

What is odd about the modules ends here (gpio reference 0, 2.3, 2.4, 2.6): outputs always get ``initial=``, one channel
at a time; both edges are watched without the module's own bounce rule; a callback only says "look"; detection is
removed before a line is set up again or let go of; and any `Exception` may come out of a call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from rig.errors import ConfigError, InstrumentError
from rig.gpio.module import BCM, BOTH, HIGH, IN, LOW, OUT, PULLS, GpioModule

T = TypeVar("T")
MOST_QUEUED = 4096


class Pins:
    """Lines by BCM number, levels 0 and 1. Edges may be noticed on another thread; they are only counted there.

    ``nudge`` is called on that thread after each edge: it must be short, and may wake whoever looks at the lines.
    """

    def __init__(self, gpio: GpioModule, nudge: Callable[[], None] = lambda: None) -> None:
        self._gpio = gpio
        self._nudge = nudge
        self._armed: set[int] = set()
        self._claimed: set[int] = set()
        self._seen: deque[int] = deque(maxlen=MOST_QUEUED)
        self.deaf: set[int] = set()  # inputs without edges, which are only looked at: RPi.GPIO on kernels from 6.6 on
        try:
            gpio.setwarnings(False)
            gpio.setmode(BCM)
        except Exception as error:
            raise ConfigError(
                f"the GPIO chip cannot be opened ({error})",
                where="[guardian] gpio",
                expected="/dev/gpiochip0, for group gpio",
                hint="sudo usermod -aG gpio USER; docs/reference/gpio.md",
            ) from error

    def claim_output(self, pin: int, level: int) -> None:
        """Own a line and drive it to ``level`` from the first moment."""
        self._disarm(pin)
        self._do(pin, lambda: self._gpio.setup(pin, OUT, initial=HIGH if level else LOW))
        self._claimed.add(pin)
        self.write(pin, level)  # rpi-lgpio ignores ``initial`` on a line that is its output already

    def claim_input(self, pin: int, pull: str = "up") -> None:
        """Own a line, read it, and notice its edges where the package can; ``pull`` is up, down or off."""
        self._disarm(pin)
        self._do(pin, lambda: self._gpio.setup(pin, IN, pull_up_down=PULLS[pull]))
        self._claimed.add(pin)
        try:
            self._gpio.add_event_detect(pin, BOTH, callback=self._edge)
        except Exception:  # noqa: BLE001 - nothing relies on edges alone; whoever asks is told of it
            self.deaf.add(pin)
            return
        self.deaf.discard(pin)
        self._armed.add(pin)

    def write(self, pin: int, level: int) -> None:
        """Drive an output."""
        self._do(pin, lambda: self._gpio.output(pin, HIGH if level else LOW))

    def read(self, pin: int) -> int:
        """Return the level of a line now."""
        return int(self._do(pin, lambda: self._gpio.input(pin)))

    def edges(self) -> set[int]:
        """Return the lines that had an edge since this was asked last."""
        found: set[int] = set()
        while self._seen:
            found.add(self._seen.popleft())
        return found

    def release(self) -> None:
        """Stop watching and leave every line at its level: cleaning up would let outputs float."""
        for pin in list(self._armed):
            self._disarm(pin)

    def clean(self) -> None:
        """Leave every line as an input that nothing pulls; for lines whose wiring is safe then."""
        self.release()
        if self._claimed:
            self._do(min(self._claimed), self._gpio.cleanup)
        self._claimed.clear()

    def _edge(self, channel: int) -> None:
        self._seen.append(channel)
        self._nudge()

    def _disarm(self, pin: int) -> None:
        if pin in self._armed:
            self._armed.discard(pin)
            self._do(pin, lambda: self._gpio.remove_event_detect(pin))

    @staticmethod
    def _do(pin: int, call: Callable[[], T]) -> T:
        try:
            return call()
        except Exception as error:
            busy = "busy" in str(error) or "not allocated" in str(error)
            raise InstrumentError(
                f"{type(error).__name__}: {error}",
                where=f"GPIO {pin}",
                expected="a line that nobody else holds" if busy else "",
                hint=f"another process or an interface (SPI, I2C, UART) has it: gpioinfo, or pinctrl get {pin}"
                if busy
                else "",
            ) from error
