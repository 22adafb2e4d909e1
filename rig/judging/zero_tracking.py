"""Does the display follow a slow change? Three doses of 0.5 mg may step over a tracking band; a slow flow cannot.

Shown by the open vessel's own evaporation in the blanks, where enough of it is seen; else by the slow known flow of the
bench's last qualification (its creep test). Where neither is there, nothing has shown it, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rig.analysis.quality.scale import sigmas
from rig.judging.bench_history import of_view
from rig.judging.view import RunView
from rig.metrology.blank import Blank
from rig.results import Finding

LEAST_DIGITS: Final = 5.0  # of the display, that evaporation moved it by within one blank
EVAPORATION, QUALIFICATION = "evaporation", "qualification"


@dataclass(frozen=True, slots=True)
class Followed:
    """The slowest change that the display was seen to follow, mg/h; ``by`` is empty where none was.

    ``detection_limit_mg_per_h``: the least evaporation that these blanks would have shown.
    """

    by: str
    rate_mg_per_h: float | None
    detection_limit_mg_per_h: float
    text: str

    @property
    def shown(self) -> bool:
        """Whether anything has shown it."""
        return bool(self.by)


def least_mg_per_h(blank: Blank, resolution_mg: float) -> float:
    """Return the least evaporation that a blank shows for certain: beyond its noise, and five digits of the display."""
    return max(sigmas(4.0) * blank.u_slope_mg_per_h, LEAST_DIGITS * resolution_mg * 3600.0 / blank.duration_s)


def followed(view: RunView) -> Followed | None:
    """Return what shows that the display follows; None where there is no blank to look at."""
    if not view.blanks:
        return None
    resolution_mg = view.evidence.bench.balance.resolution_mg
    seen = [
        (-blank.slope_mg_per_h, least_mg_per_h(blank, resolution_mg), which) for which, blank in view.blanks.items()
    ]
    limit = min(least for _, least, _ in seen)
    fallen = [(rate, which) for rate, least, which in seen if rate >= least]
    if fallen:
        rate, which = max(fallen)
        text = f"the display followed the vessel's own evaporation of {rate:.3g} mg/h in the blank {which}"
        return Followed(EVAPORATION, rate, limit, text)
    former = of_view(view, next(iter(view.blanks.values()))).creep
    if former is not None:
        rate = float(former["creep"]["rate_ul_per_h"]) * 1e-3 * view.chain.liquid.density_kg_per_m3
        when = str(former.get("utc", ""))[:10]
        text = f"the display followed a known flow of {rate:.3g} mg/h in the qualification of {when}"
        return Followed(QUALIFICATION, rate, limit, text)
    return Followed("", None, limit, f"no slow change was seen; evaporation would have been from {limit:.3g} mg/h on")


def tracking_findings(view: RunView) -> list[Finding]:
    """Return that nothing has shown that the display follows a slow change, where nothing has.

    Of benches with a history alone: the twin's has none, and its row in ``fitness.gates`` says the same.
    """
    found = followed(view)
    told = any(of_view(view, blank).told for blank in view.blanks.values())
    if found is None or found.shown or not told or view.evidence.scenario.qualifies:
        return []
    blanks = sorted(view.blanks.values(), key=lambda blank: blank.start_s)
    dose_mg = view.programme.dose_u * view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3
    text = (
        f"nothing has shown that the display follows a slow change: {found.text}. The balance says that its zero "
        f"tracking is off, or cannot be asked; doses of {dose_mg:.2g} mg may step over a tracking band. The creep test "
        "of rig qualify, or a vessel that evaporates so much, would show it"
    )
    return [Finding("creep-not-shown", text, blanks[0].start_s, blanks[-1].end_s)]
