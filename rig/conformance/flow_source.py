"""What every source of a known flow must do, whatever stands behind it: a transcript, a simulator, or a real one.

Every pump begins stopped, with empty counters and no target, and can be set to the bench's diameter and to 500 uL/h;
it has a rate already. A real one needs a syringe and a vessel for the checks that move it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from rig.conformance.report import Check, MakeBench, Rows, carry_out, expect, expect_error
from rig.errors import BenchError, InstrumentError, RigError, TransportTimeout, UsageError
from rig.instruments import Acceptance, FlowAlarm, FlowAlarmRaised, FlowSource, FlowState
from rig.plugins.roles import Capability
from rig.transport.links import Link, Links

RATE_UL_PER_H: Final = 500.0
TARGET_UL: Final = 250.0
IMPOSSIBLE_UL_PER_H: Final = 12_000_000.0
CANNOT_BE_SET: Final = (0.0, -1.0, 123.4567891, float("nan"), float("inf"))
NEAR: Final = 1e-6
ALL: Final = frozenset(Capability)


@dataclass(frozen=True, slots=True)
class FlowBench:
    """A pump that nobody has talked to yet, its link, and the inside diameter of its syringe."""

    source: FlowSource
    links: Links
    link: Link
    model: str
    diameter_mm: float
    finish: Callable[[], None] = lambda: None


def check_flow_source(make: MakeBench[FlowBench], capabilities: frozenset[Capability] = ALL) -> Rows:
    """Carry out the suite: ``make`` returns a fresh bench for a situation, or why it cannot set the scene."""
    return carry_out(CHECKS, make, capabilities)


def _identity(bench: FlowBench) -> None:
    who = bench.source.identify()
    expect(not bench.model or who.model == bench.model, f"it calls itself a {who.model}, not a {bench.model}")
    expect(bool(who.firmware), "it tells no firmware")
    settings = bench.source.settings()
    expect(settings.diameter_mm.amount > 0, "it is set to no diameter")
    expect(settings.rate_ul_per_h.resolution > 0, "its rate has no last digit")
    expect(bench.source.acknowledged_ns > 0, "nobody knows when its last answer came")


def _silent(bench: FlowBench) -> None:
    error = expect_error(TransportTimeout, bench.source.identify, "asking a pump that says nothing")
    expect(bench.link.name in str(error), f"the error does not name the link: {error}")
    expect("\n" not in str(error), "the error has several lines")


def _other_device(bench: FlowBench) -> None:
    error = expect_error(BenchError, bench.source.identify, "asking something that is no such pump")
    expect(not isinstance(error, TransportTimeout), "what answers is taken for silence")
    expect("\n" not in str(error), "the error has several lines")


def _settings(bench: FlowBench) -> None:
    told = bench.source.set_diameter(bench.diameter_mm).amount
    expect(_same(told, bench.diameter_mm), f"a diameter of {bench.diameter_mm} mm reads back as {told}")
    told = bench.source.set_rate(RATE_UL_PER_H).amount
    expect(_same(told, RATE_UL_PER_H), f"a rate of {RATE_UL_PER_H} uL/h reads back as {told}")


def _target(bench: FlowBench) -> None:
    bench.source.identify()
    target = bench.source.set_target(TARGET_UL)
    expect(target is not None and _same(target.amount, TARGET_UL), f"a target of {TARGET_UL} uL reads back as {target}")
    expect(bench.source.set_target(None) is None, "a target that was taken away is still there")


def _steps(bench: FlowBench) -> None:
    source, sent = bench.source, 0
    source.identify()
    tap = bench.links.tap

    def listen(name: str, direction: str, at_ns: int, data: bytes) -> None:
        nonlocal sent
        tap(name, direction, at_ns, data)
        sent += direction == ">"

    bench.links.tap = listen
    try:
        for amount in CANNOT_BE_SET:
            for set_to in (source.set_rate, source.set_diameter):
                expect_error(UsageError, partial(set_to, amount), f"setting {amount}")
    finally:
        bench.links.tap = tap
    expect(sent == 0, "what cannot be set was sent to the pump")


def _rate_refused(bench: FlowBench) -> None:
    bench.source.identify()
    error = expect_error(RigError, lambda: bench.source.set_rate(IMPOSSIBLE_UL_PER_H), "a rate beyond the limits")
    expect(isinstance(error, InstrumentError | UsageError), f"a rate beyond the limits is a {type(error).__name__}")


def _run(bench: FlowBench) -> None:
    source = bench.source
    source.identify()
    expect(source.status().state is FlowState.STOPPED, "it does not begin stopped")
    expect(source.infuse() is Acceptance.ACKNOWLEDGED, f"its start is not confirmed: {source.unknown_because}")
    expect(source.status().state is FlowState.INFUSING, "it was started and does not infuse")
    expect_error(InstrumentError, source.infuse, "a second start")
    counter = source.dispensed()
    expect(counter.infused_ul.amount > 0, "its counter does not move")
    expect(counter.asked_ns <= counter.answered_ns, "the times of asking and answering are not in order")
    for _ in range(2):
        expect(source.stop() is Acceptance.ACKNOWLEDGED, f"its stop is not confirmed: {source.unknown_because}")
    expect(source.status().state.at_rest, "it was stopped and moves")
    source.clear_dispensed()
    expect(source.dispensed().infused_ul.amount == 0, "its counter was cleared and is not zero")


def _start(wanted: Acceptance) -> Callable[[FlowBench], None]:
    def carry(bench: FlowBench) -> None:
        bench.source.identify()
        found = bench.source.infuse()
        expect(found is wanted, f"the start is {found.value}, and not {wanted.value}")
        expect(wanted is Acceptance.ACKNOWLEDGED or bool(bench.source.unknown_because), "it does not say why")

    return carry


def _start_refused(bench: FlowBench) -> None:
    bench.source.identify()
    expect_error(InstrumentError, bench.source.infuse, "a start that the pump refuses")


def _withdraws(bench: FlowBench) -> None:
    bench.source.identify()
    error = expect_error(InstrumentError, bench.source.infuse, "a pump that withdraws")
    expect("withdrawing; it was stopped" in str(error), f"it does not say that it was stopped: {error}")


def _stalled(bench: FlowBench) -> None:
    bench.source.identify()
    found = bench.source.status()
    expect(found.alarm is FlowAlarm.STALLED, f"the alarm is {found.alarm}")
    expect(found.state.at_rest, "a stalled pump is told to move")
    expect(FlowAlarm.STALLED in [alarm for _, alarm in bench.source.alarms], "the alarm is forgotten")


def _start_alarm(bench: FlowBench) -> None:
    bench.source.identify()
    error = expect_error(FlowAlarmRaised, bench.source.infuse, "a start that is answered by an alarm")
    expect(error.alarm in [alarm for _, alarm in bench.source.alarms], "the alarm is forgotten")


def _stop(wanted: Acceptance) -> Callable[[FlowBench], None]:
    def carry(bench: FlowBench) -> None:
        bench.source.identify()
        found = bench.source.stop()
        expect(found is wanted, f"the stop is {found.value}, and not {wanted.value}")
        expect(wanted is Acceptance.ACKNOWLEDGED or bool(bench.source.unknown_because), "it does not say why")

    return carry


def _same(told: float, wanted: float) -> bool:
    return abs(told - wanted) <= NEAR * abs(wanted)


def _moves(
    situation: str, sentence: str, carry: Callable[[FlowBench], None], *, essential: bool = False
) -> Check[FlowBench]:
    return Check(situation, sentence, carry, Capability.INFUSES, delivers=True, essential=essential)


_UNKNOWN, _DONE, _INFUSES = Acceptance.UNKNOWN, Acceptance.ACKNOWLEDGED, Capability.INFUSES
CHECKS: Final[tuple[Check[FlowBench], ...]] = (
    Check("identity", "it says who it is, and what it is set to", _identity, essential=True),
    Check(
        "silent", "a pump that answers nothing is a time-out, in one line that names the link", _silent, essential=True
    ),
    Check("other_device", "something that is no such pump is an error in one line, and no time-out", _other_device),
    Check(
        "settings", "diameter and rate are returned as the pump has them", _settings, Capability.INFUSES, essential=True
    ),
    Check("target", "so is a target volume, and none", _target, Capability.DISPENSES),
    Check("steps", "what cannot be set exactly is a usage error, and nothing is sent", _steps, Capability.INFUSES),
    Check("rate_refused", "a rate that this syringe cannot have is an error", _rate_refused, Capability.INFUSES),
    _moves("run", "a start shows, a second one is refused, and a stop may be repeated", _run, essential=True),
    _moves(
        "start_answer_lost", "it starts and its answer is lost: its status settles it", _start(_DONE), essential=True
    ),
    _moves("start_lost", "the start itself is lost: UNKNOWN, and it says why", _start(_UNKNOWN), essential=True),
    _moves("start_then_silence", "nothing answers from the start on: UNKNOWN", _start(_UNKNOWN)),
    _moves("start_refused", "a start that the pump refuses is an error", _start_refused),
    _moves("withdraws", "told to infuse, it withdraws: it is stopped, and that is an error", _withdraws),
    Check("stalled", "a stall shows in the status and stays among the alarms", _stalled),
    _moves("start_alarm", "a start that is answered by an alarm names it, and nothing runs", _start_alarm),
    _moves(
        "stop_bad_line",
        "a stop is repeated through silence and noise until it is confirmed",
        _stop(_DONE),
        essential=True,
    ),
    _moves(
        "stop_unconfirmed", "a pump that says nothing to a stop is not called stopped", _stop(_UNKNOWN), essential=True
    ),
)
SITUATIONS: Final = tuple(check.situation for check in CHECKS)
DELIVERING: Final = frozenset(check.situation for check in CHECKS if check.delivers)
AT_REST: Final = frozenset(
    {"identity", "settings", "target", "steps", "rate_refused"}
)  # nothing moves, nothing is lost
