"""Every fault by name: how it is written, and what it does to bytes, volumes or masses."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rig.errors import UsageError
from rig.sim.bench import SimulatedBench
from rig.sim.faults import FaultSet, list_faults, parse_fault
from rig.sim.parameters import HOUR_NS
from rig.sim.pump.packets import decode_4b6b, encode_4b6b, read_packet, short_packet
from tests.sim.kit import EXACT, PUMP_ID, SECOND_NS, START, Rig


def runs(rate_u_per_h: float, *faults: str) -> SimulatedBench:
    bench = SimulatedBench(start_local=START, faults=faults, parameters=EXACT)
    bench.plant_runs_at(rate_u_per_h)
    return bench


def outlet(rate_u_per_h: float, hours: float, *faults: str) -> float:
    return runs(rate_u_per_h, *faults).ledger.outlet_u(0, round(hours * HOUR_NS))


@pytest.mark.parametrize("spec", list_faults(), ids=lambda spec: spec.name)
def test_every_listed_fault_can_be_written_as_its_example(spec: object) -> None:
    assert parse_fault(spec.example).name == spec.name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "number", "word", "start_s", "end_s"),
    [
        ("pump.gain=-8%", -0.08, "", 0, None),
        ("pump.gain = -8 % @ 3 h + 30 min", -0.08, "", 10800, 12600),
        ("pump.miss_dose=3@90s", 3, "", 90, None),
        ("line.bubble=10uL@1h", 10, "", 3600, None),
        ("vessel.evaporation=0.2mg/h", 0.2, "", 0, None),
        ("balance.zero_tracking=on@0s+1h", 1, "", 0, 3600),
        ("balance.unit=mg", 0, "mg", 0, None),
        ("link.drop_ack=bolus:2", 2, "bolus", 0, None),
        ("pump.late_start=20min", 1200, "", 0, None),
        ("link.packet=drop:sent:3@10s", 3, "drop:sent", 10, None),
        ("link.rssi=-95dBm", -95, "", 0, None),
        ("link.delay=300ms", 0.3, "", 0, None),
        ("link.nak=max_bolus:1", 1, "max_bolus", 0, None),
        ("pump.battery=1150mV", 1.15, "", 0, None),
    ],
)
def test_a_fault_is_read(text: str, number: float, word: str, start_s: int, end_s: int | None) -> None:
    fault = parse_fault(text)
    assert fault.number == pytest.approx(number)
    assert (fault.text, fault.start_ns) == (word, start_s * SECOND_NS)
    assert fault.end_ns > 10**18 if end_s is None else fault.end_ns == end_s * SECOND_NS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pump.gian=-8%", "no fault 'pump.gian'.*such as 'pump.gain'"),
        ("pump.mis_dose=1", "such as 'pump.miss_dose'"),
        ("zzz=1", "list-faults"),
        ("pump.gain", "is not a fault"),
        ("", "is not a fault"),
        ("pump.gain=-8", "has no unit.*pump.gain=-8%"),
        ("pump.gain=8mg", "pump.gain"),
        ("pump.gain=-800%", "out of range"),
        ("line.leak=-2%", "out of range"),
        ("pump.miss_dose=0", "not a count"),
        ("pump.miss_dose=1.5", "not a count"),
        ("pump.miss_dose=0000000010000000000", "not a count"),
        ("pump.miss_dose=1@3", "no unit"),
        ("pump.miss_dose=1@-3h", "negative"),
        ("pump.miss_dose=1@3h+0h", "must be positive"),
        ("balance.zero_tracking=yes", "neither 'on' nor 'off'"),
        ("balance.unit=lb", "g or mg or kg"),
        ("link.drop_ack=bolus", "names no packet"),
        ("link.drop_ack=bolos:1", "names no packet"),
        ("link.packet=drop:3", "names no packet.*DEED:WAY:N"),
        ("link.packet=loose:sent:3", "names no packet.*drop:sent"),
        ("link.packet=drop:sent:0", "names no packet"),
        ("link.rssi=-95", "no unit"),
        ("link.rssi=5dBm", "out of range"),
        ("vessel.evaporation=0.2", "mg/h"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        parse_fault(text)
    assert "\n" not in str(refused.value)


def test_a_counted_fault_written_twice_acts_twice_and_only_in_its_windows() -> None:
    faults = FaultSet([parse_fault("pump.miss_dose=1@1h+1h"), parse_fault("pump.miss_dose=1@3h")], 0)
    asked = [faults.take("pump.miss_dose", hour * HOUR_NS) for hour in (0, 1, 1, 2, 3, 4)]
    assert asked == [False, True, False, False, True, False]


def test_pump_gain_scales_what_is_delivered_while_it_acts() -> None:
    assert outlet(10.0, 2, "pump.gain=-8%") / outlet(10.0, 2) == pytest.approx(0.92, abs=1e-4)
    assert outlet(10.0, 2, "pump.gain=-8%@1h") / outlet(10.0, 2) == pytest.approx(0.96, abs=2e-3)
    assert outlet(10.0, 2, "pump.gain=-8%@1h+30min") / outlet(10.0, 2) == pytest.approx(0.98, abs=2e-3)


def test_missed_and_doubled_doses_are_exactly_so_many() -> None:
    assert outlet(10.0, 1) - outlet(10.0, 1, "pump.miss_dose=3@30min") == pytest.approx(0.075, abs=1e-4)
    assert outlet(10.0, 1, "pump.double_dose=2@30min") - outlet(10.0, 1) == pytest.approx(0.05, abs=1e-4)


def test_a_short_bolus_ends_early_and_the_pump_does_not_know() -> None:
    rig = Rig(faults=("pump.bolus_short=20%",))
    rig.wake()
    assert rig.bolus(2.0) == 0
    rig.wait(200.0)
    assert rig.ledger.outlet_u(0, rig.now_ns) == pytest.approx(1.6, abs=1e-3)
    assert rig.ledger.commanded_u(0, rig.now_ns) == pytest.approx(2.0)
    assert b"\x01\x00\x50\x00\x50" in rig.history()


def test_a_suspended_pump_may_leak_and_stops_leaking_when_it_runs() -> None:
    bench = runs(0.0, "pump.suspend_leak=0.1U/h@1h+10h")
    bench.firmware.suspend(0)
    assert bench.ledger.outlet_u(0, HOUR_NS) == 0.0
    assert bench.ledger.outlet_u(HOUR_NS, 5 * HOUR_NS) == pytest.approx(0.4, abs=0.006)
    assert bench.ledger.commanded_u(0, 5 * HOUR_NS) == 0.0
    bench.firmware.resume(5 * HOUR_NS)
    assert bench.ledger.outlet_u(5 * HOUR_NS + 100 * SECOND_NS, 8 * HOUR_NS) == pytest.approx(0.0, abs=1e-4)


def test_a_late_start_loses_the_first_strokes() -> None:
    lost = outlet(3.0, 2) - outlet(3.0, 2, "pump.late_start=20min")
    assert lost == pytest.approx(1.0, abs=0.03)


def test_a_leak_and_a_bubble_take_from_what_is_displaced() -> None:
    assert outlet(5.0, 2, "line.leak=2%") / outlet(5.0, 2) == pytest.approx(0.98, abs=1e-6)
    bench = runs(5.0, "line.bubble=10uL@1h")
    assert outlet(5.0, 3) - bench.ledger.outlet_u(0, 3 * HOUR_NS) == pytest.approx(1.0, abs=1e-6)
    assert bench.ledger.bubble_u == pytest.approx(1.0)
    assert bench.ledger.outlet_u(HOUR_NS + 60 * SECOND_NS, HOUR_NS + 600 * SECOND_NS) < 0.05


def test_evaporation_can_be_made_large() -> None:
    bench = runs(0.0, "vessel.evaporation=0.2mg/h")
    assert bench.ledger.pan_mg(0, 10 * HOUR_NS) == pytest.approx(-2.0, abs=0.02)
    oiled = SimulatedBench(start_local=START, faults=("vessel.evaporation=0mg/h",))
    assert oiled.ledger.pan_mg(0, 10 * HOUR_NS) == 0.0


def test_a_reservoir_may_hold_less() -> None:
    rig = Rig(faults=("pump.reservoir=30U",))
    rig.wake()
    assert int.from_bytes(rig.read(0x73)[3:5], "big") == 1200


def test_a_pump_that_sleeps_cannot_be_woken_until_it_is_over() -> None:
    rig = Rig(faults=("pump.asleep=on@0s+60s",))
    burst = bytes.fromhex("04 00 F9 00 A9 69 71 C9 AD 16 94 D5 55 5A 65 00")
    assert rig.uart(burst, 4.0) == b"\x00"
    assert rig.uart(bytes.fromhex("03 00 00 03 E8 00"), 1.0) == b""
    rig.wait(120.0)
    rig.uart(b"\x00")
    rig.wake()
    assert rig.read(0x8D)


def test_zero_tracking_swallows_slow_basal_and_says_that_it_is_on() -> None:
    masses = []
    for faults in ((), ("balance.zero_tracking=on",)):
        rig = Rig(faults=faults)
        rig.bench.plant_runs_at(0.5)
        for _ in range(3600):
            rig.wait(1.0)
            mass_mg = rig.mass_mg()
        masses.append(mass_mg)
        assert rig.weigh(b"M03\r\n") == (b"M03 A 1\r\n" if faults else b"M03 A 0\r\n")
        assert rig.weigh(b"M03 0\r\n") == (b"M03 L\r\n" if faults else b"M03 A\r\n")
    assert masses[0] == pytest.approx(5.0, abs=0.3)
    assert abs(masses[1]) < 0.3


def test_zero_tracking_lets_a_bolus_pass() -> None:
    rig = Rig(faults=("balance.zero_tracking=on",))
    rig.wake()
    assert rig.bolus(5.0) == 0
    for _ in range(400):
        rig.wait(1.0)
        mass_mg = rig.mass_mg()
    assert mass_mg == pytest.approx(50.0, abs=1.0)


def test_zero_tracking_by_command_does_the_same() -> None:
    rig = Rig()
    assert rig.weigh(b"M03 1\r\n") == b"M03 A\r\n"
    rig.bench.plant_runs_at(0.5)
    for _ in range(600):
        rig.wait(3.0)
        mass_mg = rig.mass_mg()
    assert abs(mass_mg) < 0.3


def test_a_drifting_balance_drifts() -> None:
    bench = runs(0.0, "balance.drift=0.2mg/h@1h+5h")
    shown = [bench.display_mg(hour * HOUR_NS) for hour in (0, 1, 3, 6, 8)]
    assert shown == pytest.approx([0.0, 0.0, 0.4, 1.0, 1.0], abs=0.011)


def test_the_unit_changes_at_the_front_panel() -> None:
    rig = Rig(faults=("balance.unit=mg@10s+10s", "balance.unit=kg@30s"))
    assert rig.weigh() == b"S S    0.00000 g\r\n"
    rig.wait_until(15.0)
    assert rig.weigh() == b"S S       0.00 mg\r\n"
    rig.wait_until(25.0)
    assert rig.weigh() == b"S S    0.00000 g\r\n"
    rig.wait_until(35.0)
    assert rig.weigh() == b"S S 0.00000000 kg\r\n"


def test_something_leans_on_the_pan() -> None:
    rig = Rig(faults=("balance.overload=on@10s+10s",))
    rig.wait_until(15.0)
    assert rig.weigh() == b"S +\r\n"
    assert rig.weigh(b"S\r\n") == b"S +\r\n"
    assert rig.weigh(b"T\r\n") == b"T +\r\n"
    assert rig.weigh(b"Z\r\n") == b"Z +\r\n"
    rig.wait_until(25.0)
    assert rig.weigh() == b"S S    0.00000 g\r\n"


def test_garbage_comes_in_the_stated_share() -> None:
    rig = Rig(faults=("balance.garbage=30%@1s",))
    rig.wait_until(2.0)
    good = sum(rig.weigh() == b"S S    0.00000 g\r\n" for _ in range(400))
    assert 240 < good < 320


def test_parity_errors_are_told_as_et() -> None:
    rig = Rig(faults=("balance.parity=2",))
    assert [rig.weigh() for _ in range(3)] == [b"ET\r\n", b"ET\r\n", b"S S    0.00000 g\r\n"]


def test_a_mute_balance_says_nothing() -> None:
    rig = Rig(faults=("balance.silent=on@10s+10s",))
    rig.wait_until(12.0)
    assert rig.weigh() == b""
    assert rig.weigh(b"@\r\n") == b""
    rig.wait_until(25.0)
    assert rig.weigh() == b"S S    0.00000 g\r\n"


@pytest.mark.parametrize("which", ["bolus:1", "any:1"])
def test_the_ack_of_a_bolus_is_lost_but_the_bolus_is_delivered_once(which: str) -> None:
    rig = Rig(faults=(f"link.drop_ack={which}",))
    rig.wake()
    assert rig.bolus(1.0) is None
    assert rig.read(0xCE)[2] == 1
    assert rig.bolus(1.0) == 0x0C
    rig.wait(60.0)
    assert rig.ledger.commanded_u(0, rig.now_ns) == pytest.approx(1.0)


def test_only_the_nth_ack_of_the_named_command_is_lost() -> None:
    rig = Rig(faults=("link.drop_ack=suspend:2", "link.drop_ack=profile:1"))
    rig.wake()
    assert rig.command(0x4D, b"\x01") == 0
    assert rig.command(0x4D, b"\x00") == 0
    assert rig.command(0x4D, b"\x01") is None
    assert rig.read(0xCE)[3] == 1
    assert rig.set_profile([(0, 40)]) is None
    assert rig.bench.firmware.therapy.profiles[0] == ((0, 40),)
    assert rig.set_profile([(0, 50)]) == 0


@pytest.mark.parametrize(("fault", "low", "high"), [("link.drop=30%@20s", 30, 75), ("link.corrupt=30%@20s", 30, 75)])
def test_radio_packets_are_lost_or_spoilt_in_the_stated_share(fault: str, low: int, high: int) -> None:
    rig = Rig(faults=(fault,))
    rig.wake()
    rig.wait_until(20.0)
    good = 0
    for _ in range(100):
        reply = rig.packet(short_packet(PUMP_ID, 0x8D))
        good += reply is not None and read_packet(reply) is not None
    assert low < good < high  # both ways: 49 of 100 expected


def late(*faults: str) -> Rig:
    """Return a rig with an awake pump at 20 s, from when on the faults act."""
    rig = Rig(faults=tuple(f"{fault}@20s" for fault in faults))
    rig.wake()
    rig.wait_until(20.0)
    return rig


@pytest.mark.parametrize("way", ["sent", "heard"])
@pytest.mark.parametrize("deed", ["drop", "corrupt", "delay"])
def test_one_packet_by_its_number_is_lost_spoilt_or_late_and_no_other(deed: str, way: str) -> None:
    rig = late(f"link.packet={deed}:{way}:2")
    asked = short_packet(PUMP_ID, 0x8D)
    heard = [rig.packet(asked) for _ in range(3)]
    good = [reply is not None and read_packet(reply) is not None for reply in heard]
    assert good == [True, False, True]


def test_a_packet_that_comes_twice_is_acted_on_once_and_its_answer_heard_by_who_listens_on() -> None:
    rig = late("link.packet=duplicate:heard:1")
    first = rig.packet(short_packet(PUMP_ID, 0x8D))
    again = rig.uart(bytes.fromhex("03 00 00 00 02 00"), 0.6)
    assert decode_4b6b(again[2:-1]) == first
    rig = late("link.packet=duplicate:sent:2")
    assert rig.bolus(1.0) == 0
    rig.wait(60.0)
    rig.bench.advance(rig.now_ns)
    assert rig.ledger.commanded_u(0, rig.now_ns) == pytest.approx(1.0)


def test_a_share_of_packets_comes_twice() -> None:
    rig = late("link.duplicate=50%")
    twice = 0
    for _ in range(60):
        assert rig.air(encode_4b6b(short_packet(PUMP_ID, 0x8D)), 0.15) is not None  # no longer: an echo may come
        twice += rig.uart(bytes.fromhex("03 00 00 00 02 00"), 0.6) != b"\xaa\x00"
    assert 25 < twice < 59  # either way: three quarters expected


def test_a_delayed_answer_comes_when_the_listener_has_gone_or_to_one_that_waits() -> None:
    rig = late("link.delay=400ms")
    asked = short_packet(PUMP_ID, 0x8D)
    assert rig.packet(asked) is None  # listens 300 ms
    reply = rig.uart(bytes.fromhex("03 00 00 00 02 00"), 0.6)
    assert decode_4b6b(reply[2:-1]) is not None


def test_a_refused_command_is_not_acted_on_and_the_next_one_is() -> None:
    rig = late("link.nak=bolus:1")
    assert rig.bolus(1.0) == 0x08
    assert rig.read(0xCE)[2] == 0
    assert rig.bolus(1.0) == 0


def test_a_late_ack_comes_3_s_after_the_pump_has_acted() -> None:
    rig = late("link.late_ack=temp_basal:1")
    assert rig.command(0x4C, b"\x00\x28\x01") is None
    reply = rig.uart(bytes.fromhex("03 00 00 00 0F A0"), 4.1)
    assert decode_4b6b(reply[2:-1]) == short_packet(PUMP_ID, 0x06)
    assert rig.bench.firmware.therapy.temp is not None


@pytest.mark.parametrize(("dbm", "low", "high"), [(-90, 100, 100), (-98, 10, 45), (-101, 0, 0)])
def test_a_weak_pump_is_heard_weakly_and_near_the_noise_not_always(dbm: int, low: int, high: int) -> None:
    rig = late(f"link.rssi={dbm}dBm")
    replies = [
        rig.uart(bytes.fromhex("05 00 00 00 00 00 00 01 2C 00") + encode_4b6b(short_packet(PUMP_ID, 0x8D)) + b"\0", 0.4)
        for _ in range(100)
    ]
    strengths = [(reply[0] - 256) / 2 - 73 for reply in replies if len(reply) > 2]
    assert low <= len(strengths) <= high  # both ways: a quarter expected in the middle
    assert all(abs(strength - dbm) < 4 for strength in strengths)


def test_a_pump_in_deep_sleep_needs_a_second_burst() -> None:
    rig = Rig(faults=("pump.deep_sleep=on",))
    burst = bytes.fromhex("04 00 F9 00 A9 69 71 C9 AD 16 94 D5 55 5A 65 00")
    heard = []
    for _ in range(2):
        rig.uart(burst, 4.0)
        heard.append(len(rig.uart(bytes.fromhex("03 00 00 00 2E E0"), 12.1)))
    assert heard == [2, 14]


def test_a_burst_loses_some_of_its_packets_and_still_wakes_the_pump() -> None:
    rig = Rig(faults=("link.drop=60%@0s+4s",))
    rig.wake()
    assert rig.read(0x8D)


def test_a_rewound_pump_delivers_nothing_and_refuses_until_it_is_primed() -> None:
    rig = Rig("723", faults=("pump.rewound=on@60s+120s", "pump.reservoir=50U"))
    rig.wake()
    assert rig.set_profile([(0, 400)]) == 0
    assert rig.bolus(5.0) == 0
    rig.wait_until(61.0)
    assert rig.read(0xCE)[:4] == b"\x03\x00\x00\x00"
    assert (rig.bolus(1.0), rig.command(0x4C, b"\x00\x28\x01")) == (0x08, 0x08)
    rig.wait_until(100.0)
    assert rig.read(0xCE)[:4] == b"\x03\x01\x00\x00"
    rig.wait_until(181.0)
    assert rig.ledger.commanded_u(60 * SECOND_NS, 180 * SECOND_NS) == 0.0
    assert rig.read(0xCE)[:4] == b"\x03\x03\x00\x00"
    assert int.from_bytes(rig.read(0x73)[3:5], "big") == pytest.approx(291.3 * 40, abs=1)
    assert rig.bolus(1.0) == 0
    page = rig.history()
    assert b"\x01\x00\xc8" in page
    rewound = page.index(b"\x21\x00", 20)
    assert page[page.index(b"\x03\x00\x00\x00\x54", rewound) + 10 :][:5] == b"\x03\x00\x03\x00\x03"
    assert rig.ledger.commanded_u(180 * SECOND_NS, 240 * SECOND_NS) > 0.1


class Plugs:
    """Notes when plugs are pulled and put back."""

    def __init__(self) -> None:
        self.actions: list[tuple[int, object]] = []
        self.seen: list[str] = []

    def schedule(self, at_ns: int, action: object) -> None:
        self.actions.append((at_ns, action))

    def unplug(self, name: str) -> None:
        self.seen.append(f"-{name}")

    def replug(self, name: str) -> None:
        self.seen.append(f"+{name}")

    def play(self) -> list[int]:
        for at_ns, action in sorted(self.actions, key=lambda each: each[0]):
            action(at_ns)  # type: ignore[operator]
        return sorted(at_ns for at_ns, _ in self.actions)


def test_plugs_are_pulled_and_put_back_when_faults_say_so() -> None:
    faults = ("balance.unplugged=on@10s+5s", "link.unplugged=on@20s", "balance.unplugged=off@1s")
    bench = SimulatedBench(start_local=START, faults=faults, parameters=EXACT)
    plugs = Plugs()
    bench.seed_unplugging(plugs, lambda rig_ns: rig_ns // 2)
    assert plugs.play() == [5 * SECOND_NS, 7_500_000_000, 10 * SECOND_NS]
    assert plugs.seen == ["-balance", "+balance", "-pump"]
    served_alone = Plugs()
    bench.seed_unplugging(served_alone, lambda rig_ns: rig_ns, ("balance",))
    assert len(served_alone.actions) == 2


def test_a_stick_without_supply_breaks_off_what_it_sends_and_forgets_its_frequency() -> None:
    rig = Rig()
    rig.wake()
    assert rig.uart(bytes.fromhex("06 09 24")) == b"\x01\x00"  # out of the pump's reach
    assert rig.packet(short_packet(PUMP_ID, 0x8D)) is None
    rig.bench.pump_stick.power_off()
    assert rig.read(0x8D)
    rig.stick.write(bytes.fromhex("05 00 00 00 00 00 00 01 2C 00"))  # half a command
    rig.wait(0.01)
    rig.bench.pump_stick.power_off()
    assert rig.uart(b"\x01") == b"OK\x00"


def test_faults_leave_a_clean_twin_clean() -> None:
    clean = SimulatedBench(start_local=START, seed=2)
    later = SimulatedBench(start_local=START, seed=2, faults=("pump.gain=5%@10h", "balance.drift=1mg/h@10h"))
    for bench in (clean, later):
        bench.plant_runs_at(1.0)
    times = range(0, HOUR_NS, 10 * SECOND_NS)
    assert [clean.display_mg(at) for at in times] == [later.display_mg(at) for at in times]


def test_a_knock_rings_off_and_leaves_its_shift_until_it_is_taken_back() -> None:
    bench = runs(0.0, "balance.bump=-0.3mg@10s+60s")
    shown = [bench.display_mg(round(second * SECOND_NS)) for second in (9, 10.1, 10.4, 30, 69, 70.1, 95)]
    assert shown[0] == pytest.approx(0.0, abs=0.011)
    assert max(abs(each) for each in shown[1:3]) > 1.0
    assert shown[3:5] == pytest.approx([-0.3, -0.3], abs=0.011)
    assert abs(shown[5]) > 1.0
    assert shown[6] == pytest.approx(0.0, abs=0.011)


def test_a_draught_scatters_as_stated_and_only_while_it_blows() -> None:
    bench = runs(0.0, "balance.draught=0.5mg@1h+1h")
    calm = [bench.display_mg(second * SECOND_NS) for second in range(0, 3600, 60)]
    gusty = [bench.display_mg(second * SECOND_NS) for second in range(3600, 7200, 10)]
    assert max(abs(each) for each in calm) < 0.02
    assert 0.4 < (sum(each * each for each in gusty) / len(gusty)) ** 0.5 < 0.6
    assert abs(bench.display_mg(7300 * SECOND_NS)) < 0.02


def test_a_seeded_filter_stands_against_what_the_balance_is_told() -> None:
    seen = {}
    for fault in ((), ("balance.filter=15s",)):
        rig = Rig(faults=fault)
        assert rig.weigh(b"M02 1\r\n") == b"M02 A\r\n"
        rig.bench.plant_runs_at(30.0)
        rig.wait(300.0)
        seen[fault] = rig.mass_mg()
    assert seen[()] - seen[("balance.filter=15s",)] == pytest.approx((15.0 - 0.45) * 30.0 * 9.97 / 3600.0, rel=0.1)


def test_a_display_hangs_and_goes_on_where_the_load_is() -> None:
    bench = runs(30.0, "balance.frozen=on@10s+60s")
    shown = [bench.display_mg(second * SECOND_NS) for second in (5, 11, 40, 69, 71)]
    assert shown[1] == shown[2] == shown[3]
    assert shown[4] - shown[3] > 4.0


def test_drops_fall_whole_and_nothing_is_lost() -> None:
    wet, dry = (runs(30.0, *fault) for fault in ((), ("line.drops=8mg",)))
    steps = [dry.display_mg(second * SECOND_NS) for second in range(600)]
    falls = [after - before for before, after in pairwise(steps) if after - before > 1.0]
    assert falls == pytest.approx([8.0] * len(falls), abs=0.2)
    assert len(falls) >= 6
    assert 0.0 <= wet.display_mg(599 * SECOND_NS) - steps[-1] < 8.1
    assert dry.ledger.outlet_u(0, 600 * SECOND_NS) == wet.ledger.outlet_u(0, 600 * SECOND_NS)
