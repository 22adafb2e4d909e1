"""The public conformance suite: what every driver of a role must do, shipped or not (design 5.5)."""

from rig.conformance.balance import BalanceBench, check_balance
from rig.conformance.pump import PumpBench, check_pump
from rig.conformance.report import LeftOut, Outcome, Row, conforms

__all__ = [
    "BalanceBench",
    "LeftOut",
    "Outcome",
    "PumpBench",
    "Row",
    "check_balance",
    "check_pump",
    "conforms",
]
