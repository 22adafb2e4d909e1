"""What one measured occlusion says about others: rates, a verification run, partial blockages, air (reference 9).

Formulas in ``occlusion_model``; here they carry budgets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rig.analysis.measured import Measured, combined_budget, joined_notes, stated
from rig.analysis.occlusion_model import (
    ATMOSPHERE_KPA,
    air_compliance_ul_per_kpa,
    air_stored_ul,
    alarm_time_h,
    partial_alarm_time_h,
    partial_resistance_kpa_h_per_ul,
    pulses_to_alarm,
    undetected_resistance_kpa_h_per_ul,
)
from rig.errors import UsageError
from rig.metrology.budget import COVERAGE_FACTOR, Budget, Component
from rig.metrology.checks import finite
from rig.metrology.noise import SECONDS_PER_HOUR

# Half width of how much the missed volume of one pump changes with the basal rate. Published pairs differ from their
# mean by up to 9 %, from each other by up to 19 % (reference section 9.2): the next pump may do the same.
RATE_DEPENDENCE = 0.2
# At bolus speed the same pumps missed half as much as in basal (Paradigm 0.63 of 1.25 U, Veo 1.63 of 3.13 U), so a test
# faster than any basal predicts none. 40 U/h is the largest basal of the pumps in reference section 8.4.
LARGEST_BASAL_U_PER_H = 40.0
_NO_PRESSURE_KPA = 1e-9  # a rise that may be nothing is reached at once


@dataclass(frozen=True, slots=True)
class AlarmPrediction:
    """When the alarm comes at another rate. ``pulses`` None: continuous flow. ``lower_s``, ``upper_s``: +-U (k = 2)."""

    rate_u_per_h: float
    time: Measured  # s
    pulses: int | None

    @property
    def lower_s(self) -> float:
        """Lower end of the interval, not below zero."""
        return max(self.time.value - self.time.expanded, 0.0)

    @property
    def upper_s(self) -> float:
        """Upper end of the interval."""
        return self.time.value + self.time.expanded


@dataclass(frozen=True, slots=True)
class Agreement:
    """A verification run against its prediction: E_n (ISO 13528, 9.7); they agree where it is within -1..1."""

    difference_s: float
    expanded_s: float
    normalised: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is explained by both uncertainties."""
        return abs(self.normalised) <= 1.0


@dataclass(frozen=True, slots=True)
class PartialOcclusion:
    """A blockage that lets through what the pump delivers, once enough pressure drives it.

    ``resistance``: from the volume that stayed away for good. ``undetected_below``: up to here no alarm ever comes at
    this flow. ``plateau``: Q R, where the pressure ends. ``smallest_seen_kpa_h_per_ul``: a smaller resistance hides in
    the uncertainty of the missing volume. ``alarm``: ``never``, ``expected`` or ``undecided`` within U. Times only
    where it is expected; ``earliest_h`` and ``latest_h`` at the far ends of both U, the latter None for never.
    """

    resistance: Measured
    undetected_below: Measured
    plateau: Measured
    smallest_seen_kpa_h_per_ul: float
    alarm: str
    alarm_time_h: float | None
    earliest_h: float | None
    latest_h: float | None


@dataclass(frozen=True, slots=True)
class BubbleEffect:
    """What air in the line adds: volume it stores until the alarm, and the time that takes at a rate."""

    compliance_ul_per_kpa: float
    stored: Measured  # uL, Boyle
    linear_ul: float  # what the linear model would say
    delay: Measured  # s


def stored_volume(missed: Measured, flow_ul_per_h: float, latency: Measured) -> Measured:
    """Return V = V_missed - Q t_d, what was stored when the threshold was reached; ``latency`` in s."""
    per_s = finite("flow", flow_ul_per_h, positive=True) / SECONDS_PER_HOUR
    value = missed.value - per_s * latency.value
    if not value > 0.0:
        raise UsageError(
            f"a latency of {latency.value:g} s explains all of the missed {missed.value:g} uL", expected="a shorter one"
        )
    return Measured(
        value, combined_budget("uL", [("missed", missed, 1.0), ("latency", latency, -per_s)]), joined_notes(missed)
    )


