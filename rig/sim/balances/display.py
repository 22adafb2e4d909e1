"""What stands on a balance's display: counts of the last digit as a number in a unit."""

from __future__ import annotations

import math

UNIT_MG = {"g": 1000.0, "mg": 1.0, "kg": 1_000_000.0}


class Display:
    """Numbers of one balance; ``resolution_mg`` is its last digit, a power of ten."""

    def __init__(self, resolution_mg: float) -> None:
        self._resolution_mg = resolution_mg
        self._scales: dict[str, tuple[float, int]] = {}

    def number(self, counts: int, unit: str, width: int = 0, *, coarse: bool = False) -> str:
        """Return the number, minus before its first digit and no plus; zero has no sign.

        ``coarse`` leaves out the last decimal, and so does a number that is wider than ``width``.
        """
        per_count, decimals = self.scale(unit)
        text = _rounded(counts, per_count, decimals)
        if coarse and decimals:
            text = _rounded(counts, per_count, decimals - 1)
        while width and len(text) > width and "." in text:
            decimals -= 1
            text = _rounded(counts, per_count, decimals)
        return text

    def scale(self, unit: str) -> tuple[float, int]:
        """Return (value of one count, decimals) in a unit."""
        known = self._scales.get(unit)
        if known is None:
            per_count = self._resolution_mg / UNIT_MG[unit]
            known = self._scales[unit] = per_count, max(0, round(-math.log10(per_count)))
        return known


def _rounded(counts: int, per_count: float, decimals: int) -> str:
    text = f"{counts * per_count:.{decimals}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text
