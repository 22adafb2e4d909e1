"""Transmitters of the PTU300 and HMT330 class on a serial line, 4800 7E1, asked with ``SEND``.

Nothing is set at them: whatever their format, a message is read by its labels. A stream that another program has left
running is ended with ``S``, because nothing else is heard while it runs.
"""

from __future__ import annotations

from typing import Final

from rig.errors import InstrumentError, MalformedReply, TransportTimeout
from rig.plugins.air import AirIdentity, AirReading
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.ptu300 import AirMessage, read_about, read_message, take_line

TIMEOUT_S: Final = 1.0  # 60 characters at 4800 baud take 0.13 s
QUIET_S: Final = 0.4
DRAIN_S: Final = 2.0
TRIES: Final = 2
MOST_LINES: Final = 60


class Transmitter:
    """One transmitter on its line; in POLL mode, by its address there (0: none)."""

    def __init__(self, links: Links, link: Link, address: Address) -> None:
        self._links = links
        self._link = link
        self._address = address.line_address
        self._send = f"SEND {self._address}" if self._address else "SEND"
        self._identity: AirIdentity | None = None
        self._opening = -1

    def open(self) -> None:
        """End a stream, and learn who it is and what it tells; raises `TransportTimeout` when nothing answers."""
        opening = self._link.openings
        if not self._address:
            self._link.write(b"S\r")
            self._links.fall_quiet(self._link, QUIET_S, DRAIN_S)
        self._link.discard_input()
        model, serial, software = ("", "", "") if self._address else read_about(self._about())
        message = self._message()
        if not message.told & {"T", "RH", "P"}:
            raise InstrumentError(
                f"it tells no quantity of the air: {message.text}", where=self._link.where, expected="T, RH or P"
            )
        told = " ".join(sorted(message.told))
        self._identity = AirIdentity(model or f"transmitter of {told}", serial, software)
        self._opening = opening

    def identify(self) -> AirIdentity:
        """Return model and serial number as it tells them."""
        if self._identity is None or self._opening != self._link.openings:
            self.open()
        assert self._identity is not None  # noqa: S101 - open() sets it or raises
        return self._identity

    def read_air(self) -> AirReading:
        """Return its newest values; what came unasked before is not taken for them."""
        self.identify()
        asked_ns = self._links.clock.now_ns()
        message = self._message()
        return AirReading(
            asked_ns,
            self._link.last_rx_ns,
            message.temperature_c,
            message.humidity_pct,
            message.pressure_hpa,
            message.text,
        )

    def _message(self) -> AirMessage:
        """Ask, twice where the first answer was damaged; reading changes nothing."""
        for attempt in range(TRIES):
            self._link.discard_input()
            try:
                return self._links.exchange(
                    self._link, f"{self._send}\r".encode("ascii"), self._take_message, TIMEOUT_S, self._send
                )
            except (MalformedReply, TransportTimeout):
                if attempt == TRIES - 1:
                    raise
                self._links.fall_quiet(self._link, QUIET_S, DRAIN_S)
        raise AssertionError("a loop that returns or raises")

    def _take_message(self, inbox: bytearray) -> AirMessage | None:
        """Take lines until one is a message: an echo and empty lines come before it."""
        while (line := take_line(inbox)) is not None:
            text = line.strip()
            if text and text.upper() != self._send:
                return read_message(line)
        return None

    def _about(self) -> list[str]:
        """Return what it says of itself; nothing, where it does not know the question."""
        self._link.write(b"?\r")
        self._links.fall_quiet(self._link, QUIET_S, DRAIN_S)
        lines: list[str] = []
        while len(lines) < MOST_LINES and (line := take_line(self._link.inbox)) is not None:
            lines.append(line)
        return lines


SPEC: Final = DriverSpec(
    api=1,
    name="ptu300",
    role="environment",
    models=(),
    capabilities=frozenset({Capability.TEMPERATURE, Capability.HUMIDITY, Capability.PRESSURE}),
    link_settings=SerialSettings(4800, 7, "E", 1),
    open=Transmitter,
    simulator="rig.sim.air.scenes:ptu300",
)
