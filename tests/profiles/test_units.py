"""Quantities as written, and insulin as volume."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.units import (
    DENSITY,
    FREQUENCY,
    INSULIN,
    MASS,
    MASS_RATE,
    PERCENT,
    RATE,
    TIME,
    VOLUME,
    Dimension,
    format_duration,
    insulin_to_volume_ul,
    parse_concentration,
    parse_quantity,
    volume_to_insulin_u,
)

ALL = (TIME, RATE, INSULIN, PERCENT, MASS, VOLUME, MASS_RATE, DENSITY, FREQUENCY)


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("1.0 U/h", RATE, 1.0),
        ("24 h", TIME, 86400.0),
        ("10 s", TIME, 10.0),
        ("200 ms", TIME, 0.2),
        ("1.5min", TIME, 90.0),
        ("2 d", TIME, 172800.0),
        ("5 %", PERCENT, 5.0),
        ("-8%", PERCENT, -8.0),
        ("0.1 U", INSULIN, 0.1),
        (".025U", INSULIN, 0.025),
        ("0.01 mg", MASS, 0.01),
        ("1.2 g", MASS, 1200.0),
        ("10uL", VOLUME, 10.0),
        ("10 \N{MICRO SIGN}L", VOLUME, 10.0),
        ("0.015 mg/h", MASS_RATE, 0.015),
        ("998.2 kg/m^3", DENSITY, 998.2),
        ("0.9982 g/mL", DENSITY, 998.2),
        ("5 Hz", FREQUENCY, 5.0),
        ("  1e1 s ", TIME, 10.0),
    ],
)
def test_a_quantity_is_read_exactly_as_written(text: str, dimension: Dimension, value: float) -> None:
    assert parse_quantity(text, dimension) == value


@pytest.mark.parametrize(
    ("text", "dimension", "parts"),
    [
        ("1.0", RATE, ("'1.0' has no unit", "a rate such as '1.0 U/h'")),
        ("1.0 u/h", RATE, ("has the unit 'u/h', which is no rate", "U/h")),
        ("1 U", RATE, ("has the unit 'U', which is no rate",)),
        ("24 hours", TIME, ("'hours', which is no time", "ms or s or min or h or d")),
        ("1,5 h", TIME, ("is not a number with a unit", "try: a dot for decimals")),
        ("nan h", TIME, ("'nan h' is not a number with a unit",)),
        ("inf s", TIME, ("is not a number with a unit",)),
        ("1e300 h", TIME, ("beyond anything a bench can do",)),
        ("1e9999 h", TIME, ("beyond anything a bench can do",)),
        ("1e-9999999 h", TIME, ("has the unit 'e-9999999 h'",)),
        ("", TIME, ("'' is not a number with a unit",)),
        ("5 %%", PERCENT, ("'%%', which is no percentage",)),
        ("0x10 s", TIME, ("has the unit 'x10 s'",)),
        ("1_0 s", TIME, ("is not a number with a unit",)),
        ("٣ h", TIME, ("is not a number with a unit",)),
    ],
)
def test_a_wrong_quantity_says_what_was_expected(text: str, dimension: Dimension, parts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_quantity(text, dimension)
    for part in parts:
        assert part in str(caught.value)


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(ALL))
def test_any_text_is_a_finite_quantity_or_a_usage_error_on_one_line(text: str, dimension: Dimension) -> None:
    try:
        value = parse_quantity(text, dimension)
    except UsageError as error:
        lines = str(error).splitlines()
    else:
        lines = [text]
        assert math.isfinite(value)
        assert abs(value) <= dimension.largest
    assert len(lines) == 1


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=1000, places=3), st.sampled_from(ALL))
def test_every_accepted_unit_reads_back_with_its_factor(number: object, dimension: Dimension) -> None:
    for unit, factor in dimension.factors:
        if float(str(number)) * float(factor) <= dimension.largest:
            expected = float(str(number)) * float(factor)
            assert parse_quantity(f"{number} {unit}", dimension) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("text", "u_per_ml"), [("U100", 100.0), ("U-200", 200.0), ("U40", 40.0)])
def test_a_concentration_is_known_by_its_name(text: str, u_per_ml: float) -> None:
    assert parse_concentration(text) == u_per_ml


@pytest.mark.parametrize("text", ["100", "U", "U0", "u100", "U100 "[:-1] + "x"])
def test_another_concentration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not an insulin concentration"):
        parse_concentration(text)


def test_one_unit_of_u100_is_ten_microlitres() -> None:
    assert insulin_to_volume_ul(1.0) == 10.0
    assert volume_to_insulin_u(10.0) == 1.0
    assert insulin_to_volume_ul(1.0, 200.0) == 5.0
    with pytest.raises(UsageError):
        insulin_to_volume_ul(1.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0.2 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (176400, "49 h"),
        (7500, "2 h 05 min"),
        (3601, "1 h 00 min 01 s"),
        (-60, "-1 min"),
    ],
)
def test_a_duration_reads_as_a_person_would_say_it(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
