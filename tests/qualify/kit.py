"""Qualifications on the twin, short enough for a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rig.config import BenchConfig, load_bench
from rig.engine import Finished, run_scenario
from rig.results import CheckResult
from rig.runner.operator import Operator, Wait
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario

HEAD = "schema: 1\nid: short\ntitle: Is it fit?\nneeds: [balance, flow_source]\n"
STEPS = """steps:
  - blank: {for: 10 min}
  - flow: {rate: 600 uL/h, for: 1 min, rest: 1 min, run_in: true}
  - flow: {rate: 900 uL/h, for: 4 min, rest: 1 min, name: fast}
  - blank: {for: 10 min}
"""
CHECKS = """checks:
  - {id: slope, measure: blank.slope, limit: 1 mg/h, source: the tests}
  - {id: flow, measure: flow.error, step: fast, source: L-Q1}
"""
DATA = Path(__file__).parents[1] / "data"


class Anybody(Operator):
    """Somebody at the bench; on the twin its own hands put weights on."""

    name = "anybody"

    def ask(self, question: str, _choices: Sequence[str], _wait: Wait) -> str:
        raise AssertionError(f"a qualification asks nothing: {question}")

    def put_on(self, _mass_g: float, _what: str, _wait: Wait) -> None:
        raise AssertionError("the twin has hands of its own")


def bench(*, sources: bool = True) -> BenchConfig:
    config = load_bench("simulated-syringe")
    return config if sources else replace(config, flow_sources=())


def short(steps: str = STEPS, checks: str = CHECKS) -> Scenario:
    return parse_scenario(HEAD + steps + checks, "short.yaml")


def qualify(
    folder: Path,
    faults: Sequence[str] = (),
    scenario: Scenario | None = None,
    config: BenchConfig | None = None,
    operator: Operator | None = None,
) -> Finished:
    return run_scenario(scenario or short(), config or bench(), folder, faults=faults, operator=operator)


def checks_of(finished: Finished) -> dict[str, CheckResult]:
    return {check.id: check for check in finished.result.checks}
