"""Roles: what a driver must have follows from them, the shipped drivers fill them, and nobody gets one unclaimed."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from rig.drivers.minimed.pump import MinimedPump
from rig.drivers.mt_sics import SicsBalance
from rig.errors import InstrumentError
from rig.plugins import roles
from rig.plugins.roles import ROLES, Capability, ClaimedPump, capability_of, members
from rig.plugins.spec import METHODS


def filled_by(pump: MinimedPump, balance: SicsBalance) -> tuple[object, ...]:
    """Mypy, not this process, says whether the shipped drivers fill the roles."""
    reads: roles.PumpDriver = pump
    profiles: roles.Profiles = pump
    patterns: roles.Patterns = pump
    temps: roles.TempBasals = pump
    percents: roles.PercentTempBasals = pump
    boluses: roles.Boluses = pump
    history: roles.History = pump
    clock: roles.Clock = pump
    limits: roles.Limits = pump
    keys: roles.Keys = pump
    alarms: roles.Alarms = pump
    scale: roles.BalanceDriver = balance
    weighs: roles.Weighs = balance
    stable: roles.WeighsStable = balance
    identifies: roles.Identifies = balance
    asked = (reads, profiles, patterns, temps, percents, boluses, history, clock, limits, keys, alarms)
    return (*asked, scale, weighs, stable, identifies)


def test_what_a_driver_must_have_is_what_the_protocols_of_its_claims_declare() -> None:
    assert METHODS["pump"][Capability.PERCENT_TEMP_BASALS] == (
        "temp_basal",
        "set_temp_basal_percent",
        "set_temp_basal_type",
    )
    assert set(METHODS["pump"][None]) == {name for name in dir(roles.Reads) if not name.startswith("_")}
    for table in ROLES.values():
        for protocol in table.values():
            assert getattr(protocol, "_is_protocol", False)


def test_every_capability_has_one_role_and_every_role_one_capability() -> None:
    found = [each for table in ROLES.values() for each in table if each is not None]
    assert sorted(found, key=lambda each: each.value) == sorted(Capability, key=lambda each: each.value)
    for table in ROLES.values():
        for capability, protocol in table.items():
            if capability is not None:
                assert capability_of(protocol) is capability
    with pytest.raises(KeyError, match="the role of no capability"):
        capability_of(roles.Reads)


def test_a_role_that_is_not_claimed_is_not_given_although_the_driver_has_its_methods() -> None:
    pump: Any = object()
    claimed = ClaimedPump(pump, frozenset({Capability.SUSPENDS, Capability.HISTORY}))
    assert claimed.role(roles.History) is pump
    with pytest.raises(InstrumentError, match="does not claim boluses, which is needed now") as caught:
        claimed.role(roles.Boluses)
    assert "\n" not in str(caught.value)


def test_the_shipped_pump_takes_what_its_roles_say_and_no_less() -> None:
    for protocol in ROLES["pump"].values():
        for name in members(protocol):
            declared, had = getattr(protocol, name), getattr(MinimedPump, name)
            if callable(declared):
                wanted = list(inspect.signature(declared).parameters)
                assert list(inspect.signature(had).parameters)[: len(wanted)] == wanted, name
