"""A module that behaves like ``RPi.GPIO``, on a `SimulatedBoard`: one instance is one process.

By default it is rpi-lgpio 0.6, the package that the rig runs on; ``original=True`` is RPi.GPIO 0.7.1. Calls, types and
texts of errors, and what is odd about either, follow gpio reference 2; the contract tests compare the first with the
real one on a kernel.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, Final

from rig.gpio import module
from rig.gpio.alerts import Alert, Callback, Deliveries
from rig.gpio.board import Line, SimulatedBoard
from rig.gpio.module import BCM, BOARD, BOTH, FALLING, HIGHEST_BCM, IN, OUT, PUD_OFF, RISING
from rig.gpio.waves import SimulatedPwm

FIXED_PULL_UPS = (2, 3)
_ON_HEADER = (3, 5, 7, 8, 10, 11, 12, 13, 15, 16, 18, 19, 21, 22, 23, 24, 26, 29, 31, 32, 33, 35, 36, 37, 38, 40)
_BCM_THERE = (2, 3, 4, 14, 15, 17, 18, 27, 22, 23, 24, 10, 9, 25, 11, 8, 7, 5, 6, 12, 13, 19, 16, 26, 20, 21)
HEADER: Final = dict(zip(_ON_HEADER, _BCM_THERE, strict=True))
_NO_MODE = "Please set pin numbering mode using GPIO.setmode(GPIO.BOARD) or GPIO.setmode(GPIO.BCM)"
_CONFLICT = "Conflicting edge detection already enabled for this GPIO channel"
_CONFLICT_ORIGINAL = "Conflicting edge detection events already exist for this GPIO channel"
_NOTHING = (
    "No channels have been set up yet - nothing to clean up!  Try cleaning up at the end of your program instead!"
)


class LgpioError(Exception):
    """What ``lgpio.error`` is: a plain `Exception`, whose text stands in quotes."""

    def __str__(self) -> str:
        """Return the text in quotes."""
        return repr(self.args[0])


class SimulatedGpio:
    """The module of one process; constants as `rig.gpio.module` has them."""

    BOARD, BCM, OUT, IN, LOW, HIGH = BOARD, BCM, OUT, IN, module.LOW, module.HIGH
    PUD_OFF, PUD_DOWN, PUD_UP = PUD_OFF, module.PUD_DOWN, module.PUD_UP
    RISING, FALLING, BOTH = RISING, FALLING, BOTH
    UNKNOWN, SERIAL, SPI, I2C, HARD_PWM = module.UNKNOWN, 40, 41, 42, 43

    def __init__(self, board: SimulatedBoard, *, original: bool = False) -> None:
        self.VERSION = "0.7.1" if original else "0.7.2"
        self.RPI_INFO = {"TYPE": "Pi 4 Model B", "REVISION": "c03111", "RAM": "4GB", "P1_REVISION": 3}
        self.RPI_REVISION = 3
        self.original = original
        self.board = board
        self.deliveries = Deliveries(original=original)
        self._warn = True
        self._mode: int | None = None
        self._mine: set[int] = set()
        self._alerts: dict[int, Alert] = {}
        self._listeners: dict[int, list[Alert]] = {}  # rpi-lgpio: those of a channel set up again live on
        self._silent: set[int] = set()  # rpi-lgpio: armed, set up again, deaf since
        self._kept: dict[int, list[Callback]] = {}  # RPi.GPIO: callbacks survive cleanup()
        self._pwms: dict[int, SimulatedPwm] = {}

    # --- how channels are named

    def setwarnings(self, value: bool, /) -> None:
        """Switch Python warnings on or off."""
        self._warn = bool(value)

    def setmode(self, mode: int, /) -> None:
        """Choose how channels are numbered."""
        if self._mode is not None and mode != self._mode:
            raise ValueError("A different mode has already been set!")
        if mode not in (BOARD, BCM):
            raise ValueError("An invalid mode was passed to setmode()")
        self._mode = mode

    def getmode(self) -> int | None:
        """Return the numbering, None before `setmode`."""
        return self._mode

    def _pin(self, channel: int) -> int:
        if self._mode is None:
            raise RuntimeError(_NO_MODE)
        known = channel in HEADER if self._mode == BOARD else 0 <= channel <= HIGHEST_BCM
        if not known:
            raise ValueError("The channel sent is invalid on a Raspberry Pi")
        return HEADER[channel] if self._mode == BOARD else channel

    def _pins(self, channels: Any) -> list[int]:
        several = isinstance(channels, list | tuple) or (not self.original and isinstance(channels, Iterable))
        try:
            return [self._pin(int(each)) for each in (channels if several else (channels,))]
        except TypeError:
            raise ValueError("Channel must be an integer or list/tuple of integers") from None

    # --- setting up

    def setup(self, channel: Any, direction: int, /, pull_up_down: int = PUD_OFF, initial: int | None = None) -> None:
        """Claim channels."""
        if direction == OUT and pull_up_down != PUD_OFF:
            raise ValueError("pull_up_down parameter is not valid for outputs")
        if direction == IN and initial is not None:
            raise ValueError("initial parameter is not valid for inputs")
        if direction not in (IN, OUT):
            raise ValueError("An invalid direction was passed to setup()")
        if pull_up_down not in module.PULLS.values():
            raise ValueError("Invalid value for pull_up_down - should be either PUD_OFF, PUD_UP or PUD_DOWN")
        self.board.run()
        for pin in self._pins(channel):
            if pull_up_down != PUD_OFF and pin in FIXED_PULL_UPS:
                self._warning("A physical pull up resistor is fitted on this channel!")
            if direction == IN:
                self._set_input(pin, pull_up_down)
            elif self.original:
                self._set_output(pin, initial)
            else:
                # rpi-lgpio reads the first line's level, and drives all the others of the list to it.
                initial = self._read_before_driving(pin) if initial is None else initial
                self._set_output(pin, initial)

    def _read_before_driving(self, pin: int) -> int:
        line = self.board.line(pin)
        if line.owner not in (None, self):
            raise LgpioError("GPIO not allocated")
        return line.level(self.board.now_ns())

    def _claim(self, pin: int) -> Line:
        line = self.board.line(pin)
        if not self.original:
            if line.owner not in (None, self):
                raise LgpioError("GPIO busy")
            line.owner = self
        elif self._warn and pin not in self._mine and line.direction == OUT:
            self._warning("This channel is already in use, continuing anyway.  Use GPIO.setwarnings(False) ...")
        self._mine.add(pin)
        return line

    def _set_input(self, pin: int, pull: int) -> None:
        line = self._claim(pin)
        line.direction, line.pull, line.wave = IN, pull, None
        self.board.changed(pin, self.board.now_ns())
        if not self.original and pin in self._alerts:
            self._silent.add(pin)

    def _set_output(self, pin: int, initial: int | None) -> None:
        if not self.original:
            self._disarm(pin)
        # rpi-lgpio on a line that is its output already changes nothing, whatever ``initial`` says.
        keeps = not self.original and pin in self._mine and self.board.line(pin).direction == OUT
        line = self._claim(pin)
        if initial is not None and not keeps:
            line.latch = int(bool(initial))
        line.direction, line.pull = OUT, PUD_OFF
        self.board.changed(pin, self.board.now_ns())

    def gpio_function(self, channel: int, /) -> int:
        """Return whether a channel is an input or an output."""
        return OUT if self.board.line(self._pin(channel)).direction == OUT else IN

    # --- levels

    def output(self, channel: Any, value: Any, /) -> None:
        """Drive outputs."""
        pins = self._pins(channel)
        values = list(value) if isinstance(value, list | tuple) else [value]
        if self.original and not all(isinstance(each, int) for each in values):
            raise ValueError("Value must be an integer/boolean or a list/tuple of integers/booleans")
        if len(values) == 1:
            values *= len(pins)
        if len(values) != len(pins):
            raise RuntimeError("Number of channels != number of values")
        self.board.run()
        for pin, level in zip(pins, values, strict=True):
            line = self.board.line(pin)
            if pin not in self._mine or line.direction != OUT:
                raise RuntimeError("The GPIO channel has not been set up as an OUTPUT")
            if line.fails is not None:
                raise line.fails
            line.latch = int(bool(level))  # a pulse train goes on
            self.board.changed(pin, self.board.now_ns())

    def input(self, channel: int, /) -> int:
        """Return the level of a channel."""
        pin = self._pin(channel)
        if pin not in self._mine:
            raise RuntimeError("You must setup() the GPIO channel first")
        return self.board.level(pin)

    def PWM(self, channel: int, frequency_hz: float, /) -> SimulatedPwm:  # noqa: N802 - the module's own name
        """Return a pulse train for an output."""
        pin = self._pin(channel)
        held = self._pwms.get(pin)
        if held is not None and not held.cleaned:
            if self.original:
                held.stop()
            raise RuntimeError("A PWM object already exists for this GPIO channel")
        if pin not in self._mine or self.board.line(pin).direction != OUT:
            raise RuntimeError("You must setup() the GPIO channel as an output first")
        self._pwms[pin] = SimulatedPwm(self.board, pin, frequency_hz, original=self.original)
        return self._pwms[pin]

    # --- edges

    def add_event_detect(
        self, channel: int, edge: int, /, callback: Callback | None = None, bouncetime: int | None = None
    ) -> None:
        """Arm a channel."""
        if callback is not None and not callable(callback):
            raise TypeError("Parameter must be callable")
        pin = self._input_pin(channel)
        bounce_ns = self._checked(edge, bouncetime)
        if pin in self._alerts and pin not in self._silent:
            raise RuntimeError(_CONFLICT)
        alert = self._arm(pin, channel, edge, bounce_ns)
        alert.callbacks += self._kept.pop(pin, [])
        if callback is not None:
            alert.callbacks.append(callback)

    def _input_pin(self, channel: int) -> int:
        pin = self._pin(channel)
        if pin not in self._mine or self.board.line(pin).direction != IN:
            raise RuntimeError("You must setup() the GPIO channel as an input first")
        return pin

    @staticmethod
    def _checked(edge: int, bouncetime: int | None) -> int:
        if edge not in (RISING, FALLING, BOTH):
            raise ValueError("The edge must be set to RISING, FALLING or BOTH")
        if bouncetime is None:
            return 0
        if not isinstance(bouncetime, int):
            raise TypeError("'float' object cannot be interpreted as an integer")
        if bouncetime <= 0:
            raise ValueError("Bouncetime must be greater than 0")
        return bouncetime * 1_000_000

    def _arm(self, pin: int, channel: int, edge: int, bounce_ns: int) -> Alert:
        self.board.run()
        self.deliveries.start()
        alert = Alert(pin, channel, edge, bounce_ns, self.original)
        self._alerts[pin] = alert
        self._silent.discard(pin)
        self._listeners.setdefault(pin, []).append(alert)
        watchers = self.board.line(pin).watchers
        if self._edge not in watchers:
            watchers.append(self._edge)
        return alert

    def _edge(self, pin: int, level: int, at_ns: int) -> None:
        if pin in self._silent:
            return
        for alert in list(self._listeners.get(pin, ())):
            alert.seen(self.board, level, at_ns, self.deliveries.tell)

    def add_event_callback(self, channel: int, callback: Callback, /) -> None:
        """Call another callback as well."""
        if not callable(callback):
            raise TypeError("Parameter must be callable")
        alert = self._alerts.get(self._input_pin(channel))
        if alert is None:
            raise RuntimeError("Add event detection using add_event_detect first before adding a callback")
        alert.callbacks.append(callback)

    def event_detected(self, channel: int, /) -> bool:
        """Say whether there was an edge since the last call."""
        alert = self._alerts.get(self._pin(channel))
        self.board.run()
        if alert is None or not alert.detected:
            return False
        alert.detected = False
        return True

    def remove_event_detect(self, channel: int, /) -> None:
        """Disarm a channel: its callbacks and what was queued for it are forgotten."""
        self._disarm(self._pin(channel))

    def _disarm(self, pin: int) -> None:
        self._silent.discard(pin)
        alert = self._alerts.pop(pin, None)
        if alert is not None:
            alert.closed = True
            self._listeners[pin].remove(alert)
        if not self._listeners.get(pin) and self._edge in self.board.line(pin).watchers:
            self.board.line(pin).watchers.remove(self._edge)

    def wait_for_edge(
        self, channel: int, edge: int, /, bouncetime: int | None = None, timeout: int | None = None
    ) -> int | None:
        """Return the channel when its level changes, None when ``timeout`` ms are over."""
        pin = self._input_pin(channel)
        bounce_ns = self._checked(edge, bouncetime)
        if timeout is not None and timeout <= 0:
            raise ValueError("Timeout must be greater than 0")
        held = self._alerts.get(pin)
        if held is not None and pin not in self._silent and (held.callbacks or not self.original):
            raise RuntimeError(_CONFLICT_ORIGINAL if self.original else _CONFLICT)
        self._disarm(pin)
        seen: list[int] = []
        self._arm(pin, channel, edge, bounce_ns).callbacks.append(seen.append)
        until_ns = None if timeout is None else self.board.now_ns() + timeout * 1_000_000
        while not seen and (until_ns is None or self.board.now_ns() < until_ns):
            self.board.wait(until_ns)
            self.deliveries.flush()
        self._disarm(pin)
        return channel if seen else None

    # --- the end

    def cleanup(self, channel: Any = None, /) -> None:
        """Leave channels as inputs without a pull; without an argument also forget the numbering."""
        if self._mode is None and not self._mine:
            return
        pins = sorted(self._mine) if channel is None else [pin for pin in self._pins(channel) if pin in self._mine]
        if not pins:
            self._warning(_NOTHING)
        for pin in pins:
            self._clean(pin)
        if channel is None:
            self._mode = None

    def _clean(self, pin: int) -> None:
        alert = self._alerts.get(pin)
        if self.original and alert is not None:
            self._kept[pin] = list(alert.callbacks)
        self._disarm(pin)
        pwm = self._pwms.get(pin)
        line = self.board.line(pin)
        if pwm is not None and not self.original:
            pwm.cleaned = True
        line.wave = None
        line.direction, line.pull, line.owner = IN, PUD_OFF, None
        self._mine.discard(pin)
        self.board.changed(pin, self.board.now_ns())

    def die(self) -> None:
        """End this process without cleaning up, as SIGKILL does."""
        self.deliveries.close()
        self.board.died(self)

    def _warning(self, text: str) -> None:
        if self._warn:
            warnings.warn(text, RuntimeWarning if self.original else Warning, stacklevel=3)

    def on_thread(self, act: Callable[[], None]) -> None:
        """Wait for all deliveries, then act: what a test does between two edges."""
        self.board.run()
        self.deliveries.flush()
        act()
