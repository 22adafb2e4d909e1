"""Late, doubled, lost and swapped answers: a reading is of its own time, or it is none, whatever the make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.clock import VirtualClock, to_ns
from rig.driver_names import BALANCES, SHIPPED
from rig.errors import BenchError
from rig.instruments import Balance, TellsDoubts, Withdrawn
from rig.plugins.registry import find_driver, open_balance
from rig.plugins.spec import Address
from rig.readings import Weighing
from rig.sim.balances.device import BalanceDevice
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import Port, VirtualLinks
from tests.sim.kit import EXACT, START

MG_PER_H = 1e6  # the load grows so fast that what a display shows tells when: 2.8 digits of 0.1 mg in a millisecond
MG_PER_NS = MG_PER_H / 3.6e12
RESOLUTION_MG = 0.1
MAKES = tuple(SHIPPED[BALANCES])
TAGLESS = ("kern",)
FROM_S = 20.0  # opened, and weighed a few times


class Deed(NamedTuple):
    """What happens to the lines that are sent within ``for_s`` from ``at_s`` on."""

    kind: str  # "late", "doubled", "lost", "swapped"
    at_s: float
    for_s: float
    delay_s: float


@dataclass
class Wire:
    """A wire between a balance and its port that does `Deed`s to its lines; it keeps order unless it is to swap."""

    deeds: Iterable[Deed]
    inner: Port | None = None
    held: bytes = b""
    last_ns: int = 0

    def attach_to(self, port: Port) -> Wire:
        self.inner = port
        return self

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        assert self.inner is not None
        self.inner.call_at(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        assert self.inner is not None
        return self.inner.rig_ns(link_ns)

    def send(self, data: bytes, at_ns: int) -> None:
        assert self.inner is not None
        for deed in self.deeds:
            if not deed.at_s <= at_ns / 1e9 < deed.at_s + deed.for_s:
                continue
            if deed.kind == "lost":
                return
            if deed.kind == "doubled":
                self.inner.send(data, at_ns)
                at_ns += to_ns(deed.delay_s)
            elif deed.kind == "late":
                at_ns = max(at_ns + to_ns(deed.delay_s), self.last_ns)
                self.last_ns = at_ns
            elif not self.held:  # the next line overtakes this one
                self.held = data
                return
        self.inner.send(data, at_ns)
        if self.held:
            held, self.held = self.held, b""
            self.inner.send(held, at_ns + 1_000_000)


class Meddled:
    """A simulated balance at the end of such a wire."""

    def __init__(self, device: BalanceDevice, deeds: Iterable[Deed]) -> None:
        self._device = device
        self._wire = Wire(deeds)

    def attach(self, port: Port) -> None:
        self._device.attach(self._wire.attach_to(port))

    def receive(self, data: bytes, now_ns: int) -> None:
        self._device.receive(data, now_ns)


class Readings(NamedTuple):
    """What was read, without what was taken back, and what went wrong."""

    kept: list[Weighing]
    withdrawn: list[Withdrawn]
    errors: list[BenchError]


def weighed(
    make: str, deeds: Iterable[Deed], *, every_s: float = 1.0, for_s: float = 40.0, reply_s: float = EXACT.reply_s
) -> Readings:
    """Poll a balance whose load grows, every ``every_s``, as the sampler does."""
    twin = SimulatedBench(
        serial="900123",
        start_local=START,
        faults=(f"balance.drift={MG_PER_H:g}mg/h",),
        resolution_mg=RESOLUTION_MG,
        parameters=replace(EXACT, reply_s=reply_s),
        balance=make,
    )
    links = VirtualLinks(VirtualClock())
    link = links.connect("balance", Meddled(twin.balance, deeds), 100_000)
    balance = open_balance(find_driver("balance", make), links, link, Address(""))
    balance.identify()
    assert links.clock.now_ns() < to_ns(FROM_S)
    return _polled(links, balance, every_s, for_s)


def _polled(links: VirtualLinks, balance: Balance, every_s: float, for_s: float) -> Readings:
    found = Readings([], [], [])
    assert isinstance(balance, TellsDoubts)
    next_s = FROM_S
    while next_s < FROM_S + for_s:
        links.sleep_until(to_ns(next_s))
        try:
            found.kept.append(balance.weigh())
        except BenchError as error:
            found.errors.append(error)
        found.withdrawn.extend(balance.withdrawn())
        behind_s = links.clock.now_ns() / 1e9 - next_s
        next_s += every_s * (1 + max(0.0, behind_s) // every_s)
    links.pause(10.0)
    found.withdrawn.extend(balance.withdrawn())
    taken_back = [each for each in found.kept if any(w.from_ns <= each.answered_ns <= w.to_ns for w in found.withdrawn)]
    return found._replace(kept=[each for each in found.kept if each not in taken_back])


def assert_of_their_time(readings: Readings) -> None:
    """Every reading that stands shows what was on the pan between its request and its answer."""
    for each in readings.kept:
        least_mg = (each.asked_ns * MG_PER_NS) - RESOLUTION_MG
        most_mg = (each.answered_ns * MG_PER_NS) + RESOLUTION_MG
        assert least_mg <= each.mass_mg <= most_mg, (
            f"{each.mass_mg} mg was on the pan at {each.mass_mg / MG_PER_NS / 1e9:.3f} s, "
            f"not from {each.asked_ns / 1e9:.3f} to {each.answered_ns / 1e9:.3f} s"
        )


@pytest.mark.parametrize("make", MAKES)
def test_without_faults_every_reading_is_of_its_time_and_none_is_missing(make: str) -> None:
    readings = weighed(make, ())
    assert readings.errors == []
    assert readings.withdrawn == []
    assert len(readings.kept) == 40
    assert_of_their_time(readings)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("delay_s", [0.2, 0.9, 1.1, 2.0, 3.3, 5.0])
def test_late_answers_leave_readings_of_their_time_and_a_gap(make: str, delay_s: float) -> None:
    readings = weighed(make, (Deed("late", 30.5, 5.0, delay_s),))
    assert_of_their_time(readings)
    assert len(readings.kept) >= 8
    assert readings.errors or delay_s < 1.0 or make == "sbi"  # which waits for 2 s


@pytest.mark.parametrize("make", [make for make in MAKES if make not in TAGLESS])
@pytest.mark.parametrize("delay_s", [7.0, 11.5, 16.0])
def test_a_make_that_can_be_asked_something_else_is_safe_from_any_lateness(make: str, delay_s: float) -> None:
    assert_of_their_time(weighed(make, (Deed("late", 30.5, 15.0, delay_s),), for_s=60.0))


@pytest.mark.parametrize("make", TAGLESS)
@pytest.mark.parametrize("delay_s", [6.5, 7.0, 9.0, 11.5, 30.0])
def test_without_such_a_question_whatever_is_late_by_the_same_time_is_found(make: str, delay_s: float) -> None:
    assert_of_their_time(weighed(make, (Deed("late", 30.5, 200.0, delay_s),), for_s=90.0))


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize(
    "deed",
    [
        Deed("lost", 30.5, 1.0, 0.0),
        Deed("doubled", 30.5, 1.0, 0.0),
        Deed("doubled", 30.5, 1.0, 0.02),
        Deed("doubled", 30.5, 3.0, 0.99),
        Deed("doubled", 30.5, 3.0, 2.5),
        Deed("swapped", 30.5, 12.0, 0.0),
    ],
)
def test_a_lost_a_doubled_and_a_swapped_answer_are_booked_to_nothing_else(make: str, deed: Deed) -> None:
    readings = weighed(make, (deed,))
    assert_of_their_time(readings)
    assert readings.errors or readings.withdrawn
    assert len(readings.kept) >= 8
    assert readings.kept[-1].answered_ns > to_ns(FROM_S + 35.0)  # it goes on afterwards


DEEDS = st.builds(
    Deed,
    st.sampled_from(("late", "doubled", "lost", "swapped")),
    st.floats(25.0, 40.0),
    st.floats(0.1, 6.0),
    st.floats(0.2, 5.0),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MAKES), DEEDS, st.sampled_from((0.2, 1.0, 3.0)))
def test_whenever_and_however_an_answer_goes_astray_each_reading_is_of_its_time(
    make: str, deed: Deed, every_s: float
) -> None:
    assert_of_their_time(weighed(make, (deed,), every_s=every_s, for_s=30.0))


@pytest.mark.parametrize("make", MAKES)
def test_answers_that_are_one_behind_for_good_are_found_by_coming_too_soon(make: str) -> None:
    """A slow balance asked at 5 Hz: with one line too many each answer is the one before, and none is ever over."""
    readings = weighed(make, (Deed("doubled", 30.3, 0.4, 3.878),), every_s=0.2, for_s=30.0, reply_s=0.25)
    assert_of_their_time(readings)
    assert any("too soon" in str(error) for error in readings.errors)


@pytest.mark.parametrize("make", ["mt-sics", "kern-kcp"])
def test_a_balance_that_starts_anew_between_two_requests_is_refused_and_a_late_serial_number_is_not_that(
    make: str,
) -> None:
    twin = SimulatedBench(
        serial="900123",
        start_local=START,
        faults=("balance.power_cut=on@30.2s+100ms",),
        resolution_mg=RESOLUTION_MG,
        parameters=EXACT,
        balance=make,
    )
    links = VirtualLinks(VirtualClock())
    link = links.connect("balance", twin.balance)
    balance = open_balance(find_driver("balance", make), links, link, Address(""))
    balance.identify()
    readings = _polled(links, balance, 1.0, 30.0)
    assert [str(error).partition(": ")[2][:35] for error in readings.errors] == ["the balance restarted by itself: b'"]
    late = weighed(make, (Deed("late", 30.5, 12.0, 2.0),), for_s=60.0)
    assert late.errors
    assert not any("restarted" in str(error) for error in late.errors)
