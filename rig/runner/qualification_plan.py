"""What a qualification will do on a bench, and why it cannot: before anything moves."""

from __future__ import annotations

from datetime import datetime

from rig.bench import balance_driver, flow_driver
from rig.config import BenchConfig, FlowSourceConfig
from rig.errors import ConfigError, ScenarioError
from rig.plugins.spec import Capability
from rig.programme import BolusOrder, Plan, PlannedStep, Programme
from rig.scenario.document import Place
from rig.scenario.model import Scenario, length_s
from rig.scenario.plan import ARMING_S, MG_PER_UL
from rig.scenario.qualification import FLOWING, QUALIFYING, DispenseStep, FlowStep, check_steps, volume_ul
from rig.scenario.sequence import check_values
from rig.scenario.validate import VESSEL_SHARE
from rig.scenario.words import describe

UL_PER_U = 10.0


def plan_qualification(scenario: Scenario, config: BenchConfig, start_local: datetime) -> Plan:
    """Return the plan; volumes stand as U of U-100 where a plan of a pump has units.

    Raises `ScenarioError` for a vessel that is too small or a flow source that is not in the bench file, `ConfigError`
    for a driver that cannot do it, a flow whose uncertainty or syringe is not stated, and a certificate that expires.
    """
    check_values(scenario)
    check_steps(scenario.steps, scenario.source_name or scenario.id)
    balance_driver(config)
    if config.flow_sources:
        for number, step in enumerate(scenario.steps, start=1):
            if isinstance(step, FlowStep | DispenseStep):
                where = str(Place(scenario.source_name or scenario.id, step.line, f"steps[{number}].{step.kind}"))
                _check_source(step, config, where)
    flows = scenario.steps if config.flow_sources else ()
    total_ul = sum(volume_ul(step) for step in flows if isinstance(step, QUALIFYING))
    if total_ul * VESSEL_SHARE > config.vessel.capacity_ul:
        raise ScenarioError(
            f"{total_ul:g} uL do not fit into the vessel",
            where=scenario.source_name or scenario.id,
            expected=f"at most {config.vessel.capacity_ul / VESSEL_SHARE:.0f} uL",
            hint="a larger vessel, or shorter flows",
        )
    steps, orders, now_s = [], [], 0.0
    for index, step in enumerate(scenario.steps):
        flowing = isinstance(step, FLOWING) and bool(config.flow_sources)
        amount_u = volume_ul(step) / UL_PER_U if flowing and isinstance(step, QUALIFYING) else 0.0
        end_s = now_s + length_s(step)
        steps.append(PlannedStep(index, step.kind, now_s, end_s, amount_u, describe(step)))
        if amount_u:
            orders.append(BolusOrder(now_s, amount_u, end_s - now_s, index, 0))
        now_s = end_s
    plan = Plan(
        scenario_id=scenario.id,
        programme=Programme((), tuple(orders), 1e-6),
        events=(),
        steps=tuple(steps),
        lead_s=ARMING_S,
        duration_s=ARMING_S + now_s,
        start_local=start_local,
        total_u=total_ul / UL_PER_U,
        reservoir_need_u=0.0,
        volume_ul=total_ul,
        mass_mg=total_ul * MG_PER_UL,
        curve=((0.0, 0.0), (now_s, total_ul / UL_PER_U)),
    )
    _check_certificates(config, plan)
    return plan


def _check_source(step: FlowStep | DispenseStep, config: BenchConfig, where: str) -> None:
    source = next((each for each in config.flow_sources if step.source in ("", each.name)), None)
    if source is None:
        names = ", ".join(each.name for each in config.flow_sources)
        raise ScenarioError(f"the bench has no flow source '{step.source}'", where=where, expected=f"one of {names}")
    _check_known(source, config)
    can = flow_driver(source, config).spec.capabilities
    if isinstance(step, DispenseStep) and Capability.DISPENSES not in can:
        raise ScenarioError(f"driver '{source.protocol}' dispenses no amounts", where=where, expected="a flow step")


def _check_known(source: FlowSourceConfig, config: BenchConfig) -> None:
    """Refuse a flow that nobody can call known."""
    missing = [key for key in ("diameter_mm", "accuracy") if getattr(source, key) is None]
    if missing:
        raise ConfigError(
            f"the flow of {source.name} is not known without {' and '.join(missing)}",
            where=f"bench {config.name}, flow_sources",
            expected="the diameter of its syringe, and [flow_sources.accuracy] with half_width_pct and source",
        )


def _check_certificates(config: BenchConfig, plan: Plan) -> None:
    """Refuse what expires before the end, on a bench with ports."""
    if config.simulated:
        return
    dues = [(f"the {each.device}'s certificate", each.due) for each in config.certificates]
    dues += [
        (f"what is known of {each.name}", each.accuracy.due)
        for each in config.flow_sources
        if each.accuracy is not None and each.accuracy.due is not None
    ]
    for what, due in dues:
        if plan.end_local.date() > due:
            raise ConfigError(
                f"{what} expires on {due.isoformat()}, before the planned end",
                where=f"bench {config.name}",
                hint="have it calibrated, and write the new day into the bench file",
            )
