"""YAML -> `Scenario`: what a good file becomes, and any text at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import ScenarioError
from rig.paths import scenarios_dir
from rig.scenario.document import LARGEST_FILE, MOST_NODES
from rig.scenario.model import (
    BasalStep,
    BolusStep,
    ProfileStep,
    ResumeStep,
    Scenario,
    SuspendStep,
    TempBasalStep,
    WaitStep,
)
from rig.scenario.parse import load_scenario, parse_scenario

GOOD = """\
schema: 1
id: all_steps
title: Every step once
description: |
  Two lines
  of text.
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 2 s, bolus: 250 ms, environment: 30 s}
blank: {before: 10 min, after: 5 min}
steps:
  - basal: {rate: 1.0 U/h, for: 2 h, name: first}
  - profile:
      for: 3 h
      segments:
        - {at: "00:00", rate: 0.8 U/h}
        - {at: 06:30, rate: 1.25 U/h}
  - temp_basal: {percent: 50 %, for: 30 min}
  - temp_basal: {rate: 0 U/h, for: 1 h}
  - bolus: {amount: 0.1 U, repeat: 3, name: small}
  - bolus: {amount: 2 U, over_basal: true}
  - suspend: {for: 20 min}
  - resume
  - wait: {for: 90 s}
  - suspend:
checks:
  - {id: mean, measure: basal.overall_error, from: 1 h, for: 1 h, limit: 5 %, source: pump.accuracy.basal,
     requirements: [BAS-1, BAS-2]}
  - {id: shots, title: Each small one, measure: bolus.each_error_u, step: small, amount: 0.1 U, source: L-D2}
  - {id: share, measure: basal.windows_1h_within_15, min: 85 %, source: laboratory procedure 12, decision: simple}
  - {id: band, measure: basal.delivered, for: 2 h, min: 1.9 U, max: 2.1 U, source: L}
on_runner_loss: stop
gap: {tolerate: 90 s}
markers: [demo]
"""


def test_every_key_of_a_good_file_arrives() -> None:
    scenario = parse_scenario(GOOD, "good.yaml")
    assert scenario.steps == (
        BasalStep(1.0, 7200.0, line=13),
        ProfileStep(((0, 0.8), (13, 1.25)), 10800.0, line=14),
        TempBasalStep(None, 50, 1800.0, line=19),
        TempBasalStep(0.0, None, 3600.0, line=20),
        BolusStep(0.1, 3, False, line=21),
        BolusStep(2.0, 1, True, line=22),
        SuspendStep(1200.0, line=23),
        ResumeStep(line=24),
        WaitStep(90.0, line=25),
        SuspendStep(0.0, line=26),
    )
    assert (scenario.id, scenario.title, scenario.families) == ("all_steps", "Every step once", (22, 23))
    assert (scenario.balance_interval_s, scenario.bolus_interval_s, scenario.environment_interval_s) == (
        2.0,
        0.25,
        30.0,
    )
    assert (scenario.blank_before_s, scenario.blank_after_s, scenario.gap_tolerate_s) == (600.0, 300.0, 90.0)
    assert scenario.description == "Two lines\nof text.\n"
    assert (scenario.markers, scenario.source_name, scenario.source_text) == (("demo",), "good.yaml", GOOD)


def test_checks_carry_limits_sources_and_windows() -> None:
    mean, shots, share, band = parse_scenario(GOOD).checks
    assert (mean.from_s, mean.for_s, mean.lower, mean.upper, mean.unit) == (3600.0, 3600.0, -5.0, 5.0, "%")
    assert (mean.source, mean.requirements, mean.title) == ("pump.accuracy.basal", ("BAS-1", "BAS-2"), "mean")
    assert (shots.step, shots.amount_u, shots.lower, shots.upper, shots.unit) == (4, 0.1, None, None, "U")
    assert (share.lower, share.upper, share.decision, share.from_s) == (85.0, None, "simple", None)
    assert (band.from_s, band.lower, band.upper) == (0.0, 1.9, 2.1)


def test_what_is_left_out_has_the_defaults_of_the_design() -> None:
    text = "schema: 1\nid: a\ntitle: b\npump: {families: [22]}\nsteps: [{basal: {rate: 1 U/h, for: 1 h}}]\n"
    scenario = parse_scenario(text)
    assert scenario.needs == ("pump", "balance")
    assert (scenario.balance_interval_s, scenario.bolus_interval_s, scenario.environment_interval_s) == (1.0, 0.2, 60.0)
    assert (scenario.blank_before_s, scenario.gap_tolerate_s, scenario.on_runner_loss) == (0.0, 60.0, "stop")
    assert scenario.checks == ()


def test_line_endings_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_scenario(path).steps == parse_scenario(GOOD).steps


def test_a_shipped_scenario_is_found_by_its_name_and_a_misspelt_one_by_its_nearest() -> None:
    assert load_scenario("quick").id == "quick"
    with pytest.raises(ScenarioError, match=r"unknown scenario 'quik'.*try: 'quick'"):
        load_scenario("quik")


@pytest.mark.parametrize("path", sorted(scenarios_dir().glob("*.yaml")), ids=lambda path: str(path.stem))
def test_a_shipped_file_is_named_like_its_scenario_and_begins_with_its_question(path: Path) -> None:
    assert load_scenario(path).id == path.stem
    assert "linical question" in path.read_text("utf-8").split("\nschema:")[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"\x7fELF\x02\x01\x00\x00", "not a text file: character 0x7f"),
        (b"\xff\xfe\x00\x00", "not a text file (UTF-8)"),
        (b"a: b\n" * 60000, f"larger than {LARGEST_FILE} bytes"),
        (b"[" * 5000, "nested more than"),
        (b"{a: " * 5000, "nested more than"),
        (b"- 1\n" * (MOST_NODES + 1), f"more than {MOST_NODES} values"),
        (b"just words\n", "not a scenario"),
    ],
)
def test_what_is_no_scenario_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "strange.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert message in str(caught.value)
    assert "strange.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ScenarioError, match="cannot be read"):
            load_scenario(path)


def outcome(text: str) -> Scenario | str:
    try:
        return parse_scenario(text)
    except ScenarioError as error:
        return str(error)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_scenario_or_one_line_of_error(text: str) -> None:
    found = outcome(text)
    assert isinstance(found, Scenario) or len(found.splitlines()) == 1


@settings(deadline=None)
@given(st.data())
def test_a_good_file_with_pieces_cut_out_is_a_scenario_or_one_line_of_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 40)))
    inserted = data.draw(st.text(alphabet="{}[]:,-&*!|>'\"%@`#? \n\tab01.U/h", max_size=6))
    found = outcome(GOOD[:start] + inserted + GOOD[end:])
    assert isinstance(found, Scenario) or len(found.splitlines()) == 1
