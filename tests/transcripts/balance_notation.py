r"""Reads the balance transcripts: single lines with what they mean, and exchanges with the state of the balance.

A file of a protocol holds ``[[weight]]``, ``[[no_weight]]``, ``[malformed]`` and ``[[request]]``: single lines without
their CR LF (``text``), or with it in bytes (``hex``). An ``[[exchange]]`` is judged by driver and simulator alike::

    what        in words
    section     of balance-protocols, and what else it was taken from; [?] where the source is not sure either
    state       stable (default), moving, overload, underload, busy (adjusts itself), asleep (standby, off), error
    shows_mg    net of tare on the display, 12345.6 where it is left out
    resolution_mg   the last digit, 0.1
    unit        of the display, "g"
    tare_mg     what the tare memory holds; left out, it does not matter
    menu        what is set at the balance itself
    ask         bytes of the request; empty: nothing is asked, the lines come unasked
    say         the lines that come back, with their ends; none: silence
    after_s     seconds until the last of them, or for which nothing more comes; 1
    more        a stream: lines like the last go on coming
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.transcripts.notation import load

FILES = {
    "mt-sics": "mt_sics.toml",
    "sbi": "sbi.toml",
    "and": "and.toml",
    "ohaus": "ohaus.toml",
    "kern": "kern.toml",
    "kern-kcp": "kern_kcp.toml",
    "radwag": "radwag.toml",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is asked of a balance in a state, and what comes back."""

    protocol: str
    what: str
    section: str
    ask: bytes
    say: tuple[bytes, ...]
    state: str = "stable"
    shows_mg: float = 12345.6
    resolution_mg: float = 0.1
    unit: str = "g"
    tare_mg: float | None = None
    menu: dict[str, Any] = field(default_factory=dict)
    after_s: float = 1.0
    more: bool = False


@cache
def lines(protocol: str) -> dict[str, Any]:
    """Return the whole file of a protocol."""
    return load(FILES[protocol])


@cache
def exchanges(protocol: str) -> tuple[Exchange, ...]:
    """Return the exchanges of a protocol."""
    return tuple(
        Exchange(
            protocol,
            **{
                **entry,
                "ask": entry["ask"].encode("latin-1"),
                "say": tuple(each.encode("latin-1") for each in entry["say"]),
            },
        )
        for entry in lines(protocol)["exchange"]
    )


def every_exchange() -> tuple[Exchange, ...]:
    """Return the exchanges of all protocols."""
    return tuple(each for protocol in FILES for each in exchanges(protocol))
