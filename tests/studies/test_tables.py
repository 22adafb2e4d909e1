"""Published figures agree with themselves, and layout C counts the way the labels print it."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from rig.analysis.groups import LAYOUT_C_EDGES_PCT, bolus_bins
from tests.studies.tables import bowen_rows, jahn_rows, label, load

LABELS: list[dict[str, Any]] = load("labels")["label"]
BASAL = [(entry["pump"], row) for entry in LABELS for row in entry["basal"]]
BINS = [
    (entry["pump"], row, next(b for b in entry["bolus"] if b["set_u"] == row["set_u"]))
    for entry in LABELS
    for row in entry["bins"]
]
LOWER_PCT = (0, *LAYOUT_C_EDGES_PCT)


def occupied(counts: list[int]) -> tuple[int, int]:
    """Return the first and the last bin that holds a bolus."""
    filled = [number for number, count in enumerate(counts) if count]
    return filled[0], filled[-1]


@pytest.mark.parametrize(("pump", "bins", "summary"), BINS)
def test_the_bins_add_up_to_the_boluses_and_their_percentages_are_those_of_the_counts(
    pump: str, bins: dict[str, Any], summary: dict[str, Any]
) -> None:
    counts = bins["counts"]
    assert len(counts) == 10
    assert sum(counts) == summary["count"]
    for count, percent in zip(counts, bins.get("percent", []), strict=False):
        assert 100.0 * count / summary["count"] == pytest.approx(percent, abs=0.0501)


@pytest.mark.parametrize(("pump", "bins", "summary"), BINS)
def test_lowest_mean_and_highest_bolus_fit_the_bins(pump: str, bins: dict[str, Any], summary: dict[str, Any]) -> None:
    first, last = occupied(bins["counts"])
    command = Decimal(str(summary["set_u"]))
    for name, expected in (("min_u", first), ("max_u", last)):
        percent = 100 * Decimal(str(summary[name])) / command
        assert sum(percent >= edge for edge in LAYOUT_C_EDGES_PCT) == expected, (pump, name)
    highest = [*LAYOUT_C_EDGES_PCT, 100 * summary["max_u"] / summary["set_u"]]
    rounding = 100.0 * (0.0005 if summary["set_u"] < 0.1 else 0.005) / summary["set_u"]
    least = sum(c * low for c, low in zip(bins["counts"], LOWER_PCT, strict=True)) / summary["count"]
    most = sum(c * high for c, high in zip(bins["counts"], highest, strict=True)) / summary["count"]
    assert least - rounding <= 100.0 * summary["mean_u"] / summary["set_u"] <= most + rounding


@pytest.mark.parametrize(("pump", "bins", "summary"), BINS)
@pytest.mark.parametrize("place", ["lower edge", "inside"])
def test_boluses_made_from_the_printed_counts_are_binned_back_into_them(
    pump: str, bins: dict[str, Any], summary: dict[str, Any], place: str
) -> None:
    """At the exact lower edge of each bin, and in its middle; 250 % itself belongs to the bin below."""
    uppers = (*LAYOUT_C_EDGES_PCT, 260)
    volumes = []
    for count, low, high in zip(bins["counts"], LOWER_PCT, uppers, strict=True):
        percent = Decimal(low) if place == "lower edge" else (Decimal(low) + high) / 2
        volumes += [float(Decimal(str(summary["set_u"])) * percent / 100)] * count
    binned = bolus_bins(volumes, summary["set_u"])
    assert [found.count for found in binned] == bins["counts"]
    for found, percent_printed in zip(binned, bins.get("percent", []), strict=False):
        assert round(found.share_pct, 1) == percent_printed


@pytest.mark.parametrize(("pump", "row"), BASAL)
def test_a_label_s_basal_row_asks_for_rate_times_hours_and_is_in_order(pump: str, row: dict[str, Any]) -> None:
    assert row["requested_u"] == pytest.approx(row["rate_u_per_h"] * row["hours"])
    assert row["min_u"] <= row["median_u"] <= row["max_u"]


def test_more_hours_deliver_more_in_each_column() -> None:
    for (pump_a, a), (pump_b, b) in itertools.pairwise(BASAL):
        if pump_a == pump_b and a["rate_u_per_h"] == b["rate_u_per_h"]:
            assert all(a[name] < b[name] for name in ("min_u", "median_u", "max_u")), (pump_a, a)


def test_a_wider_limit_and_a_longer_window_never_have_more_outside() -> None:
    studies = load("studies")
    rows = [jahn_rows(pump, 0.05) for pump in studies["jahn"]["outside_pct"]]
    rows += [bowen_rows(pump) for pump in studies["bowen"]["outside_pct"]]
    assert len(rows) == 6
    for pump in rows:
        assert list(pump.single_pct) == sorted(pump.single_pct, reverse=True)
        assert list(pump.windows_pct) == sorted(pump.windows_pct, reverse=True)
        assert len(pump.observed) == len(pump.names) == len(pump.single_limits) + len(pump.window_doses)


def multiple_of(percent: float, count: int) -> bool:
    """Say whether some whole number out of ``count`` prints as this percentage."""
    nearest = round(percent * count / 100.0)
    return any(round(100.0 * k / count, 1) == percent for k in (nearest - 1, nearest, nearest + 1))


def test_the_letter_s_shares_are_of_225_boluses_but_not_all_of_648_windows() -> None:
    """As the README of the data says: some of the 9 x 72 windows must be missing."""
    letter = load("studies")["letter"]
    boluses = [*letter["bolus"]["within_pct"], *letter["bolus"]["within_maker_limit_pct"]]
    assert all(multiple_of(percent, letter["boluses"]) for percent in boluses)
    windows = [*letter["basal"]["within_pct"], *letter["basal"]["within_maker_limit_pct"]]
    assert [percent for percent in windows if not multiple_of(percent, letter["windows"])] == [52.7, 86.2, 19.2]


def test_every_percentage_is_one_and_every_table_says_how_it_is_known() -> None:
    for name, table in load("studies").items():
        for entry in table if isinstance(table, list) else [table]:
            assert name == "unknown" or entry["evidence"]
    for entry in load("labels")["label"]:
        assert all(entry[f"{part}_evidence"] for part in ("basal", "bolus", "bins"))
    assert all(claim["evidence"] for claim in load("labels")["claim"])
    studies = load("studies")
    for share, names in (("outside_pct", ("jahn", "bowen")), ("within_pct", ("laubner", "waldenmaier"))):
        numbers = [number for name in names for number in numbers_in(studies[name][share])]
        assert len(numbers) > 10
        assert all(0.0 <= number <= 100.0 for number in numbers)


def numbers_in(table: Any) -> list[float]:
    """Return every number of a nested table."""
    if isinstance(table, dict):
        return [number for part in table.values() for number in numbers_in(part)]
    if isinstance(table, list):
        return [number for part in table for number in numbers_in(part)]
    return [float(table)]


def test_an_unknown_pump_has_no_label() -> None:
    with pytest.raises(StopIteration):
        label("Omnipod 6")
