"""A guardian in the middle of a run, asked by somebody else."""

import os
import subprocess
import sys
from pathlib import Path

from rig.guardian.client import GuardianClient, about
from rig.guardian.places import Places
from rig.guardian.plan import PumpPlan, SafePlan
from rig.paths import checkout

PUMP = PumpPlan("/nonexistent", 19200, "900123", ("900123",), 916.55)


def test_a_guardian_that_hangs_up_before_it_is_asked_has_been_heard_all_the_same(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    command = [sys.executable, "-m", "rig.guardian", "b", str(tmp_path), str(theirs), ""]
    with subprocess.Popen(command, pass_fds=(theirs,), env={**os.environ, "PYTHONPATH": str(checkout())}) as process:
        os.close(theirs)
        with os.fdopen(ours) as said:
            assert said.readline() == "ready\n"
        places = Places("b", str(tmp_path))
        client = GuardianClient(SafePlan("b", "r1", str(tmp_path), str(tmp_path / "b.ledger"), PUMP), places)
        client.arm()
        try:  # a guardian kills a runner that it loses, and that is this process
            answers = [about(places) for _ in range(200)]
        finally:
            client.finished(confirmed=True, by="nothing moved")
        process.terminate()
        process.wait(timeout=20)
    assert all(answer is not None and "in use by run r1" in answer["error"] for answer in answers)
