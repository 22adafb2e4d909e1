"""Finding a pump's frequency: every step is asked, the best heard is kept, and nothing that delivers is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.clock import VirtualClock
from rig.drivers.minimed import minimed_pump
from rig.drivers.minimed.pump import MinimedPump
from rig.drivers.minimed.scan import BANDS, Scan, scan
from rig.drivers.minimed.way import PumpNotHeard
from rig.errors import ConfigError, TransportTimeout
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import VirtualLinks
from tests.transcripts.notation import from_four_b_six_b

TWIN = "900123"
BOTH = ("us", "ww")
OPCODE = 4
SEND_PACKET, SEND_AND_LISTEN, UPDATE_REGISTER = 4, 5, 6


class Rig:
    """A twin and its driver, and every packet that left the stick."""

    def __init__(self, *faults: str, worlds: tuple[str, ...] = BOTH) -> None:
        self.twin = SimulatedBench(start_local=datetime(2025, 3, 9, 14), faults=faults)
        self.links = VirtualLinks(VirtualClock())
        self.link = self.links.connect("pump", self.twin.pump_stick, 520_833)
        self.pump: MinimedPump = minimed_pump(self.links, self.link, TWIN, frozenset({TWIN}), scan=worlds)
        self.sent: list[bytes] = []
        self.links.tap = self._tap
        self.pump.open()

    def _tap(self, _name: str, direction: str, _at_ns: int, data: bytes) -> None:
        if direction == ">":
            self.sent.append(data)

    @property
    def opcodes(self) -> set[int]:
        """Return the opcodes of all packets on the air."""
        head = {SEND_PACKET: 4, SEND_AND_LISTEN: 10}
        packets = [from_four_b_six_b(data[head[data[0]] : -1]) for data in self.sent if data[0] in head]
        return {packet[OPCODE] for packet in packets}


def test_the_published_bands_are_walked_in_steps_of_fifty_kilohertz() -> None:
    assert BANDS["us"] == (916.45, 916.5, 916.55, 916.6, 916.65, 916.7, 916.75, 916.8)
    assert BANDS["ww"] == (868.25, 868.3, 868.35, 868.4, 868.45, 868.5, 868.55, 868.6, 868.65)


@pytest.mark.parametrize(
    ("at", "best"), [("916.60MHz", 916.60), ("916.71MHz", 916.70), ("868.35MHz", 868.35), ("868.52MHz", 868.50)]
)
def test_a_pump_that_sleeps_is_found_in_either_world_on_the_step_nearest_to_it(at: str, best: float) -> None:
    rig = Rig(f"pump.frequency={at}")
    before = rig.pump.tuned_mhz
    assert rig.pump.model() == "723"
    assert (before, rig.pump.tuned_mhz) == (None, best)
    steps = dict(rig.pump.scanned)
    assert set(steps) == set(BANDS["us" if best > 900 else "ww"])
    heard = {mhz: dbm for mhz, dbm in steps.items() if dbm is not None}
    assert max(heard, key=lambda mhz: heard[mhz]) == best
    assert all(abs(mhz - best) < 0.26 for mhz in heard)
    assert max(heard.values()) - min(heard.values()) > 5.0


def test_a_scan_sends_nothing_but_model_queries_and_wake_up_packets() -> None:
    rig = Rig()
    rig.pump.model()
    assert rig.opcodes == {0x8D, 0x5D}
    assert rig.twin.ledger.deliveries == []


def test_a_stick_that_was_unplugged_is_tuned_to_the_pump_again_without_another_scan() -> None:
    rig = Rig("pump.frequency=868.35MHz")
    rig.pump.model()
    steps, asked = rig.pump.scanned, len(rig.sent)
    rig.twin.pump_stick.power_off()
    rig.links.unplug("pump")
    rig.links.replug("pump")
    assert rig.pump.model() == "723"
    assert rig.pump.scanned == steps
    assert rig.pump.tuned_mhz == 868.35
    assert sum(data[0] == UPDATE_REGISTER for data in rig.sent[asked:]) == 3


def test_only_the_world_of_the_bench_file_is_looked_at() -> None:
    rig = Rig("pump.frequency=868.35MHz", worlds=("us",))
    with pytest.raises(TransportTimeout, match=r"pump 900123: not heard on any frequency from 916\.45 to 916\.80 MHz;"):
        rig.pump.wake()


def test_a_pump_that_is_never_heard_is_named_with_the_bands_and_looked_for_again_the_next_time() -> None:
    rig = Rig("pump.asleep=on@0s+300s")
    with pytest.raises(TransportTimeout) as caught:
        rig.pump.wake()
    assert "916.45 to 916.80 MHz or 868.25 to 868.65 MHz" in str(caught.value)
    assert "[pump] world" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert rig.links.clock.link_ns() < 120_000_000_000
    rig.links.pause(300.0)
    rig.pump.wake()
    assert rig.pump.tuned_mhz == 916.55


def test_a_pump_with_a_deep_sleep_is_woken_by_the_second_round_of_bursts() -> None:
    rig = Rig("pump.deep_sleep=on", "pump.frequency=868.35MHz")
    rig.pump.wake()
    assert rig.pump.tuned_mhz == 868.35


def test_packets_that_are_lost_do_not_lead_to_a_frequency_where_the_pump_is_hardly_heard() -> None:
    rig = Rig("link.drop=20%")
    rig.pump.wake()
    assert rig.pump.tuned_mhz is not None
    assert abs(rig.pump.tuned_mhz - 916.55) < 0.11


def test_a_stick_that_cannot_be_tuned_is_refused() -> None:
    links = VirtualLinks(VirtualClock())
    link = links.connect("pump", SimulatedBench(link="carelink", start_local=datetime(2025, 3, 9)).pump_stick)
    with pytest.raises(ConfigError, match=r"\[pump\] frequency: a CareLink stick cannot be tuned; expected 'stated'"):
        minimed_pump(links, link, TWIN, frozenset({TWIN}), kind="carelink", scan=BOTH)


class Ether:
    """A pump heard as ``level`` says on each frequency; a burst wakes it where it is heard."""

    def __init__(self, level: Callable[[float], float | None], *, awake: bool) -> None:
        self._level = level
        self._awake = awake
        self.tuned: list[float] = []

    def tune(self, frequency_mhz: float) -> None:
        self.tuned.append(frequency_mhz)

    def query(self) -> float | None:
        return self._level(self.tuned[-1]) if self._awake else None

    def burst(self) -> bool:
        self._awake = self._awake or self._level(self.tuned[-1]) is not None
        return self._awake


def found(levels: dict[float, float | None], *, awake: bool = True) -> tuple[Scan, Ether]:
    ether = Ether(levels.get, awake=awake)
    return scan(ether, BOTH, TWIN), ether


def test_of_frequencies_that_are_heard_alike_the_middle_one_is_kept() -> None:
    levels: dict[float, float | None] = dict.fromkeys((916.5, 916.55, 916.6, 916.65, 916.7), -60.0)
    assert found(levels)[0].best.frequency_mhz == 916.6


@given(
    st.dictionaries(st.sampled_from(BANDS["ww"]), st.floats(-110, -20)).filter(lambda heard: 868.45 in heard),
    st.booleans(),
)
def test_whatever_is_heard_the_stick_is_left_on_a_frequency_that_no_other_beats(
    heard: dict[float, float], awake: bool
) -> None:
    result, ether = found(dict(heard), awake=awake)
    assert [step.frequency_mhz for step in result.steps] == list(BANDS["ww"])
    assert {step.frequency_mhz: step.rssi_dbm for step in result.steps if step.rssi_dbm is not None} == heard
    assert result.best.rssi_dbm == max(heard.values())
    assert ether.tuned[-1] == result.best.frequency_mhz


@given(st.booleans())
def test_a_pump_that_is_heard_nowhere_is_never_given_a_frequency(awake: bool) -> None:
    with pytest.raises(PumpNotHeard):
        found({}, awake=awake)
