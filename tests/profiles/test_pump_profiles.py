"""Pump profiles: what the data files say of each model, and how it rounds."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from rig.drivers.minimed.contact import FAMILIES
from rig.errors import ConfigError
from rig.profiles.pump import PumpProfile, load_profile, parse_profiles, profile_ids, read_profiles
from rig.profiles.strict import Origin
from rig.sim.parameters import PUMP_MODELS, STROKE_U

MODELS = tuple(f"{size}{family}" for size in (5, 7) for family in FAMILIES)


def test_every_minimed_of_the_driver_has_a_profile_and_a_twin() -> None:
    assert profile_ids() == (*(f"mmt-{model}" for model in MODELS), *(f"sim-{model}" for model in MODELS))
    assert {load_profile(key).family for key in profile_ids()} == set(FAMILIES)


def test_every_model_that_the_twin_plays_has_a_profile() -> None:
    for name, model in PUMP_MODELS.items():
        profile = load_profile(f"sim-{name}")
        assert (profile.model, profile.family, profile.reservoir_u) == (name, model.family, model.reservoir_u)
        assert profile.dose_u == pytest.approx(model.dose_strokes * STROKE_U)


@pytest.mark.parametrize(
    ("profile_id", "family", "reservoir_u", "dose_u", "bolus_min_u"),
    [
        ("mmt-512", 12, 176.0, 0.05, 0.1),
        ("mmt-712", 12, 300.0, 0.05, 0.1),
        ("mmt-515", 15, 176.0, 0.05, 0.1),
        ("mmt-715", 15, 300.0, 0.05, 0.1),
        ("mmt-530", 30, 176.0, 0.025, 0.025),
        ("mmt-740", 40, 300.0, 0.025, 0.025),
        ("mmt-551", 51, 176.0, 0.025, 0.025),
        ("mmt-751", 51, 300.0, 0.025, 0.025),
        ("mmt-554", 54, 176.0, 0.025, 0.025),
        ("mmt-754", 54, 300.0, 0.025, 0.025),
        ("mmt-522", 22, 176.0, 0.05, 0.1),
        ("mmt-722", 22, 300.0, 0.05, 0.1),
        ("mmt-523", 23, 176.0, 0.025, 0.025),
        ("mmt-723", 23, 300.0, 0.025, 0.025),
    ],
)
def test_a_profile_holds_the_figures_of_its_model(
    profile_id: str, family: int, reservoir_u: float, dose_u: float, bolus_min_u: float
) -> None:
    profile = load_profile(profile_id)
    assert (profile.family, profile.reservoir_u, profile.dose_u, profile.bolus_min_u) == (
        family, reservoir_u, dose_u, bolus_min_u,
    )  # fmt: skip
    assert (profile.basal_max_u_per_h, profile.bolus_max_u, profile.profile_segments_max) == (35.0, 25.0, 48)
    assert profile.model == profile_id[-3:]
    assert set(profile.marks) >= {"dose_u", "reservoir_u", "basal", "bolus", "bolus_speeds", "temp_basal", "history"}


@pytest.mark.parametrize("number", MODELS)
def test_a_twin_is_its_pump_but_for_the_claim_declared_for_it(number: str) -> None:
    twin, pump = load_profile(f"sim-{number}"), load_profile(f"mmt-{number}")
    own = ("id", "title", "claims", "facts")
    same = [item.name for item in fields(PumpProfile) if item.name not in own]
    assert all(getattr(twin, name) == getattr(pump, name) for name in same)
    assert (twin.simulated, pump.simulated) == (True, False)
    assert not pump.claims["basal"].decides
    assert not pump.claims["bolus"].decides
    assert twin.claims["basal"].limit_pct == 5.0
    assert twin.claims["basal"].mark == "declared for the twin"
    bolus = twin.claims["bolus"]
    assert (bolus.limit_pct, bolus.small_below_u, bolus.small_limit_u) == (5.0, 1.0, 0.05)


@pytest.mark.parametrize(
    ("profile_id", "rate", "rounded"),
    [
        ("mmt-523", 0.99, 0.975),
        ("mmt-523", 0.975, 0.975),
        ("mmt-523", 1.04, 1.0),
        ("mmt-523", 9.99, 9.95),
        ("mmt-523", 10.17, 10.1),
        ("mmt-523", 36.0, 35.0),
        ("mmt-523", 0.3, 0.3),
        ("mmt-522", 0.99, 0.95),
        ("mmt-522", 0.025, 0.0),
        ("mmt-522", 9.99, 9.95),
        ("mmt-522", -1.0, 0.0),
    ],
)
def test_a_basal_rate_is_rounded_down_to_the_step_of_its_band(profile_id: str, rate: float, rounded: float) -> None:
    assert load_profile(profile_id).round_basal(rate) == rounded


@pytest.mark.parametrize(
    ("profile_id", "amount", "rounded"),
    [
        ("mmt-522", 0.15, 0.1),
        ("mmt-522", 2.35, 2.3),
        ("mmt-523", 2.37, 2.35),
        ("mmt-523", 0.03, 0.025),
        ("mmt-523", 12.35, 12.3),
        ("mmt-522", 26.0, 25.0),
        ("mmt-522", 0.3, 0.3),
    ],
)
def test_a_bolus_is_rounded_down_to_the_step_of_its_band(profile_id: str, amount: float, rounded: float) -> None:
    assert load_profile(profile_id).round_bolus(amount) == rounded


@pytest.mark.parametrize(
    ("amount", "old_s", "new_s"),
    [
        (0.1, 4.0, 8.0),
        (0.5, 20.0, 40.0),
        (1.0, 40.0, 40.0),
        (5.0, 200.0, 200.0),
        (7.5, 300.0, 300.0),
        (10.0, 400.0, 300.0),
        (25.0, 1000.0, 300.0),
    ],
)
def test_a_bolus_lasts_as_the_table_of_driver_derived_durations_says(amount: float, old_s: float, new_s: float) -> None:
    assert load_profile("mmt-722").bolus_duration_s(amount) == pytest.approx(old_s)
    assert load_profile("mmt-723").bolus_duration_s(amount) == pytest.approx(new_s)


def test_only_the_new_families_log_basal_deliveries() -> None:
    for model in MODELS:
        assert load_profile(f"mmt-{model}").logs("basal") == (int(model) % 100 >= 23)
    assert load_profile("mmt-722").logs("bolus")
    with pytest.raises(ConfigError, match="unknown kind of history 'boluses'"):
        load_profile("mmt-722").logs("boluses")


def test_a_profile_kept_in_the_former_layout_is_read_as_the_pump_it_was() -> None:
    kept = parse_profiles(Path("tests/data/golden/v1/evidence/profile.toml").read_text("utf-8"), "profile.toml")
    assert sorted(kept) == ["mmt-523", "mmt-723", "sim-523", "sim-723"]
    for key, former in kept.items():
        now = load_profile(key)
        own = {"facts", "sources", "marks", "claims"}  # what the former layout did not have, or had in other words
        same = [item.name for item in fields(PumpProfile) if item.name not in own]
        assert [getattr(former, name) for name in same] == [getattr(now, name) for name in same]
        assert former.claims["bolus"].decides == now.claims["bolus"].decides == key.startswith("sim-")
        assert former.claims["bolus"].limit_pct == now.claims["bolus"].limit_pct


def test_an_unknown_profile_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown pump profile 'mmt-532'.*try: 'mmt-5") as caught:
        load_profile("mmt-532")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [{}, {"pumps": {}}, {"family": 22, "pumps": {"x": 1}}, {"format": 2}, {"format": 3}])
def test_a_broken_data_file_is_refused_by_name(data: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        read_profiles(data, Origin("broken.toml", ""))
