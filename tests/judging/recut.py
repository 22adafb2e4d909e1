"""A recorded run of the simulated bench, written again as if its runner had been lost and had re-attached."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from rig.readings import Weighing
from rig.record.reader import RunRecord, manifest_name, read_run, read_segment
from rig.record.writer import RecordWriter

NS = 10**9
STEADY = {"kind": "SystemClock", "speed": 1.0, "boot_id": "boot-a"}


def reattached(folder: Path, out: Path, lost_s: float, gap_s: float, shift_mg: float = 0.0) -> Path:
    """Write the run of ``folder`` to ``out``: nothing recorded for ``gap_s`` from ``lost_s`` on, then two segments."""
    record = read_run(folder)
    evidence = out / "evidence"
    evidence.mkdir(parents=True)
    for name in ("scenario.yaml", "bench.toml", "profile.toml"):
        shutil.copyfile(folder / "evidence" / name, evidence / name)
    origin_ns = int(record.header["clock"]["started_ns"])
    lost_ns, back_ns = (origin_ns + round(each * NS) for each in (lost_s, lost_s + gap_s))
    header = {**record.header, "clock": {**record.header["clock"], **STEADY}}
    for name in ("segment", "files", "continues", "codec"):
        header.pop(name, None)
    first = evidence / "record-001.log.gz"
    writer = RecordWriter(first, {**header, "segment": 1}, 3600.0)
    _write(writer, record, 0, lost_ns, 0.0)
    writer.flush()
    writer.close({})  # a thread must end; the closing lines are cut off below, as a kill would have
    _tear(first)
    _seal(evidence, 1)
    before = first.read_bytes()
    continues = {"file": first.name, "sha256": hashlib.sha256(before).hexdigest(), "size": len(before)}
    clock = {**header["clock"], "started_ns": back_ns}
    later = {**header, "clock": clock, "segment": 2, "continues": continues}
    writer = RecordWriter(evidence / "record-002.log.gz", later, 3600.0)
    step = next(int(e.data["step"]) for e in reversed(record.events) if e.name == "step_started" and e.at_ns < lost_ns)
    data = {"segment": 2, "mode": "reattach", "step": step, "scenario_s": 0.0, "who": "the test", "why": ""}
    writer.event(back_ns, "run_resumed", data)
    _write(writer, record, back_ns, 2**62, shift_mg)
    writer.close(record.end)
    _seal(evidence, 2)
    return out


def _write(writer: RecordWriter, record: RunRecord, low_ns: int, high_ns: int, shift_mg: float) -> None:
    for ambient in record.ambient:
        if low_ns <= ambient.at_ns < high_ns:
            writer.ambient(ambient)
    for event in record.events:
        if low_ns <= event.at_ns < high_ns:
            writer.event(event.at_ns, event.name, event.data)
    columns = record.weighings["balance"]
    for asked, answered, mass, digit in zip(
        columns.asked_ns, columns.answered_ns, columns.mass_mg, columns.resolution_mg, strict=True
    ):
        if low_ns <= answered < high_ns:
            writer.weighing("balance", Weighing(asked, answered, round(mass + shift_mg, 3), digit, True, ""))


def _tear(file: Path) -> None:
    """Take both closing lines away, and half of the first of them with the file's end."""
    data = file.read_bytes()
    starts = [at for at in range(len(data)) if data.startswith(b"\x1f\x8b\x08", at)]
    file.write_bytes(data[: starts[-2] + (starts[-1] - starts[-2]) // 2])


def _seal(evidence: Path, number: int) -> None:
    segment = read_segment(evidence / f"record-{number:03d}.log.gz", number)
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(evidence.iterdir())}
    end: dict[str, Any] = segment.end or {"reason": "interrupted"}
    document = {"schema": 1, "record_head_sha256": segment.head_sha256, "end": end, "files": files}
    (evidence / manifest_name(number)).write_text(json.dumps(document))
