"""The conformance suites of the roles, run against scripted bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pytest

from rig.clock import VirtualClock
from rig.conformance import BalanceBench, Outcome, PumpBench, check_balance, check_pump, conforms
from rig.conformance import balance as balance_suite
from rig.conformance import pump as pump_suite
from rig.conformance.report import Row
from rig.drivers.minimed import BAUD, minimed_pump
from rig.drivers.mt_sics import SicsBalance
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import VirtualLinks
from tests.drivers.scripted import ScriptedBench
from tests.transcripts.notation import Pair, Reply, asked, heard, line_pairs, packet, radio_pairs

PUMP = "512847"
TWIN = "900123"
NOTHING = Reply(b"\xaa\x00", 500)


def all_ok(rows: Iterable[Row]) -> bool:
    """Say whether every check of a suite was carried out and held; show those that did not."""
    wrong = [str(row) for row in rows if row.outcome is not Outcome.OK]
    assert wrong == []
    return True


def weighed(line: bytes, request: bytes = b"SI\r\n") -> Pair:
    return Pair(request, (Reply(line + b"\r\n", 60),))


BALANCE_SCRIPTS = {
    "steady": [*line_pairs("opened"), *[weighed(b"S S    12.3456 g")] * 3],
    "identity": line_pairs("opened"),
    "steady_stable": [*line_pairs("opened"), weighed(b"S S    12.3456 g", b"S\r\n")],
    "overload": [*line_pairs("opened"), weighed(b"S +")],
    "underload": [*line_pairs("opened"), weighed(b"S -")],
    "busy": [*line_pairs("opened"), weighed(b"S I")],
    "unstable": line_pairs("never stable"),
    "silent": line_pairs("silent"),
    "wrong_unit": line_pairs("wrong unit from the start"),
    "stream_running": [
        *line_pairs("a stream left running"),
        *line_pairs("identity and settings"),
        weighed(b"S S    12.3456 g"),
    ],
    "damaged": line_pairs("garbage"),
}


def scripted_balance(situation: str) -> BalanceBench:
    bench = ScriptedBench.of("balance", BALANCE_SCRIPTS[situation])
    return BalanceBench(
        balance=SicsBalance(bench.links, bench.link),
        links=bench.links,
        link=bench.link,
        resolution_mg=0.1,
        finish=bench.finish,
    )


def test_the_mt_sics_driver_conforms_to_the_balance_role() -> None:
    rows = check_balance(scripted_balance)
    assert all_ok(row for row in rows if row.situation != "stream")  # see test_balance_makes


def ask(name: str, answer: str, listen_ms: int = 500) -> Pair:
    return Pair(asked(packet(name), listen_ms), (Reply(heard(packet(answer)), 90),))


def command(first_half: str, parameters: str, answer: str = "ACK") -> list[Pair]:
    return [ask(first_half, "ACK"), ask(parameters, answer, 1000)]


def lost_command(first_half: str, parameters: str) -> list[Pair]:
    return [ask(first_half, "ACK"), Pair(asked(packet(parameters), 1000), (NOTHING,))]


# Packets beside the published ones: bolus of 1.0 U in the new form, the profile of the suite, fresh temp basal.
BOLUS = ("bolus 42 (first half)", "A7 51 28 47 42 02 00 28 00*62 01")
TEMP = ("temp 4C (first half)", "temp 0.85 U/h 90 min")
SUSPEND = "suspend 4D (first half)"
FRESH_TEMP = ask("temp basal 98", "A7 51 28 47 98 06 00 00 00 22 00 5A 00*58 29")
PROFILE_DATA = "1E 00 00 34 00 0D 50 00 24 00*55"

PUMP_SCRIPTS = {
    "unlisted": [],
    "profile_read": [
        *radio_pairs("723 awake"),
        ask("std profile 92", f"A7 51 28 47 92 01 {PROFILE_DATA} AA"),
        ask("ACK", "std profile, fragment 2"),
        ask("ACK", "std profile, fragment 3"),
    ],
    "temp_basal_read": [*radio_pairs("723 awake"), FRESH_TEMP],
    "identity": [*radio_pairs("reads of a 723")[:-6], ask("settings C0", "settings new: the same")],
    "asleep": [*radio_pairs("asleep, woken by one burst"), ask("status CE", "status normal")],
    "out_of_range": radio_pairs("out of range"),
    "profile": [
        *radio_pairs("723 awake"),
        ask("A7 51 28 47 6F 00 CC", "ACK"),
        ask(f"A7 51 28 47 6F 01 {PROFILE_DATA} F8", "ACK", 1000),
        ask("set std profile, fragment 2", "ACK", 1000),
        ask("set std profile, fragment 3", "ACK", 1000),
        *[
            ask("std profile 92", f"A7 51 28 47 92 01 {PROFILE_DATA} AA"),
            ask("ACK", "std profile, fragment 2"),
            ask("ACK", "std profile, fragment 3"),
        ]
        * 2,
    ],
    "suspend": [
        *radio_pairs("723 awake"),
        *command(SUSPEND, "suspend"),
        *[ask("status CE", "status suspended")] * 2,
        *command(SUSPEND, "resume"),
        *[ask("status CE", "status normal")] * 2,
    ],
    "temp_basal": [
        *radio_pairs("723 awake"),
        *command(*TEMP),
        *[FRESH_TEMP] * 2,
        *command("temp 4C (first half)", "temp cancel"),
        *[ask("temp basal 98", "no temp")] * 2,
    ],
    "bolus": [
        *radio_pairs("723 awake"),
        ask("status CE", "status normal"),
        *command(*BOLUS),
        *[ask("status CE", "status bolusing")] * 3,
    ],
    "bolus_ack_lost": [
        *radio_pairs("723 awake"),
        ask("status CE", "status normal"),
        *lost_command(*BOLUS),
        ask("status CE", "status bolusing"),
    ],
    "temp_ack_lost": [*radio_pairs("723 awake"), *lost_command(*TEMP), FRESH_TEMP],
    "steps": [*radio_pairs("723 awake"), ask("status CE", "status normal")],
    "temp_steps": [*radio_pairs("723 awake"), *[ask("temp basal 98", "no temp")] * 2],
    "profile_steps": [
        *radio_pairs("723 awake"),
        *[
            ask("std profile 92", f"A7 51 28 47 92 01 {PROFILE_DATA} AA"),
            ask("ACK", "std profile, fragment 2"),
            ask("ACK", "std profile, fragment 3"),
        ]
        * 2,
    ],
}


def scripted_pump(situation: str) -> PumpBench | None:
    if situation not in PUMP_SCRIPTS:
        return None
    bench = ScriptedBench.of("pump", PUMP_SCRIPTS[situation])
    pump = minimed_pump(bench.links, bench.link, PUMP, frozenset({PUMP}))
    if situation != "unlisted":
        pump.open()
    return PumpBench(
        pump=pump,
        links=bench.links,
        link=bench.link,
        model="723",
        serial=PUMP,
        finish=bench.finish,
        open_unlisted=lambda: minimed_pump(bench.links, bench.link, "512841", frozenset({PUMP})),
    )


def test_the_minimed_driver_conforms_to_the_pump_role() -> None:
    rows = list(check_pump(scripted_pump))
    assert all_ok(row for row in rows if row.situation in PUMP_SCRIPTS)  # a history page has a transcript of its own
    assert all(row.outcome is Outcome.LEFT_OUT for row in rows if row.situation not in PUMP_SCRIPTS)


TWIN_FAULTS = {
    "out_of_range": ["pump.asleep=on"],
    "bolus_ack_lost": ["link.drop_ack=bolus:1"],
    "temp_ack_lost": ["link.drop_ack=temp_basal:1"],
    "percent_ack_lost": ["link.drop_ack=temp_basal:1"],
    "pattern_ack_lost": ["link.drop_ack=pattern:1"],
    "limit_ack_lost": ["link.drop_ack=max_bolus:1"],
    "key_ack_lost": ["link.drop_ack=key:1"],
}


def twin_pump(model: str, link: str, situation: str) -> PumpBench:
    twin = SimulatedBench(
        model=model,
        link=link,
        serial=TWIN,
        start_local=datetime(2025, 3, 9, 14),
        faults=TWIN_FAULTS.get(situation, []),
    )
    if situation == "alarm":
        twin.firmware.therapy.stop_for_alarm(62)
    links = VirtualLinks(VirtualClock())
    stick = links.connect("pump", twin.pump_stick, 10 * 1_000_000_000 // BAUD[link])
    pump = minimed_pump(links, stick, TWIN, frozenset({TWIN}), kind=link)
    pump.open()
    return PumpBench(
        pump=pump,
        links=links,
        link=stick,
        model=model,
        serial=TWIN,
        open_unlisted=lambda: minimed_pump(links, stick, "900124", frozenset({TWIN}), kind=link),
        boluses_begun=lambda: sum(each.kind == "bolus" for each in twin.ledger.deliveries),
        keys_pushed=lambda: twin.firmware.keys_pushed,
        alarm=twin.firmware.therapy.alarm,
    )


@pytest.mark.parametrize("link", ["cc111x", "carelink"])
@pytest.mark.parametrize("model", ["515", "522", "723", "554"])
def test_the_minimed_driver_conforms_with_the_twin_behind_either_stick(model: str, link: str) -> None:
    assert all_ok(check_pump(lambda situation: twin_pump(model, link, situation)))


def test_a_bench_that_cannot_set_a_scene_is_reported_and_shows_nothing() -> None:
    for rows, suite in ((check_balance(lambda _: None), balance_suite), (check_pump(lambda _: None), pump_suite)):
        found = list(rows)
        assert [row.situation for row in found if row.outcome is Outcome.LEFT_OUT] == list(suite.SITUATIONS)
        assert not conforms(found)


def test_a_balance_that_never_says_overload_does_not_conform() -> None:
    def lying(situation: str) -> BalanceBench | None:
        if situation != "overload":
            return None
        bench = ScriptedBench.of("balance", [*line_pairs("opened"), weighed(b"S S    12.3456 g")])
        return BalanceBench(SicsBalance(bench.links, bench.link), bench.links, bench.link, 0.1, bench.finish)

    rows = list(check_balance(lying))
    assert not conforms(rows)
    failed = next(row for row in rows if row.outcome is Outcome.FAILED)
    assert failed.situation == "overload"
    assert "no error came" in failed.why
