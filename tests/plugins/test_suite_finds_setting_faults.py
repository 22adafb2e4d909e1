"""The suite finds fault with settings, keys and alarms: the shipped driver with one defect, and one check tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rig.conformance.report import Outcome, Row
from rig.conformance.scenes import check_played, left_unshown, simulator_of
from rig.drivers.minimed.pump import MinimedPump
from rig.errors import InstrumentError
from rig.instruments import Acceptance, BasalEntry, Key, TempBasal
from rig.plugins import Capability, find_driver
from rig.plugins.registry import Found

ACK = Acceptance.ACKNOWLEDGED
good = MinimedPump


class NoPercent(good):
    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        return ACK


class AbsoluteInstead(good):
    def temp_basal(self) -> TempBasal:
        return replace(super().temp_basal(), is_percent=False)


class HalfPercent(good):
    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        return super().set_temp_basal_percent(percent // 2, minutes)


class ShortPercent(good):
    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        return super().set_temp_basal_percent(percent, minutes // 2)


class NeverCancels(good):
    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        return super().set_temp_basal_percent(percent, minutes) if minutes else ACK


class ChoosesNothing(good):
    def set_temp_basal_type(self, *, percent: bool) -> Acceptance:
        return ACK


class StaysInPercent(good):
    def set_temp_basal_type(self, *, percent: bool) -> Acceptance:
        return super().set_temp_basal_type(percent=True)


class ClipsPercent(good):
    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        return super().set_temp_basal_percent(min(200, max(0, percent)), minutes)


class RoundsPercentTime(good):
    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        return super().set_temp_basal_percent(percent, minutes // 30 * 30)


class ReadsNothingBack(good):
    def _command(self, opcode: Any, parameters: bytes, shows: Callable[[], bool]) -> Acceptance:
        return super()._command(opcode, parameters, lambda: False)


class WritesStandard(good):
    def set_profile(self, entries: list[BasalEntry], pattern: int = 0) -> Acceptance:
        return super().set_profile(entries, 0)


class WritesBoth(good):
    def set_profile(self, entries: list[BasalEntry], pattern: int = 0) -> Acceptance:
        super().set_profile(entries, 0)
        return super().set_profile(entries, pattern)


class SelectsNothing(good):
    def select_pattern(self, pattern: int) -> Acceptance:
        return ACK


class StaysOnA(good):
    def select_pattern(self, pattern: int) -> Acceptance:
        return super().select_pattern(1)


class TakesAnyPattern(good):
    def select_pattern(self, pattern: int) -> Acceptance:
        return super().select_pattern(pattern) if pattern in (0, 1, 2) else ACK


class WritesAnyPattern(good):
    def set_profile(self, entries: list[BasalEntry], pattern: int = 0) -> Acceptance:
        return super().set_profile(entries, pattern if pattern in (0, 1, 2) else 0)


class SetsNoClock(good):
    def set_clock(self, local: datetime) -> Acceptance:
        return ACK


class SetsClockLate(good):
    def set_clock(self, local: datetime) -> Acceptance:
        return super().set_clock(local + timedelta(seconds=10))


class SetsClockOnce(good):
    def set_clock(self, local: datetime) -> Acceptance:
        if getattr(self, "set_before", False):
            return ACK
        self.set_before = True
        return super().set_clock(local)


class TakesAnyTime(good):
    def set_clock(self, local: datetime) -> Acceptance:
        year = max(2000, local.year)
        return super().set_clock(local.replace(tzinfo=None, microsecond=0, year=year))


class SetsNoLimits(good):
    def set_limits(self, max_bolus_u: float | None = None, max_basal_u_per_h: float | None = None) -> Acceptance:
        return ACK


class SetsBothLimits(good):
    def set_limits(self, max_bolus_u: float | None = None, max_basal_u_per_h: float | None = None) -> Acceptance:
        return super().set_limits(max_bolus_u, max_basal_u_per_h or max_bolus_u)


class LowersOnly(good):
    def set_limits(self, max_bolus_u: float | None = None, max_basal_u_per_h: float | None = None) -> Acceptance:
        if max_bolus_u is not None and max_basal_u_per_h is not None:
            return ACK
        return super().set_limits(max_bolus_u, max_basal_u_per_h)


class ClipsLimits(good):
    def set_limits(self, max_bolus_u: float | None = None, max_basal_u_per_h: float | None = None) -> Acceptance:
        bolus_u = None if max_bolus_u is None else round(min(25.0, max(0.0, max_bolus_u)), 1)
        return super().set_limits(bolus_u, max_basal_u_per_h)


class ClipsBasalLimit(good):
    def set_limits(self, max_bolus_u: float | None = None, max_basal_u_per_h: float | None = None) -> Acceptance:
        basal = None if max_basal_u_per_h is None else round(min(35.0, max(0.0, max_basal_u_per_h)), 1)
        return super().set_limits(max_bolus_u, basal)


class RaisesItsLimit(good):
    def bolus(self, amount_u: float) -> Acceptance:
        self.set_limits(max_bolus_u=amount_u)
        return super().bolus(amount_u)


class SwallowsTempRefusal(good):
    def set_temp_basal(self, rate_u_per_h: float, minutes: int) -> Acceptance:
        try:
            return super().set_temp_basal(rate_u_per_h, minutes)
        except InstrumentError:
            return ACK


class PushesTwice(good):
    def press(self, key: Key) -> Acceptance:
        super().press(key)
        return super().press(key)


class PushesAgain(good):
    def press(self, key: Key) -> Acceptance:
        found = super().press(key)
        if found is not ACK:
            super().press(key)
        return found


class BelievesInKeys(good):
    def press(self, key: Key) -> Acceptance:
        super().press(key)
        return ACK


class PushesNothing(good):
    def press(self, key: Key) -> Acceptance:
        return ACK


class BolusesByKey(good):
    def press(self, key: Key) -> Acceptance:
        found = super().press(key)
        self.bolus(1.0)
        return found


class HidesAlarms(good):
    def alarm(self) -> int:
        return 0


class InventsAlarms(good):
    def alarm(self) -> int:
        return 4


FAULTS: list[tuple[type[MinimedPump], str, str]] = [
    (NoPercent, "percent", "it is not shown as a percentage"),
    (AbsoluteInstead, "percent", "is unknown, not acknowledged"),
    (HalfPercent, "percent", "it is shown with 25 %, not 50"),
    (ShortPercent, "percent", "30 minutes are left, not 58 to 60"),
    (NeverCancels, "percent", "minutes are left after it was cancelled"),
    (ChoosesNothing, "percent", "do not show that percentages were chosen"),
    (StaysInPercent, "percent", "the kind of temporary basals was put back, and is not shown"),
    (ClipsPercent, "percent_steps", "of 201 % for 60 min: no error came"),
    (RoundsPercentTime, "percent_steps", "of 50 % for 45 min: no error came"),
    (ReadsNothingBack, "percent_ack_lost", "is unknown, not acknowledged"),
    (WritesStandard, "pattern", "pattern A is read back as"),
    (WritesBoth, "pattern", "the standard profile changed with it"),
    (SelectsNothing, "pattern", "the settings show pattern 0, not 1"),
    (StaysOnA, "pattern", "the pattern was put back, and is not shown as it was"),
    (ReadsNothingBack, "pattern_ack_lost", "is unknown, not acknowledged"),
    (TakesAnyPattern, "pattern_steps", "selecting pattern 3: no error came"),
    (WritesAnyPattern, "pattern_steps", "writing pattern 3: no error came"),
    (SetsNoClock, "clock", "the clock was set to"),
    (SetsClockLate, "clock", "the clock was set to"),
    (SetsClockOnce, "clock", "the clock was put back, and is not shown as it was"),
    (TakesAnyTime, "clock_steps", "a time with a time zone: no error came"),
    (SetsNoLimits, "limits", "limits of 25 U and 35 U/h, not 3 U and 35"),
    (SetsBothLimits, "limits", "limits of 3 U and 3 U/h, not 3 U and 35"),
    (LowersOnly, "limits", "the limits was put back, and is not shown as it was"),
    (RaisesItsLimit, "limits", "a bolus beyond the limit: no error came"),
    (SwallowsTempRefusal, "limits", "a temporary basal beyond the limit: no error came"),
    (ReadsNothingBack, "limit_ack_lost", "is unknown, not acknowledged"),
    (ClipsLimits, "limit_steps", "a largest bolus of -1 U: no error came"),
    (ClipsBasalLimit, "limit_steps", "a highest basal rate of -1 U/h: no error came"),
    (PushesTwice, "key", "the pump has felt 2 keys"),
    (PushesNothing, "key", "the pump has felt 0 keys"),
    (BolusesByKey, "key", "a bolus runs after ESC"),
    (PushesAgain, "key_ack_lost", "the pump has felt 2 keys"),
    (BelievesInKeys, "key_ack_lost", "the driver says acknowledged of a key"),
    (HidesAlarms, "alarm", "alarm 0 is told, and 62 is pending"),
    (InventsAlarms, "alarm_read", "alarm 4 is told where none is"),
]


def driver(pump: type[MinimedPump], **changes: Any) -> Found:
    """Return the shipped driver, its pump of another class."""
    found = find_driver("pump", "cc111x")

    def opened(*arguments: Any) -> MinimedPump:
        made = found.spec.open(*arguments)
        assert isinstance(made, MinimedPump)
        made.__class__ = pump
        return made

    return replace(found, spec=replace(found.spec, open=opened, **changes))


def row(found: Found, situation: str, model: str = "723") -> Row:
    """Return what the suite says in one situation; nothing else is played."""
    simulator = simulator_of(found)
    assert simulator is not None
    rows = check_played(found, lambda each: simulator(each, model) if each == situation else None, model)
    return next(each for each in rows if each.situation == situation)


@pytest.mark.parametrize(
    ("pump", "situation", "why"), FAULTS, ids=[f"{pump.__name__}-{where}" for pump, where, _ in FAULTS]
)
def test_a_driver_with_a_defect_is_told_by_the_check_that_is_meant_for_it(
    pump: type[MinimedPump], situation: str, why: str
) -> None:
    found = row(driver(pump), situation)
    assert found.outcome is Outcome.FAILED
    assert why in found.why
    assert row(driver(MinimedPump), situation).outcome is Outcome.OK


def test_every_check_of_settings_keys_and_alarms_has_been_seen_to_fail() -> None:
    from rig.conformance.pump_settings import SETTINGS  # noqa: PLC0415 - beside the question

    assert {check.situation for check in SETTINGS} == {situation for _, situation, _ in FAULTS}


class NoStatusOfOld(good):
    def status(self) -> Any:
        if self._contact.family == 12:
            raise InstrumentError("no such answer")
        return super().status()


def test_a_defect_that_only_one_family_has_is_found_and_the_others_are_shown() -> None:
    assert row(driver(NoStatusOfOld), "suspend", "712").outcome is Outcome.FAILED
    assert row(driver(NoStatusOfOld), "suspend", "754").outcome is Outcome.OK


def test_what_a_model_lacks_is_left_out_for_that_model_and_missed_for_the_others() -> None:
    found = driver(MinimedPump)
    assert row(found, "bolus", "712").outcome is Outcome.LEFT_OUT
    assert row(found, "bolus", "715").outcome is Outcome.OK
    assert "bolus" not in left_unshown(found, [], "712")
    assert "bolus" in left_unshown(found, [], "715")
    assert Capability.BOLUSES in found.spec.can("715")
