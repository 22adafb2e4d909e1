"""Rises that nobody programmed: found in quiet stretches, and over a running basal (issue 4, item 6).

In a stretch the mass, less what SET and evaporation explain, should stay level. For a range of gaps the mean of the
readings behind the gap is compared with that before it; the threshold is z u of that difference, u from the blank's
noise model, and z from the number of comparisons of the whole run (Bonferroni), so that noise alone raises a false
alarm in at most ``false_alarm`` of runs whatever the correlation between comparisons.

Over a running basal the pump's own doses move the residual. There a rise counts only beyond what the doses of the
pump's envelope and a basal of up to 1.5 times its rate can bring in that gap, and only above the highest level of the
last half hour: a stuck drive that catches up returns to its former level, an extra delivery does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.stats import norm

from rig.analysis.series import checked
from rig.metrology.checks import FloatArray
from rig.metrology.noise import SECONDS_PER_HOUR, NoiseModel

FALSE_ALARM = 1e-4
POWER_Z = 1.645  # a rise at the detection limit is found in 95 of 100 cases
LONGEST_GAP_S = 900.0
SHARE_OF_STRETCH = 3.0  # gap at most this part of a stretch
AVERAGED_S = 10.0
TAIL_S = 30.0  # what comes after the pump stopped belongs to a delivery
HORIZON_S = 1800.0
BASAL_EXCESS = 0.5  # of the rate: a basal so much too fast is a gain error, not a second delivery
SLIPPED_DOSES = 2.0  # one at either end of the gap (design 4.10)
SHORTEST_RISE_S = 3.0  # a pump's fastest bolus of two doses or more takes longer; a touch, a drop or a step does not
RING_SHARE = 0.3
UNEXPLAINED = 0.15  # of a rise: more than this beyond what short gaps show makes it a flow
SLOW_S = 900.0
DELIVERY, MARK, FLOW = "delivery", "mark", "flow"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where to look. ``rate_mg_per_h``, ``dose_mg``: the basal that runs there (both 0: nothing should come)."""

    from_s: float
    to_s: float
    rate_mg_per_h: float = 0.0
    dose_mg: float = 0.0

    @property
    def quiet(self) -> bool:
        """Return whether nothing should come."""
        return self.rate_mg_per_h <= 0.0

    def allowed_mg(self, gap_s: float) -> float:
        """Return what the pump may bring beyond SET within a gap without a second delivery."""
        if self.quiet:
            return 0.0
        return SLIPPED_DOSES * self.dose_mg + BASAL_EXCESS * self.rate_mg_per_h * gap_s / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Rise:
    """A rise that nobody programmed. ``looks_like``: `DELIVERY`, `MARK` (a touch or a drop) or `FLOW` (slow)."""

    start_s: float
    end_s: float
    mass_mg: float
    u_mg: float
    looks_like: str
    quiet: bool


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found, and what it could have found.

    ``limit_mg``: the smallest lasting rise that is found in 95 % of cases, for each stretch in order (None: too short
    to be searched). ``z``: threshold in u; ``comparisons``: how many the false alarm rate is shared by.
    """

    rises: tuple[Rise, ...]
    stretches: tuple[Stretch, ...]
    limit_mg: tuple[float | None, ...]
    z: float
    comparisons: int

    def limit_at(self, from_s: float, to_s: float) -> float | None:
        """Return the detection limit where an interval lies wholly within one searched stretch, else None."""
        return next(
            (
                limit
                for stretch, limit in zip(self.stretches, self.limit_mg, strict=True)
                if limit is not None and stretch.from_s <= from_s and to_s <= stretch.to_s
            ),
            None,
        )


@dataclass(frozen=True, slots=True)
class _Scan:
    """Differences over one gap in one stretch: instants at which the gap begins, the differences, u and threshold."""

    stretch: int
    gap_s: float
    at_s: FloatArray
    rise_mg: FloatArray
    u_mg: float
    raised_mg: float  # by how much the highest level of the horizon lies above the present one, 95 % of the time


def find_rises(
    times_s: FloatArray,
    excess_mg: FloatArray,
    stretches: Sequence[Stretch],
    noise: NoiseModel,
    *,
    u_slope_mg_per_h: float = 0.0,
    resolution_mg: float = 0.0,
    false_alarm: float = FALSE_ALARM,
) -> Search:
    """Return the lasting rises of ``excess_mg`` (shape (n,): mass less SET, evaporation added back) in ``stretches``.

    ``u_slope_mg_per_h``: of the evaporation; ``resolution_mg``: of the display. Stretches must not overlap. O(n) in
    the readings for each of at most ten gaps.
    """
    times, excess = checked(times_s, excess_mg)
    scans = [
        scan
        for number, stretch in enumerate(stretches)
        for scan in _scans(number, stretch, times, excess, noise, u_slope_mg_per_h, resolution_mg)
    ]
    comparisons = sum(scan.rise_mg.size for scan in scans)
    z = float(norm.isf(false_alarm / comparisons)) if comparisons else 0.0
    rises = [
        rise
        for number, stretch in enumerate(stretches)
        for rise in _rises(number, stretch, scans, times, excess, noise, z)
    ]
    limits = tuple(_limit(number, stretch, scans, z) for number, stretch in enumerate(stretches))
    return Search(tuple(sorted(rises, key=lambda rise: rise.start_s)), tuple(stretches), limits, z, comparisons)


def _scans(
    number: int,
    stretch: Stretch,
    times: FloatArray,
    excess: FloatArray,
    noise: NoiseModel,
    u_slope: float,
    resolution_mg: float,
) -> list[_Scan]:
    first, last = np.searchsorted(times, (stretch.from_s, stretch.to_s), side="left")
    t, w = times[first:last], excess[first:last]
    if t.size < 8:
        return []
    step_s = float(np.median(np.diff(t)))
    longest_s = min(LONGEST_GAP_S, float(t[-1] - t[0]) / SHARE_OF_STRETCH)
    found, gap_s = [], 2.0 * step_s
    while gap_s <= longest_s:
        scan = _scan(number, stretch, t, w, gap_s, step_s, noise, u_slope, resolution_mg)
        if scan is not None:
            found.append(scan)
        gap_s *= 2.0
    return found


def _scan(
    number: int,
    stretch: Stretch,
    t: FloatArray,
    w: FloatArray,
    gap_s: float,
    step_s: float,
    noise: NoiseModel,
    u_slope: float,
    resolution_mg: float,
) -> _Scan | None:
    """Return every comparison over one gap: mean of what follows it less mean of what comes before it."""
    width_s = min(AVERAGED_S, gap_s) if stretch.quiet else step_s
    count = max(1, round(width_s / step_s))
    sums = np.concatenate(([0.0], np.cumsum(w)))
    means = (sums[count:] - sums[:-count]) / count  # means[i]: readings i to i + count - 1
    lead = count - 1 + max(1, round(gap_s / step_s))
    if means.size <= lead:
        return None
    before, after = means[:-lead], means[lead:]
    begins, ends = t[count - 1 : count - 1 + before.size], t[lead : lead + before.size]
    whole = (ends - begins) <= gap_s + 1.5 * step_s  # a hole in the readings is no comparison
    level, raised = before, 0.0
    if not stretch.quiet:
        size = 2 * max(1, round(HORIZON_S / step_s / 2.0)) + 1
        level = np.asarray(maximum_filter1d(before, size, mode="nearest", origin=size // 2), dtype=np.float64)
        raised = float(np.quantile(level - before, 0.95))
    span_s = (count - 1) * step_s
    apart_s = lead * step_s
    of_noise, of_drift, _ = noise.u_difference_mg(count, span_s, count, span_s, apart_s)
    rounding = resolution_mg / math.sqrt(6.0)
    u = math.hypot(of_noise, of_drift, rounding, u_slope * apart_s / SECONDS_PER_HOUR)
    return _Scan(number, apart_s - span_s, begins[whole], (after - level)[whole], u, raised)


def _limit(number: int, stretch: Stretch, scans: Sequence[_Scan], z: float) -> float | None:
    """Return the smallest lasting rise that the most sensitive gap finds in 95 % of cases."""
    return min(
        (
            (z + POWER_Z) * scan.u_mg + stretch.allowed_mg(scan.gap_s) + scan.raised_mg
            for scan in scans
            if scan.stretch == number
        ),
        default=None,
    )


def _rises(
    number: int,
    stretch: Stretch,
    scans: Sequence[_Scan],
    times: FloatArray,
    excess: FloatArray,
    noise: NoiseModel,
    z: float,
) -> list[Rise]:
    """Return what stands out in one stretch.

    The shortest gap that shows a rise places it best: what a longer gap shows around it is the same rise, unless much
    more came in all than the short gaps show. Then it is a flow of which noise shows now this part, now that.
    """
    fine: list[tuple[float, float]] = []
    every: list[tuple[float, float]] = []
    for scan in sorted((each for each in scans if each.stretch == number), key=lambda each: each.gap_s):
        beyond = np.flatnonzero(scan.rise_mg > z * scan.u_mg + stretch.allowed_mg(scan.gap_s))
        found = [(float(scan.at_s[i]), float(scan.at_s[i]) + scan.gap_s) for i in beyond]
        reach_s = AVERAGED_S if stretch.quiet else 0.0
        every += found
        fine += [
            (from_s, to_s)
            for from_s, to_s in _joined(found, max(scan.gap_s, AVERAGED_S))
            if not any(from_s - reach_s <= high and low <= to_s + reach_s for low, high in fine)
        ]
    rises: list[Rise] = []
    for low, high in _joined(every, 0.0):
        parts = [_measured(stretch, a, b, times, excess, noise, z) for a, b in sorted(fine) if low <= a <= high]
        held = [part for part in parts if part is not None]
        whole = _measured(stretch, low, high, times, excess, noise, z)
        unexplained = 0.0 if whole is None else whole.mass_mg - math.fsum(part.mass_mg for part in held)
        if whole is not None and len(parts) > 1 and unexplained > max(UNEXPLAINED * whole.mass_mg, z * whole.u_mg):
            held = [whole]
        rises += held
    return rises


def _joined(spans: Sequence[tuple[float, float]], apart_s: float) -> list[tuple[float, float]]:
    """Return spans that are no further apart than that as one."""
    joined: list[tuple[float, float]] = []
    for from_s, to_s in sorted(spans):
        if joined and from_s <= joined[-1][1] + apart_s:
            joined[-1] = (joined[-1][0], max(joined[-1][1], to_s))
        else:
            joined.append((from_s, to_s))
    return joined


def _measured(
    stretch: Stretch,
    from_s: float,
    to_s: float,
    times: FloatArray,
    excess: FloatArray,
    noise: NoiseModel,
    z: float,
) -> Rise | None:
    """Return a rise with its amount from before to after; None where nothing lasting is left (a spike)."""
    low, high = np.searchsorted(times, (stretch.from_s, stretch.to_s), side="left")
    tail_s = TAIL_S if stretch.quiet and to_s + TAIL_S + AVERAGED_S <= stretch.to_s else 0.0
    start, end = np.searchsorted(times, (from_s, to_s + tail_s), side="right")
    before, after = slice(max(low, start - 10), start), slice(end - 1, min(high, end + 9))
    if before.start >= before.stop or after.start >= after.stop:
        return None  # the stretch begins or ends with it: nothing to compare with
    level, closing = float(np.median(excess[before])), float(np.median(excess[after]))
    count_before, count_after = before.stop - before.start, after.stop - after.start
    step_s = float(np.median(np.diff(times[low:high])))
    noise_u, drift_u, _ = noise.u_difference_mg(
        count_before, (count_before - 1) * step_s, count_after, (count_after - 1) * step_s, to_s - from_s + step_s
    )
    u = 1.26 * math.hypot(noise_u, drift_u)  # a median in place of a mean: sqrt(pi/2)
    mass = closing - level
    if mass <= z * u / 2.0:
        return None
    t, w = times[before.start : after.stop], excess[before.start : after.stop] - level
    first = int(np.argmax(w >= 0.1 * mass))
    # The first passage of 90 % ends the rise; what swings about the level afterwards is ringing.
    passed = first + int(np.argmax(w[first:] >= 0.9 * mass))
    length_s = float(t[passed] - t[max(first - 1, 0)])
    ring = float(w[passed:].max() - mass) if passed < len(w) else 0.0
    looks = _looks_like(stretch, length_s, mass, ring, noise.reading_mg, step_s)
    edge = math.sqrt(2.0) * stretch.dose_mg / math.sqrt(12.0) if not stretch.quiet else 0.0
    return Rise(float(t[max(first - 1, 0)]), float(t[passed]), mass, math.hypot(u, edge), looks, stretch.quiet)


def _looks_like(stretch: Stretch, length_s: float, mass: float, ring: float, noise_mg: float, step_s: float) -> str:
    """Return what a rise looks like: rung or sudden is a mark on the pan, a bolus's time a delivery, longer a flow."""
    rang = ring > max(6.0 * noise_mg, RING_SHARE * mass)
    sudden = length_s <= SHORTEST_RISE_S and step_s <= SHORTEST_RISE_S / 3.0
    if rang or (sudden and mass > max(3.0 * stretch.dose_mg, 1.0)):
        return MARK
    return FLOW if length_s > SLOW_S else DELIVERY
