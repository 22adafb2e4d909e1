"""The tables of the pump's bolus calculator, as an operator keyed them in [minimed 4.3]."""

from __future__ import annotations

from dataclasses import dataclass, field

SEGMENTS = 8
GRAMS, EXCHANGES = 1, 2
MG_PER_DL, MMOL_PER_L = 1, 2


@dataclass(slots=True)
class Tables:
    """Entries begin at half-hours after midnight, the first at 0; at most eight each."""

    carb_units: int = GRAMS
    bg_units: int = MG_PER_DL
    carb_ratios: list[tuple[int, int]] = field(default_factory=lambda: [(0, 120)])  # 0.1 g/U, or 0.001 U/exchange
    sensitivities: list[tuple[int, int]] = field(default_factory=lambda: [(0, 50)])  # mg/dL per U, or 0.1 mmol/L
    targets: list[tuple[int, int, int]] = field(default_factory=lambda: [(0, 100, 120)])  # low, high
    counts_ratios: bool = True  # in the second byte of the new layout, as one public client reads it
    remote_ids: list[str] = field(default_factory=list)  # at most three, six characters each


def carb_ratios(tables: Tables, is_new: bool) -> bytes:
    """Return the ratios: new pumps have one byte more, two-byte values and finer steps.

    What that byte holds the sources do not agree on [minimed 4.3]; decocare, which people ran on such pumps, takes as
    many entries as it says.
    """
    if is_new:
        entries = [bytes((start,)) + ratio.to_bytes(2, "big") for start, ratio in tables.carb_ratios]
        count = min(SEGMENTS, len(entries)) if tables.counts_ratios else 0
        return (bytes((tables.carb_units, count)) + b"".join(entries[:SEGMENTS])).ljust(25, b"\x00")[:25]
    coarser = 10 if tables.carb_units == GRAMS else 100
    entries = [bytes((start, ratio // coarser)) for start, ratio in tables.carb_ratios]
    return (bytes((tables.carb_units,)) + b"".join(entries[:SEGMENTS])).ljust(17, b"\x00")


def sensitivities(tables: Tables) -> bytes:
    """Return the sensitivities: bit 6 of the start adds 256 to the value."""
    entries = [bytes((start | (value >> 8 & 1) << 6, value & 0xFF)) for start, value in tables.sensitivities]
    return (bytes((tables.bg_units,)) + b"".join(entries[:SEGMENTS])).ljust(17, b"\x00")


def targets(tables: Tables, is_first: bool) -> bytes:
    """Return the targets: one value in family 12, low and high in later ones."""
    if is_first:
        entries = [bytes((start, (low + high) // 2)) for start, low, high in tables.targets]
        return (bytes((tables.bg_units,)) + b"".join(entries[:SEGMENTS])).ljust(17, b"\x00")
    entries = [bytes(entry) for entry in tables.targets]
    return (bytes((tables.bg_units,)) + b"".join(entries[:SEGMENTS])).ljust(25, b"\x00")


def remote_ids(tables: Tables) -> bytes:
    """Return three ids of key-fob remotes; dashes stand for none."""
    return "".join((*tables.remote_ids, *["------"] * 3)[:3]).encode()
