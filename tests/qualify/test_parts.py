"""Parts of a qualification: its steps as written, the known volume and its budget, linearity, and the safe plan."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.drivers.new_era import NewEraPump
from rig.errors import ConfigError, InstrumentError, ScenarioError
from rig.guardian.chips import NoChip
from rig.guardian.lines import Lines
from rig.guardian.plan import FlowPlan, PumpPlan, SafePlan, plan_from_json
from rig.guardian.stop_pump import stop_flow
from rig.guardian.takeover import Takeover, load_drivers
from rig.instruments import Acceptance, FlowState
from rig.judging.items import Item
from rig.judging.known_flows import FlowRun, weight_spans
from rig.judging.qualification import _residuals
from rig.record.ledger import BenchLedger
from rig.record.reader import Event
from rig.runner.left_running import left_running, stop_what_was_left
from rig.runner.operator import Terminal
from rig.runner.qualification_plan import plan_qualification
from rig.transport.links import Link
from rig.transport.serial_links import SerialLinks, SerialSettings
from tests.qualify.kit import HEAD, STEPS, bench, short
from tests.sim.syringe_kit import SyringeRig

START = bench().simulation.start  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (STEPS + "  - basal: {rate: 1 U/h, for: 1 h}\n", "a basal step in a qualification"),
        (STEPS.replace("  - blank: {for: 10 min}\n", "", 1), "begins or ends with a flow step"),
        (STEPS.replace("rest: 1 min", "rest: 10 s", 1), "'10 s' is out of range"),
        (STEPS.replace("900 uL/h", "900 U/h"), "expected uL/h"),
        (STEPS.replace("900 uL/h", "0 uL/h"), "out of range"),
    ],
)
def test_a_slip_in_a_qualification_is_one_line(steps: str, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        short(steps, "checks: []\n")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_a_qualification_does_without_a_pump() -> None:
    with pytest.raises(ScenarioError, match="the key 'pump' is missing"):
        short("steps:\n  - wait: {for: 1 min}\n", "checks: []\n")
    assert short().families == ()
    assert HEAD.count("pump:") == 0


def test_a_limit_stands_in_the_unit_of_its_measure() -> None:
    with pytest.raises(ScenarioError, match=r"'limit: 5 %' has the wrong unit for blank\.slope"):
        short(checks="checks:\n  - {id: a, measure: blank.slope, limit: 5 %, source: me}\n")


def test_a_flow_source_that_the_bench_has_not_is_refused_by_name() -> None:
    scenario = short(STEPS.replace("name: fast", "name: fast, source: other"))
    with pytest.raises(ScenarioError, match="no flow source 'other'; expected one of reference"):
        plan_qualification(scenario, bench(), START)


def test_a_vessel_that_would_overflow_is_refused() -> None:
    small = replace(bench(), vessel=replace(bench().vessel, capacity_ul=50.0))
    with pytest.raises(ScenarioError, match="70 uL do not fit"):
        plan_qualification(short(), small, START)


def test_what_is_known_of_a_flow_and_expires_before_the_end_is_refused_on_a_bench_with_ports() -> None:
    source = bench().flow_sources[0]
    assert source.accuracy is not None
    due = START.date().replace(year=START.year - 1)
    old = replace(source, accuracy=replace(source.accuracy, due=due))
    with pytest.raises(ConfigError, match="what is known of reference expires"):
        plan_qualification(short(), replace(bench(), kind="hardware", flow_sources=(old,)), START)


def flow(**more: Any) -> FlowRun:
    known: dict[str, Any] = {
        "step": 1,
        "index": 0,
        "source": bench().flow_sources[0],
        "rate_ul_per_h": 1000.0,
        "rate_resolution": 0.0,
        "target_ul": None,
        "start_s": 100.0,
        "start_half_s": 0.03,
        "stop_s": 460.0,
        "stop_half_s": 0.04,
        "rest_to_s": 580.0,
        "counted_ul": None,
        "counted_resolution_ul": None,
        "run_in": False,
    }
    return FlowRun(**{**known, **more})


def test_a_flow_of_1000_ul_per_h_for_six_minutes_is_known_as_100_ul_and_its_budget() -> None:
    run = flow()
    assert run.known_ul == pytest.approx(100.0)
    found = {each.name: each.contribution for each in (*run.components(100.0), *run.time_components())}
    # 1 % of 100 uL, rectangular; 1 um in 4.699 mm is 0.01734 uL, over the root of 6; 0.03 s and 0.04 s at 0.2778 uL/s
    assert found["flow source: pump and syringe"] == pytest.approx(0.57735, abs=1e-5)
    assert found["flow source: one step of its motor"] == pytest.approx(0.007080, abs=1e-6)
    assert found["time of the start"] == pytest.approx(0.004811, abs=1e-6)
    assert found["time of the stop"] == pytest.approx(0.006415, abs=1e-6)


def test_an_amount_is_its_target_whenever_it_was_stopped() -> None:
    run = flow(target_ul=25.0, stop_s=900.0)
    assert run.known_ul == 25.0
    assert run.flowed_to_s == pytest.approx(190.0)
    assert run.time_components() == []


def test_a_rate_that_reads_back_otherwise_brings_its_last_digit_into_the_budget() -> None:
    found = flow(rate_resolution=10.0).components(100.0)[-1]
    assert found.contribution == pytest.approx(100.0 * 5.0 / 1000.0 / math.sqrt(3.0))


def test_linearity_takes_away_what_all_errors_have_in_common() -> None:
    items = [Item("", 0.0, 1.0, value, 1.0) for value in (2.0, 2.0, 3.0)]
    residuals = _residuals(items, [0.1, 0.1, 0.2])
    # weights 100, 100, 25: mean 2.1111; u of the mean 0.0667
    assert [item.value for item in residuals] == pytest.approx([-0.11111, -0.11111, 0.88889], abs=1e-5)
    assert [item.u for item in residuals] == pytest.approx([0.07454, 0.07454, 0.18856], abs=1e-5)


def test_a_weight_that_nobody_took_off_leaves_no_readings_after_it() -> None:
    asked = Event(5_000_000_000, "weight_on_asked", {"step": 1})
    assert weight_spans([asked], 0) == [(5.0, math.inf)]
    off = Event(60_000_000_000, "weight_off", {"step": 1})
    assert weight_spans([asked, off], 0) == [(5.0, 75.0)]


# --- the safe end


def flow_plan(**more: Any) -> SafePlan:
    source = FlowPlan("reference", "new-era", "/dev/x", 19_200)
    return SafePlan("b", "r", "", "", None, flow_sources=(source,), **more)


def test_a_safe_plan_with_flow_sources_and_no_pump_is_read_back_as_it_was() -> None:
    assert plan_from_json(flow_plan().to_json()) == flow_plan()


def test_a_safe_plan_of_before_flow_sources_is_still_read() -> None:
    old = SafePlan("b", "r", "", "", PumpPlan("/dev/x", 19_200, "900123", ("900123",), 916.5)).to_json()
    del old["flow_sources"]
    assert plan_from_json(old).flow_sources == ()


def test_a_guardian_loads_the_drivers_of_flow_sources_before_they_are_needed() -> None:
    load_drivers(flow_plan())
    source = replace(flow_plan().flow_sources[0], protocol="nobodys")
    with pytest.raises(ConfigError, match="there is no flow_source driver 'nobodys'"):
        load_drivers(replace(flow_plan(), flow_sources=(source,)))


def running() -> SyringeRig:
    rig = SyringeRig()
    rig.say("0", "0VOLUL", "0RAT500.0UH", "0RUN")
    return rig


def test_a_guardian_stops_a_flow_source_in_the_runners_place() -> None:
    rig = running()

    class Port(Takeover):
        def _open(self, links: SerialLinks, name: str, port: str, identity: str, settings: SerialSettings) -> Link:
            return rig.line

    takeover = Port(flow_plan(), Lines((), NoChip()), lambda *_: None, lambda *_: None, lambda: None)
    over_link: Any = takeover._flow_over_link
    state = over_link(rig.links, takeover.plan.flow_sources[0])
    assert (state.confirmed, state.wanted) == (True, "syringe stopped")
    stopped_ns = rig.now_ns
    rig.wait(600.0)
    assert rig.book.commanded_ul(stopped_ns, rig.now_ns) == 0.0


def test_a_flow_source_that_says_nothing_any_more_is_not_called_stopped() -> None:
    rig = SyringeRig(faults=("syringe.drop=100%@10s",))
    rig.say("0", "0VOLUL", "0RAT500.0UH", "0RUN")
    rig.at(10.0)
    state = stop_flow(NewEraPump(rig.links, rig.line), rig.line, rig.links, 15.0)
    assert not state.confirmed
    assert state.by


def test_a_flow_source_is_started_again_only_by_a_command() -> None:
    rig = running()
    source = NewEraPump(rig.links, rig.line)
    assert source.stop() is Acceptance.ACKNOWLEDGED
    assert source.status().state is FlowState.STOPPED


def test_a_run_of_the_pump_does_not_clear_what_a_qualification_left_running(tmp_path: Path) -> None:
    ledger = BenchLedger(tmp_path / "b.ledger")
    ledger.append("started", run_id="q1", drives="flow_sources")
    ledger.append("started", run_id="p1")  # refused, because of that
    ledger.append("ended", run_id="p1", safe={"confirmed": False})
    ledger.append("started", run_id="p2")
    assert left_running(ledger, "p2") == {"pump", "flow_sources"}
    nobody: Any = None
    state = stop_what_was_left(ledger, "p2", nobody, nobody)
    assert not state.confirmed
    assert "a flow source" in state.by
    ledger.append("acknowledged", who="me", why="I looked")
    ledger.append("started", run_id="p3")
    ledger.append("started", run_id="p4")
    assert left_running(ledger, "p4") == {"pump"}


def test_a_person_who_is_gone_ends_the_known_mass_instead_of_hanging(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.write_text("")
    with nothing.open() as answers, (tmp_path / "asked").open("w") as asks, pytest.raises(InstrumentError):
        Terminal(asks, answers).put_on(20.0, "the weight", lambda: None)
