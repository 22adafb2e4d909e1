"""Transmitters of the air that speak SCPI: ``MEAS:TEMP?``, ``MEAS:HUM?``, ``MEAS:PRES?``.

What a transmitter has no sensor for it refuses in its error queue; that is learned once, when it is opened. The unit of
its pressures is asked for, and never taken for granted.
"""

from __future__ import annotations

from typing import Final

from rig.errors import InstrumentError, TransportTimeout
from rig.plugins.air import QUANTITIES, AirIdentity, AirReading
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.scpi_air import read_error, read_identity, read_value, take_line

TIMEOUT_S: Final = 1.0
QUIET_S: Final = 0.5
DRAIN_S: Final = 2.0
ASKED: Final = {"temperature": "MEAS:TEMP?", "humidity": "MEAS:HUM?", "pressure": "MEAS:PRES?"}
MOST_ERRORS: Final = 30


class ScpiTransmitter:
    """One transmitter on a serial line or a TCP port."""

    def __init__(self, links: Links, link: Link, _address: Address) -> None:
        self._links = links
        self._link = link
        self._identity: AirIdentity | None = None
        self._measures: tuple[str, ...] = ()
        self._pressure_unit = ""
        self._opening = -1

    def open(self) -> None:
        """Drain the line, and learn who it is, what it measures and in which unit; raises when nothing answers."""
        opening = self._link.openings
        self._links.fall_quiet(self._link, 0.2, 1.0)
        self._link.discard_input()
        who = AirIdentity(*read_identity(self._query("*IDN?"), self._link.where))
        self._clear()
        measures = tuple(each for each in QUANTITIES if self._knows(ASKED[each]))
        if not measures:
            raise InstrumentError("it measures nothing of the air", where=self._link.where, expected="MEAS:TEMP? ...")
        unit = ""
        if "pressure" in measures and self._knows("UNIT:PRES?"):
            unit = self._query("UNIT:PRES?")
        self._identity, self._measures, self._pressure_unit, self._opening = who, measures, unit, opening

    def identify(self) -> AirIdentity:
        """Return what ``*IDN?`` says."""
        if self._identity is None or self._opening != self._link.openings:
            self.open()
        assert self._identity is not None  # noqa: S101 - open() sets it or raises
        return self._identity

    def read_air(self) -> AirReading:
        """Return what it measures now, one question after the other."""
        self.identify()
        asked_ns = self._links.clock.now_ns()
        values: dict[str, float | None] = {}
        texts = []
        for each in self._measures:
            line = self._query(ASKED[each])
            values[each] = read_value(each, line, self._link.where, self._pressure_unit)
            texts.append(line)
        return AirReading(
            asked_ns,
            self._link.last_rx_ns,
            values.get("temperature"),
            values.get("humidity"),
            values.get("pressure"),
            ", ".join(texts),
        )

    def _query(self, asked: str) -> str:
        self._link.discard_input()
        try:
            return self._links.exchange(self._link, f"{asked}\n".encode("ascii"), take_line, TIMEOUT_S, asked)
        except TransportTimeout:  # a late answer must not be taken for that to the next question
            self._links.fall_quiet(self._link, QUIET_S, DRAIN_S)
            raise

    def _knows(self, asked: str) -> bool:
        """Say whether a question is answered; one that is not leaves an error in the queue, which is read away."""
        try:
            self._query(asked)
        except TransportTimeout:
            code, text = read_error(self._query("SYST:ERR?"), self._link.where)
            if not code:
                raise
            if not -199 <= code <= -100:
                raise InstrumentError(f"{asked} was refused: {code}, {text}", where=self._link.where) from None
            self._clear()
            return False
        return True

    def _clear(self) -> None:
        for _ in range(MOST_ERRORS):
            if not read_error(self._query("SYST:ERR?"), self._link.where)[0]:
                return
        raise InstrumentError("its error queue does not get empty", where=self._link.where, hint="*CLS")


SPEC: Final = DriverSpec(
    api=1,
    name="scpi-air",
    role="environment",
    models=(),
    capabilities=frozenset({Capability.TEMPERATURE, Capability.HUMIDITY, Capability.PRESSURE}),
    link_settings=SerialSettings(9600),
    open=ScpiTransmitter,
    simulator="rig.sim.air.scenes:scpi",
)
