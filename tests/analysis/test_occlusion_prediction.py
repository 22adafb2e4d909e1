"""What an occlusion predicts, and the document of a log."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis.measured import Measured, combined_budget, stated
from rig.analysis.occlusion import effective_compliance
from rig.analysis.occlusion_document import OcclusionExtras, VerificationRun, occlusion_document
from rig.analysis.occlusion_events import parse_events
from rig.analysis.occlusion_model import partial_resistance_kpa_h_per_ul
from rig.analysis.occlusion_prediction import (
    agreement,
    bubble_effect,
    mean_measured,
    partial_occlusion,
    predicted_alarm,
    stored_volume,
)
from rig.errors import UsageError
from rig.metrology.budget import Budget, Component
from rig.metrology.checks import FloatArray
from tests.analysis.occlusion_cases import (
    SETTING,
    air,
    chain,
    measured,
    some,
    usual,
)
from tests.analysis.occlusion_plant import Line, Truth, run

# prediction


def test_a_fast_test_predicts_a_slow_run_and_one_slow_run_verifies_it() -> None:
    line = Line()
    missed = mean_measured(tuple(found.missed for _, found in usual()[:3]))
    stored = stored_volume(missed, 20.0, stated(line.latency_s, 2.0, "s", "latency"))
    slow_line = replace(line, flow=5.0, collect_s=100.0)
    slow = run(slow_line, 7, step_s=0.5)
    assert slow.alarm_s is not None
    found = measured(slow_line, slow, replace(SETTING, rate_u_per_h=0.5))
    predicted = predicted_alarm(stored, 0.5, dose_u=0.025, latency=stated(4.5, 2.0, "s", "latency"))
    held = agreement(some(found.time_to_alarm), predicted.time)
    assert held.agrees
    assert held.difference_s == pytest.approx(some(found.time_to_alarm).value - predicted.time.value)
    assert predicted.lower_s < slow.alarm_s - slow.closed_s < predicted.upper_s
    assert predicted.pulses == pytest.approx(60, abs=2)
    far = replace(predicted.time, value=predicted.time.value * 2.0)
    assert not agreement(some(found.time_to_alarm), far).agrees


def test_the_prediction_is_volume_over_rate_plus_latency_and_its_budget_names_what_is_not_known() -> None:
    stored = stated(15.0, 0.1, "uL", "stored")
    found = predicted_alarm(stored, 0.1, dose_u=0.05, latency=stated(8.0, 1.0, "s", "latency"))
    assert found.time.value == pytest.approx(15.0 * 3600.0 + 8.0)
    assert found.pulses == 30
    parts = {line.name: line.contribution for line in found.time.budget.lines()}
    assert parts["missed volume at another rate"] == pytest.approx(0.2 * 15.0 * 3600.0 / math.sqrt(3.0))
    assert parts["whole pulses at unknown phase"] == pytest.approx(1800.0 / math.sqrt(6.0))
    assert parts["stored volume: stored"] == pytest.approx(360.0)
    assert parts["latency: latency"] == pytest.approx(1.0)
    assert predicted_alarm(stored, 0.1).pulses is None
    for rate in (0.0, -1.0, math.nan):
        with pytest.raises(UsageError):
            predicted_alarm(stored, rate)


def test_the_effect_of_a_bubble_is_boyles_with_its_derivatives() -> None:
    amounts = {"air": 10.0, "rise": 100.0, "absolute": 101.325}

    def effect(**changes: float) -> float:
        values = {**amounts, **changes}
        found = bubble_effect(
            stated(values["air"], 1.0, "uL", "air"),
            stated(values["rise"], 5.0, "kPa", "rise"),
            10.0,
            absolute=stated(values["absolute"], 3.0, "kPa", "absolute"),
        )
        return found.stored.value

    found = bubble_effect(stated(10.0, 1.0, "uL", "air"), stated(100.0, 5.0, "kPa", "rise"), 10.0)
    assert f"{found.stored.value:.3f}" == "4.967"
    assert f"{found.linear_ul:.2f}" == "9.87"
    assert found.delay.value == pytest.approx(4.967 * 360.0, rel=1e-4)
    slopes = [(effect(**{name: amounts[name] + 1e-4}) - effect()) / 1e-4 for name in amounts]
    expected = math.hypot(*(slope * u for slope, u in zip(slopes, (1.0, 5.0, 3.0), strict=True)))
    assert found.stored.u == pytest.approx(expected, rel=1e-4)


def test_what_two_results_share_cancels_in_their_ratio() -> None:
    def result(value: float) -> Measured:
        density = Component("liquid density", 0.01, "kg/m3", value, shared=True)
        return Measured(value, Budget("uL", (density, Component("own", 0.1, "uL"))))

    one, other = result(10.0), result(20.0)
    ratio = combined_budget("1", [("a", one, 1.0 / 20.0), ("b", other, -0.5 / 20.0)])
    parts = {item.name: item.contribution for item in ratio.components}
    assert parts["liquid density"] == pytest.approx(0.0, abs=1e-15)
    assert parts["a: own"] == pytest.approx(0.005)
    assert parts["b: own"] == pytest.approx(0.0025)
    total = combined_budget("uL", [("a", one, 1.0), ("b", other, 1.0)])
    assert {item.name: item.contribution for item in total.components}["liquid density"] == pytest.approx(0.3)


@given(st.floats(0.1, 100.0), st.floats(0.01, 40.0), st.floats(1.1, 10.0))
def test_a_prediction_scales_with_the_volume_and_against_the_rate(volume: float, rate: float, factor: float) -> None:
    base = predicted_alarm(stated(volume, 0.01 * volume, "uL", "v"), rate)
    more = predicted_alarm(stated(volume * factor, 0.01 * volume * factor, "uL", "v"), rate)
    faster = predicted_alarm(stated(volume, 0.01 * volume, "uL", "v"), rate * factor)
    for other, share in ((more, factor), (faster, 1.0 / factor)):
        assert other.time.value == pytest.approx(base.time.value * share, rel=1e-12)
        assert other.time.u == pytest.approx(base.time.u * share, rel=1e-9)


@given(st.floats(0.0, 50.0), st.floats(1.0, 400.0))
def test_a_bubble_never_stores_more_than_itself_nor_than_the_linear_model_says(air_ul: float, rise: float) -> None:
    found = bubble_effect(stated(air_ul, 0.1, "uL", "air"), stated(rise, 1.0, "kPa", "rise"), 10.0)
    assert 0.0 <= found.stored.value <= min(air_ul, found.linear_ul) + 1e-12


def test_monte_carlo_agrees_where_results_are_quotients() -> None:
    """JCGM 101: the same inputs drawn at random give the same u within 3 % (200,000 draws)."""
    rng = np.random.default_rng(8)

    def drawn(value: float, u: float) -> FloatArray:
        return value + u * rng.normal(size=200_000)

    stored, rise = stated(15.0, 0.3, "uL", "v"), stated(100.0, 4.0, "kPa", "p")
    nothing = stated(0.0, 0.0, "kPa", "start")
    compliance = effective_compliance(stored, rise, nothing)
    assert float(np.std(drawn(15.0, 0.3) / drawn(100.0, 4.0))) == pytest.approx(compliance.u, rel=0.03)
    bubble = bubble_effect(stated(10.0, 0.5, "uL", "air"), rise, 10.0)
    pressures = drawn(100.0, 4.0)
    boyle = drawn(10.0, 0.5) * pressures / (drawn(101.325, 3.0) + pressures)
    assert float(np.std(boyle)) == pytest.approx(bubble.stored.u, rel=0.03)
    c, missing = stated(0.15, 0.003, "uL/kPa", "c"), stated(6.0, 0.1, "uL", "m")
    early = partial_occlusion(missing, 10.0, c, rise, elapsed_h=1.0)
    assert early is not None
    pairs = zip(drawn(6.0, 0.1)[:1000], drawn(0.15, 0.003)[:1000], strict=True)
    found = [partial_resistance_kpa_h_per_ul(float(m), 10.0, float(k), 1.0) for m, k in pairs]
    assert float(np.std(np.array(found, dtype=np.float64))) == pytest.approx(early.resistance.u, rel=0.1)


# the document


def events_of(truth: Truth, shift: float = 0.0) -> str:
    rows = [
        (time, name)
        for pair in truth.pinches
        for time, name in zip(pair, ("pinch_closed", "pinch_opened"), strict=True)
    ]
    rows.append((truth.closed_s, "closed"))
    if truth.alarm_s is not None:
        rows.append((truth.alarm_s, "alarm"))
    rows.append((truth.opened_s, "opened"))
    return "time_s,event\n" + "".join(f"{time + shift!r},{name}\n" for time, name in rows)


def test_a_log_with_its_events_gives_one_document_without_nan() -> None:
    truth, found = usual()[0]
    extras = OcclusionExtras(
        alarm_pressure=stated(100.0, 1.0, "kPa", "threshold"),
        latency=stated(4.5, 2.0, "s", "latency"),
        air=stated(10.0, 1.0, "uL", "air"),
        predict_u_per_h=(0.1, 1.0),
        verification=VerificationRun(0.5, stated(10_700.0, 100.0, "s", "slow run")),
    )
    document = occlusion_document(
        truth.times, truth.masses, parse_events(events_of(truth)), SETTING, chain(Line()), air, extras
    )
    again = json.loads(json.dumps(document, allow_nan=False))
    one = again["occlusions"][0]
    assert one["missed"]["value"] == pytest.approx(found.missed.value / 10.0)
    assert one["missed"]["unit"] == "U"
    assert one["released"]["expanded_uncertainty"] == pytest.approx(some(found.released).expanded / 10.0)
    assert one["time_to_alarm"]["value"] == pytest.approx(some(found.time_to_alarm).value)
    assert 0.13 < one["compliance"]["value"] < 0.17
    assert one["set_resistance"]["value"] == pytest.approx(0.02, abs=0.01)
    assert one["partial"] is None
    assert again["pinch"]["count"] == 4
    assert [item["rate_u_per_h"] for item in again["predictions"]] == [0.1, 1.0]
    assert again["predictions"][0]["time_to_alarm"]["value"] == pytest.approx(
        10.0 * again["predictions"][1]["time_to_alarm"]["value"], rel=0.02
    )
    assert again["verification"]["agrees"] is True
    assert again["bubble"]["stored"]["value"] == pytest.approx(0.4967, rel=0.05)
    assert sum(line["contribution"] ** 2 for line in one["missed"]["budget"]) == pytest.approx(
        (one["missed"]["expanded_uncertainty"] / 2.0) ** 2
    )


def test_a_document_of_an_occlusion_without_alarm_holds_the_partial_blockage() -> None:
    line = Line(leak=4.0, longest_h=1.5, collect_s=120.0)
    truth = run(line, 2, pinches=2)
    extras = OcclusionExtras(
        alarm_pressure=stated(100.0, 1.0, "kPa", "threshold"),
        compliance=stated(0.15, 0.003, "uL/kPa", "compliance"),
        predict_u_per_h=(0.1,),
    )
    document = occlusion_document(
        truth.times, truth.masses, parse_events(events_of(truth)), SETTING, chain(line), air, extras
    )
    one = document["occlusions"][0]
    assert one["time_to_alarm"] is None
    assert one["compliance"] is None
    assert one["partial"]["alarm"] == "never"
    assert document["predictions"] == []
    assert "no prediction: no occlusion of this log raised an alarm" in document["notes"]


def test_nothing_is_predicted_from_a_test_at_bolus_speed() -> None:
    truth, _ = usual()[0]
    document = occlusion_document(
        truth.times,
        truth.masses,
        parse_events(events_of(truth)),
        replace(SETTING, rate_u_per_h=90.0),
        chain(Line()),
        air,
        OcclusionExtras(predict_u_per_h=(1.0,)),
    )
    assert document["predictions"] == []
    assert any("faster than any basal" in note for note in document["notes"])


def test_events_beyond_the_record_and_pinches_alone_are_refused() -> None:
    truth, _ = usual()[0]
    arguments = (truth.times, truth.masses)
    with pytest.raises(UsageError, match="row 2, column time_s"):
        occlusion_document(*arguments, parse_events(events_of(truth, -500.0)), SETTING, chain(Line()), air)
    only = "time_s,event\n70,pinch_closed\n110,pinch_opened\n"
    with pytest.raises(UsageError, match="no occlusion among the events"):
        occlusion_document(*arguments, parse_events(only), SETTING, chain(Line()), air)
