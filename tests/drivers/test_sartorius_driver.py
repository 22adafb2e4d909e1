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
