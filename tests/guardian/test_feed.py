"""The pump's supply when a bench is made safe: fed first, cut off last, and opened by the guardian from its plan."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from rig.clock import SystemClock, VirtualClock
from rig.errors import ConfigError
from rig.guardian.feed import cut, feed, stop_fed
from rig.guardian.plan import PumpPlan, SafePlan, plan_from_json
from rig.guardian.stop_pump import SafeState
from rig.guardian.supply import GuardedSupply, SupplyPlan
from rig.plugins.electrical_bench import FeedLimits, OpenedSupply, opened
from rig.plugins.registry import find_driver
from rig.plugins.spec import Address
from rig.transport.virtual import VirtualLinks
from tests.drivers.scpi_stand_in import StandIn

LIMITS = FeedLimits(1.5, 1.8, 0.5, 5.0)
STOPPED = SafeState("pump suspended", True, "pump status")
MUTE = SafeState("pump suspended", False, "no answer")


def supply(device: StandIn, name: str = "rigol-dp") -> OpenedSupply:
    links = VirtualLinks(VirtualClock())
    link = links.connect("supply", device)
    return opened(find_driver("supply", name), links, link, Address(""), LIMITS)


def commands(device: StandIn) -> list[str]:
    return [text for _, text in device.heard if "?" not in text]


def no_word(_name: str, _data: dict[str, Any]) -> None:
    """Tell nobody."""


def test_an_output_that_is_off_is_protected_set_and_only_then_switched_on() -> None:
    device = StandIn("rigol")
    assert feed(supply(device))
    told = commands(device)
    assert told[-1] == ":OUTP CH1,ON"
    assert told.index(":OUTP:OVP:VAL CH1,1.8") < told.index(":OUTP:OVP CH1,ON") < told.index(":APPL CH1,1.5,0.5")
    assert (device.on, device.volts, device.ovp_v, device.limit_a) == (True, 1.5, 1.8, 0.5)


def test_an_output_that_feeds_as_it_should_stays_so_and_may_be_set_afterwards() -> None:
    device = StandIn("rigol", on=True, volts=1.5, limit_a=0.5, ovp_v=1.8, ovp_on=True)
    hanging = supply(device)
    assert not feed(hanging)
    assert not [each for each in commands(device) if "OFF" in each or ("ON" in each and "OVP" not in each)]
    assert (device.on, device.volts, device.ovp_v, device.limit_a) == (True, 1.5, 1.8, 0.5)
    hanging.driver.set_voltage(1.3)  # a driver refuses this before it has protected what hangs on it
    assert device.volts == 1.3


def test_a_brown_out_is_ended_without_a_break() -> None:
    device = StandIn("rigol", on=True, volts=0.9, limit_a=0.5, ovp_v=1.8, ovp_on=True)
    seen: list[float] = []
    device.on_output = lambda volts, _now_ns: seen.append(volts)
    assert feed(supply(device))
    assert device.volts == 1.5
    assert 0.0 not in seen


def test_what_is_set_too_high_is_switched_off_before_anything_else_is_told() -> None:
    device = StandIn("rigol", on=True, volts=12.0, limit_a=3.0)
    feed(supply(device))
    assert commands(device)[0] == ":OUTP CH1,OFF"
    assert (device.on, device.volts) == (True, 1.5)


def test_a_trip_is_cleared_with_the_output_off_and_fed_again() -> None:
    device = StandIn("rigol", tripped=True, volts=1.9, ovp_v=1.8, ovp_on=True)
    feed(supply(device))
    assert commands(device)[:2] == [":OUTP CH1,OFF", ":OUTP:OVP:CLEAR CH1"]
    assert (device.on, device.tripped, device.volts) == (True, False, 1.5)


def test_a_supply_without_protection_is_fed_within_its_current_limit() -> None:
    device = StandIn("siglent")
    assert feed(supply(device, "siglent-spd"))
    assert (device.on, device.volts, device.limit_a) == (True, 1.5, 0.5)


def test_a_pump_that_confirms_keeps_its_power() -> None:
    device = StandIn("rigol")
    assert stop_fed(lambda: STOPPED, supply(device), no_word, may_feed=True) == STOPPED
    assert device.on


def test_a_pump_that_does_not_confirm_is_cut_off_and_the_output_read_back() -> None:
    device = StandIn("rigol", on=True, volts=1.5)
    found = stop_fed(lambda: MUTE, supply(device), no_word, may_feed=True)
    assert (found.wanted, found.confirmed) == ("pump without supply", True)
    assert "no answer" in found.by
    assert not device.on


def test_after_an_emergency_stop_nothing_is_fed() -> None:
    device = StandIn("rigol", volts=1.5)
    found = stop_fed(lambda: MUTE, supply(device), no_word, may_feed=False)
    assert found.confirmed
    assert ":OUTP CH1,ON" not in commands(device)


@pytest.mark.parametrize("trouble", ["silent", "stays_on", "stranger"])
def test_a_supply_that_does_not_do_it_leaves_the_bench_unconfirmed(trouble: str) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    device = StandIn("rigol", trouble, on=True, volts=1.5)
    found = stop_fed(lambda: MUTE, supply(device), lambda name, data: told.append((name, data)), may_feed=True)
    assert not found.confirmed
    assert [data["reached"] for name, data in told if name == "made_safe"] == [False]


def test_a_silent_supply_does_not_keep_the_pump_from_being_stopped() -> None:
    assert stop_fed(lambda: STOPPED, supply(StandIn("rigol", "silent")), no_word, may_feed=True) == STOPPED


def test_cutting_off_says_what_was_read() -> None:
    state = cut(supply(StandIn("rigol", on=True)))
    assert (state.confirmed, state.by) == (True, "its supply's output read back as off")


@contextmanager
def served(device: StandIn) -> Iterator[str]:
    """Serve a stand-in on a loopback port to any number of clients, one after the other."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                device.attach(_Wire(client.sendall))
                with client, suppress(OSError):
                    while data := client.recv(1000):
                        device.receive(data, 0)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(2.0)


