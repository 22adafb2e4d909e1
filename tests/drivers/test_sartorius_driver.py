"""The SBI driver: a unit that only stable lines have, automatic output, and silences."""

from __future__ import annotations

import pytest

from rig.conformance import BalanceBench, Outcome, check_balance
from rig.drivers.sartorius import SPEC, SbiBalance
from rig.errors import MalformedReply, TransportTimeout
from rig.wire.weights import BalanceRefused, Condition
from tests.drivers.line_stand_in import StandIn, bench_of, on_link

P = b"\x1bP\r\n"
WHO = {
    b"\x1bx1_\r\n": b"MSE1203S-100-DR     \r\n",
    b"\x1bx2_\r\n": b"SerNo.    0031801165\r\n",
    b"\x1bx3_\r\n": b"00-38-01\r\n",
}
STABLE = b"+  12.3456 g  \r\n"
MOVING = b"+  12.3457    \r\n"
HIGH = b"      High    \r\n"
LOW = b"      Low     \r\n"
SITUATIONS = {
    "steady": StandIn({**WHO, P: STABLE}),
    "identity": StandIn({**WHO, P: STABLE}),
    "steady_stable": StandIn({**WHO, P: [STABLE, MOVING, MOVING, STABLE]}),
    "overload": StandIn({**WHO, P: [STABLE, HIGH]}),
    "underload": StandIn({**WHO, P: [STABLE, LOW]}),
    "busy": StandIn({**WHO, P: [STABLE, b"   Cal.Int.   \r\n"]}),
    "unstable": StandIn({**WHO, P: [STABLE, MOVING]}),
    "silent": StandIn({}),
    "wrong_unit": StandIn({**WHO, P: b"+  12.3456 ct \r\n"}),
    "stream_running": StandIn(WHO, talk=[STABLE]),
    "stream": StandIn(WHO, talk=[MOVING, MOVING, STABLE, MOVING], every_ms=150),
    "damaged": StandIn({**WHO, P: [STABLE, b"+  1\xb2.3456 g  \r\n", STABLE]}),
}


def bench(situation: str) -> BalanceBench:
    return bench_of("sbi", SITUATIONS[situation], 0.1, stream=situation == "stream")


def test_it_conforms_to_the_balance_role() -> None:
    rows = list(check_balance(bench, SPEC.capabilities))
    assert [str(row) for row in rows if row.outcome is Outcome.FAILED] == []
    assert sum(row.outcome is Outcome.OK for row in rows) >= 11


def test_automatic_output_is_refused_when_it_is_to_be_polled_and_nothing_is_sent() -> None:
    device = StandIn(WHO, talk=[STABLE])
    links, link = on_link(device)
    with pytest.raises(BalanceRefused, match="lines come unasked") as caught:
        SbiBalance(links, link).open()
    assert caught.value.condition is Condition.STREAMING
    assert 'mode = "stream"' in str(caught.value)
    assert device.heard == []  # a print would end the output, and nobody could start it again


def test_a_stream_is_never_ended_by_asking_for_a_print() -> None:
    device = StandIn(WHO, talk=[MOVING, STABLE], every_ms=200)
    links, link = on_link(device)
    balance = SbiBalance(links, link, stream=True)
    assert balance.identify().serial == "0031801165"
    assert not balance.weigh().stable or balance.weigh_stable().stable
    assert P not in device.heard


def test_a_balance_that_prints_only_stable_loads_is_told_from_a_dead_cable() -> None:
    links, link = on_link(StandIn(WHO))
    with pytest.raises(TransportTimeout, match="without stability"):
        SbiBalance(links, link).open()


def test_a_stream_that_stops_is_a_time_out_and_no_reading() -> None:
    device = StandIn(WHO, talk=[STABLE], every_ms=200)
    links, link = on_link(device)
    balance = SbiBalance(links, link, stream=True)
    balance.open()
    device.hush()
    with pytest.raises(TransportTimeout, match="the stream stopped"):
        balance.weigh()


def test_an_overload_in_a_stream_is_told_and_the_next_reading_is_good() -> None:
    device = StandIn(WHO, talk=[STABLE, HIGH, STABLE], every_ms=200)
    links, link = on_link(device)
    balance = SbiBalance(links, link, stream=True)
    balance.open()
    links.pause(3.0)
    streamed = balance.readings()
    refused = [each.error for each in streamed if each.error is not None]
    assert {each.condition for each in refused if isinstance(each, BalanceRefused)} == {Condition.OVERLOAD}
    assert 0 < len(refused) < len(streamed)


def test_a_printers_format_is_refused_by_its_brackets() -> None:
    links, link = on_link(StandIn({**WHO, P: b"+   123.5[6] g \r\n"}))
    with pytest.raises((BalanceRefused, MalformedReply), match="SBI"):
        SbiBalance(links, link).open()
