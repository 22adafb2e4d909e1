"""Whether a stored run left its bench safe, where its own record does not say so: what the bench's ledger knows."""

from __future__ import annotations

from pathlib import Path

from rig.errors import RigError
from rig.results import Result

UNKNOWN = "not known from this record"


def safe_state_of(folder: Path, result: Result) -> tuple[bool, str]:
    """Return whether the safe state is confirmed, and what to say of it; nothing where the record itself confirms it.

    A record without a closing line (power cut, kill, a copy that was cut off) says nothing. A pump inside the process
    of a simulated bench ended with it; elsewhere the bench's ledger may hold what the guardian, a later run or a person
    confirmed since. What nobody confirmed is not confirmed: exit code 5 (design 5.1).
    """
    said = result.bench["safe_state"]
    if said.get("confirmed") is True:
        return True, ""
    if said.get("confirmed") is False:
        return False, f"safe state: NOT CONFIRMED ({said.get('by', 'unknown')}): go to the bench, unless that was done"
    if result.bench["kind"] == "simulated":
        return True, f"safe state: {UNKNOWN}; the simulated pump ended with its process"
    confirmed, why = _by_ledger(folder, result.run_id)
    advice = "" if confirmed else ": go to the bench and stop the pump"
    return confirmed, f"safe state: {UNKNOWN}; {why}{advice}"


def _by_ledger(folder: Path, run_id: str) -> tuple[bool, str]:
    """Return what the bench's ledger says of the bench since a run was last begun."""
    from rig.config import load_bench  # noqa: PLC0415 - a record that says it itself needs no ledger
    from rig.runner.watch import bench_ledger  # noqa: PLC0415

    try:
        ledger = bench_ledger(load_bench(folder / "evidence" / "bench.toml"), folder.parent)
        reading = ledger.read()
    except RigError as error:
        return False, f"the bench's ledger does not help ({error.what})"
    begun = [entry.n for entry in reading.entries if entry.run_id == run_id and entry.kind in {"started", "resumed"}]
    if not begun:
        return False, f"{ledger.path.name} beside it does not know the run"
    since = [entry for entry in reading.entries if entry.n > begun[-1]]
    safe = next((entry for entry in reversed(since) if entry.safe), None)
    if reading.unreadable_end:
        return False, reading.unreadable_end
    if safe is None:
        return False, f"{ledger.path.name} holds no confirmation since it was begun"
    return True, f"{ledger.path.name} has the bench as safe since {safe.utc} ({safe.kind})"
