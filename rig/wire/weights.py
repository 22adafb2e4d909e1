"""What every balance's language has in common: a weight, why there was none, and what damaged bytes hint at.

A weight is taken in grams or milligrams and nothing else, and only from a line that fits its grammar whole: a loose
pattern reads ``OL,+9999999E+19`` as a number. Source: balance-protocols 0 and 7.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple

from rig.errors import InstrumentError, MalformedReply

DEVICE: Final = "balance"
MAX_LINE: Final = 256  # no balance sends a longer one; what is longer has no line ends


class Condition(Enum):
    """Why a balance gave no value; the value of each member is what a person reads."""

    BUSY = "busy: taring, zeroing, adjusting, warming up, or never stable"
    PARAMETER = "parameter wrong, or not possible on this model"
    OVERLOAD = "overload"
    UNDERLOAD = "underload"
    RANGE = "overload, underload or a fault: this make does not say which"
    SYNTAX = "command not recognised or not allowed"
    TRANSMISSION = "transmission error: parity, framing or break"
    LOGICAL = "logical error: command cannot be executed"
    FAULT = "fault inside the balance"
    UNIT = "wrong unit"
    RESTARTED = "the balance restarted by itself"
    UNSTABLE = "never stable"
    STREAMING = "lines come unasked"
    ASLEEP = "in standby, or its display is off"
    CHECKSUM = "a checksum that does not fit its line"
    FORMAT = "another output format is set on the balance"


HINTS: Final = {
    Condition.BUSY: "wait for the end of warming up or adjusting, and switch automatic adjustment off",
    Condition.PARAMETER: "look the command up in this model's manual",
    Condition.OVERLOAD: "take load off the pan; does a draft shield or a tube rest on the vessel?",
    Condition.UNDERLOAD: "is pan or vessel missing?",
    Condition.RANGE: "look at its display: take load off the pan, or put pan and vessel on",
    Condition.SYNTAX: "choose the protocol of the bench file on the balance's interface menu",
    Condition.TRANSMISSION: "make baud rate and parity of the bench file those of the balance",
    Condition.LOGICAL: "leave the menu on the balance's display",
    Condition.FAULT: "switch it off and on; if it stays, call service",
    Condition.RESTARTED: "check its power supply; zero and tare may have changed",
    Condition.UNSTABLE: "stop draught and vibration, close the draft shield, and look for a tube that moves",
    Condition.STREAMING: 'mode = "stream" in [balance], or switch automatic output off in the balance\'s menu',
    Condition.ASLEEP: "switch it on at its keys, and its automatic switch-off off in its menu",
    Condition.CHECKSUM: "look for noise on the cable; a better USB adapter may help",
    Condition.UNIT: "set the unit of the balance to gram",
}


class BalanceRefused(InstrumentError):
    """The balance answered, and the answer is no value; ``condition`` says why.

    ``pending``: it is a weight whose unit nobody knows yet, of a make that tells it only at rest.
    """

    def __init__(
        self, condition: Condition, detail: str, *, expected: str = "", hint: str = "", pending: bool = False
    ) -> None:
        super().__init__(detail, where=DEVICE, expected=expected, hint=hint or HINTS.get(condition, ""))
        self.condition = condition
        self.pending = pending


class Weight(NamedTuple):
    """One weight in milligrams; ``resolution_mg`` is one step of the last decimal of *this* value."""

    mass_mg: float
    resolution_mg: float
    stable: bool
    text: str


_POWERS: Final = {b"g": 3, b"mg": 0}  # power of ten to milligrams
# (unit, decimals) -> numerator and denominator that make milligrams of the digits, and the step of the last digit
_FACTORS: Final = {
    (unit, digits): (
        10 ** max(power - digits, 0),
        10 ** max(digits - power, 0),
        float(Decimal(1).scaleb(power - digits)),
    )
    for unit, power in _POWERS.items()
    for digits in range(9)
}


def weight_of(number: bytes, unit: bytes, text: bytes, *, stable: bool) -> Weight:
    """Return the weight of a sign, digits and at most one point, in ``unit``; `BalanceRefused` for any but g and mg.

    The digits are taken as an integer and divided once, which rounds correctly: 12.3456 g is the float nearest to
    12345.6 mg, as `decimal` would give it. ``-0.0000`` is zero.
    """
    whole, _, decimals = number.partition(b".")
    return weight_from(whole, decimals, unit, text, stable=stable)


def weight_from(whole: bytes, decimals: bytes, unit: bytes, text: bytes, *, stable: bool) -> Weight:
    """Return the weight of digits in front of and behind the point; see `weight_of`."""
    factor = _FACTORS.get((unit, len(decimals)))
    if factor is None:
        raise BalanceRefused(Condition.UNIT, f"the balance answers in {unit.decode('latin-1')!r}", expected="g or mg")
    numerator, denominator, step_mg = factor
    return Weight(int(whole + decimals) * numerator / denominator, step_mg, stable, text.decode("latin-1"))


class UnitMemory:
    """The unit of makes that leave it out while the load moves: that of the last line which had one.

    A line without a unit is read in it only while it has as many decimals: whoever changes g to mg, or the range,
    changes those. The text that is kept has the unit in brackets, because it was not in the line.
    """

    __slots__ = ("_decimals", "_unit")

    def __init__(self) -> None:
        self._unit = b""
        self._decimals = 0

    def stable(self, number: bytes, unit: bytes, text: bytes) -> Weight:
        """Return the weight of a line with its unit, and remember that."""
        weight = weight_of(number, unit, text, stable=True)
        self._unit, self._decimals = unit, len(number.partition(b".")[2])
        return weight

    def moving(self, number: bytes, text: bytes) -> Weight:
        """Return the weight of a line without a unit; raise `BalanceRefused` when nobody can say in what it is."""
        if not self._unit:
            raise BalanceRefused(
                Condition.UNIT,
                f"the load moves, and no line has told a unit yet: {text.decode('latin-1')!r}",
                expected="a stable line first: this make tells its unit only then",
                hint="let the load come to rest once; a unit without a symbol is never told: set gram",
                pending=True,
            )
        if len(number.partition(b".")[2]) != self._decimals:
            raise BalanceRefused(
                Condition.UNIT,
                f"a line without a unit has other decimals than the last one with {self._unit.decode()!r}: "
                f"{text.decode('latin-1')!r}",
                expected=f"{self._decimals} decimals: unit or range may have been changed",
                hint="let the load come to rest, so that the balance tells its unit again",
            )
        return weight_of(number, self._unit, text + b" [" + self._unit + b"]", stable=False)

    @property
    def known(self) -> bool:
        """Say whether a unit was told."""
        return bool(self._unit)


def take_line(inbox: bytearray, hint: str) -> bytes | None:
    """Take one line, its line end included, off the front of ``inbox``; None: more bytes, please."""
    end = inbox.find(b"\n") + 1
    if (end or len(inbox)) > MAX_LINE:
        head = bytes(inbox[:32])
        del inbox[:end]
        expected = f"lines of at most {MAX_LINE} characters that end in <CR><LF>"
        raise MalformedReply(DEVICE, head, expected=expected, hint=line_hint(head) or hint)
    if not end:
        return None
    line = bytes(inbox[:end])
    del inbox[:end]
    return line


def malformed(line: bytes, asked: str, expected: str, hint: str) -> MalformedReply:
    """Return the error for a line that breaks its grammar; bytes that look like a wrong line setting are told."""
    return MalformedReply(DEVICE, line, asked=asked, expected=expected, hint=line_hint(line) or hint)


def line_hint(data: bytes) -> str:
    """Say what bytes hint at that no balance sends: a wrong parity or number of data bits, or a wrong baud rate.

    Seven bits and a parity bit read as eight bits: printable text, some of it with the top bit set. At a wrong baud
    rate bits of one byte run into the next, and what comes is printable by chance only. Empty for plain text.
    """
    printable = sum(0x20 <= byte < 0x7F or byte in b"\r\n\x06" for byte in data)
    if printable == len(data):
        return ""
    folded = sum(0x20 <= byte & 0x7F < 0x7F or byte & 0x7F in b"\r\n" for byte in data)
    if folded == len(data):
        return "bytes with the top bit set: data bits or parity of the port differ (`line` in [balance], such as 7E1)"
    return "bytes that are no text: the baud rate differs (`baud` in [balance]), or there is noise on the cable"
