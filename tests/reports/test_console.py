from __future__ import annotations

import pytest

from reports.console import console_summary
from tests.reports.sample import sample


def test_success_is_one_line_for_each_check() -> None:
    document, _ = sample()
    document["checks"] = [check for check in document["checks"] if check["outcome"] == "PASS"]
    document |= {"outcome": "PASS", "gaps": [], "deviations": [], "findings": []}
    lines = console_summary(document, 100).splitlines()
    assert lines[0] == "PASS  standard on 723, serial 900123, firmware 2.4A (SIMULATED)"
    assert lines[1] == "  PASS         basal-mean: (-0.84 ± 0.23) %, limits ± 5 %"
    assert lines[2].startswith("  PASS         hours-within-15: 98.0 %")
    assert lines[3:] == ["  2 PASS; ended: completed"]


def test_failure_tells_value_limits_uncertainty_and_why() -> None:
    told = console_summary(sample()[0], 200)
    assert "(-6.30 ± 0.47) %" in told
    assert "limits  ± 5 %" in told
    assert "why     1 of 25 boluses lies outside [-5, 5] % by more than U" in told
    assert "source  sim-723/basal: Delivery accuracy ±5 %, declared for the twin" in told
    assert "items   1 of 25 not PASS" in told
    assert told.index("FAIL         bolus-each-1u") < told.index("INCONCLUSIVE") < told.index("PASS         basal")


@pytest.mark.parametrize("width", [40, 60, 80, 132])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in console_summary(sample()[0], width).splitlines()) <= width


def test_colour_only_when_asked_and_never_instead_of_words() -> None:
    document, _ = sample()
    plain, painted = console_summary(document, 90, False), console_summary(document, 90, True)
    assert "\x1b" not in plain
    assert "\x1b[1;31mFAIL\x1b[0m" in painted
    assert painted.replace("\x1b[0m", "").replace("\x1b[1;", "\x1b").count("FAIL") == plain.count("FAIL")


def test_control_characters_of_a_device_cannot_reach_the_terminal() -> None:
    document, _ = sample()
    document["checks"][1]["why"] = "\x1b]0;owned\x07 bad"
    told = console_summary(document, 90, False)
    assert "\x1b" not in told
    assert "\x07" not in told


def test_an_empty_document_gives_a_summary() -> None:
    assert console_summary({}) == "INVALID  run on pump\n  no checks\n"