def no_latency() -> Measured:
    """Return a latency of nothing, where none is known."""
    return stated(0.0, 0.0, "s", "latency of the alarm")


def predicted_alarm(
    stored: Measured,
    rate_u_per_h: float,
    *,
    dose_u: float = 0.0,
    ul_per_u: float = 10.0,
    latency: Measured | None = None,
    rate_dependence: float = RATE_DEPENDENCE,
) -> AlarmPrediction:
    """Return t = V/Q + t_d at ``rate_u_per_h`` from what another rate stored (uL), and ceil(V/q) pulses.

    The budget holds that of the volume, what the volume itself may change with the rate (``rate_dependence``,
    relative half width), and up to one dose interval either way: whole pulses, at a phase that nobody knows.
    ``UsageError`` for a rate of zero.
    """
    if not (rate_u_per_h > 0.0 and math.isfinite(rate_u_per_h)):
        raise UsageError(f"an alarm time at {rate_u_per_h!r} U/h", expected="a rate above zero")
    late = latency or no_latency()
    flow = rate_u_per_h * finite("volume of one unit", ul_per_u, positive=True)
    per_ul = SECONDS_PER_HOUR / flow
    value = alarm_time_h(stored.value, flow, late.value) * SECONDS_PER_HOUR
    dose_ul = finite("dose", dose_u, non_negative=True) * ul_per_u
    budget = combined_budget("s", [("stored volume", stored, per_ul), ("latency", late, 1.0)])
    dependence = finite("rate dependence", rate_dependence, non_negative=True) * stored.value / math.sqrt(3.0)
    for item in (
        Component("missed volume at another rate", dependence, "uL", per_ul, "B", "rectangular", "published pairs"),
        Component("whole pulses at unknown phase", dose_ul / math.sqrt(6.0), "uL", per_ul, "B", "triangular"),
    ):
        budget = budget.with_component(item)
    pulses = pulses_to_alarm(stored.value, dose_ul) if dose_ul > 0.0 else None
    return AlarmPrediction(rate_u_per_h, Measured(value, budget, joined_notes(stored, late)), pulses)


def agreement(measured: Measured, predicted: Measured) -> Agreement:
    """Return whether a slow run's time to alarm (s) agrees with its prediction (s).

    Both uncertainties are taken as independent, though a shared bench makes them a little alike: the difference is
    then less certain than stated, and E_n smaller than it would be, by no more than density and evaporation do.
    """
    difference = measured.value - predicted.value
    expanded = COVERAGE_FACTOR * math.hypot(measured.u, predicted.u)
    if not expanded > 0.0:
        raise UsageError("an agreement of two times without uncertainty", expected="a budget for at least one")
    return Agreement(difference, expanded, difference / expanded)


