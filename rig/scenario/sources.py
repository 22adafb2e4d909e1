"""Where a limit may come from: the pump's own claim, a rig default with an id, or a document that is named.

The rig's defaults follow standards-and-metrology section 7. They apply only where a scenario names them, and are
printed as "rig default, not this pump's claim" (design 4.8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SAME_U = 1e-9
_DAY_S = 86400.0
CLAIMS: dict[str, str] = {"pump.accuracy.basal": "basal", "pump.accuracy.bolus": "bolus"}
OCCLUSION = "pump.occlusion"
"""What the pump claims of occlusions, by basal rate: the longest time to the alarm, the most that is missed by then."""


@dataclass(frozen=True, slots=True)
class Condition:
    """For which windows a default holds: one rate, or rates from one on; begin and length in s."""

    rate_u_per_h: float | None = None
    least_rate_u_per_h: float = 0.0
    after_s: float = 0.0
    least_s: float = 0.0

    def allows(self, rate_u_per_h: float, same: float) -> bool:
        """Return whether a rate within the window is one of the default's; a rate of zero is no rate of "from" one."""
        if self.rate_u_per_h is not None:
            return abs(rate_u_per_h - self.rate_u_per_h) <= same
        return rate_u_per_h == 0.0 or rate_u_per_h >= self.least_rate_u_per_h - same


@dataclass(frozen=True, slots=True)
class DefaultLimit:
    """One rig default: which measures it is for, and its bounds in ``unit`` (None: open).

    ``bands``: (from U, to U, symmetric bound) by the amount of a bolus, both ends included; an amount in none of them
    has no bound. ``decides`` False: information that is printed and never judges, whatever stands beside it.
    ``condition``: the rates and windows that it speaks of; for others it is refused (`rig.scenario.conditions`).
    """

    id: str
    text: str
    mark: str
    measures: tuple[str, ...]
    unit: str
    lower: float | None
    upper: float | None
    bands: tuple[tuple[float, float, float], ...] = ()
    decides: bool = True
    condition: Condition | None = None

    @property
    def of_the_bench(self) -> bool:
        """Return whether it is for a qualification of the bench, which has nothing to do with any pump's claim."""
        return self.id.startswith("L-Q")

    @property
    def brings_limit(self) -> bool:
        """Return whether the default holds a figure of its own."""
        return self.lower is not None or self.upper is not None or bool(self.bands)

    def bounds(self, amount_u: float | None) -> tuple[float | None, float | None]:
        """Return (lower, upper) for a bolus of ``amount_u`` (None: of several sizes, or none)."""
        if not self.bands:
            return self.lower, self.upper
        for from_u, to_u, bound in self.bands:
            if amount_u is not None and from_u - _SAME_U <= amount_u <= to_u + _SAME_U:
                return -bound, bound
        return None, None


def _symmetric(
    id_: str,
    text: str,
    mark: str,
    measures: tuple[str, ...],
    unit: str,
    bound: float,
    condition: Condition | None = None,
) -> DefaultLimit:
    return DefaultLimit(id_, text, mark, measures, unit, -bound, bound, condition=condition)


