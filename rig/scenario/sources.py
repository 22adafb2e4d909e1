"""Where a limit may come from: the pump's own claim, a rig default with an id, or a document that is named.

The rig's defaults follow standards-and-metrology section 7. They apply only where a scenario names them, and are
printed as "rig default, not this pump's claim" (design 4.8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CLAIMS: dict[str, str] = {"pump.accuracy.basal": "basal", "pump.accuracy.bolus": "bolus"}


@dataclass(frozen=True, slots=True)
class DefaultLimit:
    """One rig default: which measures it is for, and its bounds in ``unit`` (None: open)."""

    id: str
    text: str
    mark: str
    measures: tuple[str, ...]
    unit: str
    lower: float | None
    upper: float | None

    @property
    def brings_limit(self) -> bool:
        """Return whether the default holds a figure of its own."""
        return self.lower is not None or self.upper is not None


def _symmetric(id_: str, text: str, mark: str, measures: tuple[str, ...], unit: str, bound: float) -> DefaultLimit:
    return DefaultLimit(id_, text, mark, measures, unit, -bound, bound)


DEFAULT_LIMITS: dict[str, DefaultLimit] = {
    limit.id: limit
    for limit in (
        _symmetric(
            "L-B1",
            "overall basal error at 1.0 U/h over at least 24 h after stabilisation, as makers claim it",
            "maker-type claim",
            ("basal.overall_error",),
            "%",
            5.0,
        ),
        _symmetric(
            "L-B2",
            "overall basal error at rates from 0.05 U/h, as one maker claims it",
            "maker-type claim",
            ("basal.overall_error", "basal.segment_error", "temp_basal.error"),
            "%",
            5.0,
        ),
        DefaultLimit(
            "L-B3",
            "1-h windows within 15 % at 1 U/h: 86.2 % seen; reported, warned below 85 %",
            "published study",
            ("basal.windows_1h_within_15",),
            "%",
            None,
            None,
        ),
        DefaultLimit(
            "L-B4",
            "1-h windows within 15 % at 0.1 U/h: 52.7 % seen; reported only",
            "published study",
            ("basal.windows_1h_within_15",),
            "%",
            None,
            None,
        ),
        _symmetric("L-B6", "total over 72 h", "published study", ("basal.overall_error",), "%", 5.0),
        _symmetric(
            "L-D1",
            "each bolus of 1 U or more, as makers claim it",
            "maker-type claim",
            ("bolus.each_error", "bolus.mean_error"),
            "%",
            5.0,
        ),
        _symmetric("L-D2", "each bolus below 1 U, absolute", "maker-type claim", ("bolus.each_error_u",), "U", 0.05),
        _symmetric("L-D3", "mean of 25 boluses of 1 U or more", "rig default", ("bolus.mean_error",), "%", 5.0),
        _symmetric(
            "L-D6",
            "bolus duration against the pump's nominal speed",
            "rig default",
            ("bolus.duration",),
            "%",
            10.0,
        ),
    )
}


def looks_like_id(source: str) -> bool:
    """Return whether ``source`` is meant as an id (``L-...`` or ``pump....``) and not as the name of a document."""
    return re.match(r"(?i)(l[-_ ]?[a-z]\d|l-|pump\b)", source) is not None


def known_ids() -> tuple[str, ...]:
    """Return every id that a check may name as its source."""
    return (*CLAIMS, *DEFAULT_LIMITS)
