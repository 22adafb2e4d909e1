"""How the balance of a run was asked, by the protocol that its record names; the codecs are those of the drivers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from rig.wire import mt_sics
from rig.wire.balances import a_and_d, kern, ohaus, radwag, sbi
from rig.wire.weights import UnitMemory, Weight

Take = Callable[[bytearray], Weight | None]


@dataclass(frozen=True, slots=True)
class Language:
    """The requests for a weight now, each with what takes its answer, and what is sent when a balance is opened.

    After one of ``greetings`` the driver takes one weight that nobody records. Where there is none, a reply without a
    reading beside it cannot be told from such a one.
    """

    requests: Mapping[bytes, Take]
    greetings: frozenset[bytes] = field(default=frozenset())
    timeout_ns: int = 1_000_000_000


def language_of(protocol: str) -> Language | None:
    """Return how a shipped driver asks, with a memory of its own; None for a protocol that is not known here."""
    units = UnitMemory()
    known = {
        "mt-sics": lambda: Language(
            {b"SI\r\n": mt_sics.take_weight, b"SIC1\r\n": mt_sics.take_checked}, frozenset({b"@\r\n"})
        ),
        "kern-kcp": lambda: Language(
            {b"SI\r\n": mt_sics.take_kcp_weight, b"SIC1\r\n": mt_sics.take_checked}, frozenset({b"@\r\n"})
        ),
        "sbi": lambda: Language(
            {sbi.PRINT: partial(sbi.take_weight, units=units)}, frozenset(sbi.WHO.values()), 2_000_000_000
        ),
        "and": lambda: Language({a_and_d.WEIGH_NOW: a_and_d.take_weight}, frozenset({a_and_d.CANCEL})),
        "ohaus": lambda: Language({ohaus.WEIGH_NOW: ohaus.take_weight}, frozenset({ohaus.STOP})),
        "radwag": lambda: Language({radwag.WEIGH_NOW: radwag.take_weight}, frozenset({radwag.STOP})),
        "kern": lambda: Language({kern.WEIGH_NOW: partial(kern.take_weight, units=units)}),
    }
    return known[protocol]() if protocol in known else None


def stream_parser(protocol: str) -> Take | None:
    """Return what reads one line of a stream; None for a protocol that is not known here."""
    language = language_of(protocol)
    if language is None:
        return None
    return next(iter(language.requests.values()))
