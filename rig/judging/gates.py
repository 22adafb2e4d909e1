"""The gates of bench fitness: what forbids judging whatever the pump did (design 4.11).

All of them together raise a false alarm in at most one of 1,000 clean runs (tests/studies/gates.py measures it).
"""

from __future__ import annotations

from typing import Final

from rig.judging.bench_history import noise_gate
from rig.judging.frozen import frozen_blank
from rig.judging.reference_weights import weights_gate
from rig.judging.view import RunView
from rig.metrology.evaporation import Evaporation

EVAPORATION_GATE: Final = 0.2  # of the programme's mean rate, design 4.11
RISING_SIGMAS: Final = 3.0  # u errs on the large side: a rise within it is no rise (tests/studies/gates.py)
RISING_SHARE: Final = 0.01  # of the programme's mean rate: what a fifth of a 5 % limit would hide
MG_PER_UL: Final = 1.0


def why_unfit(view: RunView, from_s: float, to_s: float) -> str:
    """Return why nothing may be judged over an interval, or nothing."""
    if view.evaporation is None:
        return "no blank: the evaporation is unknown"
    rate = rate_mg_per_h(view, from_s, to_s)
    return (
        frozen_blank(view)
        or weights_gate(view)
        or noise_gate(view)
        or rising(view.evaporation, rate)
        or evaporating(view.evaporation, rate)
    )


def rate_mg_per_h(view: RunView, from_s: float, to_s: float) -> float:
    """Return the programme's mean rate over an interval, mg/h."""
    hours = (to_s - from_s) / 3600.0
    return view.programme.expected_u(from_s, to_s) * view.ul_per_u * MG_PER_UL / hours if hours > 0 else 0.0


def rising_limit_mg_per_h(evaporation: Evaporation, programmed_mg_per_h: float) -> float:
    """Return by how much the mass may rise at rest: what the blanks' own noise explains, or 1 % of the rate."""
    return max(RISING_SIGMAS * evaporation.u_mg_per_h, RISING_SHARE * programmed_mg_per_h)


def rising(evaporation: Evaporation, programmed_mg_per_h: float) -> str:
    """Return that the mass rose with the pump stopped, or nothing."""
    rise = -evaporation.rate_mg_per_h
    if rise <= rising_limit_mg_per_h(evaporation, programmed_mg_per_h):
        return ""
    return (
        f"the mass rose by {rise:.3g} mg/h with the pump stopped, which evaporation cannot do: a pump that leaks while "
        "suspended, a siphon or a drifting zero, and one balance cannot tell which"
    )


def evaporating(evaporation: Evaporation, programmed_mg_per_h: float) -> str:
    """Return that more evaporates than a fifth of this rate, or nothing."""
    lost = abs(evaporation.rate_mg_per_h)
    if programmed_mg_per_h <= 0.0 or lost <= EVAPORATION_GATE * programmed_mg_per_h:
        return ""
    return f"evaporation of {lost:.3g} mg/h is more than 20 % of the programme's {programmed_mg_per_h:.3g} mg/h"
