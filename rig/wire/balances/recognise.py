"""Which make a line is of: by the strict grammars of the codecs, for whoever has an unknown balance in front of him."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from rig.errors import MalformedReply
from rig.wire import mt_sics
from rig.wire.balances import a_and_d, kern, ohaus, radwag, sbi
from rig.wire.weights import BalanceRefused, Condition, UnitMemory, Weight

# What is asked, one after the other: every one of them only reads. The last is a letter without a line end, which the
# line end behind it takes back from every other make.
PROBES: Final = (b"SI\r\n", b"IP\r\n", b"\x1bP\r\n", b"w", b"\r\n")
MAKES: Final = {
    "mt-sics": "MT-SICS (Mettler-Toledo and others)",
    "kern-kcp": "KERN, KCP",
    "sbi": "Sartorius SBI",
    "and": "A&D, standard format",
    "radwag": "Radwag",
    "kern": "KERN, older remote set",
    "ohaus": "Ohaus",
}
_WITHOUT_DRIVER: Final = (
    (
        "a scale that prints ST,GS (KERN GAB-N, many indicators)",
        re.compile(rb"[SU][Tt],(?:GS|NT|G|N)[, ]").match,
    ),
    ("a KERN EW or OEM scale of 14 or 15 characters", re.compile(rb"[+\- ][0-9. ]{7,8}.{2}[LGH ][SUE]\r\n").fullmatch),
    ("xBPI, a binary protocol of Sartorius: choose SBI", re.compile(rb"\x01[\x00-\x1f]").match),
)


def _units(line: bytes) -> UnitMemory:
    """Return a memory that knows grams, with as many decimals as ``line`` shows."""
    units = UnitMemory()
    found = re.search(rb"\.([0-9]+)", line)
    with suppress(BalanceRefused, KeyError):
        units.stable(b"0." + b"0" * len(found[1]) if found else b"0", b"g", b"")
    return units


_READERS: Final[dict[str, Callable[[bytes], Weight | None]]] = {
    "mt-sics": mt_sics.parse_weight,
    "kern-kcp": lambda line: mt_sics.take_kcp_weight(bytearray(line)),
    "sbi": lambda line: sbi.parse_weight(line, _units(line)),
    "and": a_and_d.parse_weight,
    "radwag": radwag.parse_weight,
    "kern": lambda line: kern.parse_weight(line, _units(line)),
    "ohaus": ohaus.parse_weight,
}
_TELLING: Final = frozenset(
    {Condition.OVERLOAD, Condition.UNDERLOAD, Condition.RANGE, Condition.UNIT, Condition.FORMAT, Condition.BUSY}
)


def protocol_of(line: bytes, asked: bytes = b"") -> str:
    """Return the protocol that a line belongs to, or "" for one that is told by none.

    ``asked`` is the request that it answered: makes that do not know that request are left out. A weight decides
    before a line that only says why there is none.
    """
    telling = ""
    for name, read in _READERS.items():
        if asked and asked not in _ANSWERS[name]:
            continue
        try:
            read(line)
        except MalformedReply:
            continue
        except BalanceRefused as refused:
            if refused.condition in _TELLING:
                telling = telling or name
        else:
            return name
    return telling


def without_driver(line: bytes) -> str:
    """Say what a line is that no driver here reads; empty when it is not known either."""
    return next((what for what, match in _WITHOUT_DRIVER if match(line) is not None), "")


_ANSWERS: Final = {
    "mt-sics": (b"SI\r\n",),
    "kern-kcp": (b"SI\r\n",),
    "sbi": (b"\x1bP\r\n",),
    "and": (b"SI\r\n", b"\x1bP\r\n"),
    "radwag": (b"SI\r\n",),
    "kern": (b"w",),
    "ohaus": (b"IP\r\n",),
}