class _Wire:
    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def send(self, data: bytes, at_ns: int) -> None:
        self._send(data)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        raise NotImplementedError

    def rig_ns(self, link_ns: int) -> int:
        return link_ns


def _guarded(port: str, told: list[tuple[str, dict[str, Any]]]) -> GuardedSupply:
    plan = SupplyPlan("rigol-dp", port, 9600, 1.5, 1.8, 0.5, serial="DP8C900000001")
    taps: list[bytes] = []
    return GuardedSupply(
        plan,
        SystemClock(),
        lambda name, data: told.append((name, data)),
        lambda _n, _d, _t, data: taps.append(data),
        lambda: None,
    )


@pytest.mark.parametrize("visa", [False, True])
def test_the_guardian_opens_the_supply_by_its_plan_feeds_the_pump_and_cuts_it_off(visa: bool) -> None:
    device = StandIn("rigol", volts=0.8, on=True)
    told: list[tuple[str, dict[str, Any]]] = []
    with served(device) as port:
        guarded = _guarded(f"TCPIP::127.0.0.1::{port.rpartition(':')[2]}::SOCKET" if visa else port, told)
        guarded.feed()
        assert (device.on, device.volts) == (True, 1.5)
        found = guarded.cut_off(MUTE)
    assert found.confirmed
    assert not device.on
    assert [(name, data["reached"]) for name, data in told] == [("supply_fed", True), ("made_safe", True)]


def test_a_guardian_that_cannot_open_the_supply_says_so_and_does_not_call_the_bench_safe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rig.guardian.supply.OPEN_LIMIT_S", 0.0)
    unused = socket.create_server(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    told: list[tuple[str, dict[str, Any]]] = []
    guarded = _guarded(f"tcp://127.0.0.1:{port}", told)
    guarded.feed()
    found = guarded.cut_off(MUTE)
    assert not found.confirmed
    assert "supply" in found.by
    assert [data["reached"] for _, data in told] == [False, False]


def test_a_plan_with_a_supply_travels_as_json_and_one_of_a_former_version_has_none() -> None:
    pump = PumpPlan("/dev/pts/1", 19200, "900123", ("900123",), 916.55)
    plan = SafePlan("b", "r", "/r", "/l", pump, supply=SupplyPlan("rigol-dp", "tcp://h:1", 9600, 1.5, 1.8, 0.5))
    document = plan.to_json()
    assert plan_from_json(document) == plan
    del document["supply"]
    assert plan_from_json(document).supply is None
    with pytest.raises(ConfigError):
        SupplyPlan("rigol-pd", "tcp://h:1", 9600, 1.5, 1.8, 0.5).load()
