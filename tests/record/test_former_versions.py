"""Records of former formats stay readable: golden runs, made by the code of their time and never migrated."""

import shutil
from pathlib import Path

import pytest

from rig.judging.judge import judge
from rig.record.reader import read_chunks, read_run, split_members
from rig.results import Outcome

GOLDEN = Path("tests/data/golden/v1")


def test_a_run_of_codec_1_is_read_whole() -> None:
    run = read_run(GOLDEN)
    assert run.header["codec"] == 1
    assert run.damage == ()
    assert run.ended
    assert run.end["reason"] == "completed"
    weighings = run.weighings["balance"]
    assert len(weighings.mass_mg) == 326
    assert set(weighings.resolution_mg) == {0.01}
    assert all(
        0 < answered - asked < 10**9 for asked, answered in zip(weighings.asked_ns, weighings.answered_ns, strict=True)
    )
    assert [clock.synchronised for clock in run.segments[0].clocks] == ["unknown", "unknown"]


def test_its_bytes_are_read_with_their_times() -> None:
    chunks = list(read_chunks(GOLDEN / "evidence" / "record-001.log.gz"))
    answered = set(read_run(GOLDEN).weighings["balance"].answered_ns)
    assert answered <= {at_ns for link, direction, at_ns, _ in chunks if (link, direction) == ("balance", "<")}


def test_a_run_of_codec_1_is_judged_as_it_was_then() -> None:
    result = judge(GOLDEN)
    assert {check.id: check.outcome for check in result.checks} == {"basal": Outcome.PASS, "bolus": Outcome.PASS}
    values = {check.id: check.value for check in result.checks}
    # By the first judge -0.31717 and 0.21059: it took the level where the basal began from a straight line between two
    # readings, and closed a bolus within the slopes of a dose although no basal ran.
    assert values["basal"] == pytest.approx(-0.20425, abs=1e-4)
    assert values["bolus"] == pytest.approx(0.24627, abs=1e-4)


def test_a_flipped_bit_in_a_record_of_codec_1_costs_its_block_and_is_named(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "run")
    record = tmp_path / "run" / "evidence" / "record-001.log.gz"
    whole = record.read_bytes()
    for offset, _, member in list(split_members(whole, "", []))[1:]:
        damaged = bytearray(whole)
        damaged[offset + len(member) // 2] ^= 4
        record.write_bytes(damaged)
        run = read_run(tmp_path / "run")
        assert run.damage
        assert run.header["codec"] == 1
