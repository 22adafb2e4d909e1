from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import formatting as f

NB = "\u00a0"


@pytest.mark.parametrize(
    ("value", "spread", "unit", "shown"),
    [
        (-0.8437, 0.2311, "%", f"(−0.84{NB}±{NB}0.23){NB}%"),
        (24.78908, 0.0573, "U", f"(24.789{NB}±{NB}0.057){NB}U"),
        (0.41, 4.7, "%", f"(+0.4{NB}±{NB}4.7){NB}%"),
        (-0.001, 0.23, "pct", f"(0.00{NB}±{NB}0.23){NB}%"),
        (12.3456, 0.0996, "mg", f"(12.35{NB}±{NB}0.10){NB}mg"),
        (123.4, 17.2, "ul", f"(123{NB}±{NB}17){NB}µL"),
        (1.5, None, "U", f"1.500{NB}U"),
        (None, 0.1, "U", "—"),
        (float("nan"), 0.1, "U", "—"),
    ],
)
def test_a_value_is_printed_to_two_digits_of_its_uncertainty(value: Any, spread: Any, unit: str, shown: str) -> None:
    assert f.measured(value, spread, unit) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (-5.0, 5.0, f"±{NB}5{NB}%"),
        (-5.0, 4.0, f"[−5,{NB}4]{NB}%"),
        (85.0, None, f"≥{NB}85{NB}%"),
        (None, 2.5, f"≤{NB}2.5{NB}%"),
        (None, None, "—"),
    ],
)
def test_open_and_closed_limits_are_told_apart(low: float | None, high: float | None, shown: str) -> None:
    assert f.interval(low, high, "%") == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, f">{NB}0.9999"), (0.0, f"<{NB}0.0001"), (0.97725, "0.9772"), (None, "—")]
)
def test_a_probability_is_never_rounded_to_certainty(value: float | None, shown: str) -> None:
    assert f.probability(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(1, "1.0"), (0.025, "0.025"), (10.0, "10.0"), (0.1, "0.1"), (None, "—")])
def test_an_amount_of_insulin_is_written_as_people_write_it(value: float | None, shown: str) -> None:
    assert f.amount(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00:00"), (90_010.4, "25:00:10"), (-61, "−0:01:01"), (59.6, "0:01:00"), (None, "—")]
)
def test_run_time_is_hours_minutes_seconds(seconds: float | None, shown: str) -> None:
    assert f.elapsed(seconds) == shown


def test_times_lose_their_fraction_and_name_their_zone() -> None:
    assert f.instant("2025-03-14T08:15:00.250000+00:00") == "2025-03-14 08:15:00 UTC"
    assert f.instant("2025-03-14T08:15:00Z") == "2025-03-14 08:15:00 UTC"
    assert f.instant(None) == "—"


@given(st.floats(), st.floats())
def test_a_printed_value_lies_within_its_uncertainty_of_the_stored_one(value: float, spread: float) -> None:
    shown = f.measured(value, spread, "U")
    if not math.isfinite(value):
        assert shown == "—"
    elif math.isfinite(spread) and 1e-4 < abs(spread) < 1e6 and abs(value) < 1e9:
        printed = float(shown.strip("()").split(NB)[0].replace("−", "-"))
        assert abs(printed - value) <= max(abs(spread) / 10.0, 0.5)


@given(
    st.recursive(st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_cleaning_leaves_only_what_xml_and_json_can_carry(value: Any) -> None:
    held = repr(f.clean(value))
    assert "nan" not in f.clean([float("nan")])
    assert all(ord(character) >= 0x20 for character in held)
    assert f.clean(f.clean(value)) == f.clean(value)
    "".join(_strings(f.clean(value))).encode()


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [part for key, item in value.items() for part in (key, *_strings(item))]
    return [part for item in value for part in _strings(item)] if isinstance(value, list) else []
