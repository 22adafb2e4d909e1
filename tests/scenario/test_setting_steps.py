"""Steps that set the pump: how they are read, what they plan, and what is refused before anything moves."""

from __future__ import annotations

from datetime import datetime

import pytest

from rig.config import load_bench
from rig.errors import ScenarioError
from rig.profiles.pump import load_profile
from rig.scenario.model import (
    BolusStep,
    LimitsStep,
    PatternStep,
    PressStep,
    SetClockStep,
    StoredProfileStep,
    TempBasalStep,
    WaitAlarmStep,
)
from rig.scenario.parse import parse_scenario
from rig.scenario.plan import plan
from rig.scenario.step_fields import ALARMS
from rig.scenario.validate import validate_for

HEAD = "schema: 1\nid: x\ntitle: x\npump: {families: [22, 23]}\nsteps:\n- basal: {rate: 1 U/h, for: 1 h, name: run}\n"
STORED = "- profile: {pattern: b, segments: [{at: '00:00', rate: 2 U/h}]}\n"
START = datetime(2026, 3, 2, 21, 0, 0)


def test_every_key_of_the_setting_steps_arrives() -> None:
    text = STORED + (
        "- pattern: {select: b, for: 2 h}\n"
        "- temp_basal: {rate: 3 U/h, for: 1 h, cancel_after: 10 min}\n"
        "- bolus: {amount: 5 U, cancel_after: 20 s}\n"
        "- set_clock: {to: 2026-11-25 14:05:30}\n"
        "- set_clock: {shift: -90 min}\n"
        "- limits: {max_bolus: 7.5 U, max_basal: 3 U/h}\n"
        "- press: {keys: [act, esc], wait: 2 s}\n"
        "- wait_alarm: {code: empty reservoir, within: 2 h}\n"
        "- wait_alarm: {code: 4, within: 1 min}\n"
    )
    assert parse_scenario(HEAD + text).steps[1:] == (
        StoredProfileStep(((0, 2.0),), 2, line=7),
        PatternStep(2, 7200.0, line=8),
        TempBasalStep(3.0, None, 3600.0, line=9, cancel_after_s=600.0),
        BolusStep(5.0, line=10, cancel_after_s=20.0),
        SetClockStep(datetime(2026, 11, 25, 14, 5, 30), None, line=11),
        SetClockStep(None, -5400.0, line=12),
        LimitsStep(7.5, 3.0, line=13),
        PressStep(("act", "esc"), 2.0, line=14),
        WaitAlarmStep(62, 7200.0, line=15),
        WaitAlarmStep(4, 60.0, line=16),
    )


