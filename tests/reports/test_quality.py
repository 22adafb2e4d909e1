"""Marks of data quality are seen: one look a kind in every figure over run time, and counted in section 10."""

from typing import Any

from reports.figures.quality_marks import LOOKS
from reports.figures.time import cumulative
from reports.sections.record import exclusions
from tests.reports.sample import sample

HOUR = 3600.0


def _marked(*rules: str, excluded: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sample with one mark of each rule, one minute long, an hour apart."""
    document, curves = sample()
    start_s = curves["cumulative"].get("from_s") or min(each["start_s"] for each in document["deliveries"])
    marks = [
        {
            "rule": rule,
            "from_s": start_s + (2 + index) * HOUR,
            "to_s": start_s + (2 + index) * HOUR + 60.0,
            "readings": 6,
            "excluded": excluded,
            "text": f"seen by {rule}",
            "threshold": "0.07 mg",
        }
        for index, rule in enumerate(rules)
    ]
    counts = [
        {"rule": rule, "title": rule, "marks": 1, "readings": 6, "excluded": excluded, "detection_limit": "0.07 mg"}
        for rule in rules
    ]
    document["analysis"]["quality"] = {
        "readings": 17_640,
        "excluded": excluded * len(rules),
        "refused": 0,
        "false_alarm_probability": 1e-3,
        "most_missing_share": 0.05,
        "most_marks": 5,
        "rules": counts or [{"rule": "Q-BUMP", "title": "fall", "marks": 0, "readings": 0, "excluded": 0}],
        "marks": marks,
    }
    return document, curves


def _drawn(*rules: str, excluded: int = 0) -> str:
    figure = cumulative(*_marked(*rules, excluded=excluded))
    assert figure is not None
    return figure.svg


def test_every_kind_of_mark_has_its_look_and_legend_in_the_figure_over_run_time() -> None:
    plain, drawn = _drawn(), _drawn(*LOOKS)
    for look in LOOKS.values():
        assert look.label not in plain
        assert look.label in drawn
        assert look.colour in drawn


def test_two_marks_of_a_kind_share_one_line_of_the_legend() -> None:
    label = LOOKS["Q-BUMP"].label
    assert _drawn("Q-BUMP", "Q-BUMP").count(label) == _drawn("Q-BUMP").count(label) >= 1


def test_readings_left_out_are_crosses_where_they_were_read() -> None:
    document, curves = _marked("Q-SPIKE", excluded=2)
    curves["excluded"] = {"t_h": [2.0, 2.01], "measured_u": [50.0, 2.0], "count": 2}
    figure = cumulative(document, curves)
    assert figure is not None
    assert "reading left out" in figure.svg


def _words(document: dict[str, Any]) -> str:
    return repr(exclusions(document).blocks)


def test_the_report_counts_what_was_excluded_nought_included() -> None:
    none = _words(_marked()[0])
    assert "Nothing was excluded: all 17640 readings were used" in none
    assert "Data quality: what was marked and excluded" in none
    some = _words(_marked("Q-SPIKE", "Q-BUMP", excluded=3)[0])
    assert "6 of 17640 readings were excluded by rule" in some
    assert "seen by Q-BUMP" in some


def test_a_result_of_an_older_version_without_quality_is_still_told() -> None:
    document, _ = sample()
    document["analysis"].pop("quality", None)
    assert "No exclusions of readings from the analysis were recorded" in _words(document)
