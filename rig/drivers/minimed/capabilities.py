"""What these pumps can be told over their link, by family (minimed-protocol 3 and 5)."""

from __future__ import annotations

_ALL = frozenset(
    {
        "basals",
        "patterns",
        "temp_basals",
        "temp_basals_percent",
        "boluses",
        "suspends",
        "clock",
        "limits",
        "keys",
        "alarms",
    }
)
_NO_BOLUS = (12,)  # whether they take one over the link no source says


def capabilities(family: int) -> frozenset[str]:
    """Return the capabilities (`rig.scenario.capabilities`) of this driver with a pump of ``family``."""
    return _ALL - {"boluses"} if family in _NO_BOLUS else _ALL