def partial_occlusion(
    missing: Measured,
    flow_ul_per_h: float,
    compliance: Measured,
    pressure_rise: Measured,
    *,
    elapsed_h: float = math.inf,
    latency_s: float = 0.0,
) -> PartialOcclusion | None:
    """Return the resistance of a partial blockage and whether an alarm is to be expected; None for a total one.

    ``missing``: uL that stayed away within ``elapsed_h`` of the blockage; ``compliance`` uL/kPa; ``pressure_rise`` kPa
    from start to threshold. A missing volume below zero counts as none. None where missing and programmed volume are
    the same within U: nothing shows that anything flows.
    """
    flow = finite("flow", flow_ul_per_h, positive=True)
    amount, c = max(missing.value, 0.0), finite("compliance", compliance.value, positive=True)
    r = partial_resistance_kpa_h_per_ul(amount, flow, c, elapsed_h)
    if r is None or amount + missing.expanded >= flow * elapsed_h:
        return None
    x = elapsed_h / (r * c) if r > 0.0 else math.inf
    settled = 1.0 if math.isinf(x) else -math.expm1(-x) - x * math.exp(-x)  # dV/dR over C Q
    parts = [("missing", missing, 1.0 / (c * flow * settled)), ("compliance", compliance, -r / c)]
    resistance = Measured(r, combined_budget("kPa h/uL", parts), joined_notes(missing, compliance))
    limit_r = undetected_resistance_kpa_h_per_ul(flow, pressure_rise.value)
    limit = Measured(limit_r, pressure_rise.scaled(1.0 / flow, "kPa h/uL").budget)
    apart, allowance = r - limit.value, COVERAGE_FACTOR * math.hypot(resistance.u, limit.u)
    alarm = "undecided" if abs(apart) <= allowance else "expected" if apart > 0.0 else "never"
    middle = earliest = latest = None
    if alarm == "expected":
        middle, earliest, latest = (
            partial_alarm_time_h(
                flow,
                r + way * resistance.expanded,
                c,
                max(pressure_rise.value - way * pressure_rise.expanded, _NO_PRESSURE_KPA),
                latency_s,
            )
            for way in (0.0, 1.0, -1.0)
        )
    return PartialOcclusion(
        resistance=resistance,
        undetected_below=limit,
        plateau=resistance.scaled(flow, "kPa"),
        smallest_seen_kpa_h_per_ul=missing.expanded / (c * flow),
        alarm=alarm,
        alarm_time_h=middle,
        earliest_h=earliest,
        latest_h=latest,
    )


def bubble_effect(
    air: Measured,
    pressure_rise: Measured,
    flow_ul_per_h: float,
    *,
    absolute: Measured | None = None,
) -> BubbleEffect:
    """Return what ``air`` uL at the start pressure store until the alarm, and by how much they delay it at a flow.

    Boyle, isothermal; ``absolute``: absolute pressure at the start, kPa, 101.325 with 3 kPa (weather, height) if None.
    """
    flow = finite("flow", flow_ul_per_h, positive=True)
    p = absolute or stated(ATMOSPHERE_KPA, 3.0, "kPa", "absolute pressure", "assumed: weather and height unknown")
    rise, volume = pressure_rise.value, air.value
    value = air_stored_ul(volume, rise, p.value)
    after = p.value + rise
    parts = [
        ("air", air, rise / after),
        ("pressure rise", pressure_rise, volume * p.value / after**2),
        ("absolute pressure", p, -volume * rise / after**2),
    ]
    stored = Measured(value, combined_budget("uL", parts), joined_notes(air, pressure_rise))
    compliance = air_compliance_ul_per_kpa(volume, p.value)
    return BubbleEffect(compliance, stored, compliance * rise, stored.scaled(SECONDS_PER_HOUR / flow, "s"))


def set_resistance(time_constant: Measured, compliance: Measured) -> Measured:
    """Return R_set = tau/C in kPa h/uL from a release's time constant (s) and the compliance (uL/kPa)."""
    c = finite("compliance", compliance.value, positive=True)
    hours = 1.0 / SECONDS_PER_HOUR
    value = time_constant.value * hours / c
    parts = [("time constant", time_constant, hours / c), ("compliance", compliance, -value / c)]
    return Measured(value, combined_budget("kPa h/uL", parts), joined_notes(time_constant, compliance))


def mean_measured(values: tuple[Measured, ...]) -> Measured:
    """Return the mean of several missed volumes of one pump, with the scatter between them.

    Each run's own budget averages as one result's does (shared parts do not), and s/sqrt(n) of the runs stands beside
    it: what the pump itself varies. ``UsageError`` for none.
    """
    if not values:
        raise UsageError("a mean of no occlusions", expected="at least one")
    count = len(values)
    mean = math.fsum(item.value for item in values) / count
    parts = [(f"run {number}", item, 1.0 / count) for number, item in enumerate(values, 1)]
    budget = combined_budget(values[0].unit, parts)
    if count > 1:
        scatter = math.sqrt(math.fsum((item.value - mean) ** 2 for item in values) / (count - 1) / count)
        budget = Budget(
            budget.unit, (*budget.components, Component("scatter of the runs", scatter, budget.unit, evaluation="A"))
        )
    return Measured(mean, budget, joined_notes(*values))
