"""A pump that is awake is not woken again; one whose radio may go off soon is, on both sticks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.bench import open_bench
from rig.clock import to_ns
from rig.config import load_bench


@pytest.mark.parametrize("link", ["cc111x", "carelink"])
def test_a_pump_that_stays_awake_long_enough_costs_one_question(link: str) -> None:
    config = load_bench("simulated")
    config = replace(config, pump=replace(config.pump, link=link))
    bench = open_bench(config, config.pump_profile())
    sent: list[bytes] = []
    bench.links.tap = lambda name, way, _at_ns, data: sent.append(data) if (name, way) == ("pump", ">") else None

    def waking() -> tuple[int, float]:
        before, began_ns = len(b"".join(sent)), bench.links.clock.link_ns()
        bench.pump.wake()
        return len(b"".join(sent)) - before, (bench.links.clock.link_ns() - began_ns) * 1e-9

    bench.open_devices()
    first_bytes, first_s = waking()
    again_bytes, again_s = waking()
    bench.links.wait(bench.links.clock.link_ns() + to_ns(400.0))
    later_bytes, later_s = waking()
    bench.close()
    assert again_bytes < min(first_bytes, later_bytes)
    assert again_s < min(2.0, later_s, first_s)
    assert later_s > (10.0 if link == "carelink" else 0.1)