DEFAULT_LIMITS: dict[str, DefaultLimit] = {
    limit.id: limit
    for limit in (
        _symmetric(
            "L-B1",
            "overall basal error at 1.0 U/h over at least 24 h after 24 h of stabilisation, as makers claim it",
            "maker-type claim",
            ("basal.overall_error",),
            "%",
            5.0,
            Condition(rate_u_per_h=1.0, after_s=_DAY_S, least_s=_DAY_S),
        ),
        _symmetric(
            "L-B2",
            "overall basal error at rates from 0.05 U/h, as one maker claims it",
            "maker-type claim",
            ("basal.overall_error", "basal.segment_error", "temp_basal.error"),
            "%",
            5.0,
            Condition(least_rate_u_per_h=0.05),
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
        DefaultLimit(
            "L-B5",
            "cumulative without warm-up, as one maker saw it over 12 of its pumps (median, lowest to highest): "
            "at 0.05 U/h 0.049 (0.00 to 0.12) U in 1 h, 0.30 (0.13 to 0.57) U in 6 h, 0.59 (0.34 to 0.99) U in 12 h; "
            "at 1 U/h 0.99 (0.65 to 1.55), 5.97 (5.06 to 6.87), 11.88 (10.53 to 13.26) U; "
            "at 30 U/h 29.82 (28.85 to 31.39) U in 1 h, 179.33 (177.49 to 181.15) U in 6 h; information only",
            "published label",
            ("basal.delivered", "basal.overall_error"),
            "U",
            None,
            None,
            decides=False,
        ),
        _symmetric(
            "L-B6",
            "total over 72 h or more",
            "published study",
            ("basal.overall_error",),
            "%",
            5.0,
            Condition(least_s=3.0 * _DAY_S),
        ),
        _symmetric(
            "L-D1",
            "each bolus of 1 U or more, as makers claim it",
            "maker-type claim",
            ("bolus.each_error", "bolus.mean_error"),
            "%",
            5.0,
        ),
        _symmetric("L-D2", "each bolus below 1 U, absolute", "maker-type claim", ("bolus.each_error_u",), "U", 0.05),
        DefaultLimit(
            "L-D3",
            "mean of 25 boluses: 5 % from 1 U on, 10 % at 0.1 U, nothing between",
            "rig default",
            ("bolus.mean_error",),
            "%",
            None,
            None,
            bands=((1.0, 100.0, 5.0), (0.1, 0.1, 10.0)),
        ),
        _symmetric(
            "L-D6",
            "bolus duration against the pump's nominal speed",
            "rig default",
            ("bolus.duration",),
            "%",
            10.0,
        ),
        DefaultLimit(
            "L-O1",
            "occlusion alarm at 1 U/h within 5 h: all of 10 systems with durable pumps took less",
            "published study",
            ("occlusion.time_to_alarm",),
            "h",
            None,
            5.0,
            condition=Condition(rate_u_per_h=1.0),
        ),
        DefaultLimit(
            "L-O3",
            "missed volume at the alarm: reported, warned above 5 U, for labels name 3 to 5 U",
            "published label",
            ("occlusion.missed_volume",),
            "U",
            None,
            None,
            decides=False,
        ),
        DefaultLimit(
            "L-O4",
            "released after an occlusion: at most what was programmed meanwhile, as one maker states",
            "published label",
            ("occlusion.released_share",),
            "%",
            None,
            100.0,
        ),
        DefaultLimit(
            "L-S1",
            "no delivery while suspended: a slope beyond 3 u(slope) after the settle time is a finding; a bound made "
            "of its own u widens with the bench's noise, so it never judges",
            "rig default",
            ("suspend.slope",),
            "U/h",
            None,
            None,
            decides=False,
        ),
        _symmetric(
            "L-Q1",
            "a bench that is to decide a claim of 5 % may take half of it for its own error and uncertainty together",
            "rig default, from the rule that a bench is fit when its U is at most half the limit",
            ("flow.error", "dispense.error"),
            "%",
            2.5,
        ),
        _symmetric(
            "L-Q2",
            "errors of flows may differ from their mean by a quarter of a claim of 5 %",
            "rig default",
            ("flow.linearity",),
            "%",
            1.25,
        ),
        _symmetric(
            "L-Q3",
            "evaporation and drift of at most a fifth of the mean rate at 0.1 U/h, which is 1 mg/h",
            "rig default, from the gate on evaporation",
            ("blank.slope",),
            "mg/h",
            0.2,
        ),
        _symmetric(
            "L-Q4",
            "a change of 0.2 mg/h between the blanks alone makes U of a flow at 0.5 U/h 2.3 %, nearly half of 5 %",
            "rig default, from the rule that a bench is fit when its U is at most half the limit",
            ("blank.change",),
            "mg/h",
            0.2,
        ),
        DefaultLimit(
            "L-Q5",
            "noise of at most twice the stated repeatability: else the certificate's figure is not this bench's",
            "rig default",
            ("blank.noise",),
            "%",
            None,
            200.0,
        ),
        DefaultLimit(
            "L-Q6",
            "a slow flow shows within a fifth in every stretch of it: a zero that is tracked or a display that sticks "
            "swallows most of it, or shows it later at once",
            "rig default",
            ("creep.share",),
            "%",
            80.0,
            120.0,
        ),
        DefaultLimit(
            "L-Q7",
            "readings trail by at most half of the 60 s after which a bolus may be closed",
            "rig default, from the rule by which a bolus is closed",
            ("flow.lag",),
            "s",
            None,
            30.0,
        ),
        _symmetric(
            "L-Q8",
            "a reference weight is shown within 0.05 %, a hundredth of a claim of 5 %",
            "rig default",
            ("mass.error",),
            "%",
            0.05,
        ),
    )
}


def looks_like_id(source: str) -> bool:
    """Return whether ``source`` is meant as an id (``L-...`` or ``pump....``) and not as the name of a document."""
    return re.match(r"(?i)(l[-_ ]?[a-z]\d|l-|pump\b)", source) is not None


def known_ids() -> tuple[str, ...]:
    """Return every id that a check may name as its source."""
    return (*CLAIMS, OCCLUSION, *DEFAULT_LIMITS)
