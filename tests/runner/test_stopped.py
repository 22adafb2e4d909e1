"""The emergency stop in every state of a run, in virtual time: the run ends, the pump stands, the valve is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.config import load_bench, parse_bench
from rig.engine import run_scenario
from rig.paths import checkout
from rig.record.reader import Event, read_run
from rig.record.writer import RecordWriter
from rig.scenario.parse import load_scenario
from rig.sim.bench import SimulatedBench
from rig.sim.valves import TwinPins

STOP = 22
LINE = f'\n[[lines]]\nname = "stop"\npin = {STOP}\nrole = "emergency_stop"\n'


def last(events: tuple[Event, ...], name: str) -> Event | None:
    return next((event for event in reversed(events) if event.name == name), None)


@pytest.mark.parametrize(
    ("state", "begins", "after_s"),
    [
        ("arming", None, 0.0),
        ("blank", "blank_started", 60.0),
        ("delivering", "resumed", 60.0),
        ("occluded", "valve_set", 60.0),
        ("settling", "alarm_seen", 120.0),
        ("last blank", "alarm_cleared", 0.0),
    ],
)
def test_an_emergency_stop_ends_a_run_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, begins: str | None, after_s: float
) -> None:
    """Press when ``begins`` has been recorded for ``after_s``, for a moment only: releasing it starts nothing."""
    pressed_ns: list[int] = [] if begins else [0]
    levels: list[int] = []
    pumps: list[SimulatedBench] = []
    read, wire = TwinPins.read, SimulatedBench.pins

    def watched(pins: TwinPins, pin: int) -> int:
        if pin != STOP:
            return read(pins, pin)
        levels.append(int(bool(pressed_ns) and pins._now_ns() >= pressed_ns[0] and 1 not in levels))
        return levels[-1]

    def kept(twin: SimulatedBench, wires, now_ns):  # type: ignore[no-untyped-def]
        pumps.append(twin)
        return wire(twin, wires, now_ns)

    def recorded(writer, at_ns, name, data):  # type: ignore[no-untyped-def]
        if name == begins and not pressed_ns:
            pressed_ns.append(at_ns + round(after_s * 1e9))
        event(writer, at_ns, name, data)

    event = RecordWriter.event
    monkeypatch.setattr(TwinPins, "read", watched)
    monkeypatch.setattr(SimulatedBench, "pins", kept)
    monkeypatch.setattr(RecordWriter, "event", recorded)
    monkeypatch.setattr("rig.config.checks.TWIN_ROLES", ("valve", "button", "alarm", "emergency_stop"))
    bench = parse_bench(load_bench().source_text + LINE)
    scenario = load_scenario(checkout() / "tests" / "data" / "clamped.yaml")
    finished = run_scenario(scenario, bench, tmp_path)
    record = read_run(finished.folder)
    assert finished.result.end_reason == "emergency_stop", state
    assert record.end["safe"]["confirmed"]
    assert pumps[0]._plant._line.blockage.clamp.closed is False
    therapy = pumps[0].firmware.therapy
    assert therapy.suspended or not last(record.events, "resumed")
    safe = last(record.events, "safe_state")
    assert safe is None or safe.data["confirmed"]
