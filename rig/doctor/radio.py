"""How well the pump is heard: frequency and signal, with a verdict. Nothing is sent for it."""

from __future__ import annotations

from typing import Final

from rig.doctor.findings import Finding, fail, ok, warn
from rig.plugins.roles import Radio, Reads

ITEM: Final = "pump"
WEAK_DBM: Final = -85.0  # 10 dB above what gets lost: a hand or a door in between must not matter
LOST_DBM: Final = -95.0  # about where packets begin to get lost at 16 kbit/s (the rig's own assumption)
CLOSER: Final = "put the stick within a hand's breadth of the pump, away from metal and screens; straighten its aerial"


def check_radio(pump: Reads, *, scans: bool) -> Finding:
    """Judge how the pump was heard last, by what its driver says; ``found`` is empty where it says nothing.

    ``scans``: the bench looks for the frequency by itself.
    """
    if not isinstance(pump, Radio) or not pump.signal:
        return ok(ITEM, "")
    tuned = "" if pump.tuned_mhz is None else f"{pump.tuned_mhz:.2f} MHz, "
    heard, scanned = f"{tuned}signal {pump.signal}", _scanned(pump.scanned)
    if pump.rssi_dbm is None:
        return ok(ITEM, heard + scanned)
    hint = CLOSER if scans else f'{CLOSER}; frequency = "scan" finds its frequency'
    if pump.rssi_dbm < LOST_DBM:
        return fail(ITEM, f"{heard} (too weak: packets get lost){scanned}", f"{WEAK_DBM:g} dBm or more", hint)
    if pump.rssi_dbm < WEAK_DBM:
        return warn(ITEM, f"{heard} (weak){scanned}", f"{WEAK_DBM:g} dBm or more", hint)
    return ok(ITEM, f"{heard} (good){scanned}")


def _scanned(steps: tuple[tuple[float, float | None], ...]) -> str:
    """Return the steps of a scan in words."""
    if not steps:
        return ""
    each = ", ".join(f"{mhz:.2f}: {'silent' if dbm is None else f'{dbm:.1f}'}" for mhz, dbm in steps)
    return f", scanned (MHz: dBm) {each}"
