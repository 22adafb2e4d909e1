"""An interruption is seen at once: on the first page, in the list of gaps, in every figure over time."""

import re
from typing import Any

import pytest

from reports.build import build_report
from reports.figures.gallery import draw_all
from reports.html import render_html
from reports.interruptions import interruptions, notices
from tests.reports.sample import sample

HOUR = 3600.0
GREY = re.compile(r"<pattern[^>]*>")  # hatched, so that it is told from the other shades
OVER_TIME = ("cumulative", "startup", "blank", "windows-0")


def _document(
    mode: str, *, until_s: float = 90_000.0, first_s: float = 90_000.0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sample, interrupted at 17 h and shown from ``first_s`` on where a step was repeated."""
    document, curves = sample()
    document["segments"] = [
        {"number": 1, "mode": "start", "from_s": 0.0, "to_s": 61_205.0, "end_reason": "interrupted", "boot_id": "a"},
        {"number": 2, "mode": mode, "from_s": until_s, "to_s": 3e5, "end_reason": "completed", "boot_id": "a"},
    ]
    document["gaps"] = [{"start_s": 61_200.0, "end_s": until_s, "stream": "balance", "cause": "the runner was lost"}]
    document["deliveries"] = []
    document["analysis"]["basal"][0]["from_s"] = first_s
    curves["cumulative"]["from_s"] = first_s
    for panel in curves["startup"]:
        panel["from_s"] = first_s
    parts = curves["blank"]
    for part in [parts.get("before") or parts, parts.get("after") or parts]:
        part["from_s"] = first_s
    return document, curves


def test_a_run_in_one_piece_says_nothing_of_interruptions() -> None:
    document, curves = sample()
    assert notices(document) == ()
    assert "Interruptions" not in render_html(document, curves)
    assert not GREY.search(draw_all(document, curves)["cumulative"].svg)


@pytest.mark.parametrize("figure", OVER_TIME)
def test_what_was_repeated_has_a_grey_band_at_its_left_edge(figure: str) -> None:
    document, curves = _document("repeat")
    drawn = draw_all(document, curves)[figure].svg
    assert "interrupted (cut off)" in drawn
    assert GREY.search(drawn)


@pytest.mark.parametrize("figure", ["cumulative", "startup", "windows-0"])
def test_a_gap_in_which_the_pump_ran_on_is_a_grey_band_within_the_figure(figure: str) -> None:
    document, curves = _document("reattach", until_s=61_800.0, first_s=58_000.0)
    drawn = draw_all(document, curves)[figure].svg
    assert "runner lost, re-attached" in drawn
    assert "gap in readings" not in drawn


def test_a_figure_far_from_the_interruption_has_no_band() -> None:
    document, curves = _document("repeat", first_s=200_000.0)
    document["deliveries"] = [{"kind": "basal", "start_s": 95_000.0, "end_s": 150_000.0, "set_u": 1.0}]
    assert "cut off" not in draw_all(document, curves)["startup"].svg


def test_the_first_page_and_the_list_of_gaps_tell_of_it() -> None:
    document, curves = _document("repeat")
    document["analysis"]["stretches"] = [
        {"number": 1, "from_s": 0.0, "to_s": 61_205.0, "first_step": 0, "steps": [0], "shown": False, "why_not": ""},
        {"number": 2, "from_s": 9e4, "to_s": 3e5, "first_step": 1, "steps": [], "shown": True, "why_not": ""},
    ]
    document["findings"] = [{"id": "void", "text": "the run was voided by A. Person: it leaked"}]
    report = build_report(document, curves)
    first, shown, void = report.verdict.notices
    assert "Interrupted (cut off) at 17:00:00" in first
    assert "repeated from its beginning in segment 2, from 25:00:00 on" in first
    assert "show stretch 2, the latest" in shown
    assert void == "The run was voided by A. Person: it leaked."
    assert ("Interruptions", "1") in report.verdict.counts
    page = render_html(document, curves)
    assert "Segments of the record" in page
    assert "steps held whole: 1" in page
    assert page.count("Interrupted (cut off) at 17:00:00") == 1


def test_segments_of_unknown_times_are_passed_over() -> None:
    document, _ = _document("repeat")
    document["segments"][0]["to_s"] = None
    assert interruptions(document) == ()


def test_an_unsynchronised_clock_that_was_accepted_is_stamped_on_every_page() -> None:
    document, curves = sample()
    document["deviations"] = [{"id": "clock-unsynchronised", "text": "accepted", "stamp": "CLOCK NOT SYNCHRONISED"}]
    assert build_report(document, curves).stamps == ("SIMULATED", "CLOCK NOT SYNCHRONISED")
    assert render_html(document, curves).count("CLOCK NOT SYNCHRONISED") >= 2  # at the head and at the foot
