"""Whether a pump may be left running when its runner is lost (design 5.4, ``on_runner_loss: hold``)."""

from __future__ import annotations

from rig.programme import Plan
from rig.scenario.model import Scenario

MARGIN_U = 2.0


def may_hold(scenario: Scenario, plan: Plan, step: int, reservoir_u: float, vessel_ul: float) -> bool:
    """Say whether reservoir and vessel suffice for the rest of ``step`` and for the time of a hold after it.

    ``reservoir_u`` is what the pump says is left, ``vessel_ul`` the room in the vessel when the run began. The highest
    rate of the plan counts, since a temporary basal may end within the hold.
    """
    if scenario.on_runner_loss != "hold" or not scenario.hold_s:
        return False
    highest_u_per_h = max((segment.rate_u_per_h for segment in plan.programme.segments), default=0.0)
    hold_u = highest_u_per_h * scenario.hold_s / 3600.0 + MARGIN_U
    ul_per_u = plan.volume_ul / plan.total_u if plan.total_u else 0.0
    enough = reservoir_u >= plan.steps[step].expected_u + hold_u
    return enough and vessel_ul >= plan.volume_ul + hold_u * ul_per_u
