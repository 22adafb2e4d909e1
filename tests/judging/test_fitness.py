"""What the bench itself contributes: its share of every limit, its gates, and what an unfit bench may still say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import jsonschema
import pytest

from rig.config import Calibration, ReferenceWeightConfig
from rig.judging.certificates import certificates
from rig.judging.evidence import Evidence
from rig.judging.fitness import Asked, group_of, is_the_bench
from rig.judging.judge import judge_evidence
from rig.judging.schema import result_schema
from rig.metrology.budget import Budget, Component
from rig.record.reader import Event, WeighingColumns
from rig.results import LimitSource, Outcome, Result
from rig.scenario.model import BasalStep, Check
from rig.verdict import Limits, decide
from tests.judging.runs import NS, RunMaker

HOUR = 3600.0
MEAN = Check("mean", "m", "basal.overall_error", 0.0, 4 * HOUR, lower=-5, upper=5, source="pump.accuracy.basal")
NARROW = Check("narrow", "n", "basal.delivered", 0.0, HOUR, lower=0.95, upper=1.05, unit="U", source="a document")
LIMITS = Limits(-5.0, 5.0, LimitSource("x", "x", "x"))
WEIGHT = ReferenceWeightConfig(20.0, 20.000_1, 0.02, Calibration("weight-1", date(2099, 1, 1)))


def _made(**how: float) -> Evidence:
    return RunMaker((BasalStep(1.0, 4 * HOUR),), (MEAN,), **how).make()  # type: ignore[arg-type]


def _gates(result: Result) -> dict[str, dict[str, object]]:
    return {row["gate"]: row for row in result.fitness["gates"]}


def _budget(own: float, other: float) -> Budget:
    return Budget("%", (Component("balance zero drift", own, "%"), Component("dose edge", other, "%")))


@pytest.mark.parametrize(
    ("value", "own", "other", "outcome"),
    [
        (0.0, 1.0, 0.5, Outcome.PASS),  # U = 2.24 of 5 %
        (0.0, 1.0, 1.0, Outcome.INCONCLUSIVE),  # all of U is 2.83, the bench's own 2: no PASS, and the bench is fit
        (0.0, 1.3, 0.0, Outcome.INVALID),
        (5.0, 1.3, 0.0, Outcome.INVALID),
        (9.0, 1.3, 0.0, Outcome.FAIL),  # beyond the limit by more than U: it stands on any bench
        (-9.0, 1.3, 0.0, Outcome.FAIL),
    ],
)
def test_an_unfit_bench_decides_nothing_but_a_fail_beyond_all_of_u(
    value: float, own: float, other: float, outcome: Outcome
) -> None:
    budget = _budget(own, other)
    decision = decide(value, budget.combined, LIMITS)
    assert Asked(decision, value, budget.combined, budget, LIMITS).fitted().outcome is outcome


def test_simple_acceptance_does_not_make_an_unfit_bench_fit() -> None:
    budget = _budget(1.3, 0.0)
    for value in (4.9, 5.1):
        decision = decide(value, budget.combined, LIMITS, "simple")
        assert Asked(decision, value, budget.combined, budget, LIMITS).fitted().outcome is Outcome.INVALID


def test_a_bench_that_is_itself_asked_is_not_called_unfit_for_it() -> None:
    budget = _budget(1.3, 0.0)
    decision = decide(0.0, budget.combined, LIMITS)
    asked = Asked(decision, 0.0, budget.combined, budget, LIMITS, of_the_bench=True)
    assert asked.fitted().outcome is Outcome.INCONCLUSIVE


def test_a_component_that_nobody_has_placed_counts_as_the_bench_s_own() -> None:
    assert is_the_bench("something new")
    assert group_of("evaporation between the blanks") == "evaporation"
    assert not is_the_bench("dose edge")
    assert not is_the_bench("reading gap of 40 s")


def test_every_component_of_a_run_has_its_group_and_the_shares_add_up() -> None:
    result = judge_evidence(_made())
    (row,) = result.fitness["checks"]
    assert "other" not in {part["name"] for part in row["components"]}
    own = sum(part["expanded_uncertainty"] ** 2 for part in row["components"] if part["of_the_bench"]) ** 0.5
    assert own == pytest.approx(row["own_expanded_uncertainty"])
    assert row["share"] == pytest.approx(own / 5.0)
    whole = sum(part["expanded_uncertainty"] ** 2 for part in row["components"]) ** 0.5
    assert whole == pytest.approx(result.checks[0].expanded_uncertainty)
    assert result.fitness["fit"]
    assert "bench fit" in result.fitness["line"]
    jsonschema.validate(result.to_json(), result_schema())


def test_an_unfit_bench_says_how_much_of_the_limit_it_takes_and_what_takes_it() -> None:
    result = judge_evidence(RunMaker((BasalStep(1.0, HOUR),), (NARROW,), noise_mg=0.2).make())
    assert result.outcome is Outcome.INVALID
    assert "its own U of" in result.checks[0].why
    assert "more than half the limit of 0.05" in result.checks[0].why
    assert result.fitness["line"].startswith("bench NOT fit: narrow: its own U takes")


def test_a_certificate_that_expired_is_named_wherever_it_stands() -> None:
    evidence = _made()
    late = replace(evidence.bench.balance, calibration=Calibration("old", date(2026, 3, 3)))
    bench = replace(evidence.bench, balance=late, reference_weights=(WEIGHT,))
    assert [each.what for each in certificates(bench)] == ["balance", "reference weight of 20 g"]
    assert [each.always for each in certificates(bench)] == [True, False]
    result = judge_evidence(replace(evidence, bench=bench))
    assert result.outcome is Outcome.INVALID
    assert "expired on 2026-03-03" in result.checks[0].why
    assert _gates(result)["certificate of the balance"]["fit"] is False


def _with_weights(evidence: Evidence, start_mg: float, end_mg: float | None, weight: ReferenceWeightConfig) -> Evidence:
    """Return a run before and after which a weight was on the pan that showed so much too much."""
    columns, events = evidence.record.weighings["balance"], list(evidence.record.events)
    first_s, last_s = -400.0, columns.answered_ns[-1] / NS + 10.0
    shown = WeighingColumns()

    def put(which: str, from_s: float, error_mg: float, base_mg: float) -> None:
        for at_s in range(360):
            on = 90 <= at_s < 210
            at_ns = round((from_s + at_s) * NS)
            shown.asked_ns.append(at_ns)
            shown.answered_ns.append(at_ns)
            shown.mass_mg.append(base_mg + (weight.mass_g * 1e3 + error_mg if on else 0.0))
            shown.resolution_mg.append(0.01)
            shown.stable.append(1)
        for name, at_s in (("weight_on_asked", 88), ("weight_on", 92), ("weight_off_asked", 205), ("weight_off", 212)):
            told = {"which": which, "nominal_g": weight.nominal_g}
            events.append(Event(round((from_s + at_s) * NS), name, told))

    put("start", first_s, start_mg, 50_000.0)
    for name in ("asked_ns", "answered_ns", "mass_mg", "resolution_mg", "stable"):
        getattr(shown, name).extend(getattr(columns, name))
    if end_mg is not None:
        put("end", last_s, end_mg, columns.mass_mg[-1])
    record = replace(
        evidence.record,
        weighings={"balance": shown},
        events=tuple(sorted(events, key=lambda event: event.at_ns)),
    )
    return replace(evidence, record=record, bench=replace(evidence.bench, reference_weights=(weight,)))


def test_a_reference_weight_within_the_certificate_changes_no_value_and_its_drift_enters_the_budget() -> None:
    without = judge_evidence(_made()).checks[0]
    result = judge_evidence(_with_weights(_made(), 0.3, 0.5, WEIGHT))
    (check,) = result.checks
    assert check.outcome is Outcome.PASS
    assert check.value == pytest.approx(without.value, abs=1e-9)
    (line,) = [line for line in check.budget if line.name == "change of span, reference weight"]
    # 0.2 mg in 20 g is 10 ppm, on a gross load of 50 g 0.5 mg, rectangular, in the share of the time between both
    assert line.standard_uncertainty == pytest.approx(0.5 / 3**0.5 * 4.0 / 6.1, rel=0.02)
    gates = _gates(result)
    assert gates["reference weight of 20 g, start"]["fit"] is True
    assert gates["reference weight, drift"]["found"] == "+0.2 mg"


@pytest.mark.parametrize(
    ("start_mg", "end_mg", "says"),
    [
        (3.0, 3.0, "wrong at the start: more than its certificate leaves open"),
        (0.0, 3.0, "wrong at the end: more than its certificate leaves open"),
        (-1.9, 1.9, "came to show the reference weight by +3.8 mg otherwise"),
    ],
)
def test_a_balance_beyond_its_certificate_leaves_nothing_to_judge(start_mg: float, end_mg: float, says: str) -> None:
    result = judge_evidence(_with_weights(_made(), start_mg, end_mg, WEIGHT))
    assert result.outcome is Outcome.INVALID
    assert says in result.checks[0].why
    assert not result.fitness["fit"]


def test_a_weight_that_was_weighed_at_the_start_alone_is_no_drift_and_says_so() -> None:
    result = judge_evidence(_with_weights(_made(), 0.0, None, WEIGHT))
    assert result.outcome is Outcome.PASS
    assert _gates(result)["reference weight, drift"]["fit"] is None


def test_a_weight_whose_certificate_expired_is_worth_nothing() -> None:
    old = replace(WEIGHT, calibration=Calibration("weight-1", date(2026, 1, 1)))
    result = judge_evidence(_with_weights(_made(), 0.0, 0.0, old))
    assert result.outcome is Outcome.INVALID
    assert "reference weight of 20 g expired on 2026-01-01" in result.checks[0].why
