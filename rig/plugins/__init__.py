"""Drivers as plug-ins: what one must declare, and how it is found (design 5.5)."""

from rig.plugins.registry import find_driver, open_balance, open_pump
from rig.plugins.roles import BalanceDriver, Capability, PumpDriver
from rig.plugins.spec import API, Address, DriverSpec, Scene

__all__ = [
    "API",
    "Address",
    "BalanceDriver",
    "Capability",
    "DriverSpec",
    "PumpDriver",
    "Scene",
    "find_driver",
    "open_balance",
    "open_pump",
]
