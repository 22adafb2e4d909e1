"""What a guardian leaves in the evidence: its own chained record, and its word in the bench's ledger.

Neither may keep it from making the bench safe: what cannot be written is left out, and the next step goes on.
"""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.clock import SystemClock
from rig.errors import RecordError
from rig.guardian.plan import SafePlan
from rig.guardian.stop_pump import SafeState
from rig.record.ledger import BenchLedger
from rig.record.writer import RecordWriter
from rig.wall_clock import look

MOST_FILES = 999


class TakeoverRecord:
    """The record of one takeover, ``guardian-NNN.log.gz``."""

    def __init__(self, plan: SafePlan) -> None:
        self._plan = plan
        self._clock = SystemClock(plan.clock_speed, plan.clock_epoch_ns)
        self._writer = self._open()
        if self._writer is not None:
            self._writer.wall_clock(self._clock.now_ns(), look())

    def _open(self) -> RecordWriter | None:
        evidence = Path(self._plan.run_folder) / "evidence"
        header = {
            "role": "guardian",
            "run_id": self._plan.run_id,
            "bench": {"name": self._plan.bench},
            "started_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "clock": {"speed": self._plan.clock_speed, "started_ns": self._clock.now_ns()},
        }
        for number in range(1, MOST_FILES):
            path = evidence / f"guardian-{number:03d}.log.gz"
            if path.exists():
                continue
            try:
                return RecordWriter(path, header, self._plan.commit_s)
            except (RecordError, OSError):
                return None
        return None

    def event(self, name: str, data: dict[str, Any]) -> None:
        """Record something that happened."""
        if self._writer is not None:
            self._writer.event(self._clock.now_ns(), name, data)

    def tap(self, link: str, direction: str, at_ns: int, data: bytes) -> None:
        """Record bytes."""
        if self._writer is not None:
            self._writer.tap(link, direction, at_ns, data)

    def close(self, why: str, state: SafeState) -> None:
        """Write the closing line, and tell the bench's ledger what is known of the bench."""
        safe = {"wanted": state.wanted, "confirmed": state.confirmed, "by": state.by}
        end = {"reason": why, "safe": safe, "at_ns": self._clock.now_ns(), "monotonic_s": time.monotonic()}
        if self._writer is not None:
            with contextlib.suppress(RecordError, OSError):
                self._writer.close({**end, "ended_utc": datetime.now(UTC).isoformat(timespec="seconds")})
        if self._plan.ledger and why != "handed_over":
            with contextlib.suppress(RecordError, OSError):
                BenchLedger(Path(self._plan.ledger)).append(
                    "safe", run_id=self._plan.run_id, confirmed=state.confirmed, by=state.by, source=f"guardian: {why}"
                )
