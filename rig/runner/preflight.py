"""Before a run begins: room on the disk for all that it will record."""

from __future__ import annotations

import shutil
from pathlib import Path

from rig.config import BenchConfig
from rig.errors import UsageError
from rig.programme import Plan
from rig.runner.reference import weight_of
from rig.scenario.model import BolusStep, Scenario

BYTES_PER_READING = 150  # the most that a reading takes with commits of one second (docs/reference/record.md)
MARGIN = 1.5
REPORT_BYTES = 20_000_000
BOLUS_SHARE_S = 900.0  # how long a bolus may be watched at the finer interval


def bytes_needed(scenario: Scenario, plan: Plan) -> int:
    """Return how many bytes a run may take, report included, with a margin."""
    readings = plan.duration_s / scenario.balance_interval_s
    boluses = sum(step.repeat for step in scenario.steps if isinstance(step, BolusStep))
    readings += boluses * BOLUS_SHARE_S / scenario.bolus_interval_s
    return round(readings * BYTES_PER_READING * MARGIN) + REPORT_BYTES


def check_attended(scenario: Scenario, config: BenchConfig, plan: Plan, *, attended: bool) -> None:
    """Refuse a run that wants a person and has none, and one whose reference weight's certificate ends before it."""
    if scenario.operator == "prompts" and not attended:
        raise UsageError(
            "this scenario wants a person at the bench",
            where=scenario.source_name or scenario.id,
            expected="--operator NAME",
            hint="operator: none, where nobody has to be there",
        )
    weight = weight_of(config)
    if not attended or config.simulated or scenario.qualifies or weight is None:
        return
    if plan.end_local.date() > weight.calibration.due:
        raise UsageError(
            f"the certificate of the reference weight of {weight.nominal_g:g} g expires on {weight.calibration.due}, "
            f"before the planned end on {plan.end_local.date()}",
            where=f"bench {config.name}: reference_weights",
            hint="have it calibrated, or take it out of the bench file",
        )


def check_room(parent: Path, scenario: Scenario, plan: Plan) -> None:
    """Raise `UsageError` when the disk under ``parent`` has no room for the run."""
    place = parent
    while not place.exists() and place != place.parent:
        place = place.parent
    needed, free = bytes_needed(scenario, plan), shutil.disk_usage(place).free
    if free < needed:
        raise UsageError(
            f"only {free / 1e6:.0f} MB are free",
            where=str(parent),
            expected=f"{needed / 1e6:.0f} MB for scenario {scenario.id}",
            hint="free some, or choose another place with --out DIR",
        )
