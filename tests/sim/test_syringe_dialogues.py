"""The twin's syringe pumps against the transcripts that judge the drivers, too."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rig.sim.syringe.new_era_frames import crc16
from rig.sim.syringe.new_era_program import Refused, read_function, read_number, write_number
from tests.sim.syringe_kit import SyringeRig
from tests.transcripts.notation import Pair, expand, load
from tests.transcripts.syringe_notation import harvard_pairs, new_era_pairs, safe_packet

BEGIN_S = 50_000.0  # when a dialogue begins; before that its pump is prepared
EVERY_S = 3.0  # between the steps of a dialogue

# To infuse 12.34 uL, or 12.345 uL, at the step of that number.
RUNS_TO_12_34 = {step: BEGIN_S + EVERY_S * step - 12.34 * 360.0 for step in (0, 1)}
RUNS_TO_12_345 = {step: BEGIN_S + EVERY_S * step - 12.345 * 3600.0 for step in (0, 1)}


@dataclass(frozen=True)
class Case:
    """How the twin gets to where a dialogue begins; ``prepare`` may say ``@SECONDS`` before a command."""

    name: str
    prepare: tuple[str, ...] = ()
    model: str = ""
    address: int = 0
    faults: tuple[str, ...] = ()
    skip: int = 0  # steps that speak of something else than this pump


def during(fault: str, step: int) -> str:
    """Return a fault that acts around one step of the dialogue, and not on its neighbours."""
    return f"{fault}@{BEGIN_S + EVERY_S * step - 1.0}s+2s"


def from_step(fault: str, step: int) -> str:
    """Return a fault that acts from just before a step on."""
    return f"{fault}@{BEGIN_S + EVERY_S * step - 1.0}s"


RUN_500 = ("0RAT500.0UH", "0RUN")
UL = ("0VOLUL",)
NEW_ERA = [
    Case("opened"),
    Case("opened after power-up", faults=(f"syringe.power_cut=on@{BEGIN_S - 2}s+1s",)),
    Case("opened while another program's safe mode is on", ("0SAF9",)),
    Case("opened while infusing", RUN_500),
    Case("opened in safe mode"),
    Case("opened at address 7", model="ne-500", address=7),
    Case("silent", faults=(from_step("syringe.drop=100%", 0),)),
    Case("settings", ("0RAT500.0UH",)),
    Case("diameter 14.43 mm", ("0DIA10.00",)),
    Case("diameter refused while infusing", RUN_500),
    Case("rate 500 uL/h", ("0RAT100.0MH",)),
    Case("rate 499.98 uL/h", ("0RAT100.0MH",)),
    Case("rate out of range", ("0RAT100.0MH",)),
    Case("rate whose answer is lost", ("0RAT100.0MH",), faults=(during("syringe.drop_answer=1", 4),)),
    Case("rate that never arrived", ("0RAT100.0MH",), faults=(during("syringe.drop=100%", 4),)),
    Case("rate while infusing", RUN_500),
    Case("rate in another unit while infusing", ("0RAT8.333UM", "0RUN")),
    Case("target 250 uL"),
    Case("target 12.5 mL", UL),
    Case("no target", UL),
    Case("infuse", UL),
    Case("infuse from a pause", (*UL, "0RAT1.000UH" , "0DIA4.699", "0RAT0.800UH", "0RUN", "0STP")),
    Case("infuse while infusing", (*UL, "0RAT10.00UH", f"@{RUNS_TO_12_34[1]} 0RUN")),
    Case("infuse with the direction changed at the pump", ("0DIRWDR",)),
    Case("infuse answered by an alarm", UL, faults=(f"syringe.power_cut=on@{BEGIN_S + 2 * EVERY_S - 1}s+0.5s",)),
    Case("infuse and the answer is lost", UL, faults=(during("syringe.drop_answer=1", 2),)),
    Case(
        "infuse, the answer is lost, and the target was reached", (*UL, "0VOL2.5", "0RAT500.0UM"),
        faults=(during("syringe.drop_answer=1", 2),),
    ),
    Case("infuse and the command is lost", UL, faults=(during("syringe.drop=100%", 2),)),
    Case("infuse and then nothing at all", UL, faults=(from_step("syringe.drop=100%", 2),)),
    Case("stop", RUN_500),
    Case("stop a stopped pump"),
    Case("stop and no answer ever", RUN_500, faults=(from_step("syringe.drop=100%", 0),)),
    Case("status infusing", RUN_500),
    Case("status stopped"),
    Case("stalled", RUN_500, faults=(f"syringe.stall=on@{BEGIN_S - 1}s+1s",)),
    Case("delivered 12.34 uL", (*UL, "0RAT10.00UH", f"@{RUNS_TO_12_34[0]} 0RUN")),
    Case(
        "delivered, asked during an alarm", (*UL, "0RAT10.00UH", f"@{RUNS_TO_12_34[0]} 0RUN"),
        faults=(f"syringe.stall=on@{BEGIN_S}s+1s",),
    ),
    Case("clear the counters", (*UL, *RUN_500, "0STP", "0STP")),
    Case(
        "safe: infuse, and a stall comes unasked", (*UL, f"@{BEGIN_S - 5} 0SAF200"),
        faults=(f"syringe.stall=on@{BEGIN_S + 2 * EVERY_S + 1}s+1s",),
    ),
]  # fmt: skip
POLL = ("poll on",)
HARVARD = [
    Case("opened"),
    Case("opened again, polling already", POLL),
    Case("a PHD ULTRA opened", model="phd-ultra"),
    Case("opened at address 12 with a colon", model="phd-ultra", address=12, skip=1),
    Case("opened while infusing", ("irun",)),
    Case("silent", faults=(from_step("syringe.drop=100%", 0),)),
    Case("echo is on", ("echo on",)),
    Case("diameter 14.427 mm", POLL),
    Case("diameter refused while infusing", (*POLL, "irun")),
    Case("limits", (*POLL, "diameter 12.06")),
    Case("rate 500 uL/h", (*POLL, "diameter 12.06")),
    Case(
        "rate whose answer is lost", (*POLL, "diameter 12.06"), faults=(during("syringe.drop_answer=1", 1),)
    ),
    Case(
        "rate that never arrived", (*POLL, "diameter 12.06", "irate 100 u/h"),
        faults=(during("syringe.drop=100%", 1),),
    ),
    Case("rate while infusing", (*POLL, "diameter 12.06", "irun")),
    Case("target 250 uL", POLL),
    Case("target 12.5 mL", POLL),
    Case("no target", (*POLL, "tvolume 5 ml", "ttime 60")),
    Case("infuse", POLL),
    Case("infuse while infusing", (*POLL, "diameter 4.699", "irate 1 u/h", f"@{RUNS_TO_12_345[1]} irun")),
    Case("infuse and it stalls at once", POLL, faults=(during("syringe.stall=on", 2),)),
    Case("infuse and the command is lost", POLL, faults=(during("syringe.drop=100%", 2),)),
    Case("infuse and then nothing at all", POLL, faults=(from_step("syringe.drop=100%", 2),)),
    Case("stop", (*POLL, "irun")),
    Case("stop a stopped pump", POLL),
    Case("stop and no answer ever", (*POLL, "irun"), faults=(from_step("syringe.drop=100%", 0),)),
    Case("status stopped", POLL),
    Case("delivered 12.345 uL", (*POLL, "diameter 4.699", "irate 1 u/h", f"@{RUNS_TO_12_345[0]} irun")),
    Case(
        "delivered, asked during a stall", (*POLL, "diameter 4.699", "irate 1 u/h", f"@{RUNS_TO_12_345[0]} irun"),
        faults=(f"syringe.stall=on@{BEGIN_S}s+1s",),
    ),
    Case("clear the counters", (*POLL, "irun", "stp")),
    Case("lost its supply: no XON any more", POLL, faults=(f"syringe.power_cut=on@{BEGIN_S - 2}s+1s",)),
]  # fmt: skip


def prepared(case: Case, model: str) -> SyringeRig:
    rig = SyringeRig(case.model or model, address=case.address, faults=case.faults)
    if model == "ne-1000":
        rig.say(str(case.address))  # acknowledges the alarm of power-up
    if not any(text.startswith("@") for text in case.prepare):
        rig.at(BEGIN_S - 40.0)
    for text in case.prepare:
        when, command = text[1:].split(" ", 1) if text.startswith("@") else ("", text)
        if when:
            rig.at(float(when))
        rig.line.write(command.encode() + b"\r")
        rig.wait(0.02)
    return rig


def replay(rig: SyringeRig, pairs: list[Pair]) -> list[tuple[str, bytes]]:
    """Say what the host says; return each step with all that came back before the next."""
    heard = []
    for number, pair in enumerate(pairs):
        rig.at(BEGIN_S + number * EVERY_S)
        heard.append((pair.what, rig.tell(pair.sent, EVERY_S - 0.01)))
    return heard


def expected(pairs: list[Pair]) -> list[tuple[str, bytes]]:
    return [(pair.what, b"".join(reply.data for reply in pair.replies)) for pair in pairs]


@pytest.mark.parametrize("case", NEW_ERA, ids=lambda case: case.name)
def test_a_new_era_pump_says_what_the_transcript_has(case: Case) -> None:
    pairs = new_era_pairs(case.name)
    assert replay(prepared(case, "ne-1000"), pairs) == expected(pairs)


@pytest.mark.parametrize("case", HARVARD, ids=lambda case: case.name)
def test_a_harvard_pump_says_what_the_transcript_has(case: Case) -> None:
    pairs = harvard_pairs(case.name)[case.skip :]
    assert replay(prepared(case, "harvard-11"), pairs) == expected(pairs)


def test_a_packet_damaged_on_its_way_is_not_executed_and_said_so() -> None:
    pairs = new_era_pairs("safe: a packet damaged on its way out")
    damaged = bytearray(pairs[2].sent)
    damaged[4] ^= 0x01
    pairs[2] = Pair(bytes(damaged), pairs[2].replies, pairs[2].what)
    rig = prepared(Case("", ("0VOLUL", f"@{BEGIN_S - 5} 0SAF200")), "ne-1000")
    assert replay(rig, pairs) == expected(pairs)
    assert rig.book.displaced_ul(0, rig.now_ns) == 0.0


NEW_ERA_ANSWERS = {
    "version": (("0",), "version, basic"),
    "first command after power-up": ((), "diameter query"),
    "diameter": (("0",), "diameter query"),
    "done, stopped": (("0",), "set 500 uL/h"),
    "rate too high": (("0",), "set 9999 mL/min"),
    "infusing": (("0",), "run"),
    "done, stopped, safe": (("0",), "safe mode on, 20 s"),
    "infusing, safe": (("0", "0SAF200"), "run, safe"),
    "stall alarm, safe": (("0", "0SAF200", "<stalls>"), "version, safe"),
    "reset alarm, safe": (("0", "0SAF200", "<power>"), "version, safe"),
}


@pytest.mark.parametrize("answer", load("new_era.toml")["answer"], ids=lambda answer: answer["what"])
def test_each_printed_answer_is_given_to_its_request(answer: dict[str, str]) -> None:
    before, request = NEW_ERA_ANSWERS[answer["what"]]
    faults = {"<stalls>": ("syringe.stall=on@2s+1s",), "<power>": ("syringe.power_cut=on@2s+1s",)}
    rig = SyringeRig(faults=faults.get(before[-1] if before else "", ()))
    for text in before:
        if text.startswith("<"):
            rig.tell(safe_packet("0RUN"))
            rig.at(4.0)
        else:
            rig.say(text)
    asked = next(each for each in load("new_era.toml")["request"] if each["what"] == request)
    assert rig.tell(expand(asked["bytes"])) == expand(answer["bytes"])


@pytest.mark.parametrize("what", ["safe mode off, from the manual's form", "safe mode off, with address"])
def test_both_printed_forms_lead_back_to_basic_mode(what: str) -> None:
    rig = SyringeRig()
    rig.say("0", "0SAF200")
    assert rig.tell(b"0VER\r") == b""
    asked = next(each for each in load("new_era.toml")["request"] if each["what"] == what)
    assert rig.tell(expand(asked["bytes"])) == b"\x0200S\x03"
    assert rig.say("0VER") == ["00SNE1000V3.928"]


def test_the_crc_is_the_printed_one() -> None:
    printed = load("new_era.toml")["crc"]
    assert f"{crc16(printed['over'].encode()):04X}" == printed["value"]


@pytest.mark.parametrize("number", load("new_era.toml")["number"], ids=lambda number: number["text"])
def test_numbers_are_written_as_the_transcripts_have_them(number: dict[str, object]) -> None:
    value = number["value"]
    assert isinstance(value, float)
    assert write_number(value) == number["text"]
    assert read_number(str(number["text"])) == value


HARVARD_ANSWERS = {
    "done, idle": ((), "set 5 uL/min", 0),
    "rate": (("irate 5 u/m",), "rate query", 0),
    "infusing": ((), "start", 0),
    "pump 12 infusing": ((), "start pump 12", 12),
    "version": ((), "version", 0),
    "bad argument": ((), "bad argument", 0),
}


@pytest.mark.parametrize("what", HARVARD_ANSWERS)
def test_each_printed_harvard_answer_is_given_to_its_request(what: str) -> None:
    before, request, address = HARVARD_ANSWERS[what]
    rig = SyringeRig("harvard-11", address=address)
    rig.say(*before)
    frames = load("harvard.toml")
    asked = next(each for each in frames["request"] if each["what"] == request)
    answer = next(each for each in frames["answer"] if each["what"] == what)
    assert rig.tell(expand(asked["bytes"])) == expand(answer["bytes"])


def test_a_reached_target_is_told_unasked_unless_the_host_polls() -> None:
    for before, told in (((), "0A 54 2A"), (("poll on",), "")):
        rig = SyringeRig("harvard-11")
        rig.say(*before, "tvolume 5 u", "irun")
        assert rig.tell(b"", 60.0) == expand(told)


@pytest.mark.parametrize("text", ["JMP4\u00b2", "PAS\u00b9", "JMP", "PAS1x"])
def test_a_function_whose_number_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_function(text)
