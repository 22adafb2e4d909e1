"""The settings of a balance that can hurt a slow flow: read back where the link tells them, else named for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rig.doctor.findings import Finding, ok, warn
from rig.instruments import BalanceSetting

ITEM = "balance settings"


@runtime_checkable
class TellsSettings(Protocol):
    """A balance driver that says what it could read back, and what it could not."""

    def examined(self) -> Sequence[BalanceSetting]:
        """Return every setting that can hurt a slow flow."""


def check_settings(balance: object) -> Finding | None:
    """Judge what a balance is set to; None for a driver that tells nothing of it."""
    if not isinstance(balance, TellsSettings):
        return None
    settings = balance.examined()
    told = ", ".join(f"{each.name} {each.found}" for each in settings if each.found is not None)
    unread = [each for each in settings if each.found is None]
    wrong = [each for each in settings if each.fits is False]
    found = told or "the link tells none of its settings"
    if wrong:
        wanted = ", ".join(f"{each.name} {each.wanted}" for each in wrong)
        return warn(ITEM, found, wanted, "; ".join(each.mend for each in wrong))
    if unread:
        wanted = ", ".join(f"{each.name} {each.wanted}" for each in unread)
        found += f"; not told: {', '.join(each.name for each in unread)}" if told else ""
        return warn(ITEM, found, wanted, "look at the balance: " + "; ".join(each.mend for each in unread))
    return ok(ITEM, found)
