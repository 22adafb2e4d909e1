"""A balance whose lines come in halves, together, cut or with wrong bits, or that falls asleep: told, a hole at most.

What comes is the twin's own bytes over a wire that does this to them, in virtual time.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from rig.config import load_bench
from rig.engine import run_scenario
from rig.record.reader import RunRecord
from rig.scenario.parse import parse_scenario
from tests.runner.test_sampler import Weighed

TRUE_MG = 0.2  # a tared pan at rest


def sampled(folder: Path, fault: str) -> tuple[RunRecord, list[str], list[tuple[float, float]]]:
    """Sample for 3 min through a fault that begins after 1 min; return record, messages and holes in s."""
    weighed = Weighed(folder, fault, tolerate_s=120.0)
    weighed.sample(180.0)
    record = weighed.record()
    columns = record.weighings["balance"]
    assert all(abs(mass_mg) < TRUE_MG for mass_mg in columns.mass_mg)  # nothing that came was another reading
    times = [at_ns * 1e-9 for at_ns in columns.answered_ns]
    holes = [(round(a), round(b)) for a, b in pairwise(times) if b - a > 1.5]
    messages = [str(event.data["error"]) for event in record.events if event.name == "reading_failed"]
    return record, messages, [(float(a), float(b)) for a, b in holes]


def test_lines_that_come_in_halves_are_read_as_wholes(tmp_path: Path) -> None:
    record, messages, holes = sampled(tmp_path, "balance.halves=200ms@1min+1min")
    assert (messages, holes) == ([], [])
    assert len(record.weighings["balance"].mass_mg) > 178


@pytest.mark.parametrize(
    ("fault", "said", "hole"),
    [
        ("balance.cut=3@1min", "no complete answer to SI within 1 s, received b'SIC1 S ", (60.0, 67.0)),
        ("balance.joined=3s@1min+1min", "no complete answer to SI within 1 s, received b''", (60.0, 121.0)),
        ("balance.late=1500ms@1min+20s", "no complete answer to SI within 1 s, received b''", (60.0, 81.0)),
        ("balance.eighth_bit=on@1min+30s", "bytes with the top bit set: data bits or parity", (60.0, 91.0)),
        ("balance.asleep=on@1min+40s", "no complete answer to SI within 1 s, received b''", (60.0, 101.0)),
    ],
)
def test_what_is_no_answer_is_told_and_leaves_a_hole_until_it_is_over(
    tmp_path: Path, fault: str, said: str, hole: tuple[float, float]
) -> None:
    record, messages, holes = sampled(tmp_path, fault)
    assert messages
    assert all(said in message for message in messages)
    assert holes == [hole]
    assert not [event for event in record.events if event.name == "link_lost"]  # silence is no lost cable


def test_noise_and_wrong_bits_are_refused_one_by_one(tmp_path: Path) -> None:
    _, messages, holes = sampled(tmp_path, "balance.noise=50%@1min+30s")
    assert len(messages) > 5
    told = ("malformed reply to SIC1", "no complete answer to SI")  # the noise may hold an end of line, or none
    assert all(any(each in message for each in told) for message in messages)
    assert any("there is noise" in message for message in messages)
    assert all(high - low <= 5.0 for low, high in holes)


SCENARIO = """schema: 1
id: asleep
title: A balance that falls asleep in a basal
pump: {families: [23]}
blank: {before: 3 min}
steps:
- basal: {rate: 30.0 U/h, for: 6 min}
checks: []
gap: {tolerate: 60 s}
"""


def test_a_run_whose_balance_falls_asleep_says_which_readings_failed_and_when(tmp_path: Path) -> None:
    scenario = parse_scenario(SCENARIO, "asleep.yaml")
    finished = run_scenario(scenario, load_bench("simulated"), tmp_path, faults=["balance.asleep=on@5min+30s"])
    assert finished.ended.reason == "completed"
    assert finished.ended.safe.confirmed
    (finding,) = [each for each in finished.result.findings if each.id == "readings-failed"]
    assert finding.text == "15 readings failed"
    (row,) = [each for each in finished.result.analysis["quality"]["rules"] if each["rule"] == "Q-REFUSED"]
    assert row["marks"] == 15
