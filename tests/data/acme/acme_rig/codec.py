"""Lines of the ACME-1: ``<serial> ?NAME`` asks, ``<serial> !NAME ...`` commands; no I/O, no clock."""

from __future__ import annotations

from datetime import datetime

from rig.errors import InstrumentError, MalformedReply, UsageError
from rig.instruments import BasalEntry, HistoryEvent

STEP = 0.05  # U, and U/h
MAX_LINE = 4096


def request(serial: str, *words: str) -> bytes:
    """Return one line."""
    return f"{serial} {' '.join(words)}\r".encode("ascii")


def take_reply(inbox: bytearray, serial: str, asked: str) -> list[str] | None:
    """Take the reply to ``asked`` (such as ``?WHO``) off the inbox; None: more bytes, please.

    Lines of other pumps, and late replies to other requests, are passed over. Raises `InstrumentError` for a refusal,
    `MalformedReply` for what is no line of this protocol.
    """
    where, name = f"pump {serial}", asked.partition(" ")[0]
    while (end := inbox.find(b"\r")) >= 0:
        line = bytes(inbox[:end])
        del inbox[: end + 1]
        words = line.decode("latin-1").split(" ")
        if len(words) < 2 or len(words[1]) < 2 or words[1][0] not in "=+-":
            raise MalformedReply(where, line, asked=asked, expected="'<serial> =NAME ...', '+NAME' or '-NAME ...'")
        if words[0] != serial or words[1][1:] != name[1:]:
            continue
        if words[1][0] == "-":
            raise InstrumentError(f"the pump refused {asked}: {' '.join(words[2:])}", where=where)
        return words[2:]
    if len(inbox) > MAX_LINE:
        raise MalformedReply(where, bytes(inbox[:40]), asked=asked, expected="a line")
    return None


def amount(value: float, what: str, highest: float, lowest: float = 0.0) -> str:
    """Return an amount or rate as the pump takes it; raise `UsageError` unless it can be told exactly."""
    steps = round(value / STEP)
    if not lowest - 1e-9 <= value <= highest + 1e-9 or abs(value - steps * STEP) > 1e-6:
        raise UsageError(f"{what} of {value:g}", expected=f"{lowest:g} to {highest:g} in steps of {STEP:g}")
    return f"{steps * STEP:.2f}"


def half_hours(minutes: int) -> int:
    """Return a duration in half hours; raise `UsageError` unless it is 0 to 24 h of them."""
    if not 0 <= minutes <= 1440 or minutes % 30:
        raise UsageError(f"a temporary basal of {minutes} min", expected="0 to 1440 min, a multiple of 30")
    return minutes // 30


def profile_words(entries: list[BasalEntry]) -> list[str]:
    """Return a profile as the pump takes it: ``13=1.30`` from 6:30 on."""
    starts = [entry.start_half_hours for entry in entries]
    if not starts or starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] > 47:
        raise UsageError(f"a profile that starts at {starts}", expected="half hours from 0 to 47, rising, the first 0")
    return [f"{entry.start_half_hours}={amount(entry.rate_u_per_h, 'a rate', 35.0)}" for entry in entries]


def parse_profile(words: list[str]) -> list[BasalEntry]:
    """Return the entries of a profile."""
    pairs = [word.partition("=") for word in words]
    return [BasalEntry(int(start), float(rate)) for start, _, rate in pairs]


def parse_log(words: list[str]) -> list[HistoryEvent]:
    """Return the boluses of a page, oldest first: ``time,programmed,delivered``."""
    events = []
    for word in words:
        at, programmed, delivered = word.split(",")
        events.append(
            HistoryEvent(
                "bolus",
                datetime.fromisoformat(at),
                word.encode("ascii"),
                programmed_u=float(programmed),
                delivered_u=float(delivered),
            )
        )
    return events
