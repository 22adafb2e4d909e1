"""Clocks: what they did is told, and changes no number."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rig.judging.evidence import Evidence
from rig.judging.judge import judge_evidence
from rig.record.reader import ClockPair, Event
from rig.results import Outcome, Result
from rig.scenario.model import BasalStep, Check
from tests.judging.runs import NS, RunMaker
from tests.judging.segments import STARTED, segment, together

HOUR = 3600.0
CHECK = Check("all", "all", "basal.overall_error", 0.0, 24 * HOUR, None, None, -5, 5, "%", "pump.accuracy.basal")


def _run(*events: Event, clocks: tuple[ClockPair, ...] = (), **header: object) -> Evidence:
    evidence = RunMaker((BasalStep(1.0, 24 * HOUR),), (CHECK,)).make()
    whole = tuple(sorted((*evidence.record.events, *events), key=lambda event: event.at_ns))
    part = segment(replace(evidence.record, events=whole), end="completed")
    part = replace(part, clocks=clocks or part.clocks, header={**part.header, **header})
    return together(evidence, [part])


def _asked(at_s: float, gained_s: float) -> Event:
    """The pump's clock, an hour ahead of UTC plus what it gained, cut to whole seconds; asked for half a second."""
    local = datetime(2026, 3, 2, 8) + timedelta(seconds=at_s + 0.25 + gained_s)
    asked_ns = round((at_s - 0.25) * NS)
    data = {"local": local.replace(microsecond=0).isoformat(), "asked_ns": asked_ns}
    return Event(round((at_s + 0.25) * NS), "pump_clock", {**data, "answered_ns": asked_ns + NS // 2})


def _ids(result: Result) -> list[str]:
    return [finding.id for finding in result.findings]


@pytest.mark.parametrize(("per_day_s", "told"), [(0.0, False), (2.5, False), (6.0, True), (-6.0, True)])
def test_a_pump_clock_that_drifts_is_told_beyond_two_seconds_a_day_and_its_own_uncertainty(
    per_day_s: float, told: bool
) -> None:
    span_s = 25 * HOUR
    result = judge_evidence(_run(_asked(60.0, 0.0), _asked(60.0 + span_s, per_day_s * span_s / 86400.0)))
    clock = result.analysis["pump_clock"]
    assert abs(clock["rate_s_per_day"] - per_day_s) <= 2.5 * clock["u_rate_s_per_day"]
    assert 0.3 < clock["u_rate_s_per_day"] < 0.8  # two readings of whole seconds, a day apart
    assert abs(clock["offset_s"] - 0.25) <= 2.5 * clock["u_offset_s"]
    assert ("pump-clock-drift" in _ids(result)) is told
    assert result.checks[0].outcome is Outcome.PASS


def test_a_step_of_the_wall_clock_is_told_once_and_changes_nothing() -> None:
    at_s = 10 * HOUR
    step = Event(round(at_s * NS), "clock_step", {"step_s": -3600.0, "synchronised": "yes"})
    clocks = tuple(
        ClockPair(
            round(each_s * NS), STARTED + timedelta(seconds=each_s - (3600.0 if each_s > at_s else 0.0)), "yes", 0.01
        )
        for each_s in (0.0, at_s - 30.0, at_s + 30.0, 20 * HOUR)
    )
    plain = judge_evidence(_run())
    with_event = judge_evidence(_run(step, clocks=clocks))
    pairs_only = judge_evidence(_run(clocks=clocks))
    for result in (with_event, pairs_only):
        assert _ids(result).count("clock-step") == 1
        (told,) = [finding for finding in result.findings if finding.id == "clock-step"]
        assert "set back by 3600.0 s" in told.text
        assert result.checks == plain.checks
    assert "clock-step" not in _ids(plain)


def test_an_unsynchronised_clock_that_was_accepted_is_a_deviation_with_a_stamp() -> None:
    clock = {"kind": "SystemClock", "speed": 1.0, "started_ns": 0, "boot_id": "a", "synchronised": "no"}
    result = judge_evidence(_run(clock=clock, unsynchronised_accepted=True))
    (deviation,) = result.deviations
    assert deviation["stamp"] == "CLOCK NOT SYNCHRONISED"
    assert judge_evidence(_run(clock={**clock, "synchronised": "yes"}, unsynchronised_accepted=True)).deviations == ()
    assert result.checks[0].outcome is Outcome.PASS
