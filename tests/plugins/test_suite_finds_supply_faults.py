"""The public suites of supplies and meters find fault: each driver below has one defect, and one check tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.conformance import meter, supply
from rig.conformance.report import Outcome, Row
from rig.conformance.scenes import check_played
from rig.drivers.scpi.meter import TruevoltMeter
from rig.drivers.scpi.rigol import RigolSupply
from rig.electrical import InstrumentIdentity, Metered, Regulation
from rig.errors import BenchError
from rig.plugins.registry import Found, find_driver
from rig.plugins.spec import Scene
from tests.drivers.scpi_stand_in import IDENTITY, StandIn


def rows_of(role: str, name: str, dialect: str, defect: type[Any] | None = None) -> list[Row]:
    found = find_driver(role, name)
    if defect is not None:
        found = Found(replace(found.spec, open=defect), found.target, "wrong", "1")
    _, model, serial, _ = IDENTITY[dialect].split(",", 3)
    return list(check_played(found, lambda situation: Scene(StandIn(dialect, situation), serial, model)))


def failed(rows: list[Row]) -> set[str]:
    return {row.situation for row in rows if row.outcome is Outcome.FAILED}


class _NobodyAsked(RigolSupply):
    def identify(self) -> InstrumentIdentity:
        return InstrumentIdentity("RIGOL", "DP832", "0", "1")


class _OffUntilSeen(RigolSupply):
    @property
    def may_be_on(self) -> bool:
        return self._off_opening is None and self._protected_opening is not None


class _KeepsErrors(RigolSupply):
    @property
    def left_errors(self) -> tuple[str, ...]:
        return ()


class _Believes(RigolSupply):
    """Believes that a voltage is set, and does not look."""

    def set_voltage(self, voltage_v: float) -> float:
        self._set_volts(voltage_v)
        return voltage_v


class _SetsNothing(RigolSupply):
    def _set_volts(self, voltage_v: float) -> None:
        """Forget it."""


class _NoLimit(RigolSupply):
    def protect(self, voltage_v: float, current_a: float) -> None:
        self._protected_opening = self._talk.link.openings


class _FeedsAtOnce(RigolSupply):
    def _refuse_unprotected(self) -> None:
        """Let everything pass."""


class _DoesNotLook(RigolSupply):
    """Tells its output to go off, and takes that for done."""

    def switch(self, *, on: bool) -> None:
        self._switch(on=on)
        self._off_opening = None if on else self._talk.link.openings


class _ForgetsOff(RigolSupply):
    @property
    def may_be_on(self) -> bool:
        return True


class _SwitchesAnother(RigolSupply):
    def _switch(self, *, on: bool) -> None:
        self._talk.tell(f":OUTP CH2,{'ON' if on else 'OFF'}")

    def _read_on(self) -> bool:
        self._off_opening = None
        return True

    def regulation(self) -> Regulation:
        return Regulation.OFF


class _ClearsHot(RigolSupply):
    def clear_trip(self) -> None:
        self._clear()
        self._switch(on=True)
        self._read_on()


class _SeesNoTrip(RigolSupply):
    def tripped(self) -> bool:
        return False


class _NoContactNoMatter(RigolSupply):
    def open(self) -> None:
        try:
            super().open()
        except BenchError:
            self._off_opening = self._talk.link.openings


class _TakesHalf(RigolSupply):
    """Takes what there is of an answer, and zeros for the rest."""

    def _measured(self) -> tuple[float, float]:
        try:
            return super()._measured()
        except BenchError:
            return 0.0, 0.0


class _Hopes(RigolSupply):
    """Goes on measuring after its plug was pulled, by memory."""

    @property
    def may_be_on(self) -> bool:
        return self._off_opening is None


@pytest.mark.parametrize(
    ("defect", "situation"),
    [
        (_NobodyAsked, "identified"),
        (_OffUntilSeen, "identified"),
        (_KeepsErrors, "left_error"),
        (_SetsNothing, "set"),
        (_NoLimit, "protected"),
        (_FeedsAtOnce, "unprotected"),
        (_ForgetsOff, "on_and_off"),
        (_SwitchesAnother, "on_and_off"),
        (_DoesNotLook, "stays_on"),
        (_Believes, "reads_back_otherwise"),
        (_Believes, "refused"),
        (_ClearsHot, "tripped"),
        (_SeesNoTrip, "tripped"),
        (_NoContactNoMatter, "silent"),
        (_NoContactNoMatter, "stranger"),
        (_TakesHalf, "damaged"),
        (_TakesHalf, "late"),
        (_Hopes, "unplugged"),
    ],
)
def test_a_wrong_driver_of_a_supply_fails_the_check_that_is_for_it(defect: type[Any], situation: str) -> None:
    rows = rows_of("supply", "rigol-dp", "rigol", defect)
    assert situation in failed(rows), [str(row) for row in rows]


def test_every_check_of_a_supply_and_of_a_meter_is_passed_by_the_right_driver() -> None:
    assert not failed(rows_of("supply", "rigol-dp", "rigol"))
    assert not failed(rows_of("meter", "dmm-34461a", "dmm"))


class _MeterNobodyAsked(TruevoltMeter):
    def identify(self) -> InstrumentIdentity:
        return InstrumentIdentity("Keysight", "34461A", "0", "1")


class _MeterKeepsErrors(TruevoltMeter):
    @property
    def left_errors(self) -> tuple[str, ...]:
        return ()


class _WrongTimes(TruevoltMeter):
    def read_current(self) -> Metered:
        found = super().read_current()
        return Metered(found.answered_ns, found.asked_ns, found.current_a)


class _OneOfMany(TruevoltMeter):
    def read_burst(self, count: int) -> list[Metered]:
        return super().read_burst(1)


class _NumberForOverload(TruevoltMeter):
    def read_burst(self, count: int) -> list[Metered]:
        return [replace(each, current_a=each.current_a or 9.9e37) for each in super().read_burst(count)]


class _AnyRange(TruevoltMeter):
    def _ready(self) -> float:
        self._talk.ready()
        return 1.0


class _RangeUnread(TruevoltMeter):
    def _range(self) -> float:
        return 0.1


class _Speechless(TruevoltMeter):
    def open(self) -> None:
        try:
            super().open()
        except BenchError:
            return


class _HalfNumber(TruevoltMeter):
    def read_current(self) -> Metered:
        try:
            return super().read_current()
        except BenchError:
            return Metered(0, 0, 0.0)


@pytest.mark.parametrize(
    ("defect", "situation"),
    [
        (_MeterNobodyAsked, "identified"),
        (_MeterKeepsErrors, "left_error"),
        (_WrongTimes, "one"),
        (_OneOfMany, "burst"),
        (_NumberForOverload, "overload"),
        (_AnyRange, "unconfigured"),
        (_RangeUnread, "range_otherwise"),
        (_Speechless, "silent"),
        (_Speechless, "stranger"),
        (_HalfNumber, "damaged"),
    ],
)
def test_a_wrong_driver_of_a_meter_fails_the_check_that_is_for_it(defect: type[Any], situation: str) -> None:
    rows = rows_of("meter", "dmm-34461a", "dmm", defect)
    assert situation in failed(rows), [str(row) for row in rows]


def test_each_check_has_a_driver_that_fails_it() -> None:
    """The lists above name every situation: a check that nothing can fail proves nothing."""
    assert _situations(test_a_wrong_driver_of_a_supply_fails_the_check_that_is_for_it) == set(supply.SITUATIONS)
    assert _situations(test_a_wrong_driver_of_a_meter_fails_the_check_that_is_for_it) == set(meter.SITUATIONS)


def _situations(test: Any) -> set[str]:
    (mark,) = test.pytestmark
    return {situation for _, situation in mark.args[1]}
