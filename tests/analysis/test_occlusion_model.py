"""The lumped model of an occlusion: EX-19 to EX-23, and the published alarm times."""

from __future__ import annotations

import math
import tomllib
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis import occlusion_model as model
from rig.analysis.occlusion_prediction import LARGEST_BASAL_U_PER_H, RATE_DEPENDENCE
from rig.errors import BenchError

PUBLISHED = tomllib.loads((Path(__file__).parent.parent / "data/published/occlusion.toml").read_text("utf-8"))
CONDITIONS: list[dict[str, Any]] = PUBLISHED["condition"]
SECONDS = {"h": 3600, "min": 60, "s": 1}


def half_up(value: float, digits: str) -> str:
    return str(Decimal(repr(round(value, 9))).quantize(Decimal(digits), ROUND_HALF_UP))


def seconds(time: dict[str, Any]) -> float:
    return float(sum(Decimal(str(amount)) * SECONDS[unit] for unit, amount in time.items()))


@pytest.mark.parametrize(("rate", "hours"), [(0.05, 30.0), (0.1, 15.0), (1.0, 1.5), (2.0, 0.75)])
def test_a_total_blockage_alarms_when_the_worked_example_says(rate: float, hours: float) -> None:
    """EX-19: C 0.15 uL/kPa, 100 kPa, no latency; it releases at most 15 uL = 1.5 U."""
    stored = model.stored_volume_ul(0.15, 100.0)
    assert stored == pytest.approx(15.0, abs=1e-12)
    assert model.alarm_time_h(stored, rate * 10.0) == pytest.approx(hours, rel=1e-12)
    assert model.pressure_kpa(rate * 10.0, hours, 0.15) == pytest.approx(100.0, rel=1e-12)


def test_a_partial_blockage_alarms_late_or_never() -> None:
    """EX-20."""
    found = model.partial_alarm_time_h(10.0, 15.0, 0.15, 100.0)
    assert found is not None
    assert f"{found:.5f}" == "2.47188"
    assert model.partial_pressure_kpa(10.0, 15.0, 0.15, found) == pytest.approx(100.0, rel=1e-12)
    assert model.partial_pressure_kpa(10.0, 15.0, 0.15, 1e6) == pytest.approx(150.0)
    assert model.partial_alarm_time_h(10.0, 8.0, 0.15, 100.0) is None
    assert model.partial_pressure_kpa(10.0, 8.0, 0.15, 1e6) == pytest.approx(80.0)
    assert model.undetected_resistance_kpa_h_per_ul(10.0, 100.0) == pytest.approx(10.0)


def test_a_bubble_stores_what_boyle_says() -> None:
    """EX-21."""
    assert f"{model.air_compliance_ul_per_kpa(10.0):.4f}" == "0.0987"
    assert f"{model.air_stored_ul(10.0, 100.0):.3f}" == "4.967"
    assert f"{model.air_compliance_ul_per_kpa(10.0) * 100.0:.2f}" == "9.87"


def test_a_tube_resists_as_poiseuille_says() -> None:
    """EX-22."""
    wide, narrow = (model.tube_resistance_kpa_h_per_ul(1.10, bore) for bore in (0.40, 0.25))
    assert f"{wide:.2e}" == "4.87e-04"
    assert f"{wide * 9000.0:.2f}" == "4.38"
    assert f"{narrow:.2e}" == "3.19e-03"
    assert f"{narrow * 9000.0:.1f}" == "28.7"


def test_the_textbook_pump_needs_218_s() -> None:
    """EX-23: 12 mL/h, 15 to 85 kPa, 0.010 mL/kPa, 8 s."""
    stored = model.stored_volume_ul(10.0, 85.0 - 15.0)
    assert stored == pytest.approx(700.0)
    assert model.alarm_time_h(stored, 12_000.0, 8.0) * 3600.0 == pytest.approx(218.0, rel=1e-12)


def test_flow_starts_up_to_95_percent_in_three_time_constants() -> None:
    constant_h = 0.05 * 0.15
    assert model.startup_flow_ul_per_h(10.0, 0.05, 0.15, 3.0 * constant_h) == pytest.approx(9.502, abs=5e-4)


def test_what_a_partial_blockage_keeps_back_names_its_resistance() -> None:
    """Integrated in small steps: in the end Q t less what came out is C Q R."""
    flow, resistance, compliance, step = 10.0, 6.0, 0.15, 1e-4
    pressure = missing = early = 0.0
    for step_number in range(200_000):
        out = pressure / resistance
        pressure += (flow - out) * step / compliance
        missing += (flow - out) * step
        if step_number == 5_000:
            early = missing
    assert model.partial_resistance_kpa_h_per_ul(missing, flow, compliance) == pytest.approx(resistance, rel=1e-6)
    elapsed = 5_001 * step
    assert early < 0.5 * missing
    found = model.partial_resistance_kpa_h_per_ul(early, flow, compliance, elapsed)
    assert found == pytest.approx(resistance, rel=1e-3)
    assert model.partial_resistance_kpa_h_per_ul(flow * elapsed, flow, compliance, elapsed) is None


