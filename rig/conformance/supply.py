"""What every driver of a supply must do, whatever stands behind it: a transcript, a simulator, or a real supply.

Nothing is fed above `VOLTS`, and nothing before protection and current limit were set. A condition that is asked for
holds from the first contact on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rig.conformance.report import Check, MakeBench, Rows, carry_out, expect, expect_error
from rig.electrical import Regulation
from rig.errors import BenchError, InstrumentError, TransportTimeout
from rig.plugins.electrical_roles import Protects, SupplyDriver
from rig.plugins.spec import Capability
from rig.transport.links import Link, Links

ALL: Final = frozenset(Capability)
VOLTS: Final = 1.5
LIMIT_A: Final = 0.5
OVP_V: Final = 1.8
TOO_HIGH_V: Final = 200.0
NEAR: Final = 0.02  # of a measured voltage, in V
SAME: Final = 0.006  # of a setting that is read back; the coarsest listed supply is set in steps of 10 mV


@dataclass(frozen=True, slots=True)
class SupplyBench:
    """A supply that nobody has talked to yet, its link, and who it should be.

    ``protects`` is the supply as `Protects`, None where its driver does not claim that. ``unplug`` pulls its plug,
    where that can be done.
    """

    supply: SupplyDriver
    protects: Protects | None
    links: Links
    link: Link
    model: str
    serial: str
    finish: Callable[[], None] = lambda: None
    unplug: Callable[[], None] | None = None


def check_supply(make: MakeBench[SupplyBench], capabilities: frozenset[Capability] = ALL) -> Rows:
    """Carry out the suite: ``make`` returns a fresh bench for a situation, or why it cannot set the scene."""
    return carry_out(CHECKS, make, capabilities)


def _identified(bench: SupplyBench) -> None:
    bench.supply.open()
    who = bench.supply.identify()
    expect((who.model, who.serial) == (bench.model, bench.serial), f"it says it is {who}")
    expect(bool(who.maker and who.firmware), f"it does not say who made it, or its firmware: {who}")
    expect(bench.supply.may_be_on, "an output that nobody has asked for is taken for off")


def _left_error(bench: SupplyBench) -> None:
    bench.supply.open()
    expect(len(bench.supply.left_errors) == 1, f"one error was left in its queue, told are {bench.supply.left_errors}")
    expect(not bench.supply.errors(), "its error queue is not empty after it was opened")


def _set(bench: SupplyBench) -> None:
    bench.supply.open()
    found_v = bench.supply.set_voltage(VOLTS)
    expect(abs(found_v - VOLTS) < SAME, f"{VOLTS} V was set, and {found_v} V is told")


def _protected(bench: SupplyBench) -> None:
    bench.supply.open()
    bench.supply.protect(OVP_V, LIMIT_A)
    found = bench.supply.settings()
    expect(abs(found.current_limit_a - LIMIT_A) < SAME, f"a current limit of {found.current_limit_a} A is told")
    if bench.protects is not None:
        at_v = found.protection_v
        expect(at_v is not None and abs(at_v - OVP_V) < 0.06, f"an over-voltage protection of {at_v} V is told")
        expect_error(InstrumentError, lambda: bench.supply.set_voltage(OVP_V), "a voltage at its protection")


def _unprotected(bench: SupplyBench) -> None:
    bench.supply.open()
    bench.supply.set_voltage(VOLTS)
    expect_error(InstrumentError, lambda: bench.supply.switch(on=True), "switching on what nothing protects")


def _on_and_off(bench: SupplyBench) -> None:
    _fed(bench)
    expect(bench.supply.may_be_on, "an output that was switched on is taken for off")
    before_ns = bench.links.clock.now_ns()
    found = bench.supply.measure()
    times = [before_ns, found.asked_ns, found.answered_ns, bench.links.clock.now_ns()]
    expect(times == sorted(times), f"the times of asking and answering are not in order: {times}")
    expect(abs(found.voltage_v - VOLTS) < NEAR, f"{VOLTS} V was set, and {found.voltage_v} V is measured")
    expect(bench.supply.regulation() is not Regulation.OFF, "it says that its output is off")
    bench.supply.switch(on=False)
    expect(not bench.supply.may_be_on, "an output that was switched off, and read so, is taken for on")


def _stays_on(bench: SupplyBench) -> None:
    bench.supply.open()
    expect_error(InstrumentError, lambda: bench.supply.switch(on=False), "an output that stays on")
    expect(bench.supply.may_be_on, "an output that stays on is taken for off")


def _reads_back_otherwise(bench: SupplyBench) -> None:
    bench.supply.open()
    expect_error(InstrumentError, lambda: bench.supply.set_voltage(VOLTS), "a setting that reads back otherwise")


def _refused(bench: SupplyBench) -> None:
    bench.supply.open()
    expect_error(InstrumentError, lambda: bench.supply.set_voltage(TOO_HIGH_V), f"{TOO_HIGH_V} V")


def _tripped(bench: SupplyBench) -> None:
    protects = bench.protects
    if protects is None:
        raise InstrumentError("its driver does not claim protects")
    bench.supply.open()
    expect(protects.tripped(), "a trip is not told")
    protects.clear_trip()
    expect(not protects.tripped(), "a trip that was cleared is still told")
    expect(not bench.supply.may_be_on, "its output is on again after a trip was cleared")


def _silent(bench: SupplyBench) -> None:
    error = expect_error(TransportTimeout, bench.supply.open, "asking a supply that says nothing")
    expect(bench.link.name in str(error), f"the error does not name the link: {error}")
    expect("\n" not in str(error), "the error has several lines")
    expect(bench.supply.may_be_on, "the output of a supply that says nothing is taken for off")


def _damaged(bench: SupplyBench) -> None:
    _fed(bench)
    expect_error(BenchError, bench.supply.measure, "measuring with a damaged answer")
    found = bench.supply.measure()
    expect(abs(found.voltage_v - VOLTS) < NEAR, f"{VOLTS} V is there, and {found.voltage_v} V is measured")


def _late(bench: SupplyBench) -> None:
    _fed(bench)
    expect_error(TransportTimeout, bench.supply.measure, "measuring when the answer comes late")
    found = bench.supply.measure()
    expect(abs(found.voltage_v - VOLTS) < NEAR, f"a late answer was taken for another: {found.voltage_v} V")


def _stranger(bench: SupplyBench) -> None:
    expect_error(BenchError, bench.supply.open, "opening something that is no supply")


def _unplugged(bench: SupplyBench) -> None:
    _fed(bench)
    bench.supply.switch(on=False)
    if bench.unplug is not None:
        bench.unplug()
        expect(bench.supply.may_be_on, "after contact was lost its output is taken for off")
        expect_error(BenchError, bench.supply.measure, "measuring with a supply that was unplugged")


def _fed(bench: SupplyBench) -> None:
    bench.supply.open()
    bench.supply.protect(OVP_V, LIMIT_A)
    bench.supply.set_voltage(VOLTS)
    bench.supply.switch(on=True)


_P = Capability.PROTECTS
CHECKS: Final[tuple[Check[SupplyBench], ...]] = (
    Check("identified", "it says who it is, and an output nobody asked for may be on", _identified, essential=True),
    Check("left_error", "another program's error is told at opening, and is not ours later", _left_error),
    Check("set", "a voltage is set and read back", _set, essential=True),
    Check("protected", "protection and current limit are set and read back", _protected, essential=True),
    Check("unprotected", "an output that nothing protects is not switched on", _unprotected, essential=True),
    Check("on_and_off", "it is switched on, measured and switched off, each confirmed", _on_and_off, essential=True),
    Check("stays_on", "an output that stays on when it is told to go off is an error", _stays_on, essential=True),
    Check(
        "reads_back_otherwise",
        "a setting that does not come back as set is an error",
        _reads_back_otherwise,
        essential=True,
    ),
    Check("refused", "a voltage beyond its range is refused, and not believed to be set", _refused, essential=True),
    Check("tripped", "a trip is told, and cleared with the output off", _tripped, _P, essential=True),
    Check(
        "silent", "a supply that says nothing is a time-out, in one line that names the link", _silent, essential=True
    ),
    Check("damaged", "half an answer is an error, and the next one is good", _damaged),
    Check("late", "an answer that comes too late is never taken for the next one", _late, essential=True),
    Check("stranger", "something that is no supply is refused", _stranger),
    Check("unplugged", "an output is taken for on when contact was lost", _unplugged),
)
SITUATIONS: Final = tuple(check.situation for check in CHECKS)
