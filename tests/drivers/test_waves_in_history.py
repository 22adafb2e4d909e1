"""Square and dual waves that somebody gave at the twin's keys, read through the driver: the twin shares no codec."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rig.clock import VirtualClock
from rig.drivers.minimed import BAUD, minimed_pump
from rig.sim.bench import SimulatedBench
from rig.sim.parameters import PlantParameters
from rig.transport.virtual import VirtualLinks

SERIAL = "900123"
START = datetime(2025, 3, 9, 14)
FAULTS = ("pump.hand=square:2U:1h@10min", "pump.hand=dual:2.5U:1.5U:30min@2h", "pump.hand=normal:0.5U@3h")


@pytest.mark.parametrize("link", ["cc111x", "carelink"])
@pytest.mark.parametrize("model", ["522", "723", "754"])
def test_the_driver_reads_every_wave_with_its_amounts_time_and_origin(model: str, link: str) -> None:
    twin = SimulatedBench(model=model, link=link, serial=SERIAL, start_local=START, faults=FAULTS)
    links = VirtualLinks(VirtualClock())
    stick = links.connect("pump", twin.pump_stick, 10 * 1_000_000_000 // BAUD[link])
    pump = minimed_pump(links, stick, SERIAL, frozenset({SERIAL}), kind=link)
    links.pause(4.0 * 3600.0)
    pump.open()
    pump.wake()
    read = [event for event in pump.history() if event.kind == "bolus"]
    normal_s = timedelta(seconds=2.5 / 1.5 * 60.0)
    set_s = timedelta(seconds=PlantParameters().clock_offset_s)
    expected = [
        (START + timedelta(minutes=10) + set_s, 2.0, 60.0),
        (START + timedelta(hours=2) + set_s, 2.5, 0.0),
        (START + timedelta(hours=2) + set_s + normal_s, 1.5, 30.0),
        (START + timedelta(hours=3) + set_s, 0.5, 0.0),
    ]
    assert [event.remote for event in read] == [False] * 4
    found = sorted((event.at or START, event) for event in read)
    for (written, event), (at, amount_u, minutes) in zip(found, expected, strict=True):
        assert abs(written - at) <= timedelta(seconds=2)
        assert event.programmed_u == pytest.approx(amount_u)
        assert event.delivered_u == pytest.approx(amount_u)
        assert (event.minutes or 0.0) == minutes
    assert twin.ledger.commanded_u(0, links.clock.now_ns()) == pytest.approx(6.5)
