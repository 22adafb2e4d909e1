"""What a way to a pump must offer, whichever stick is in between; and what a driver must know of an answer."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol, TypeVar

from rig.errors import InstrumentError, TransportTimeout
from rig.wire.minimed.packets import OF_THE_TALK, Opcode, Packet, refusal

TRIES = 3

Value = TypeVar("Value")


class PumpNotHeard(TransportTimeout):
    """The pump did not answer: asleep, out of range, or switched off. Nothing that delivers was sent."""


class Refused(InstrumentError):
    """The pump answered with a NAK; ``code`` is its own."""

    def __init__(self, pump_id: str, code: int, opcode: int) -> None:
        known = refusal(code)
        super().__init__(
            f"the pump refused {name(opcode)} with code {code:02X}: {known.meaning}",
            where=f"pump {pump_id}",
            expected="an acknowledgement",
            hint=known.hint,
        )
        self.code = code

    @property
    def is_of_the_talk(self) -> bool:
        """Say whether it is about packets only: whether the command was carried out, it does not say."""
        return self.code in OF_THE_TALK


class Settled(Enum):
    """What became of a packet that left once.

    An acknowledgement names neither command nor packet: one that comes twice, or late, cannot be told from that of the
    next packet. What was acknowledged, only reading back tells.
    """

    ACKNOWLEDGED = "acknowledged"
    LOST = "lost"


class PumpWay(Protocol):
    """The way to one pump: a stick, and what it takes to be heard through it.

    Methods that only read, and those that prepare, may repeat what they send. `once` and `once_image` never do.
    ``lost_because`` says why the last `Settled.LOST` is lost, ``heard_rig_ns`` when the pump's last packet arrived,
    ``rssi_dbm`` and ``signal`` how well.
    """

    heard_rig_ns: int
    lost_because: str

    @property
    def version(self) -> str:
        """Return what the stick says it is; empty before `open`."""

    @property
    def rssi_dbm(self) -> float | None:
        """Return the signal strength of the pump's last packet; None where the stick does not tell it in dBm."""

    @property
    def tuned_mhz(self) -> float | None:
        """Return the frequency of the stick; None while it is not known."""

    @property
    def scanned(self) -> tuple[tuple[float, float | None], ...]:
        """Return the frequencies that were scanned, with their signal in dBm."""

    @property
    def signal(self) -> str:
        """Return the signal quality of the pump's last packet in words; empty before it was heard."""

    def open(self) -> None:
        """Make contact with the stick; the pump itself is not addressed."""

    def ready(self) -> None:
        """Make sure that the next answer is the answer to the next command."""

    def read(self, opcode: Opcode, tries: int = TRIES) -> Packet:
        """Ask for one packet of data; raises `PumpNotHeard` when none comes."""

    def announce(self, opcode: Opcode) -> None:
        """Do whatever of a command with parameters is harmless, and may be repeated."""

    def once(self, opcode: Opcode, parameters: bytes) -> Settled:
        """Send the parameters of a command exactly once; raises `InstrumentError` when the pump refuses."""

    def once_image(self, opcode: Opcode, image: bytes) -> Settled:
        """Send parameters that fill several packets, each exactly once."""

    def read_fragments(self, opcode: Opcode, parse: Callable[[bytes], Value], parameters: bytes | None = None) -> Value:
        """Return what ``parse`` makes of an answer in several packets, asked for again when a piece is broken."""

    def wake(self, *, long_sleeper: bool) -> None:
        """Bring up the radio of a pump that sleeps; raises `PumpNotHeard` when it stays silent."""

    def power_on(self, parameters: bytes) -> bool:
        """Ask a pump that is awake to keep its radio on; say whether it agreed."""


def refuse_nak(pump_id: str, code: int, opcode: int) -> None:
    """Raise the error that says what a pump refused, and what to do about it."""
    raise Refused(pump_id, code, opcode)


def not_heard(pump_id: str, opcode: int, tries: int) -> PumpNotHeard:
    """Return the error for a pump that does not answer."""
    return PumpNotHeard(
        f"no answer to {name(opcode)} in {tries} tries",
        where=f"pump {pump_id}",
        expected="the pump awake and in range",
        hint="put the stick close to the pump; check its battery, serial number and frequency",
    )


def not_woken(pump_id: str) -> PumpNotHeard:
    """Return the error for a pump that cannot be woken."""
    return PumpNotHeard(
        "not heard after the wake-up bursts",
        where=f"pump {pump_id}",
        expected="the pump in range, with a good battery",
        hint="put the stick close to the pump; check serial number and frequency in the bench file",
    )


def name(opcode: int) -> str:
    """Return an opcode in words."""
    return f"{Opcode(opcode).name.lower().replace('_', ' ')} ({opcode:02X})"
