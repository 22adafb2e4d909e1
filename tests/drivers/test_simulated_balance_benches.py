"""A simulated bench speaks whatever its bench file says, and every language weighs the same load."""

from __future__ import annotations

import pytest

from rig.bench import open_bench
from rig.config import parse_bench
from rig.errors import UsageError
from rig.paths import benches_dir
from rig.profiles.pump import load_profile
from rig.sim.balances.models import PROTOCOLS


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_language_weighs_the_tared_vessel_as_nothing(protocol: str) -> None:
    text = (benches_dir() / "simulated.toml").read_text("utf-8").replace('"mt-sics"', f'"{protocol}"')
    config = parse_bench(text)
    bench = open_bench(config, load_profile(config.pump.profile))
    try:
        bench.balance.open()
        reading = bench.balance.weigh()
    finally:
        bench.close()
    assert abs(reading.mass_mg) < 0.2
    assert reading.resolution_mg == pytest.approx(0.01)


def test_a_language_that_the_twin_does_not_speak_is_refused() -> None:
    text = (benches_dir() / "simulated.toml").read_text("utf-8").replace('"mt-sics"', '"acme"')
    config = parse_bench(text)
    with pytest.raises(UsageError, match="the twin has no balance that speaks 'acme'; expected mt-sics or sbi"):
        open_bench(config, load_profile(config.pump.profile))
