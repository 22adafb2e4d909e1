"""What a run will need of reservoir and vessel, from where it begins or is taken up: recorded, not judged."""

from __future__ import annotations

import math
from typing import Any

from rig.config import BenchConfig
from rig.programme import Plan


def forecast(
    config: BenchConfig, plan: Plan, reservoir_u: float | None, first_step: int = 0, filled_ul: float = 0.0
) -> dict[str, Any]:
    """Return the event: reservoir in U, vessel in uL, rise of the level in mm, evaporating surface in mm2.

    ``filled_ul``: what has come since the run began. The level rises by V/A in the ring between vessel and tube, from
    whose surface evaporates what the blanks measure. `rig.scenario.validate` and `rig.runner.arming` refuse what does
    not fit; this says by how much it does.
    """
    done_u = math.fsum(step.expected_u for step in plan.steps[:first_step])
    need_ul = plan.volume_ul * (1.0 - done_u / plan.total_u if plan.total_u else 0.0)
    surface_mm2 = math.pi / 4.0 * (config.vessel.inner_diameter_mm**2 - config.tube.outer_diameter_mm**2)
    return {
        "reservoir_u": reservoir_u,
        "reservoir_need_u": plan.reservoir_need_u - done_u,
        "vessel_need_ul": need_ul,
        "vessel_room_ul": config.vessel.capacity_ul - filled_ul,
        "level_rise_mm": need_ul / surface_mm2,
        "surface_mm2": surface_mm2,
    }


def forecast_line(told: dict[str, Any]) -> str:
    """Return the forecast in one line for a terminal."""
    reservoir = "" if told["reservoir_u"] is None else f" of {told['reservoir_u']:.1f} U"
    return (
        f"forecast: {told['reservoir_need_u']:.1f} U{reservoir} from the reservoir, {told['vessel_need_ul'] / 1e3:.3g} "
        f"mL into room for {told['vessel_room_ul'] / 1e3:.3g} mL, level +{told['level_rise_mm']:.2g} mm, "
        f"{told['surface_mm2']:.0f} mm2 evaporate"
    )
