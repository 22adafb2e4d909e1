"""The conformance suite of a source of a known flow, run through the drivers against the twin's syringe pumps."""

from __future__ import annotations

from contextlib import suppress

import pytest

from rig.conformance.report import Outcome
from rig.conformance.scenes import check_played, left_unshown
from rig.drivers.harvard import HarvardPump
from rig.drivers.new_era import NewEraPump
from rig.errors import BenchError
from rig.instruments import Acceptance, FlowSource, FlowState
from rig.plugins.registry import find_driver
from rig.sim.syringe_scenes import MODELS as NAMES
from rig.sim.syringe_scenes import NOT_PLAYED, harvard, new_era
from tests.sim.syringe_kit import SyringeRig


def bench_driver(model: str, rig: SyringeRig) -> FlowSource:
    """Return the driver of a model's maker."""
    if model in ("harvard-11", "phd-ultra"):
        return HarvardPump(rig.links, rig.line)
    return NewEraPump(rig.links, rig.line)


@pytest.mark.parametrize("model", NAMES)
def test_a_driver_on_a_pump_of_the_twin_conforms_to_the_role(model: str) -> None:
    maker = "new-era" if model.startswith("ne") else "harvard"
    stage = new_era if model.startswith("ne") else harvard
    found = find_driver("flow_source", maker)
    rows = list(check_played(found, lambda situation: stage(situation, NAMES[model])))
    assert [row.situation for row in rows if row.outcome is Outcome.LEFT_OUT] == list(NOT_PLAYED)
    assert [str(row) for row in rows if row.outcome is Outcome.FAILED] == []
    assert left_unshown(found, rows) == []


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
