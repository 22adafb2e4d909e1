"""A bolus log through the command line: from baseline to baseline, bins, events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.weighing_log.logs import PLAIN, refusal, told, write

EX_03 = (
    "0.98 1.02 1.00 0.97 1.05 0.99 1.01 1.00 0.96 1.03 1.00 0.99 1.02 0.98 1.00 1.01 0.99 1.04 0.97 1.00 1.02 0.98 "
    "1.00 0.99 1.01"
)
EX_05 = (0.0125, 0.0375, 0.045, 0.0475, 0.0525, 0.055, 0.0625, 0.0875, 0.125, 0.1251)


def bolus_log(
    folder: Path,
    volumes_u: Sequence[float],
    set_u: float | Sequence[float],
    *,
    drift_mg_per_h: float = 0.0,
    origin_s: float = 1000.0,
    tare_mg: float = 0.0,
    name: str = "log.csv",
) -> tuple[str, str]:
    """Write a log at 10 mg/U with a bolus every 60 s (20 s long, readings every 2 s) and its events."""
    amounts = [set_u] * len(volumes_u) if isinstance(set_u, float) else list(set_u)
    events = [(origin_s + 30.0 + 60.0 * k, amount) for k, amount in enumerate(amounts)]
    rows = []
    for step in range(15 + 30 * len(volumes_u) + 1):
        at = 2.0 * step
        mass = tare_mg + drift_mg_per_h * at / 3600.0
        for k, volume in enumerate(volumes_u):
            mass += 10.0 * volume * min(max((at - 30.0 - 60.0 * k) / 20.0, 0.0), 1.0)
        rows.append((origin_s + at, mass))
    log = write(folder / name, rows)
    return log, write(folder / f"events-{name}", events, "start_s,set_u")


def test_twenty_five_boluses_are_those_of_the_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EX-03."""
    log, events = bolus_log(tmp_path, [float(item) for item in EX_03.split()], 1.0)
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, *PLAIN)
    assert len(found["boluses"]) == 25
    assert found["boluses"][4] == {
        "start_s": 1270.0,
        "set_u": 1.0,
        "measured_u": pytest.approx(1.05),
        "error_pct": pytest.approx(5.0),
        "expanded_uncertainty_pct": None,
    }
    assert found["mean_error_pct"] == pytest.approx(0.04, abs=1e-9)
    assert found["sd_pct"] == pytest.approx(2.1886, abs=5.1e-5)
    assert (found["max_pct"], found["min_pct"]) == (pytest.approx(5.0), pytest.approx(-4.0))
    assert (found["within_5_pct"], found["within_15_pct"]) == (100.0, 100.0)


@pytest.mark.parametrize("tare_mg", [0.0, 51234.567])
def test_bins_are_exact_at_their_edges(tare_mg: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EX-05, on a display that rounds to what binary floats can hold, with and without a vessel on the pan."""
    log, events = bolus_log(tmp_path, EX_05, 0.05, tare_mg=tare_mg)
    bins = told(capsys, log, "--bolus", "0.05 U", "--events", events, *PLAIN)["bins"]
    assert [item["count"] for item in bins] == [0, 1, 1, 1, 1, 1, 1, 1, 2, 1]
    assert [item["lower_pct"] for item in bins] == [None, 25, 75, 90, 95, 105, 110, 125, 175, 250]
    assert [item["upper_pct"] for item in bins] == [25, 75, 90, 95, 105, 110, 125, 175, 250, None]


def test_each_event_is_measured_against_its_own_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, events = bolus_log(tmp_path, [0.1, 0.55, 1.0], [0.1, 0.5, 1.0])
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, "--start", "1h", *PLAIN)
    assert [bolus["error_pct"] for bolus in found["boluses"]] == pytest.approx([0.0, 10.0, 0.0], abs=1e-9)
    assert [item["count"] for item in found["bins"]] == [0, 0, 0, 0, 2, 0, 1, 0, 0, 0]
    assert any("0.1, 0.5, 1 U: each event's own amount counts" in note for note in found["notes"])
    assert any("--start: not used for boluses" in note for note in found["notes"])


def test_evaporation_is_added_back_and_the_basal_taken_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2 U/h is 20 mg/h; 1 mg/h evaporates: the display drifts by 19 mg/h under the boluses."""
    log, events = bolus_log(tmp_path, [1.0, 1.2], 1.0, drift_mg_per_h=19.0)
    asked = ("--bolus", "1.0 U", "--events", events, "--evaporation", "1 mg/h", *PLAIN)
    found = told(capsys, log, *asked, "--basal", "2 U/h")
    assert [bolus["measured_u"] for bolus in found["boluses"]] == pytest.approx([1.0, 1.2], abs=1e-9)
    bare = told(capsys, log, *asked)
    assert bare["boluses"][0]["measured_u"] == pytest.approx(1.0 + 2.0 / 60.0)
    # the last level is the mean of the readings in the last 10 s, so it lies 5 s before the end of the record
    assert bare["boluses"][1]["measured_u"] == pytest.approx(1.2 + 2.0 * (60.0 + 6.0 - 5.0) / 3600.0, abs=1e-9)


def test_a_baseline_is_the_mean_of_ten_seconds_or_the_last_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(0, 1.0), (9, 1.2), (10, 1.4), (19, 1.6), (20, 50.0), (40, 11.0), (75, 31.0), (84, 32.0), (85, 33.0)]
    log = write(tmp_path / "log.csv", rows)
    events = write(tmp_path / "events.csv", [(20, 1.0), (60, 2.0)], "start_s,set_u")
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, *PLAIN)
    first, second = found["boluses"]
    assert first["measured_u"] == pytest.approx((11.0 - (1.4 + 1.6) / 2) / 10)
    assert second["measured_u"] == pytest.approx(((31.0 + 32.0 + 33.0) / 3 - 11.0) / 10)
    assert any("before bolus 2: its baseline is the last reading" in note for note in found["notes"])


