"""The conformance suite of a source of a known flow, run against scripted bytes of both makers."""

from __future__ import annotations

from rig.conformance.flow_source import FlowBench, check_flow_source
from rig.conformance.report import Outcome
from rig.drivers.harvard import HarvardPump
from rig.drivers.new_era import NewEraPump
from tests.drivers.scripted import ScriptedBench
from tests.transcripts.syringe_notation import harvard_pairs, new_era_pairs

NEW_ERA = {
    "identity": ["opened", "settings"],
    "silent": ["silent"],
    "other_device": ["something else answers"],
    "settings": ["opened", "diameter 14.43 mm", "rate 500 uL/h"],
    "target": ["opened", "target 250 uL", "no target"],
    "steps": ["opened"],
    "rate_refused": ["opened", "rate of 12 L/h refused"],
    "run": [
        "opened",
        "status stopped",
        "infuse",
        "status infusing",
        "infuse while infusing",
        "delivered 12.34 uL",
        "stop",
        "stop a stopped pump",
        "status stopped",
        "clear the counters",
        "delivered nothing",
    ],
    "start_answer_lost": ["opened", "infuse and the answer is lost"],
    "start_lost": ["opened", "infuse and the command is lost"],
    "start_then_silence": ["opened", "infuse and then nothing at all"],
    "start_refused": ["opened", "infuse refused"],
    "withdraws": ["opened", "infuse and the pump withdraws"],
    "stalled": ["opened", "stalled, asked once"],
    "start_alarm": ["opened", "infuse answered by an alarm"],
    "stop_bad_line": ["opened", "stop through a bad line"],
    "stop_unconfirmed": ["opened", "stop that does not stop"],
}

HARVARD = {
    "identity": ["opened", "settings"],
    "silent": ["silent"],
    "other_device": ["something else answers"],
    "settings": ["opened", "diameter 14.427 mm", "rate 500 uL/h"],
    "target": ["opened", "target 250 uL", "no target"],
    "steps": ["opened"],
    "rate_refused": ["opened", "limits"],
    "run": [
        "opened",
        "status stopped",
        "infuse",
        "status infusing",
        "infuse while infusing",
        "delivered 12.345 uL",
        "stop, confirmed by the status",
        "stop a stopped pump",
        "status stopped",
        "clear the counters",
        "delivered nothing",
    ],
    "start_answer_lost": ["opened", "infuse and the answer is lost"],
    "start_lost": ["opened", "infuse and the command is lost"],
    "start_then_silence": ["opened", "infuse and then nothing at all"],
    "start_refused": ["opened", "infuse refused"],
    "withdraws": ["opened", "infuse and the pump withdraws"],
    "stalled": ["opened", "stalled, asked once"],
    "start_alarm": ["opened", "infuse and it stalls at once"],
    "stop_bad_line": ["opened", "stop through a bad line"],
    "stop_unconfirmed": ["opened", "stop and no answer ever"],
}


def new_era(situation: str) -> FlowBench:
    bench = ScriptedBench.of("flow", new_era_pairs(*NEW_ERA[situation]))
    pump = NewEraPump(bench.links, bench.link)
    return FlowBench(pump, bench.links, bench.link, "NE1000", 14.43, bench.finish)


def harvard(situation: str) -> FlowBench:
    bench = ScriptedBench.of("flow", harvard_pairs(*HARVARD[situation]))
    pump = HarvardPump(bench.links, bench.link)
    return FlowBench(pump, bench.links, bench.link, "11 Elite", 14.427, bench.finish)


def test_the_new_era_driver_conforms_to_the_role() -> None:
    assert [str(row) for row in check_flow_source(new_era) if row.outcome is not Outcome.OK] == []


def test_the_harvard_driver_conforms_to_the_role() -> None:
    assert [str(row) for row in check_flow_source(harvard) if row.outcome is not Outcome.OK] == []


def test_a_bench_that_cannot_set_a_scene_is_reported() -> None:
    assert {row.outcome for row in check_flow_source(lambda _: None)} == {Outcome.LEFT_OUT}


def test_a_pump_whose_lost_start_is_called_done_does_not_conform() -> None:
    def lying(situation: str) -> FlowBench | None:
        if situation != "start_lost":
            return None
        bench = ScriptedBench.of("flow", new_era_pairs("opened", "infuse"))
        return FlowBench(NewEraPump(bench.links, bench.link), bench.links, bench.link, "NE1000", 14.43, bench.finish)

    (row,) = (row for row in check_flow_source(lying) if row.outcome is not Outcome.LEFT_OUT)
    assert (row.outcome, row.why) == (Outcome.FAILED, "the start is acknowledged, and not unknown")
