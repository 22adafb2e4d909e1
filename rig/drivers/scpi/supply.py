"""One output of a supply, whatever its dialect: settings are read back, and nothing is fed that nothing protects.

A supply answers few of its commands, so that silence says nothing: each is followed by a question for what it was to
change and by one for the error queue. The output is taken for on from any loss of contact until it was read again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final

from rig.clock import to_ns
from rig.drivers.scpi.models import Output, SupplyModel
from rig.drivers.scpi.talk import Talk
from rig.electrical import InstrumentIdentity, Interruption, Regulation, Supplied, SupplySettings
from rig.errors import BenchError, InstrumentError
from rig.plugins.spec import Address
from rig.transport.links import Link, Links

ROUND: Final = 0.51  # of the last digit: what a setting may change by when it is rounded
_ANY: Final = Output(float("inf"), float("inf"))
SETTLE_S: Final = 0.1  # an output that was switched shows its state after so long


class ScpiSupply(ABC):
    """An output of a supply; implements `rig.electrical.Supply`. Dialects say how each thing is told and asked.

    ``protects`` False is a dialect without over-voltage protection on its interface: `protect` sets the current limit
    alone, and whoever uses it must know (the driver does not claim it).
    """

    makers: tuple[str, ...] = ()
    models: Mapping[str, SupplyModel] = {}
    error_question = "SYST:ERR?"
    pause_s = 0.0
    protects = True

    def __init__(self, links: Links, link: Link, address: Address) -> None:
        self._talk = Talk(links, link, makers=self.makers, errors=self.error_question, pause_s=self.pause_s)
        self._channel = address.channel
        self._expects = address.serial
        self._off_opening: int | None = None  # the opening of the link in which the output was last read, as off
        self._protected_opening: int | None = None  # the opening of the link in which protection was set
        self._limit_a: float | None = None
        self._protection_v: float | None = None

    # --- what is asked alike of all

    @property
    def may_be_on(self) -> bool:
        """Say whether the output is on, or nobody knows."""
        return self._talk.lost_contact or self._off_opening != self._talk.link.openings

    @property
    def left_errors(self) -> tuple[str, ...]:
        """Return what stood in the error queue when the supply was greeted."""
        return self._talk.left_errors

    def open(self) -> None:
        """Learn who it is, and empty its error queue; sets nothing. Refuses an output that the model does not have."""
        self._off_opening = None
        self._talk.greet()
        self._check_who()

    def identify(self) -> InstrumentIdentity:
        """Return who it is."""
        who = self._talk.identity
        self._check_who()
        return who

    def settings(self) -> SupplySettings:
        """Return how the output is set."""
        voltage_v, current_a = self._set_to()
        return SupplySettings(voltage_v, current_a, self._protection(), self._read_on())

    def protect(self, voltage_v: float, current_a: float) -> None:
        """Set over-voltage protection and current limit, and read both back; without the former where there is none."""
        output = self._output
        self._within("current limit", current_a, output.current_a, "A")
        if self.protects:
            self._set_protection(voltage_v)
            found_v = self._protection()
            if found_v is None:
                raise InstrumentError("its over-voltage protection stays off", where=self._talk.where)
            self._talk.same("over-voltage protection", voltage_v, found_v, ROUND * 0.1, "V")
            self._protection_v = found_v
        self._limit_a = current_a
        self._set_current(current_a)
        self._talk.same("current limit", current_a, self._set_to()[1], ROUND * output.step_a, "A")
        self._talk.no_error(f"protection at {voltage_v:g} V and {current_a:g} A")
        self._protected_opening = self._talk.link.openings

    def set_voltage(self, voltage_v: float) -> float:
        """Set the voltage and return it as read back; the output stays on or off."""
        output = self._output
        self._within("voltage", voltage_v, output.voltage_v, "V")
        if self._protection_v is not None and voltage_v >= self._protection_v:
            raise InstrumentError(
                f"{voltage_v:g} V would trip its over-voltage protection",
                where=self._talk.where,
                expected=f"less than {self._protection_v:g} V",
            )
        self._set_volts(voltage_v)
        found_v = self._set_to()[0]
        errors = self._talk.take_errors()
        if errors:
            raise InstrumentError(f"it refuses {voltage_v:g} V: {'; '.join(errors)}", where=self._talk.where)
        self._talk.same("voltage", voltage_v, found_v, ROUND * output.step_v, "V")
        return found_v

    def switch(self, *, on: bool) -> None:
        """Switch the output and read its state back; off is told without asking anything first."""
        if on:
            self._refuse_unprotected()
        self._off_opening = None
        self._switch(on=on)
        if self._read_on() is on:
            if on:
                self._talk.no_error("to switch its output on")
            return
        self._talk.session.pause(SETTLE_S)
        if self._read_on() is on:
            return
        raise InstrumentError(
            f"its output stays {'off' if on else 'on'}{self._why_off() if on else ''}",
            where=self._talk.where,
            expected=f"output {'on' if on else 'off'}, as it was told",
            hint="see its front panel; it may be locked" if on else "pull the plug of the pump's supply",
        )

    def interrupt(self, duration_s: float) -> Interruption:
        """Switch off, and on again after ``duration_s`` of rig time; only the end state is read back.

        Reading back would make it longer: between the two commands nothing is asked.
        """
        self._refuse_unprotected()
        self._talk.ready()
        clock = self._talk.links.clock
        self._off_opening = None
        self._switch(on=False)
        off_ns = clock.now_ns()
        self._talk.links.sleep_until(off_ns + to_ns(duration_s))
        self._switch(on=True)
        on_ns = clock.now_ns()
        if not self._read_on():
            self.switch(on=True)
        self._talk.no_error("an interruption")
        return Interruption(off_ns, on_ns)

    def measure(self) -> Supplied:
        """Measure voltage and current of the output."""
        self._talk.ready()
        clock = self._talk.links.clock
        asked_ns = clock.now_ns()
        voltage_v, current_a = self._measured()
        return Supplied(asked_ns, self._talk.link.last_rx_ns, voltage_v, current_a)

    def clear_trip(self) -> None:
        """Switch the output off, then clear a trip and see it gone; the output stays off.

        Off first: several makers give the output back the state it had before the trip.
        """
        self.switch(on=False)
        self._clear()
        if self.tripped():
            raise InstrumentError(
                "its protection trips again as soon as it is cleared", where=self._talk.where, hint="lower its voltage"
            )
        if self._read_on():
            self.switch(on=False)
        self._talk.no_error("to clear a trip")

    def errors(self) -> tuple[str, ...]:
        """Empty the error queue and return what stood in it."""
        return self._talk.take_errors()

    # --- what dialects say

    @abstractmethod
    def regulation(self) -> Regulation:
        """Return what holds the output."""

    @abstractmethod
    def tripped(self) -> bool:
        """Say whether the over-voltage protection switched the output off."""

    @abstractmethod
    def _set_volts(self, voltage_v: float) -> None:
        """Tell the voltage."""

    @abstractmethod
    def _set_current(self, current_a: float) -> None:
        """Tell the current limit."""

    @abstractmethod
    def _set_to(self) -> tuple[float, float]:
        """Ask for voltage and current limit as set."""

    @abstractmethod
    def _set_protection(self, voltage_v: float) -> None:
        """Tell the over-voltage protection, and switch it on."""

    @abstractmethod
    def _protection(self) -> float | None:
        """Ask for the over-voltage protection in V; None where it is off, or cannot be asked."""

    @abstractmethod
    def _switch(self, *, on: bool) -> None:
        """Tell the output to go on or off."""

    @abstractmethod
    def _on(self) -> bool:
        """Ask whether the output is on."""

    @abstractmethod
    def _measured(self) -> tuple[float, float]:
        """Ask for voltage and current as measured."""

    @abstractmethod
    def _clear(self) -> None:
        """Tell a trip to be cleared."""

    # --- inside

    @property
    def _named(self) -> bool:
        """Whether commands name the output."""
        model = self.models.get(self._talk.identity.model)
        return model is None or model.named

    @property
    def _output(self) -> Output:
        model = self.models.get(self._talk.identity.model)
        return _ANY if model is None else model.outputs[self._channel - 1]

    def _check_who(self) -> None:
        who = self._talk.identity
        if self._expects and who.serial != self._expects:
            raise InstrumentError(
                f"another supply answers: {who}",
                where=self._talk.where,
                expected=f"serial number {self._expects}",
                hint="check the port, or correct [supply] serial",
            )
        if self.models and who.model not in self.models:
            raise InstrumentError(
                f"{who} answers, a model that this driver does not know",
                where=self._talk.where,
                expected=", ".join(self.models),
                hint='protocol = "scpi-supply" where it speaks plain SCPI',
            )
        count = len(self.models[who.model].outputs) if self.models else 1
        if self._channel > count:
            raise InstrumentError(
                f"a {who.model} has no output {self._channel}", where=self._talk.where, expected=f"1 to {count}"
            )

    def _read_on(self) -> bool:
        on = self._on()
        self._off_opening = None if on else self._talk.link.openings
        return on

    def _within(self, what: str, value: float, highest: float, unit: str) -> None:
        if not 0 <= value <= highest:
            raise InstrumentError(
                f"a {what} of {value:g} {unit} is beyond the output of a {self._talk.identity.model}",
                where=self._talk.where,
                expected=f"0 to {highest:g} {unit}",
            )

    def _refuse_unprotected(self) -> None:
        self._talk.ready()
        if self._protected_opening != self._talk.link.openings:
            raise InstrumentError(
                "nothing protects what hangs on its output: protection and current limit were not set since contact "
                "was made",
                where=self._talk.where,
                expected="protect() before the output is switched on",
            )

    def _why_off(self) -> str:
        """Return why an output did not come on, as far as the supply tells."""
        try:
            tripped = self.tripped()
        except BenchError:
            return ""
        return ": its over-voltage protection tripped" if tripped else ""
