"""Software PWM of the simulated module, with what is odd about it in either package (gpio reference 2.5)."""

from __future__ import annotations

from rig.gpio.board import SimulatedBoard, Wave

FORGOTTEN_HZ = 1000.0  # what RPi.GPIO runs at after stop() and start()


class SimulatedPwm:
    """A pulse train on one output; names and messages are the modules'."""

    def __init__(self, board: SimulatedBoard, pin: int, frequency_hz: float, *, original: bool) -> None:
        self._board = board
        self._pin = pin
        self._original = original
        self._duty_pct = 0.0
        self._frequency_hz = _frequency(frequency_hz)
        self.running = False
        self.cleaned = False

    def start(self, duty_pct: float) -> None:
        """Start the train."""
        self._duty_pct = _duty(duty_pct)
        self.running = True
        self._play()

    def ChangeDutyCycle(self, duty_pct: float) -> None:  # noqa: N802 - the module's own name
        """Change the share of high time, in %."""
        self._duty_pct = _duty(duty_pct)
        if self.running:
            self._play()

    def ChangeFrequency(self, frequency_hz: float) -> None:  # noqa: N802 - the module's own name
        """Change the frequency, in Hz."""
        self._frequency_hz = _frequency(frequency_hz)
        if self.running:
            self._play()

    def stop(self) -> None:
        """End the train at low; rpi-lgpio cannot do it any more after `cleanup`."""
        if self.cleaned and not self._original:
            raise TypeError("unsupported operand type(s) for &: 'NoneType' and 'int'")
        self.running = False
        line = self._board.line(self._pin)
        line.wave, line.latch = None, 0
        if self._original:
            self._frequency_hz = FORGOTTEN_HZ
        self._board.changed(self._pin, self._board.now_ns())

    def _play(self) -> None:
        now_ns = self._board.now_ns()
        self._board.line(self._pin).wave = Wave(self._frequency_hz, self._duty_pct / 100.0, now_ns)
        self._board.changed(self._pin, now_ns)


def _frequency(frequency_hz: float) -> float:
    if float(frequency_hz) <= 0.0:
        raise ValueError("frequency must be greater than 0.0")
    return float(frequency_hz)


def _duty(duty_pct: float) -> float:
    if not 0.0 <= float(duty_pct) <= 100.0:
        raise ValueError("dutycycle must have a value from 0.0 to 100.0")
    return float(duty_pct)
