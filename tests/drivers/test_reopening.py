"""A plug that is pulled and put back: what may be repeated is, what delivers never, and nobody is mistaken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rig.clock import to_s
from rig.drivers.minimed import MinimedPump, minimed_pump
from rig.drivers.mt_sics import SicsBalance
from rig.errors import DeviceChanged, LinkLost
from rig.instruments import Acceptance
from rig.sim.bench import SimulatedBench
from tests.sim.kit import EXACT, START, Rig

PUMP = "512847"
PARAMETER_BYTES = 100  # a packet that carries parameters is longer than this on the UART, any other shorter
MS = 1_000_000


def _pump(rig: Rig) -> MinimedPump:
    pump = minimed_pump(rig.links, rig.stick, PUMP, frozenset({PUMP}), frequency_mhz=916.55)
    pump.open()
    pump.wake()
    return pump


def _pull(rig: Rig, name: str, after_s: float, for_s: float | None) -> None:
    """Pull a plug ``after_s`` from now, and put it back ``for_s`` later."""

    def pull(_now_ns: int) -> None:
        rig.links.unplug(name)
        if name == "pump":
            rig.bench.pump_stick.power_off()

    at_ns = rig.now_ns + round(after_s * 1e9)
    rig.links.schedule(at_ns, pull)
    if for_s is not None:
        rig.links.schedule(at_ns + round(for_s * 1e9), lambda _ns: rig.links.replug(name))


def _at_parameters(rig: Rig, then: Callable[[], None]) -> list[bytes]:
    """Call ``then`` when the first packet with parameters is written from now on; return all such packets."""
    seen: list[bytes] = []

    def tap(link: str, direction: str, _at_ns: int, data: bytes) -> None:
        if link == "pump" and direction == ">" and len(data) > PARAMETER_BYTES:
            seen.append(data)
            if len(seen) == 1:
                then()

    rig.links.tap = tap
    return seen


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.12])
def test_a_read_outlives_a_stick_that_is_pulled_and_put_back(after_s: float) -> None:
    rig = Rig()
    pump = _pump(rig)
    _pull(rig, "pump", after_s, 4.0)
    assert pump.reservoir_u() > 0.0
    assert rig.links.reconnects == {"pump": 1}
    sent = [data for name, way, _, data in rig.traffic if (name, way) == ("pump", ">")]
    tunings = [data for data in sent if data[0] == 0x06]
    assert len(tunings) == 6, "a stick that was without supply has to be tuned again"


def test_a_history_page_is_read_again_from_its_beginning() -> None:
    rig = Rig()
    pump = _pump(rig)
    before = pump.history(0)
    _pull(rig, "pump", 2.0, 4.0)
    assert pump.history(0) == before
    assert rig.links.reconnects == {"pump": 1}


def test_a_stick_that_stays_away_is_given_up_after_ten_seconds() -> None:
    rig = Rig()
    pump = _pump(rig)
    _pull(rig, "pump", 0.0, None)
    rig.wait(0.1)
    began_ns = rig.now_ns
    with pytest.raises(LinkLost, match="unplugged"):
        pump.status()
    assert to_s(rig.now_ns - began_ns) == pytest.approx(10.0, abs=0.5)


def test_a_stick_that_comes_back_to_a_sleeping_pump_wakes_it() -> None:
    rig = Rig()
    pump = _pump(rig)
    rig.wait(700.0)
    _pull(rig, "pump", 2.0, 4.0)
    pump.wake()
    assert pump.status().normal
    assert rig.links.reconnects == {"pump": 1}


@pytest.mark.parametrize(
    ("after_s", "delivered_u"),
    [
        (0.0, 0.0),  # still on the UART: the stick never had it
        (0.02, 0.0),  # on the air: it broke off
        (0.08, 1.0),  # the pump has it, and its acknowledgement is on the air
    ],
)
def test_a_bolus_whose_packet_leaves_while_the_stick_is_pulled_is_unknown_and_never_sent_again(
    after_s: float, delivered_u: float
) -> None:
    rig = Rig()
    pump = _pump(rig)
    pump.model()
    packets = _at_parameters(rig, lambda: _pull(rig, "pump", after_s, 3.0))
    assert pump.bolus(1.0) is Acceptance.UNKNOWN
    assert pump.status().bolusing is (delivered_u > 0.0)
    rig.wait(120.0)
    kinds = [event.programmed_u for event in pump.history(0) if event.kind == "bolus"]
    assert kinds == ([1.0] if delivered_u else [])
    assert rig.ledger.commanded_u(0, rig.now_ns) == pytest.approx(delivered_u)
    boluses = [packet for packet in packets if packet == packets[0]]
    assert len(boluses) == 1


def test_a_bolus_is_not_begun_on_a_stick_that_is_gone_before_its_packet() -> None:
    rig = Rig()
    pump = _pump(rig)
    pump.model()
    packets = _at_parameters(rig, lambda: None)
    _pull(rig, "pump", 0.05, None)
    with pytest.raises(LinkLost):
        pump.bolus(1.0)
    assert packets == []


def test_suspending_is_repeated_over_a_stick_that_comes_back() -> None:
    rig = Rig()
    pump = _pump(rig)
    _at_parameters(rig, lambda: _pull(rig, "pump", 0.02, 3.0))
    assert pump.suspend() is Acceptance.ACKNOWLEDGED
    assert pump.status().suspended


def _balance(rig: Rig) -> SicsBalance:
    balance = SicsBalance(rig.links, rig.scale)
    balance.open()
    return balance


def _replug_balance(rig: Rig, other: SimulatedBench | None = None) -> None:
    rig.links.unplug("balance")
    rig.links.replug("balance", other.balance if other is not None else None)
    assert rig.links.reopen(rig.scale)


def test_a_balance_that_comes_back_is_asked_who_it_is_and_goes_on() -> None:
    rig = Rig()
    balance = _balance(rig)
    before = balance.identify()
    _replug_balance(rig)
    sent = len(rig.traffic)
    assert balance.identify() == before
    assert b"@\r\n" in [data for _, way, _, data in rig.traffic[sent:] if way == ">"]
    asked = len(rig.traffic)
    assert balance.identify() == before
    assert len(rig.traffic) == asked, "asked once for each opening"
    assert balance.weigh().mass_mg == pytest.approx(0.0)


def test_another_balance_on_the_same_cable_is_refused() -> None:
    rig = Rig()
    balance = _balance(rig)
    other = SimulatedBench(start_local=START, parameters=replace(EXACT, balance_serial="B000900002"))
    _replug_balance(rig, other)
    with pytest.raises(DeviceChanged, match=r"serial number B000900002; expected B000900001"):
        balance.identify()
    with pytest.raises(DeviceChanged):  # however often it is asked
        balance.identify()


@pytest.mark.parametrize(("command", "what"), [(b"M03 1\r\n", "zero tracking"), (b"TA 1.00000 g\r\n", "tare")])
def test_a_balance_that_comes_back_set_otherwise_is_refused(command: bytes, what: str) -> None:
    rig = Rig()
    balance = _balance(rig)
    rig.weigh(command)
    _replug_balance(rig)
    with pytest.raises(DeviceChanged, match=what):
        balance.identify()
