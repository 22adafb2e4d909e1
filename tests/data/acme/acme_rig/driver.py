"""The pump role on an ACME-1. Reads are repeated; a command that changes the delivery leaves exactly once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from rig.errors import BenchError, ConfigError, LinkLost, MalformedReply, TransportTimeout
from rig.instruments import Acceptance, BasalEntry, HistoryEvent, PumpBattery, PumpSettings, PumpStatus, TempBasal
from rig.plugins import Address
from rig.transport.links import Link, Links

from . import codec

ANSWER_S = 1.0
TRIES = 3
REPLUG_S = 10.0

Value = TypeVar("Value")


class AcmePump:
    """One ACME-1 on a serial port; constructing sends nothing, and refuses every pump that the bench does not list."""

    def __init__(self, links: Links, link: Link, address: Address) -> None:
        if address.serial not in address.allowed_serials:
            raise ConfigError(f"pump {address.serial} is not a device under test of this bench", where="pump")
        self._links, self._link, self._serial = links, link, address.serial

    @property
    def acknowledged_ns(self) -> int:
        """Rig time at which the last bytes of the pump arrived."""
        return self._link.last_rx_ns

    def open(self) -> None:
        """Do nothing: there is no stick in between."""

    def wake(self, minutes: int = 10) -> None:
        """See that the pump answers."""
        self._read("?WHO", len)

    def model(self) -> str:
        """Return the model."""
        return self._read("?WHO", lambda words: words[0])

    def serial_number(self) -> str:
        """Return the serial number: the pump's lines begin with it, and others are passed over."""
        self._read("?WHO", len)
        return self._serial

    def firmware(self) -> str:
        """Return the firmware version."""
        return self._read("?WHO", lambda words: words[1])

    def clock(self) -> datetime:
        """Return the pump's own local time."""
        return self._read("?CLOCK", lambda words: datetime.fromisoformat(words[0]))

    def battery(self) -> PumpBattery:
        """Return battery state; below 3.5 V the pump calls it low."""
        voltage_v = self._read("?STATE", lambda words: float(words[0]))
        return PumpBattery(voltage_v < 3.5, voltage_v)

    def reservoir_u(self) -> float:
        """Return the units that the pump believes are left."""
        return self._read("?STATE", lambda words: float(words[1]))

    def status(self) -> PumpStatus:
        """Return what the pump is doing."""
        state = self._read("?STATE", lambda words: ("idle", "bolus", "suspended").index(words[2]))
        return PumpStatus(normal=True, bolusing=state == 1, suspended=state == 2)

    def settings(self) -> PumpSettings:
        """Return the limits; it has one pattern, and absolute temporary basals only."""
        bolus, basal = self._read("?LIMITS", lambda words: (float(words[0]), float(words[1])))
        return PumpSettings(bolus, basal, temp_basal_is_percent=False, pattern=0)

    def profile(self) -> list[BasalEntry]:
        """Return the basal profile."""
        return self._read("?BASAL", codec.parse_profile)

    def temp_basal(self) -> TempBasal:
        """Return the running temporary basal."""
        rate, minutes = self._read("?TEMP", lambda words: (float(words[0]), int(words[1])))
        return TempBasal(is_percent=False, percent=0, rate_u_per_h=rate, minutes_left=minutes)

    def history(self, page: int = 0) -> list[HistoryEvent]:
        """Return a page of boluses, oldest first."""
        return self._read(f"?LOG {page}", codec.parse_log)

    def set_profile(self, entries: list[BasalEntry]) -> Acceptance:
        """Write the profile; a lost answer is settled by reading it back."""
        return self._command(["!BASAL", *codec.profile_words(entries)], lambda: self.profile() == entries)

    def set_temp_basal(self, rate_u_per_h: float, minutes: int) -> Acceptance:
        """Start a temporary basal; 0 minutes cancels. A lost answer is settled by reading it back."""
        words = ["!TEMP", codec.amount(rate_u_per_h, "a rate", 35.0), str(30 * codec.half_hours(minutes))]

        def shows() -> bool:
            now = self.temp_basal()
            same = minutes == 0 or abs(now.rate_u_per_h - rate_u_per_h) < 1e-6
            return same and max(0, minutes - 2) <= now.minutes_left <= minutes

        return self._command(words, shows)

    def bolus(self, amount_u: float) -> Acceptance:
        """Start a bolus. Nothing but its own answer settles it: `Acceptance.UNKNOWN` when that is lost."""
        return self._command(["!BOLUS", codec.amount(amount_u, "a bolus", 25.0, codec.STEP)], lambda: False)

    def suspend(self) -> Acceptance:
        """Stop all delivery; safe to repeat, until the pump confirms it."""
        for _ in range(TRIES):
            if self._command(["!STOP"], lambda: self.status().suspended) is Acceptance.ACKNOWLEDGED:
                return Acceptance.ACKNOWLEDGED
        return Acceptance.UNKNOWN

    def resume(self) -> Acceptance:
        """Resume basal delivery; a lost answer is settled by the status."""
        return self._command(["!RUN"], lambda: not self.status().suspended)

    def _read(self, asked: str, parse: Callable[[list[str]], Value]) -> Value:
        """Ask what may be repeated, until it is answered; a plug that is put back is waited for."""
        trouble: BenchError | None = None
        for _ in range(TRIES):
            try:
                return self._parsed(asked, self._ask(asked), parse)
            except LinkLost:
                self._links.recover(self._link, REPLUG_S, self.open)
            except (TransportTimeout, MalformedReply) as error:
                trouble = error
        if isinstance(trouble, MalformedReply):
            raise trouble
        raise TransportTimeout(
            f"no answer to {asked} in {TRIES} tries", where=f"pump {self._serial}", hint="check cable and power"
        )

    def _parsed(self, asked: str, words: list[str], parse: Callable[[list[str]], Value]) -> Value:
        try:
            return parse(words)
        except (ValueError, IndexError) as error:
            text = " ".join(words).encode("latin-1")
            raise MalformedReply(f"pump {self._serial}", text, asked=asked, expected="its fields") from error

    def _command(self, words: list[str], shows: Callable[[], bool]) -> Acceptance:
        """Send a command once; when its answer is lost, what the pump shows settles it, or nothing does."""
        try:
            self._ask(" ".join(words))
        except (TransportTimeout, LinkLost, MalformedReply):
            try:
                return Acceptance.ACKNOWLEDGED if shows() else Acceptance.UNKNOWN
            except BenchError:
                return Acceptance.UNKNOWN
        return Acceptance.ACKNOWLEDGED

    def _ask(self, asked: str) -> list[str]:
        self._link.discard_input()
        return self._links.exchange(
            self._link,
            codec.request(self._serial, asked),
            lambda inbox: codec.take_reply(inbox, self._serial, asked),
            ANSWER_S,
            asked,
        )
