"""Faults of a supply or a meter, and of the loop between the supply and the pump [visa-instruments 8]."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from rig.errors import UsageError
from rig.sim.fault_spec import FaultSpec
from rig.units import TIME


def _specs(kind: str, late: str) -> tuple[FaultSpec, ...]:
    """Return what can go wrong with the wire and the readings of either."""
    name = f"the {kind}"
    return (
        FaultSpec(f"{kind}.silent", "on", f"{name} does what it is told and says nothing", f"{kind}.silent=on@1h"),
        FaultSpec(f"{kind}.late", "time", "its answers come later by this, of link time", f"{kind}.late={late}", TIME),
        FaultSpec(
            f"{kind}.half", "count", "this many of its answers from START on break off in the middle",
            f"{kind}.half=1@1h",
        ),
        FaultSpec(
            f"{kind}.reset", "count",
            "this many messages to it from START on are met by a reset of the connection and not carried out; where a "
            "wire knows no reset, by silence",
            f"{kind}.reset=1@1h",
        ),
        FaultSpec(
            f"{kind}.unplugged", "on", f"its cable is pulled, and put back at the end; {name} itself goes on",
            f"{kind}.unplugged=on@1h+30s",
        ),
        FaultSpec(f"{kind}.stuck", "on", "it measures again and again what it measured last", f"{kind}.stuck=on@1h"),
    )  # fmt: skip


INSTRUMENT_SPECS: Final = (
    *_specs("supply", "2s"),
    FaultSpec(
        "supply.ovp_trip", "on", "its over-voltage protection trips: the output goes off by itself, and clearing the "
        "trip does not help until END",
        "supply.ovp_trip=on@1h+1s",
    ),
    FaultSpec(
        "supply.contact", "on", "the contact in the pump's battery compartment is open: the pump has no supply",
        "supply.contact=on@1h+200ms",
    ),
    *_specs("meter", "60s"),
    FaultSpec("meter.over_range", "on", "every reading is beyond the range: 9.9E+37", "meter.over_range=on@1h+1min"),
)  # fmt: skip


def refuse_instrument_faults(faults: Iterable[str], present: Collection[str] = ()) -> None:
    """Raise `UsageError` for a fault of a supply or a meter where there is none: it would do nothing, unnoticed."""
    for fault in faults:
        kind = fault.lstrip().partition(".")[0]
        if kind in ("supply", "meter") and kind not in present:
            raise UsageError(
                f"fault '{fault[:60]}' has no {kind} to act on", hint=f"rig simulate bench --{kind} MODEL --pty"
            )
