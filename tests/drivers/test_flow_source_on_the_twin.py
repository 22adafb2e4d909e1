"""The conformance suite of a source of a known flow, run through the drivers against the twin's syringe pumps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from rig.drivers.harvard import HarvardPump
from rig.drivers.new_era import NewEraPump
from rig.errors import BenchError
from rig.instruments import Acceptance, FlowSource, FlowState
from rig.sim.syringe.device import SerialPump
from rig.transport.virtual import Port
from tests.drivers import conformance_flow_source
from tests.drivers.conformance_flow_source import FlowBench
from tests.sim.syringe_kit import SyringeRig

NAMES = {"ne-1000": "NE1000", "ne-500": "NE500", "harvard-11": "11 Elite", "phd-ultra": "PHD ULTRA I/W"}


class LossyWire:
    """Stands before a pump and does what a situation wants, the first time that ``word`` is said.

    ``loses``: "command", "answer", "all" from then on, or "twice": first the command, then its answer. "stalls": the
    motor stalls once this was answered.
    """

    def __init__(self, pump: SerialPump, word: bytes, loses: str) -> None:
        self._pump = pump
        self._word = word
        self._lost = {"command": ["command"], "answer": ["answer"], "twice": ["command", "answer"]}.get(loses, [])
        self._dies = loses == "all"
        self._stalls = loses == "stalls"
        self._dead = self._deaf = False

    def attach(self, port: Port) -> None:
        self._port = port
        self._pump.attach(self)

    def receive(self, data: bytes, now_ns: int) -> None:
        said = self._word in data
        self._dead = self._dead or (said and self._dies)
        lost = self._lost.pop(0) if said and self._lost else ""
        if self._dead or lost == "command":
            return
        self._deaf = lost == "answer"
        self._pump.receive(data, now_ns)
        self._deaf = False
        if said and self._stalls:
            self._stalls = False
            self._pump.drive.stop()
            self._pump.drive.on_end("stall", self._pump.drive.at_ns)

    def send(self, data: bytes, at_ns: int) -> None:
        if not self._deaf:
            self._port.send(data, at_ns)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        self._port.call_at(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        return self._port.rig_ns(link_ns)


START, STOP = {"ne": b"RUN", "ha": b"irun"}, {"ne": b"STP", "ha": b"stp"}
IDENTITY = {"ne": b"VER", "ha": b"ver"}  # not before: being identified acknowledges an alarm
LOSSES = {
    "silent": ({"ne": b"", "ha": b""}, "all"),
    "start_answer_lost": (START, "answer"),
    "start_lost": (START, "command"),
    "start_then_silence": (START, "all"),
    "stalled": (IDENTITY, "stalls"),
    "stop_bad_line": (STOP, "twice"),
    "stop_unconfirmed": (STOP, "all"),
}
# What a person did to the pump before: each maker's words, by situation.
RUNS: dict[str, tuple[str, ...]] = {"ne": ("0RUN",), "ha": ("irun",)}
BEFORE: dict[str, dict[str, tuple[str, ...]]] = {
    "stalled": RUNS,
    "stop_bad_line": RUNS,
    "stop_unconfirmed": RUNS,
    "start_refused": {"ne": ("0FUNPAS99", "0RUN"), "ha": ("diameter 0.1",)},
    "start_alarm": {"ne": ("0RAT400.0MH", "0DIA4.699"), "ha": ()},
}
LEFT_OUT = {"ne": ["other_device", "withdraws"], "ha": ["other_device", "withdraws"]}


def bench_driver(model: str, rig: SyringeRig) -> FlowSource:
    """Return the driver of a model's maker."""
    if model in ("harvard-11", "phd-ultra"):
        return HarvardPump(rig.links, rig.line)
    return NewEraPump(rig.links, rig.line)


def bench_of(model: str, situation: str) -> FlowBench | None:
    """Return a pump of the twin in a situation, None where only another device could make it."""
    maker = "ha" if model in ("harvard-11", "phd-ultra") else "ne"
    if situation in LEFT_OUT[maker]:
        return None
    faults = ("syringe.stall=on",) if maker == "ha" and situation == "start_alarm" else ()
    words, loses = LOSSES.get(situation, (START, ""))
    rig = SyringeRig(model, faults=faults, wire=lambda pump: LossyWire(pump, words[maker], loses))
    if situation != "silent":
        rig.say(*(("0", "0VOLUL", "0RAT500.0UH") if maker == "ne" else ()), *BEFORE.get(situation, {}).get(maker, ()))
    return FlowBench(bench_driver(model, rig), rig.links, rig.line, NAMES[model], 14.43)


@pytest.mark.parametrize("model", NAMES)
def test_a_driver_on_a_pump_of_the_twin_conforms_to_the_role(model: str) -> None:
    left_out = conformance_flow_source.check_flow_source(lambda situation: bench_of(model, situation))
    assert left_out == LEFT_OUT["ne" if model.startswith("ne") else "ha"]


@pytest.mark.parametrize("model", NAMES)
def test_a_flow_of_10_ul_per_h_set_and_started_by_the_driver_is_what_comes_out(model: str) -> None:
    rig = SyringeRig(model)
    source = bench_driver(model, rig)
    if model.startswith("ne"):
        rig.say("0")
    source.identify()
    source.set_diameter(14.43)
    source.set_rate(10.0)
    source.set_target(5.0)
    source.clear_dispensed()
    source.infuse()
    rig.wait(1900.0)
    assert source.status().state.at_rest
    assert source.dispensed().infused_ul.amount == pytest.approx(5.0)
    assert rig.book.outlet_ul(0, rig.now_ns) == pytest.approx(5.0, abs=0.08)


def test_a_touched_screen_never_costs_the_stop() -> None:
    rig = SyringeRig("harvard-11", faults=("syringe.touched=1@60s", "syringe.touched=1@120s"))
    source = HarvardPump(rig.links, rig.line)
    source.identify()
    assert source.infuse() is Acceptance.ACKNOWLEDGED
    rig.at(60.0)
    assert source.status().state is FlowState.INFUSING  # one question went unheard, and was asked again
    rig.at(120.0)
    assert source.stop() is Acceptance.ACKNOWLEDGED
    stopped_ns = rig.now_ns
    rig.wait(600.0)
    assert rig.book.displaced_ul(stopped_ns, rig.now_ns) == 0.0


@pytest.mark.parametrize("model", NAMES)
def test_on_a_line_that_loses_and_damages_a_tenth_what_is_confirmed_is_true(model: str) -> None:
    started = stopped = 0
    for seed in range(8):
        rig = SyringeRig(model, seed=seed, faults=("syringe.drop=10%@30s", "syringe.corrupt=10%@30s"))
        source = bench_driver(model, rig)
        rig.say("0" if model.startswith("ne") else "")
        source.identify()
        rig.at(30.0)
        with suppress(BenchError):
            if source.infuse() is Acceptance.ACKNOWLEDGED:
                started += 1
                rig.wait(60.0)
                assert rig.book.commanded_ul(0, rig.now_ns) > 0.0
        if source.stop() is Acceptance.ACKNOWLEDGED:
            stopped += 1
            stopped_ns = rig.now_ns
            rig.wait(600.0)
            assert rig.book.commanded_ul(stopped_ns, rig.now_ns) == 0.0
    assert started >= 3
    assert stopped >= 6