def test_a_record_may_begin_and_end_with_its_only_event(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log.csv", [(0, 5.0), (3, 15.5)])
    events = write(tmp_path / "events.csv", [(0, 1.0)], "start_s,set_u")
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, *PLAIN)
    assert found["mean_error_pct"] == pytest.approx(5.0)
    assert found["sd_pct"] is None


def test_a_bolus_that_still_rises_when_the_next_begins_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early = [(at, 10.0 * min(at / 20.0, 1.0)) for at in range(60)]
    rows = [*early, *((60.0 + at, 10.0 + 10.0 * min(at / 100.0, 1.0)) for at in range(90))]
    log = write(tmp_path / "log.csv", rows)
    events = write(tmp_path / "events.csv", [(0, 1.0), (60, 1.0)], "start_s,set_u")
    asked = (log, "--bolus", "1.0 U", "--events", events, "--basal", "0 U/h", *PLAIN)
    assert [note for note in told(capsys, *asked)["notes"] if "bolus 2 still rose" in note]
    whole = write(tmp_path / "whole.csv", [*rows, *((at, 20.0) for at in range(170, 200))])
    assert not [note for note in told(capsys, whole, *asked[1:])["notes"] if "still rose" in note]


def test_a_hole_under_a_bolus_is_told_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(float(at), 10.0 * (at > 60) + 10.0 * (at > 460)) for at in range(800) if not 100 < at < 351]
    log = write(tmp_path / "log.csv", rows)
    events = write(tmp_path / "events.csv", [(60, 1.0), (460, 1.0)], "start_s,set_u")
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, *PLAIN)
    assert found["gaps"] == [{"start_s": 100.0, "end_s": 351.0, "boluses": [1]}]
    (note,) = [note for note in found["notes"] if "no reading for" in note]
    assert "up to 251 s (from time_s 100) during bolus 1:" in note
    whole = [*rows, *((float(at), 10.0) for at in range(101, 351))]
    log = write(tmp_path / "whole.csv", sorted(whole))
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, *PLAIN)
    assert found["gaps"] == []
    assert not [note for note in found["notes"] if "no reading" in note]


def test_a_hole_over_two_starts_belongs_to_both_boluses_and_one_before_the_first_to_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(float(at), 0.0) for at in range(600) if not (50 < at < 80 or 190 < at < 310)]
    log = write(tmp_path / "log.csv", rows)
    events = write(tmp_path / "events.csv", [(100, 1.0), (200, 1.0), (400, 1.0)], "start_s,set_u")
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, *PLAIN)
    assert [gap["boluses"] for gap in found["gaps"]] == [[], [1, 2]]


def test_a_bolus_that_the_record_or_the_next_start_leaves_little_time_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", [(float(at), 0.0 if at < 110 else 10.0) for at in range(301)])
    events = write(tmp_path / "events.csv", [(100, 1.0), (120, 1.0), (295, 1.0)], "start_s,set_u")
    found = told(capsys, log, "--bolus", "1.0 U", "--events", events, *PLAIN)
    assert found["boluses"][2]["error_pct"] == pytest.approx(-100.0)
    assert [note for note in found["notes"] if "the record ends 5 s after the start of bolus 3" in note]
    assert [note for note in found["notes"] if "the next start follows bolus 1 within 20 s" in note]
    enough = write(tmp_path / "enough.csv", [(100, 1.0), (240, 1.0)], "start_s,set_u")
    found = told(capsys, log, "--bolus", "1.0 U", "--events", enough, *PLAIN)
    assert not [note for note in found["notes"] if "after the start" in note or "next start" in note]


EVENTS = {
    "outside the record": ("start_s,set_u\n10,1\n1e6,1\n", "line 3 (data row 2), column start_s", "outside the record"),
    "before the record": ("start_s,set_u\n-5,1\n", "line 2 (data row 1)", "outside the record"),
    "at the end of the record": ("start_s,set_u\n100,1\n", "line 2", "from 0 s to before 100 s"),
    "not increasing": ("start_s,set_u\n10,1\n10,1\n", "line 3", "stands still"),
    "of nothing": ("start_s,set_u\n10,0\n", "column set_u", "above zero"),
    "negative": ("# x\nstart_s,set_u\n10,1\n12,-1\n", "line 4 (data row 2), column set_u", "above zero"),
    "with a unit": ("start_s,set_u\n10,1 U\n", "column set_u", "carries a unit, 'U'"),
    "without a column": ("start_s,amount\n10,1\n", "line 1", "'set_u' is missing; 'amount' is there"),
    "without a row": ("start_s,set_u\n", "no event", "at least one row"),
    "without a reading between": ("start_s,set_u\n11,1\n12,1\n", "line 3", "no reading between the event at 11 s"),
}


@pytest.mark.parametrize("name", EVENTS)
def test_events_that_cannot_be_are_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, *parts = EVENTS[name]
    log = write(tmp_path / "log.csv", [(at, at / 10) for at in range(0, 101, 10)])
    events = tmp_path / "events.csv"
    events.write_text(text)
    line = refusal(capsys, log, "--bolus", "1 U", "--events", str(events))
    assert line.startswith(str(events))
    assert all(part in line for part in parts), line


def test_a_bolus_amount_needs_a_unit_and_to_be_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, events = bolus_log(tmp_path, [1.0], 1.0)
    assert "--bolus: '1.0' has no unit" in refusal(capsys, log, "--bolus", "1.0", "--events", events)
    assert "--bolus: '0 U' is not above zero" in refusal(capsys, log, "--bolus", "0 U", "--events", events)
