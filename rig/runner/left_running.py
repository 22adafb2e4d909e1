"""What earlier runs may have left running on a bench, and stopping it: who speaks to a device can vouch for it.

A run drives either the pump under test or the flow sources of its bench; the ledger says which (``drives``).
"""

from __future__ import annotations

from typing import Final

from rig.bench import Bench, WeighingBench
from rig.guardian.plan import AWAKE_LIMIT_S
from rig.guardian.stop_pump import SafeState, stop_flow
from rig.record.ledger import BenchLedger
from rig.record.writer import RecordWriter
from rig.runner.qualifying_bench import QualifyingBench
from rig.runner.safe import make_safe

PUMP, FLOW_SOURCES = "pump", "flow_sources"
WORDS: Final = {PUMP: "the pump under test", FLOW_SOURCES: "a flow source"}


def left_running(ledger: BenchLedger, own_run_id: str) -> frozenset[str]:
    """Return what the runs drove of which nobody has confirmed since that they left the bench safe.

    All of them count, not the newest alone: a run that was refused because of one before it has confirmed nothing. An
    entry of before there were flow sources, or that nobody can read, is one of a pump.
    """
    entries = ledger.entries()
    drives = {entry.run_id: str(entry.data.get("drives", PUMP)) for entry in entries if entry.kind == "started"}
    found: set[str] = set()
    for entry in reversed(entries):
        if entry.safe:
            break
        if entry.kind != "void" and entry.run_id != own_run_id:
            found.add(drives.get(entry.run_id, PUMP))
    return frozenset(found) or frozenset({PUMP})


def stop_what_was_left(ledger: BenchLedger, own_run_id: str, bench: WeighingBench, writer: RecordWriter) -> SafeState:
    """Stop it where this run speaks to all of it; else only a person can say that the bench is safe."""
    left = left_running(ledger, own_run_id)
    if left == {PUMP} and isinstance(bench, Bench):
        return make_safe(bench.pump, bench.links, writer, bench.supply)
    if left == {FLOW_SOURCES} and isinstance(bench, QualifyingBench):
        states = [stop_flow(each.driver, each.link, bench.links, AWAKE_LIMIT_S) for each in bench.sources]
        unsure = [state for state in states if not state.confirmed]
        by = "; ".join(state.by for state in unsure or states) or "the bench has none any more"
        return SafeState("flow sources stopped", bool(states) and not unsure, by)
    told = " and ".join(sorted(WORDS.get(each, each) for each in left))
    return SafeState("the bench safe", False, f"it drove {told}, and this run does not speak to all of that")
