"""Supply steps against a bench: whether it has a supply, and whether its limits allow what they ask for."""

from __future__ import annotations

from rig.config import BenchConfig
from rig.errors import ScenarioError
from rig.scenario.document import Place
from rig.scenario.model import Scenario, Step
from rig.scenario.supply_step import INTERRUPT, OFF, SWEEP, VOLTAGE, SupplyStep
from rig.units import format_duration, format_number


def voltage_before(scenario: Scenario, step: int, nominal_v: float) -> float:
    """Return the voltage in force when a step begins: what the last step before it left, else the nominal one."""
    voltage_v = nominal_v
    for each in scenario.steps[:step]:
        if isinstance(each, SupplyStep) and each.voltages_v:
            voltage_v = each.voltages_v[-1]
    return voltage_v


def check_supply(scenario: Scenario, bench: BenchConfig) -> None:
    """Refuse, before anything moves, supply steps and readings that the bench has no device for, or that it forbids."""
    where = str(Place(scenario.source_name or scenario.id, 0))
    for need, device, interval_s in (
        ("supply", bench.supply, scenario.supply_interval_s),
        ("meter", bench.meter, scenario.meter_interval_s),
    ):
        if device is None and (need in scenario.needs or interval_s is not None):
            raise _missing(bench, need, where)
        if interval_s is not None and interval_s < scenario.balance_interval_s:
            raise ScenarioError(
                f"the {need} cannot be read every {format_duration(interval_s)}: it is read after a weighing",
                where=where,
                expected=f"at least the {format_duration(scenario.balance_interval_s)} of 'balance'",
            )
    for index, step in enumerate(scenario.steps):
        if isinstance(step, SupplyStep):
            _check_step(step, bench, _where(scenario, index))


def describe_supply(step: Step) -> str:
    """Return a supply step in the words of a dry run."""
    assert isinstance(step, SupplyStep)  # noqa: S101 - asked by its type
    if step.deed == OFF:
        return f"supply off for {format_duration(step.duration_s)}"
    if step.deed == INTERRUPT:
        return f"supply interrupted for {format_duration(step.duration_s)}"
    first_v = format_number(step.voltage_v or 0.0)
    if step.deed == SWEEP:
        return f"supply from {first_v} V to {format_number(step.to_v or 0.0)} V over {format_duration(step.duration_s)}"
    kept = f" for {format_duration(step.duration_s)}" if step.duration_s else ""
    return f"supply at {first_v} V{kept}"


def _check_step(step: SupplyStep, bench: BenchConfig, where: str) -> None:
    supply = bench.supply
    if supply is None:
        raise _missing(bench, "supply", where)
    for voltage_v in step.voltages_v:
        if not 0.0 <= voltage_v < supply.max_v:
            raise ScenarioError(
                f"{format_number(voltage_v)} V would trip the over-voltage protection",
                where=where,
                expected=f"less than the {format_number(supply.max_v)} V of [supply] max_v of bench {bench.name}",
            )
    if step.deed == SWEEP and step.voltage_v == step.to_v:
        raise ScenarioError("the sweep begins where it ends", where=where, expected=f"a '{VOLTAGE}' step, with 'for'")


def _missing(bench: BenchConfig, need: str, where: str) -> ScenarioError:
    return ScenarioError(
        f"bench {bench.name} has no {need}",
        where=where,
        expected=f"a table [{need}] in the bench file",
        hint="another bench, or a scenario without it",
    )


def _where(scenario: Scenario, index: int) -> str:
    step = scenario.steps[index]
    return str(Place(scenario.source_name or scenario.id, step.line, f"steps[{index + 1}].{step.kind}"))
