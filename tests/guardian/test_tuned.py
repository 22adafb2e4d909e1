"""A frequency that a scan has found goes into the plan by which the guardian makes safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rig.clock import VirtualClock
from rig.guardian.chips import NoChip
from rig.guardian.left import LeftPlan
from rig.guardian.lines import Lines
from rig.guardian.places import Places
from rig.guardian.plan import PumpPlan, SafePlan, plan_from_json
from rig.guardian.server import Guardian
from rig.guardian.system import Watchdogs
from rig.guardian.takeover import Takeover
from rig.sim.bench import SimulatedBench
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks
from tests.sim.kit import START

TWIN = "900123"
PLAN = SafePlan("b", "r", "", "", PumpPlan("/dev/x", 19_200, TWIN, (TWIN,), 916.55, scan=("us", "ww")))


def test_a_plan_travels_with_its_bands_and_one_of_a_former_version_has_none() -> None:
    assert plan_from_json(PLAN.to_json()) == PLAN
    former = PLAN.to_json()
    del former["pump"]["scan"]
    pump = plan_from_json(former).pump
    assert pump is not None
    assert pump.scan == ()


def test_the_guardian_and_whoever_follows_it_look_no_more_for_what_was_found(tmp_path: Path) -> None:
    places = Places("b", str(tmp_path))
    places.plan.parent.mkdir(parents=True, exist_ok=True)
    guardian = Guardian(places, lasting=False, watchdogs=Watchdogs(""))
    try:
        guardian._answer({"op": "tuned", "frequency_mhz": 868.35})
        assert guardian._plan is None
        guardian._plan = PLAN
        guardian._answer({"op": "tuned", "frequency_mhz": 868.35})
    finally:
        guardian._door.close()
    left = LeftPlan(places.plan).read()
    assert left is not None
    assert guardian._plan == left[0] == PLAN.tuned(868.35)
    pump = left[0].pump
    assert pump is not None
    assert (pump.frequency_mhz, pump.scan) == (868.35, ())


@pytest.mark.parametrize("state", ["idle", "holding", "orphan"])
def test_an_emergency_stop_never_lets_a_running_pump_out_of_the_guardians_hands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    places = Places("b", str(tmp_path))
    guardian = Guardian(places, lasting=True, watchdogs=Watchdogs(""))
    taken: list[str] = []
    monkeypatch.setattr(guardian, "_take_over", lambda why, **_: taken.append(why))
    monkeypatch.setattr(Lines, "emergency", lambda _self: True)
    monkeypatch.setattr(Lines, "rearm", lambda _self: False)  # it is pressed still
    monkeypatch.setattr(guardian._lock, "tell", lambda _about: None)
    guardian._lines = Lines((), NoChip())
    if state != "idle":
        guardian._plan = PLAN
    if state == "holding":
        guardian._held_until_s = 1e12
    if state == "orphan":
        guardian._orphan_until_s = 1e12
    try:
        reply = guardian._on_arm({"plan": PLAN.to_json()})
    finally:
        guardian._door.close()
    assert (reply["ok"], "emergency stop is pressed" in reply["error"]) == (False, True)
    assert taken == (["emergency_stop"] if state == "holding" else [])
    assert (guardian._plan is None) is (state == "idle")


def _stopped_after_s(plan: SafePlan) -> float:
    """Return how long a takeover needs to stop a world-wide pump that sleeps, in s of virtual time."""
    links = VirtualLinks(VirtualClock())
    twin = SimulatedBench(serial=TWIN, start_local=START, faults=["pump.frequency=868.35MHz"])
    twin.plant_runs_at(1.0)
    link = links.connect("pump", twin.pump_stick, 520_833)

    class Port(Takeover):
        def _open(self, links: Any, name: str, port: str, identity: str, settings: Any) -> Link:
            return link

    takeover = Port(plan, Lines((), NoChip()), lambda *_: None, lambda *_: None, lambda: None)
    over_link: Any = takeover._pump_over_link
    state = over_link(links, plan.pump)
    assert (state.confirmed, state.by) == (True, "pump status")
    assert twin.firmware.therapy.suspended
    return links.clock.link_ns() / 1e9


def test_a_takeover_stops_a_pump_whose_frequency_is_known_at_once_and_finds_it_where_nobody_has_found_it() -> None:
    known, unknown = _stopped_after_s(PLAN.tuned(868.35)), _stopped_after_s(PLAN)
    assert known < 20.0
    assert unknown < 60.0
    assert known < unknown
