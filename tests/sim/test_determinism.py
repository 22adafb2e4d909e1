"""The same seed and the same requests give the same bytes; another cause of noise shifts no other."""

from __future__ import annotations

from dataclasses import replace

from rig.sim.bench import SimulatedBench
from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.seeds import source
from tests.sim.kit import SECOND_NS, START, Rig


def session(seed: int) -> list[tuple[str, str, int, bytes]]:
    rig = Rig(seed=seed, parameters=PlantParameters(), faults=("link.corrupt=10%", "balance.garbage=10%"))
    rig.uart(bytes.fromhex("04 00 F9 00 A9 69 71 C9 AD 16 94 D5 55 5A 65 00"), 4.0)
    rig.uart(bytes.fromhex("03 00 00 00 2E E0"), 1.0)
    for _ in range(40):
        rig.uart(bytes.fromhex("05 00 00 00 00 00 00 01 F4 00 A9 69 71 C9 AD 16 68 D5 55 59 A5 00"), 0.6)
        rig.weigh()
    return rig.traffic


def test_the_same_seed_gives_the_same_bytes_at_the_same_times() -> None:
    assert session(7) == session(7)


def test_another_seed_gives_others() -> None:
    assert session(7) != session(8)


def test_each_cause_has_numbers_of_its_own() -> None:
    assert source(1, "a").random() == source(1, "a").random()
    assert source(1, "a").random() != source(1, "b").random() != source(2, "b").random()


def test_a_noisier_balance_or_air_leaves_the_pump_as_it_was() -> None:
    quiet = SimulatedBench(start_local=START, seed=4)
    noisy = SimulatedBench(
        start_local=START,
        seed=4,
        parameters=replace(PlantParameters(), white_noise_mg=1.0, flicker_taus_s=(5.0,), weather_sd_hpa=9.0),
    )
    for bench in (quiet, noisy):
        bench.plant_runs_at(3.0)
        for second in range(0, 3600, 60):
            bench.display_mg(second * SECOND_NS)
    assert abs(quiet.ledger.outlet_u(0, HOUR_NS) - noisy.ledger.outlet_u(0, HOUR_NS)) < 1e-12
