"""The data files against the reference tables, number by number."""

from __future__ import annotations

from typing import Any

import pytest

from rig.profiles.bands import SpeedBand, StepBand
from rig.profiles.figures import Figure
from rig.profiles.lists import OcclusionCase
from rig.profiles.pump import load_facts, profile_ids, pump_ids
from tests.profiles.reference import ALARMS, FIGURES, OCCLUSIONS, PUMPS_OF_THE_REFERENCE


def _figure(pump_id: str, key: str) -> Figure[Any]:
    found: Any = load_facts(pump_id)
    for part in key.removesuffix(".also").split("."):
        found = getattr(found, part)
    assert isinstance(found, Figure)
    return found.also[0] if key.endswith(".also") else found


def _plain(value: Any) -> Any:
    if isinstance(value, StepBand):
        return value.from_value, value.step
    if isinstance(value, SpeedBand):
        return value.from_u, value.u_per_min, value.duration_s
    return tuple(_plain(item) for item in value) if isinstance(value, tuple) else value


def test_every_figure_is_that_of_the_reference_with_its_mark() -> None:
    read = [(pump_id, key, _figure(pump_id, key)) for pump_id, key, _, _ in FIGURES]
    assert [(pump_id, key, _plain(figure.value), figure.mark) for pump_id, key, figure in read] == list(FIGURES)


def test_every_occlusion_time_is_that_of_the_reference() -> None:
    for pump_id, setting, times, mark in OCCLUSIONS:
        (case,) = [case for case in load_facts(pump_id).occlusion.cases if _setting(case) == setting]
        assert (case.min_s, case.typical_s, case.max_s) == pytest.approx(times), pump_id
        assert case.mark == mark, pump_id


def _setting(case: OcclusionCase) -> Any:
    return case.rate_u_per_h if case.kind == "basal" else (case.amount_u, case.speed_u_per_min)


def test_missed_insulin_is_rate_times_time_as_printed() -> None:
    cases = [case for pump_id in pump_ids() for case in load_facts(pump_id).occlusion.cases]
    assert len(cases) > 30
    for case in cases:
        u_per_s = (case.rate_u_per_h or 0.0) / 3600 if case.kind == "basal" else (case.speed_u_per_min or 0.0) / 60
        pairs = (
            (case.min_s, case.missed_min_u),
            (case.typical_s, case.missed_typical_u),
            (case.typical_to_s, case.missed_typical_to_u),
            (case.max_s, case.missed_max_u),
        )
        for time_s, missed_u in pairs:
            if time_s is not None and missed_u is not None:
                assert missed_u == pytest.approx(u_per_s * time_s, abs=0.051), case
        times = [time_s for time_s, _ in pairs if time_s is not None]
        assert times == sorted(times)


def test_every_minimed_names_the_alarms_of_its_history() -> None:
    for pump_id in profile_ids():
        alarms = load_facts(pump_id).alarms
        assert {alarm.code: alarm.name for alarm in alarms if alarm.code} == ALARMS
        assert {alarm.mark for alarm in alarms if alarm.code} == {"C"}


def test_every_pump_of_the_reference_is_there_and_only_the_minimeds_of_the_driver_have_one() -> None:
    real = {key for key in pump_ids() if not key.startswith("sim-")}
    assert real == set(PUMPS_OF_THE_REFERENCE.split())
    for key in real - set(profile_ids()):
        assert load_facts(key).data_only


def test_a_published_result_keeps_its_conditions() -> None:
    results = load_facts("omnipod-5").results
    (day,) = [row for row in results if (row.rate_u_per_h, row.window_s) == (1.0, 43200.0)]
    assert (day.value, day.low, day.high, day.count, day.mark) == (11.88, 10.53, 13.26, 12, "M")
    (small,) = [row for row in results if row.amount_u == 0.05]
    assert (small.value, small.low, small.high, small.count) == (0.050, 0.0, 0.119, 5987)
    timed = {row.note: row.value for row in load_facts("mmt-670g").results if row.measure == "duration_s"}
    assert sorted(timed.values(), key=str) == [402.0, 43.0]
    jahn = [row for row in load_facts("mmt-723").results if row.measure == "outside_pct"]
    assert [row.value for row in jahn] == [54.2, 26.7, 6.6, 3.9, 3.1, 2.2]


def test_a_dash_does_not_inherit_what_was_measured_on_the_first_omnipod() -> None:
    assert load_facts("omnipod-dash").results == ()
    assert len(load_facts("omnipod-eros").results) == 24
