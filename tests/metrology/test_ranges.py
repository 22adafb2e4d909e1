"""A bench whose air or liquid no formula covers is refused before anything moves."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rig.config import Liquid, load_bench
from rig.engine import run_scenario
from rig.errors import ConfigError
from rig.metrology.ranges import refuse_out_of_range
from rig.scenario.model import BasalStep, Scenario


@pytest.mark.parametrize(
    ("temperature_c", "words"),
    [(28.0, "air temperature is 28 C: CIPM-2007 holds from 15 to 27 C"), (14.9, "air temperature is 14.9 C")],
)
def test_stated_air_outside_the_formula_is_refused(temperature_c: float, words: str) -> None:
    bench = load_bench("simulated")
    warm = replace(bench, environment=replace(bench.environment, temperature_c=temperature_c))
    with pytest.raises(ConfigError, match="no result could be judged") as caught:
        refuse_out_of_range(warm)
    assert words in str(caught.value)
    assert "simulated.toml: environment" in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_liquid_stated_too_far_away_is_refused() -> None:
    liquid = Liquid("oil", 860.0, 38.0, 0.5, 7e-4, 1e-4, "data sheet")
    with pytest.raises(ConfigError, match="stated density of oil holds from 23 to 40 C"):
        refuse_out_of_range(replace(load_bench("simulated"), liquid=liquid))


def test_a_run_is_prepared_without_numpy() -> None:
    """What measures for weeks neither waits for it nor carries it."""
    code = "import sys, rig.engine, rig.metrology.ranges; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_shipped_bench_can_be_judged() -> None:
    for name in ("simulated", "simulated-522", "pi-example", "pty-example"):
        refuse_out_of_range(load_bench(name))


def test_a_run_there_makes_no_folder(tmp_path: Path) -> None:
    bench = load_bench("simulated")
    hot = replace(bench, environment=replace(bench.environment, temperature_c=30.0))
    scenario = Scenario("hot", "hot", (23,), ("pump", "balance"), (BasalStep(1.0, 60.0),), ())
    with pytest.raises(ConfigError, match="30 C"):
        run_scenario(scenario, hot, tmp_path)
    assert list(tmp_path.iterdir()) == []
