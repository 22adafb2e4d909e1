"""The plan in force, kept beside the lock: a guardian that was killed leaves it to the next one.

It lies in memory (the run-time folder), so that a reboot forgets it: after one, the bench's ledger knows.
"""

from __future__ import annotations

import json
from pathlib import Path

from rig.errors import ConfigError
from rig.guardian.plan import SafePlan, plan_from_json
from rig.guardian.system import Process

_STARTED_FIELD = 21  # of /proc/PID/stat, from 0: when the process started, which its number alone does not tell


class LeftPlan:
    """One file: the plan, and whose it is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, plan: SafePlan, pid: int) -> None:
        """Keep a plan and its runner."""
        temporary = self._path.with_name(self._path.name + ".part")
        temporary.write_text(json.dumps({"plan": plan.to_json(), "pid": pid, "started": _started(pid)}), "ascii")
        temporary.replace(self._path)

    def read(self) -> tuple[SafePlan, Process | None] | None:
        """Return the plan that was left, and its runner where that still lives; None when nothing was left."""
        try:
            found = json.loads(self._path.read_text("ascii"))
            plan = plan_from_json(found["plan"])
            pid = int(found["pid"])
            alive = found["started"] is not None and _started(pid) == found["started"]
            return plan, Process(pid) if alive else None
        except (OSError, ValueError, KeyError, TypeError, ConfigError):
            return None

    def clear(self) -> None:
        """Forget the plan: the bench is safe."""
        self._path.unlink(missing_ok=True)


def _started(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[_STARTED_FIELD - 2]
    except (OSError, IndexError):
        return None
