"""The commands of the exactly-once campaign: what is there before, what is told, and what it should come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rig.instruments import BasalEntry
from rig.runner.therapy import Therapy
from rig.sim.pump.firmware import Firmware

BASE_U_PER_H = 1.2
TEMP_U_PER_H = 6.0
PERCENT = 150
TEMP_MIN = 30
BOLUS_U = 1.5
LONG_BOLUS_U = 6.0
NEW_PROFILE = [BasalEntry(0, 3.0), BasalEntry(40, 3.6)]
NEW_STROKES = ((0, 120), (40, 144))
NEW_U_PER_H = 3.0  # of it at the time of the campaign, 14:00


def _nothing(_therapy: Therapy) -> None:
    """Leave the pump as it is: at its basal."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command: ``before`` it, ``tell`` it; its ``names`` in the journal; whether the pump ``has`` it.

    ``without_u_per_h`` and ``with_u_per_h`` are the basal rates that the pump runs at without and with it; with a
    temporary basal, for `TEMP_MIN`, and `BASE_U_PER_H` after that.
    """

    tell: Callable[[Therapy], object]
    names: tuple[str, ...]
    has: Callable[[Firmware], bool]
    without_u_per_h: float
    with_u_per_h: float
    before: Callable[[Therapy], object] = _nothing
    temp: bool = False
    bolus_u: float = 0.0  # of which this gives one


def _percent_type(therapy: Therapy) -> None:
    therapy.settings.temp_type(percent=True)


def _temp(therapy: Therapy) -> object:
    return therapy.start_temp(TEMP_U_PER_H, None, TEMP_MIN * 60.0)


def _percent(therapy: Therapy) -> object:
    return therapy.start_temp(None, PERCENT, TEMP_MIN * 60.0)


def _runs(is_percent: bool, value: int) -> Callable[[Firmware], bool]:
    def has(firmware: Firmware) -> bool:
        temp = firmware.therapy.temp
        return temp is not None and (temp.is_percent, temp.value) == (is_percent, value)

    return has


EXCHANGES = {
    "bolus": Exchange(
        lambda therapy: therapy.bolus(BOLUS_U, 0, 0),
        ("bolus",),
        lambda firmware: firmware.therapy.bolus is not None,
        BASE_U_PER_H,
        BASE_U_PER_H,
        bolus_u=BOLUS_U,
    ),
    "temp": Exchange(
        _temp, ("temp_basal",), _runs(False, round(TEMP_U_PER_H * 40)), BASE_U_PER_H, TEMP_U_PER_H, temp=True
    ),
    "percent": Exchange(
        _percent,
        ("temp_basal",),
        _runs(True, PERCENT),
        BASE_U_PER_H,
        BASE_U_PER_H * PERCENT / 100,
        _percent_type,
        temp=True,
    ),
    "temp_cancel": Exchange(
        lambda therapy: therapy.cancel_temp(),
        ("temp_cancel",),
        lambda firmware: firmware.therapy.temp is None,
        TEMP_U_PER_H,
        BASE_U_PER_H,
        _temp,
        temp=True,
    ),
    "bolus_cancel": Exchange(
        lambda therapy: therapy.cancel_bolus(0, 0),
        ("suspend",),
        lambda firmware: firmware.therapy.suspended,
        BASE_U_PER_H,
        0.0,
        lambda therapy: therapy.bolus(LONG_BOLUS_U, 0, 0),
    ),
    "suspend": Exchange(
        lambda therapy: therapy.suspend(), ("suspend",), lambda firmware: firmware.therapy.suspended, BASE_U_PER_H, 0.0
    ),
    "resume": Exchange(
        lambda therapy: therapy.resume(),
        ("resume",),
        lambda firmware: not firmware.therapy.suspended,
        0.0,
        BASE_U_PER_H,
        lambda therapy: therapy.suspend(),
    ),
    "profile": Exchange(
        lambda therapy: therapy.set_profile(NEW_PROFILE),
        ("set_profile",),
        lambda firmware: firmware.therapy.profiles[0] == NEW_STROKES,
        BASE_U_PER_H,
        NEW_U_PER_H,
    ),
}
