"""Meters of the 34461A's dialect, an SDM3055 among them: direct current in a fixed range. Visa-instruments 3.

``MEAS?`` is never sent, because it resets the configuration, and the range is never left to the meter: ranging cuts a
motor pulse short. Auto-zero is off where the dialect has it, for it doubles the time of a reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from rig.drivers.scpi.models import SDM, TRUEVOLT, MeterModel
from rig.drivers.scpi.talk import Talk
from rig.electrical import InstrumentIdentity, Metered
from rig.errors import InstrumentError, MalformedReply
from rig.plugins.spec import Address
from rig.transport.links import Link, Links
from rig.wire import scpi

LINE_HZ: Final = 50.0  # the slower of the two: a time-out must not be too short
SPARE_S: Final = 2.0
MOST_AT_ONCE: Final = 100
SAME: Final = 1e-6
_CONFIGURED: Final = re.compile(r'"CURR(:DC)? (?P<range>[^,"]+),(?P<resolution>[^,"]+)"')


class TruevoltMeter:
    """A 34460A, 34461A, 34465A, 34470A or 34401A; implements `rig.electrical.Meter`."""

    makers: tuple[str, ...] = ("KEYSIGHT", "AGILENT", "HEWLETT-PACKARD")
    models: Mapping[str, MeterModel] = TRUEVOLT

    def __init__(self, links: Links, link: Link, address: Address) -> None:
        self._talk = Talk(links, link, makers=self.makers)
        self._expects = address.serial
        self._wanted: tuple[float, float] | None = None  # range and NPLC
        self._configured_opening: int | None = None
        self._count = 1

    @property
    def left_errors(self) -> tuple[str, ...]:
        """Return what stood in the error queue when the meter was greeted."""
        return self._talk.left_errors

    def open(self) -> None:
        """Learn who it is, and empty its error queue; sets nothing."""
        self._talk.greet()
        self.identify()

    def identify(self) -> InstrumentIdentity:
        """Return who it is; refuses another serial number than the bench file's, and a model it does not know."""
        who = self._talk.identity
        if self._expects and who.serial != self._expects:
            raise InstrumentError(
                f"another meter answers: {who}",
                where=self._talk.where,
                expected=f"serial number {self._expects}",
                hint="check the port, or correct [meter] serial",
            )
        if who.model not in self.models:
            raise InstrumentError(
                f"{who} answers, a model that this driver does not know",
                where=self._talk.where,
                expected=", ".join(self.models),
            )
        return who

    def configure(self, range_a: float, nplc: float) -> None:
        """Set range and integration time, and read both back; a range is one of the model's, nothing in between."""
        model = self.models[self.identify().model]
        self._offered("range", range_a, model.ranges_a, "A")
        self._offered("integration time", nplc, model.nplc, "power-line cycles")
        self._talk.tell(f"CONF:CURR:DC {scpi.written(range_a)}")
        self._talk.tell(f"CURR:DC:NPLC {scpi.written(nplc)}")
        self._fix()
        found_a = self._range()
        found_nplc = self._talk.number("CURR:DC:NPLC?")
        self._talk.no_error(f"range {range_a:g} A and {nplc:g} power-line cycles")
        self._talk.same("range", range_a, found_a, SAME * range_a, "A")
        self._talk.same("integration time", nplc, found_nplc, SAME * nplc, "power-line cycles")
        self._wanted, self._configured_opening, self._count = (range_a, nplc), self._talk.link.openings, 1

    def read_current(self) -> Metered:
        """Return one reading of the current; configures a meter anew whose link was opened anew."""
        return self.read_burst(1)[0]

    def read_burst(self, count: int) -> list[Metered]:
        """Return ``count`` readings without a pause between them, their times spread evenly over the whole."""
        if not 1 <= count <= MOST_AT_ONCE:
            raise InstrumentError(f"{count} readings at once", where=self._talk.where, expected=f"1 to {MOST_AT_ONCE}")
        nplc = self._ready()
        if count != self._count:
            self._talk.tell(f"SAMP:COUN {count}")
            self._count = count
        clock = self._talk.links.clock
        asked_ns = clock.now_ns()
        # Twice for auto-zero, which a meter may have been left with.
        text = self._talk.ask("READ?", SPARE_S + 2.0 * count * nplc / LINE_HZ)
        values = scpi.numbers(text, self._talk.where, "READ?")
        if len(values) != count:
            expected = f"{count} reading{'s' if count > 1 else ''}"
            raise MalformedReply(self._talk.where, text[:80].encode("latin-1"), asked="READ?", expected=expected)
        each_ns = (self._talk.link.last_rx_ns - asked_ns) / count
        return [
            Metered(asked_ns + round(index * each_ns), asked_ns + round((index + 1) * each_ns), value)
            for index, value in enumerate(values)
        ]

    def errors(self) -> tuple[str, ...]:
        """Empty the error queue and return what stood in it."""
        return self._talk.take_errors()

    def _ready(self) -> float:
        """Return the integration time; a meter that came back is configured as before."""
        self._talk.ready()
        if self._wanted is None:
            raise InstrumentError("it was not configured: its range is not known", where=self._talk.where)
        if self._configured_opening != self._talk.link.openings:
            self.configure(*self._wanted)
        return self._wanted[1]

    def _fix(self) -> None:
        self._talk.tell("CURR:ZERO:AUTO OFF")
        asked = "CURR:DC:RANG:AUTO?"
        if scpi.switch(self._talk.ask(asked), self._talk.where, asked):
            raise InstrumentError("it chooses its range by itself", where=self._talk.where, expected="a fixed range")

    def _range(self) -> float:
        text = self._talk.ask("CONF?")
        found = _CONFIGURED.fullmatch(text)
        if found is None:
            expected = "'\"CURR <range>,<resolution>\"'"
            raise MalformedReply(self._talk.where, text[:80].encode("latin-1"), asked="CONF?", expected=expected)
        return scpi.number(found["range"], self._talk.where, "CONF?")

    def _offered(self, what: str, value: float, offered: tuple[float, ...], unit: str) -> None:
        if not any(abs(value - each) <= SAME * each for each in offered):
            raise InstrumentError(
                f"a {what} of {value:g} {unit} is none of a {self._talk.identity.model}",
                where=self._talk.where,
                expected=f"one of {', '.join(f'{each:g}' for each in offered)}",
            )


class SdmMeter(TruevoltMeter):
    """A Siglent SDM3055: the same verbs, without a switch for auto-zero, and its range asked for by itself."""

    makers = ("SIGLENT",)
    models = SDM

    def _fix(self) -> None:
        """Do nothing: naming a range in ``CONF`` fixes it, and its manual has no auto-zero for current [?]."""

    def _range(self) -> float:
        return self._talk.number("CURR:DC:RANG?")
