"""A blank against the former blanks of its bench: whether the noise is what it has always been here.

The history is that of the bench's ledger as it was when the run began; it stands in the record, so that the same run
judged again later gives the same result. Robust: the median of the logarithms and their MAD, so that a bad day in the
past neither hides the next one nor shuts the bench down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rig.analysis.quality.scale import ALPHA
from rig.metrology.blank import Blank
from rig.record.reader import Event

if TYPE_CHECKING:
    from rig.judging.view import RunView

HISTORY: Final = "bench_history"
LEAST: Final = 10  # former blanks; with fewer nothing is compared, and that is said
FINDING_ALPHA: Final = 1e-3  # 99.9 % of the history: a finding
MAD_SCALE: Final = 1.4826  # MAD of a normal distribution
MAD_EFFICIENCY: Final = 0.37  # of the MAD at the normal distribution (Rousseeuw and Croux 1993)
MEDIAN_VARIANCE: Final = math.pi / 2.0  # of a median, in units of that of a mean
LEAST_SPREAD: Final = 0.05  # of ln(noise): what an estimate from an hour scatters by alone
OTHER_INTERVAL: Final = 2.0  # a blank read so many times faster or slower is another quantity


@dataclass(frozen=True, slots=True)
class Former:
    """What is known of the noise, in mg, and the slopes, in mg/h, of a bench's former blanks."""

    noises_mg: tuple[float, ...] = ()
    slopes_mg_per_h: tuple[float, ...] = ()
    qualified_mg: float | None = None  # noise of the newest qualification that the bench passed
    creep: dict[str, Any] | None = None  # its creep test, if that was passed
    told: bool = False  # whether the record holds a history at all

    @property
    def cold(self) -> bool:
        """Whether there are too few to compare with."""
        return len(self.noises_mg) < LEAST


def former_blanks(events: Sequence[Event], serial: str, interval_s: float) -> Former:
    """Return the history in a record, of this balance at about this sampling interval."""
    told = next((event for event in events if event.name == HISTORY), None)
    if told is None:
        return Former()
    noises: list[float] = []
    slopes: list[float] = []
    qualified: float | None = None
    creep: dict[str, Any] | None = None
    for entry in told.data.get("entries", ()):
        if entry.get("balance") != serial:
            continue
        passed = bool(entry.get("qualification")) and entry.get("outcome") == "PASS"
        creep = entry if passed and entry.get("creep") else creep
        if not 1.0 / OTHER_INTERVAL <= float(entry.get("interval_s", 0.0)) / interval_s <= OTHER_INTERVAL:
            continue
        blanks = [each for each in entry.get("blanks", {}).values() if each.get("noise_mg", 0.0) > 0.0]
        if passed and blanks:
            qualified = max(float(each["noise_mg"]) for each in blanks)
        if entry.get("refused"):
            continue
        noises += [float(each["noise_mg"]) for each in blanks]
        slopes += [float(each["slope_mg_per_h"]) for each in blanks]
    return Former(tuple(noises), tuple(slopes), qualified, creep, told=True)


def reach(count: int, alpha: float) -> float:
    """Return by how many robust spreads a further value exceeds the median of ``count`` with probability ``alpha``.

    A prediction bound: Student's t with the degrees of freedom that a MAD of ``count`` values is worth, and the
    scatter of the median itself.
    """
    from scipy.stats import t  # noqa: PLC0415 - only who needs it pays for it

    freedom = max(MAD_EFFICIENCY * (count - 1), 2.0)
    return float(t.ppf(1.0 - alpha, freedom)) * math.sqrt(1.0 + MEDIAN_VARIANCE / count)


def noise_limit_mg(former: Former, alpha: float) -> float | None:
    """Return the noise that one of 1/``alpha`` blanks like the former ones exceeds; None at a cold start.

    A noise with which the bench passed a qualification is never too much for it.
    """
    if former.cold:
        return None
    logs = np.log(former.noises_mg)
    middle = float(np.median(logs))
    spread = max(MAD_SCALE * float(np.median(np.abs(logs - middle))), LEAST_SPREAD)
    if former.qualified_mg is not None:
        middle = max(middle, math.log(former.qualified_mg))
    return math.exp(middle + reach(len(logs), alpha) * spread)


def slope_limits_mg_per_h(former: Former, u_mg_per_h: float, alpha: float) -> tuple[float, float] | None:
    """Return between which slopes a blank of this u(slope) lies but for ``alpha``; None at a cold start."""
    if len(former.slopes_mg_per_h) < LEAST:
        return None
    slopes = np.asarray(former.slopes_mg_per_h)
    middle = float(np.median(slopes))
    spread = max(MAD_SCALE * float(np.median(np.abs(slopes - middle))), u_mg_per_h)
    half = reach(slopes.size, alpha / 2.0) * spread
    return middle - half, middle + half


def of_view(view: RunView, blank: Blank) -> Former:
    """Return what a blank of a run is compared with."""
    return former_blanks(view.record.events, serial_of(view.record.events), blank.noise.interval_s)


def serial_of(events: Sequence[Event]) -> str:
    """Return the serial number of the balance that was armed; empty where it tells none."""
    armed = next((event.data for event in events if event.name == "armed"), {})
    return str(armed.get("balance", {}).get("serial") or "")


def noise_gate(view: RunView) -> str:
    """Return that a blank is far noisier than this bench has ever been, or nothing."""
    alpha = ALPHA / max(len(view.blanks), 1)
    for which, blank in view.blanks.items():
        limit = noise_limit_mg(of_view(view, blank), alpha)
        if limit is not None and blank.noise.reading_mg > limit:
            return (
                f"the noise of the blank {which}, {blank.noise.reading_mg:.3g} mg, is more than this bench has ever "
                f"had ({limit:.3g} mg): a draught, vibration, static, or something that touches the pan; if the bench "
                "was changed, rig qualify says whether it is fit so"
            )
    return ""