@given(st.floats(0.01, 2.0), st.floats(1.0, 300.0), st.floats(0.02, 1.0))
def test_pulses_are_the_fewest_that_reach_the_threshold(compliance: float, rise: float, pulse: float) -> None:
    stored = model.stored_volume_ul(compliance, rise)
    count = model.pulses_to_alarm(stored, pulse)
    assert count * pulse >= stored - 1e-8 * pulse
    assert (count - 1) * pulse < stored


def test_exactly_n_pulses_are_n_pulses() -> None:
    assert [model.pulses_to_alarm(15.0, pulse) for pulse in (0.5, 0.1, 0.3)] == [30, 150, 50]
    assert model.pulses_to_alarm(15.001, 0.5) == 31


@given(st.floats(1.01, 50.0), st.floats(0.1, 100.0), st.floats(0.01, 2.0), st.floats(1.0, 300.0))
def test_a_tighter_blockage_never_alarms_later_and_none_before_a_total_one(
    excess: float, flow: float, compliance: float, rise: float
) -> None:
    limit = model.undetected_resistance_kpa_h_per_ul(flow, rise)
    loose = model.partial_alarm_time_h(flow, limit * excess, compliance, rise)
    tight = model.partial_alarm_time_h(flow, limit * excess * 1.5, compliance, rise)
    total = model.alarm_time_h(compliance * rise, flow)
    assert loose is not None
    assert tight is not None
    assert loose >= tight >= total * (1.0 - 1e-9)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_impossible_inputs_are_refused(value: float) -> None:
    for call in (
        lambda: model.stored_volume_ul(value, 100.0),
        lambda: model.alarm_time_h(15.0, value),
        lambda: model.pulses_to_alarm(15.0, value),
        lambda: model.partial_alarm_time_h(10.0, value, 0.15, 100.0),
        lambda: model.tube_resistance_kpa_h_per_ul(1.1, value),
        lambda: model.air_compliance_ul_per_kpa(10.0, value),
    ):
        with pytest.raises(BenchError):
            call()


def with_missed() -> list[dict[str, Any]]:
    return [row for row in CONDITIONS if "missed_u" in row]


@pytest.mark.parametrize("row", with_missed(), ids=lambda row: f"{row['pump']} {row['rate_u_per_h']} U/h")
def test_the_missed_units_of_the_table_follow_from_time_and_rate(row: dict[str, Any]) -> None:
    missed = row["rate_u_per_h"] * seconds(row["typical"]) / 3600.0
    printed = repr(row["missed_u"])
    digits = "0." + "0" * len(printed.partition(".")[2])
    assert half_up(missed, digits) == printed
    per_u = model.alarm_time_h(missed * 10.0, row["rate_u_per_h"] * 10.0) * 3600.0
    assert per_u == pytest.approx(seconds(row["typical"]))


def test_a_published_range_gives_a_range() -> None:
    row = next(row for row in CONDITIONS if "typical_range" in row)
    assert [row["rate_u_per_h"] * seconds(time) / 3600.0 for time in row["typical_range"]] == row["missed_range_u"]
    assert sum("missed_u" in row for row in CONDITIONS) == 13


def test_within_one_pump_the_missed_volume_hardly_depends_on_the_basal_rate() -> None:
    """The statement that carries every prediction, and the half width that its budget gives it."""
    pairs = [
        (a["pump"], a["missed_u"], b["missed_u"])
        for a, b in combinations(with_missed(), 2)
        if a["pump"] == b["pump"] and max(a["rate_u_per_h"], b["rate_u_per_h"]) <= LARGEST_BASAL_U_PER_H
    ]
    assert sorted(pump for pump, _, _ in pairs) == [
        "Accu-Chek Solo",
        "MiniMed Veo",
        "Omnipod 5",
        "Paradigm 511",
        "t:slim X2",
    ]
    changes = {pump: abs(second / first - 1.0) for pump, first, second in pairs}
    assert changes["Paradigm 511"] == 0.0
    assert changes["MiniMed Veo"] < 0.02
    assert max(changes.values()) < RATE_DEPENDENCE
    assert max(changes.values()) > RATE_DEPENDENCE / 2.0  # the half width is no larger than the data ask


def test_at_bolus_speed_the_missed_volume_is_another() -> None:
    """Why nothing is predicted from a test faster than a basal."""
    for pump in ("MiniMed Veo", "Paradigm 511"):
        fast, basal = (
            next(r["missed_u"] for r in with_missed() if r["pump"] == pump and (r["rate_u_per_h"] > 40.0) is quick)
            for quick in (True, False)
        )
        assert 0.45 < fast / basal < 0.55


@pytest.mark.parametrize("row", PUBLISHED["compliance"], ids=lambda row: row["pump"])
def test_the_effective_compliances_follow_from_label_and_pressure(row: dict[str, Any]) -> None:
    assert f"{row['missed_ul'] / row['pressure_kpa']:.2f}" == row["printed_ul_per_kpa"]
