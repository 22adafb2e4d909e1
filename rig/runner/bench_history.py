"""The noise and slopes of a bench's former blanks: kept in its ledger, and told to each run at its start."""

from __future__ import annotations

from typing import Any, Final

from rig.record.ledger import BenchLedger
from rig.results import Outcome, Result
from rig.scenario.model import Scenario
from rig.scenario.qualification import FlowStep

FITNESS: Final = "fitness"
NEWEST: Final = 50  # so many entries are told: months of a bench, and still a short line
CREEP: Final = "creep.share"
NOISE_GATE: Final = "noise against the bench's history"
_KEPT: Final = ("noise_mg", "slope_mg_per_h", "u_slope_mg_per_h", "duration_s")


def told_to_a_run(ledger: BenchLedger | None) -> dict[str, Any] | None:
    """Return the event ``bench_history``; None for a bench without a ledger."""
    if ledger is None:
        return None
    kept = [entry for entry in ledger.entries() if entry.kind == FITNESS]
    void = {entry.run_id for entry in ledger.entries() if entry.kind == "void"}
    told = [{"utc": entry.utc, **entry.data} for entry in kept if entry.run_id not in void]
    return {"entries": told[-NEWEST:]}


def entry_of(result: Result, scenario: Scenario) -> dict[str, Any] | None:
    """Return what a judged run adds to its bench's ledger; None where it had no blank."""
    table = result.analysis.get("blank", {})
    blanks = {which: part for which, part in table.items() if isinstance(part, dict) and "noise_mg" in part}
    if not blanks:
        return None
    return {
        "run_id": result.run_id,
        "balance": str(result.bench.get("balance", {}).get("serial") or ""),
        "interval_s": max(float(part["interval_s"]) for part in blanks.values()),
        "outcome": result.outcome.value,
        "qualification": scenario.qualifies,
        "refused": any(
            row["gate"].startswith(NOISE_GATE) and row["fit"] is False for row in result.fitness.get("gates", ())
        ),
        "blanks": {which: {key: part[key] for key in _KEPT} for which, part in blanks.items()},
        "creep": _creep(result, scenario),
    }


def _creep(result: Result, scenario: Scenario) -> dict[str, Any] | None:
    """Return the slowest flow that a qualification saw the display follow, or None."""
    passed = {check.id for check in result.checks if check.outcome is Outcome.PASS}
    asked = [check for check in scenario.checks if check.measure == CREEP and check.id in passed]
    rates = [
        step.rate_ul_per_h
        for check in asked
        for index, step in enumerate(scenario.steps)
        if isinstance(step, FlowStep) and check.step in (None, index) and not step.run_in
    ]
    return {"rate_ul_per_h": min(rates)} if rates else None
