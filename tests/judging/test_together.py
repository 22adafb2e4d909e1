"""Several results together: pumps counted as pumps."""

from __future__ import annotations

from typing import Any

import pytest

from rig.errors import UsageError
from rig.judging.together import together, together_text


def document(run: str, serial: str, volumes: list[float], hour_u: float | None = None) -> dict[str, Any]:
    """A stored result with what is looked at."""
    hours = (1.0, 6.0, 8.0)
    cumulative = [{"at_h": at_h, "delivered_u": at_h * (hour_u or 0.0), "expected_u": at_h} for at_h in hours]
    basal = [] if hour_u is None else [{"step": 0, "cumulative": cumulative}]
    items: list[dict[str, Any]] = [{"set_u": 1.0, "measured_u": volume} for volume in volumes]
    items.append({"set_u": 1.0, "measured_u": None})
    return {
        "run_id": run,
        "evidence": "hardware",
        "pump": {"model": "722", "serial": serial},
        "findings": [],
        "analysis": {"boluses": {"items": items}, "basal": basal},
    }


PUMPS = [
    document("r1", "1", [0.98, 1.02], 0.99),
    document("r2", "2", [1.00, 1.04], 0.65),
    document("r3", "3", [0.95, 0.97], 1.55),
]


def test_every_pump_counts_once_and_the_intervals_say_what_they_are_for() -> None:
    found = together(PUMPS)
    (size,) = found["boluses"]
    assert (size["n"], [pump["n"] for pump in size["pumps"]]) == (6, [2, 2, 2])
    assert size["mean_of_pumps_u"] == pytest.approx(2.98 / 3)
    means, single, naive = size["of_means_u"], size["of_single_u"], size["naive_u"]
    assert means[0] < naive[0] < naive[1] < means[1]
    assert single[0] < naive[0]
    assert "naive" in found["caution"]


def test_boluses_that_were_planned_and_not_measured_are_counted_and_said() -> None:
    short = document("r4", "1", [1.0])
    short["analysis"]["boluses"]["groups"] = [{"set_u": 1.0, "n": 1, "planned": 5}]  # three of them never started
    none = document("r5", "5", [])
    found = together([*PUMPS, short, none])
    (size,) = found["boluses"]
    assert (size["n"], size["planned"], size["not_measured"]) == (7, 15, 8)
    assert [pump["not_measured"] for pump in size["pumps"]] == [5, 1, 1]
    assert found["excluded"] == [{"run_id": "r5", "why": "none of its 1 boluses of 1 U was measured"}]
    text = together_text(found)
    assert "boluses of 1 U (n = 7; 8 of 15 planned were not measured)" in text
    assert "pump 722 1: n 3, mean 1 U, SD 0.02 U, 5 not measured" in text
    assert "left out: r5: none of its 1 boluses" in text


def test_layout_a_is_over_pumps_at_1_6_and_12_hours() -> None:
    cells = together(PUMPS)["layout_a"]
    assert [(cell["at_h"], cell["pumps"]) for cell in cells] == [(1.0, 3), (6.0, 3)]
    assert (cells[0]["median_u"], cells[0]["min_u"], cells[0]["max_u"]) == (0.99, 0.65, 1.55)


def test_two_runs_of_one_pump_are_one_pump() -> None:
    found = together([*PUMPS[:2], document("r4", "1", [1.1, 1.1], 1.01)])
    (size,) = found["boluses"]
    assert [(pump["pump"], pump["n"]) for pump in size["pumps"]] == [("722 1", 4), ("722 2", 2)]
    assert found["layout_a"][0]["pumps"] == 2
    assert found["layout_a"][0]["max_u"] == pytest.approx(1.0)  # the mean of both runs


def test_a_voided_run_and_one_named_twice_are_left_out_and_said() -> None:
    voided = PUMPS[2] | {"findings": [{"id": "void"}]}
    found = together([PUMPS[0], PUMPS[0], PUMPS[1], voided, document("r9", "", [1.0])])
    assert [each["why"] for each in found["excluded"]] == [
        "named twice: it counts once",
        "the run was voided",
        "it names no pump",
    ]
    assert len(found["pumps"]) == 2


def test_one_pump_gives_no_statement_on_other_pumps() -> None:
    found = together(PUMPS[:1])
    (size,) = found["boluses"]
    assert (size["of_means_u"], size["of_single_u"]) == (None, None)
    assert "not to be had from these runs" in together_text(found)


def test_simulated_evidence_among_runs_makes_all_of_it_simulated() -> None:
    assert together(PUMPS)["evidence"] == "hardware"
    assert together([*PUMPS, document("r5", "5", [1.0]) | {"evidence": "simulated"}])["evidence"] == "simulated"


def test_nothing_to_analyse_is_refused() -> None:
    with pytest.raises(UsageError, match="no result to analyse together"):
        together([])


def test_the_table_in_text_names_pumps_intervals_and_the_caution() -> None:
    text = together_text(together(PUMPS))
    assert "3 runs of 3 pumps (hardware evidence)" in text
    assert "pump 722 2: n 2, mean 1.02 U" in text
    assert "single bolus of any pump" in text
    assert "1 U/h, 6 h, 6 U requested: 5.94 [3.9, 9.3] U (3 pumps)" in text
    assert "caution:" in text