REFUSED = [
    ("- profile: {pattern: a, for: 1 h, segments: [{at: '00:00', rate: 1 U/h}]}",
     "x.yaml:7: steps[2].profile: pattern a is only stored here, which takes no time; expected no 'for'"),
    ("- pattern: {select: a, for: 1 h}",
     "x.yaml:7: steps[2].pattern: nothing was written to pattern a before, so nobody knows what it would deliver"),
    ("- temp_basal: {rate: 1 U/h, for: 30 min, cancel_after: 30 min}",
     "x.yaml:7: steps[2].temp_basal: it ends before it is cancelled"),
    ("- bolus: {amount: 1 U, cancel_after: 5 s, over_basal: true}",
     "x.yaml:7: steps[2].bolus: a bolus is cancelled by a suspend, which stops the basal as well"),
    ("- bolus: {amount: 1 U, cancel_after: 40 s}",
     "x.yaml:7: steps[2].bolus: a bolus of 1 U is over before it is cancelled; expected 'cancel_after' less"),
    ("- set_clock: {}", "x.yaml:7: steps[2].set_clock: neither a time nor a shift is given"),
    ("- set_clock: {to: 2026-11-25 14:05:30, shift: 1 h}",
     "x.yaml:7: steps[2].set_clock: both a time and a shift are given"),
    ("- set_clock: {to: 2026-02-30 14:05:30}", "x.yaml:7: steps[2].set_clock.to: '2026-02-30 14:05:30' cannot be used"),
    ("- set_clock: {to: 14:05}", "x.yaml:7: steps[2].set_clock.to: '14:05' cannot be used"),
    ("- set_clock: {shift: 0 s}", "x.yaml:7: steps[2].set_clock.shift: '0 s' cannot be used"),
    ("- set_clock: {shift: 31 d}", "x.yaml:7: steps[2].set_clock.shift: '31 d' cannot be used"),
    ("- set_clock: {shift: +1 U}", "x.yaml:7: steps[2].set_clock.shift: '+1 U' has the unit 'U', which is no time"),
    ("- limits: {}", "x.yaml:7: steps[2].limits: no limit is given"),
    ("- limits: {max_bolus: 0.25 U}", "x.yaml:7: steps[2].limits: a 522 cannot be set to a largest bolus of 0.25 U"),
    ("- limits: {max_basal: 40 U/h}",
     "x.yaml:7: steps[2].limits: a 522 cannot be set to a highest basal rate of 40 U/h"),
    ("- limits: {max_basal: 0.5 U/h}",
     "x.yaml:7: steps[2].limits: 1 U/h is above the highest basal rate of 0.5 U/h, which the scenario itself has set"),
    ("- limits: {max_bolus: 2 U}\n- bolus: {amount: 3 U}",
     "x.yaml:8: steps[3].bolus: a bolus of 3 U is above the largest bolus of 2 U, which the scenario itself has set"),
    ("- limits: {max_basal: 1 U/h}\n- temp_basal: {rate: 2 U/h, for: 30 min}",
     "x.yaml:8: steps[3].temp_basal: 2 U/h is above the highest basal rate of 1 U/h"),
    ("- press: {keys: [enter]}", "x.yaml:7: steps[2].press.keys[1]: 'enter' cannot be used; expected easy_bolus"),
    ("- wait_alarm: {code: empty reservoire, within: 1 h}",
     "x.yaml:7: steps[2].wait_alarm.code: 'empty reservoire' cannot be used"),
    ("- wait_alarm: {code: 256, within: 1 h}", "x.yaml:7: steps[2].wait_alarm.code: '256' cannot be used"),
    ("- cancel: {what: bolus}",
     "x.yaml:7: steps[2].cancel: this version runs no such steps: a temporary basal or a bolus"),
    ("- dual: {}",
     "x.yaml:7: steps[2].dual: this version runs no such steps: the pumps that the rig drives take no dual wave"),
    ("- suspend\n- set_clock: {shift: 1 h}\n- pattern: {select: standard, for: 1 h}",
     "x.yaml:9: steps[4].pattern: the pump is suspended here; expected a 'resume' step before"),
    (("- bolus: {amount: 5 U, cancel_after: 20 s, name: cut}\nchecks:\n"
      "- {id: cut, measure: bolus.each_error, step: cut}"),
     "x.yaml:9: checks.cut: bolus.each_error cannot look at the bolus step 'cut'; expected a bolus step that is not"),
    ("- bolus: {amount: 5 U, cancel_after: 20 s}\nchecks:\n- {id: cut, measure: bolus.mean_error}",
     "x.yaml:9: checks.cut: bolus.mean_error finds nothing to measure; expected a bolus step"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_no_pump_can_be_set_to_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        validate_for(parse_scenario(HEAD + text + "\n", "x.yaml"), load_profile("sim-522"), load_bench("simulated-522"))
    assert str(caught.value).startswith(message), str(caught.value)


def test_a_plan_follows_the_pattern_the_clock_and_the_cancel() -> None:
    text = HEAD + (
        "- profile: {pattern: a, segments: [{at: '00:00', rate: 2 U/h}, {at: '23:00', rate: 4 U/h}]}\n"
        "- pattern: {select: a, for: 30 min}\n"
        "- set_clock: {shift: +1 h}\n"
        "- wait: {for: 20 min}\n"
        "- set_clock: {to: 2026-03-02 12:00:00}\n"
        "- wait: {for: 1 h}\n"
        "- temp_basal: {percent: 50 %, for: 1 h, cancel_after: 15 min}\n"
        "- wait: {for: 45 min}\n"
        "- bolus: {amount: 3 U, cancel_after: 1 min}\n"
    )
    planned = plan(parse_scenario(text), load_profile("sim-522"), START)
    assert [step.expected_u for step in planned.steps] == pytest.approx(
        [1.0, 0.0, 1.0, 0.0, 20 / 60 * 4.0, 0.0, 2.0, 0.25, 1.5, 1.5], abs=1e-6
    )
    (bolus,) = planned.programme.boluses
    assert bolus.amount_u == pytest.approx(1.5)
    assert (bolus.planned_u, bolus.duration_s) == (3.0, 60.0)
    assert bolus.cut_short


def test_a_reservoir_that_is_to_run_empty_need_only_hold_what_comes_before() -> None:
    text = HEAD + "- wait_alarm: {code: empty reservoir, within: 20 d}\n"
    assert plan(parse_scenario(text), load_profile("sim-522"), START).reservoir_need_u == pytest.approx(1.05 + 1.0)
    other = plan(parse_scenario(text.replace("empty reservoir", "no delivery")), load_profile("sim-522"), START)
    assert other.reservoir_need_u > 400.0


def test_the_names_of_alarms_are_those_of_the_protocol() -> None:
    assert ALARMS["empty reservoir"] == 0x3E
    assert ALARMS["reprogram error"] == 0x3D
    assert ALARMS["device reset"] == 0x10
