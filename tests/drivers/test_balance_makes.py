"""Every make of balance against tables of answers: the same conformance suite for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from rig.conformance import BalanceBench, Outcome, check_balance, conforms
from rig.conformance import balance as suite
from rig.conformance.report import not_shown
from rig.conformance.scenes import check_played, left_unshown, simulator_of
from rig.driver_names import BALANCES, SHIPPED
from rig.errors import DeviceChanged, LinkLost
from rig.plugins.line_balance import LineBalance
from rig.plugins.registry import find_driver
from rig.transport.virtual import VirtualLinks
from tests.drivers.line_stand_in import StandIn, bench_of

Scenes = Mapping[str, Callable[[], StandIn]]


def sics(**table: bytes | list[bytes]) -> Callable[[], StandIn]:
    """Answer as an MT-SICS balance does; keywords are commands, one per line."""
    answers: dict[bytes, bytes | list[bytes]] = {
        b"@\r\n": b'I4 A "B123"\r\n',
        b"I4\r\n": b'I4 A "B123"\r\n',
        b"I2\r\n": b'I2 A "XPR205 220 g"\r\n',
        b"I3\r\n": b'I3 A "1.0"\r\n',
        b"I0\r\n": b'I0 B 0 "SI"\r\nI0 B 2 "M03"\r\nI0 A 2 "SIC1"\r\n',
        b"M03\r\n": b"M03 A 0\r\n",
        **{command.encode() + b"\r\n": each for command, each in table.items()},
    }
    return lambda: StandIn(
        answers, talk=[b"S S    12.3456 g\r\n", b"S D    12.3457 g\r\n"], starts=b"SIR\r\n", stops=b"@\r\n"
    )


CHECKED = b"SIC1 S    12.3456 g 24F5\r\n"
MT_SICS: Scenes = {
    "steady": sics(SIC1=CHECKED),
    "identity": sics(SIC1=CHECKED),
    "steady_stable": sics(SIC1=CHECKED, S=b"S S    12.3456 g\r\n"),
    "overload": sics(SIC1=[CHECKED, b"SIC1 +\r\n"]),
    "underload": sics(SIC1=[CHECKED, b"SIC1 -\r\n"]),
    "busy": sics(SIC1=[CHECKED, b"SIC1 I\r\n"]),
    "unstable": sics(SIC1=[CHECKED, b"SIC1 D    12.3456 g 12E8\r\n"], S=b"S I\r\n"),
    "wrong_unit": sics(SIC1=b"SIC1 S    12.3456 oz FD51\r\n"),
    "stream": sics(SIC1=CHECKED),
    "damaged": sics(SIC1=[CHECKED, b"SIC1 S    12.3457 g 24F5\r\n", CHECKED]),
}


def kcp(**table: bytes | list[bytes]) -> Callable[[], StandIn]:
    return sics(I0=b"ES\r\n", **table)


KCP_LINE = b"S S     12.3456 g\r\n"  # a field of eleven
KERN_KCP: Scenes = {
    "steady": kcp(SI=KCP_LINE),
    "identity": kcp(SI=KCP_LINE),
    "steady_stable": kcp(SI=KCP_LINE, S=KCP_LINE),
    "overload": kcp(SI=[KCP_LINE, b"S +\r\n"]),
    "underload": kcp(SI=[KCP_LINE, b"S -\r\n"]),
    "busy": kcp(SI=[KCP_LINE, b"S I\r\n"]),
    "unstable": kcp(SI=[KCP_LINE, b"S D    12.3456 g\r\n"], S=b"S I\r\n"),
    "wrong_unit": kcp(SI=b"S S      0.012 kg\r\n"),
    "stream": kcp(SI=KCP_LINE),
    "damaged": kcp(SI=[KCP_LINE, b"S S    12,3456 g\r\n", KCP_LINE]),
}


def and_(**table: bytes | list[bytes]) -> Callable[[], StandIn]:
    answers: dict[bytes, bytes | list[bytes]] = {
        b"?TN\r\n": b"TN,   HR-100A\r\n",
        b"?SN\r\n": b"SN,6A7609446 \r\n",
        b"C\r\n": b"\x06\r\n",
        **{command.encode() + b"\r\n": each for command, each in table.items()},
    }
    return lambda: StandIn(
        answers, talk=[b"ST,+012.3456  g\r\n", b"US,+012.3457  g\r\n"], starts=b"SIR\r\n", stops=b"C\r\n"
    )


AND_LINE = b"ST,+012.3456  g\r\n"
AND: Scenes = {
    "steady": and_(Q=AND_LINE),
    "identity": and_(Q=AND_LINE),
    "steady_stable": and_(Q=AND_LINE, S=AND_LINE),
    "overload": and_(Q=[AND_LINE, b"OL,+9999999E+19\r\n"]),
    "underload": and_(Q=[AND_LINE, b"OL,-9999999E+19\r\n"]),
    "busy": and_(Q=[AND_LINE, b"EC,E02\r\n"]),
    "unstable": and_(Q=[AND_LINE, b"US,+012.3456  g\r\n"]),
    "wrong_unit": and_(Q=b"ST,+0.012345 kg\r\n"),
    "stream": and_(Q=AND_LINE),
    "damaged": and_(Q=[AND_LINE, b"ST,+01\xb2.3456  g\r\n", AND_LINE]),
}


def ohaus(**table: bytes | list[bytes]) -> Callable[[], StandIn]:
    answers: dict[bytes, bytes | list[bytes]] = {
        b"PSN\r\n": b"B612345678\r\n",
        b"PV\r\n": b"2.10\r\n",
        b"0P\r\n": b"OK!\r\n",
        **{command.encode() + b"\r\n": each for command, each in table.items()},
    }
    return lambda: StandIn(answers, talk=[b"   12.3456 g\r\n"], starts=b"CP\r\n", stops=b"0P\r\n")


OHAUS_LINE = b"   12.3456 g\r\n"
OHAUS: Scenes = {
    "steady": ohaus(IP=OHAUS_LINE),
    "steady_stable": ohaus(IP=OHAUS_LINE, SP=OHAUS_LINE),
    "overload": ohaus(IP=[OHAUS_LINE, b"    Err8.3\r\n"]),
    "underload": ohaus(IP=[OHAUS_LINE, b"    Err8.4\r\n"]),
    "unstable": ohaus(IP=[OHAUS_LINE, b"   12.3456 g ?\r\n"], SP=b"ES\r\n"),
    "wrong_unit": ohaus(IP=b"  0.012345 kg\r\n"),
    "stream": ohaus(IP=OHAUS_LINE),
    "damaged": ohaus(IP=[OHAUS_LINE, b"   12\xae3456 g\r\n", OHAUS_LINE]),
}


def kern(now: bytes | list[bytes], stable: bytes = b"", talk: tuple[bytes, ...] = ()) -> Callable[[], StandIn]:
    return lambda: StandIn({b"w": now, b"s": stable}, talk=talk)


KERN_LINE = b"     12.3456 g  \r\n"
KERN_MOVING = b"     12.3457    \r\n"
KERN: Scenes = {
    "steady": kern([KERN_LINE, KERN_MOVING, b"     12.3457 \r\n"]),
    "steady_stable": kern(KERN_LINE, KERN_LINE),
    "overload": kern([KERN_LINE, b"           Error\r\n"]),
    "underload": kern([KERN_LINE, b"       Error\r\n"]),
    "unstable": kern([KERN_LINE, KERN_MOVING]),
    "wrong_unit": kern(b"    0.012345 kg \r\n"),
    "stream": kern(b"", talk=(KERN_MOVING, KERN_LINE)),
    "stream_running": kern(b"", talk=(KERN_LINE,)),
    "damaged": kern([KERN_LINE, b"     12\xae3456 g  \r\n", KERN_LINE]),
}


def radwag(**table: bytes | list[bytes]) -> Callable[[], StandIn]:
    answers: dict[bytes, bytes | list[bytes]] = {
        b"BN\r\n": b'BN A "AS 220.X2"\r\n',
        b"NB\r\n": b'NB A "123456"\r\n',
        b"RV\r\n": b'RV A "1.1.1"\r\n',
        b"FIG\r\n": b"FIG 3 OK\r\n",
        b"C0\r\n": b"C0 A\r\n",
        b"C1\r\n": b"C1 A\r\n",
        **{command.encode() + b"\r\n": each for command, each in table.items()},
    }
    return lambda: StandIn(answers, talk=[b"SI      12.3456 g  \r\n"], starts=b"C1\r\n", stops=b"C0\r\n")


RADWAG_LINE = b"SI      12.3456 g  \r\n"
RADWAG: Scenes = {
    "steady": radwag(SI=RADWAG_LINE),
    "identity": radwag(SI=RADWAG_LINE),
    "steady_stable": radwag(SI=RADWAG_LINE, S=b"S A\r\nS       12.3456 g  \r\n"),
    "overload": radwag(SI=[RADWAG_LINE, b"SI ^   220.0000 g  \r\n"]),
    "underload": radwag(SI=[RADWAG_LINE, b"SI v -   1.0000 g  \r\n"]),
    "busy": radwag(SI=[RADWAG_LINE, b"SI I\r\n"]),
    "unstable": radwag(SI=[RADWAG_LINE, b"SI ?    12.3456 g  \r\n"], S=b"S A\r\nS E\r\n"),
    "wrong_unit": radwag(SI=b"SI ?       18.5 kg \r\n"),
    "stream": radwag(SI=RADWAG_LINE),
    "damaged": radwag(SI=[RADWAG_LINE, b"SI      12.34\xb56 g  \r\n", RADWAG_LINE]),
}
MAKES: Mapping[str, Scenes] = {
    "mt-sics": MT_SICS,
    "kern-kcp": KERN_KCP,
    "and": AND,
    "ohaus": OHAUS,
    "kern": KERN,
    "radwag": RADWAG,
}


@pytest.mark.parametrize("name", MAKES)
def test_every_make_conforms_to_the_balance_role(name: str) -> None:
    def bench(situation: str) -> BalanceBench | None:
        scenes = {"silent": lambda: StandIn({}), **MAKES[name]}
        if situation not in scenes:
            return None
        return bench_of(name, scenes[situation](), 0.1, stream=situation == "stream")

    capabilities = find_driver("balance", name).spec.capabilities
    rows = list(check_balance(bench, capabilities))
    assert [str(row) for row in rows if row.outcome is Outcome.FAILED] == []
    assert conforms(rows)
    assert not_shown(suite.CHECKS, rows, capabilities) == []
    shown = {row.situation for row in rows if row.outcome is Outcome.OK}
    assert shown == {*MAKES[name], "silent"}


@pytest.mark.parametrize("name", SHIPPED[BALANCES])
def test_every_shipped_driver_conforms_with_its_simulated_balance_behind_it(name: str) -> None:
    found = find_driver("balance", name)
    stage = simulator_of(found)
    assert stage is not None
    rows = list(check_played(found, stage))
    assert [str(row) for row in rows if row.outcome is Outcome.FAILED] == []
    assert left_unshown(found, rows) == []


def test_what_a_radwag_tells_of_its_filter_is_read_back() -> None:
    bench = bench_of("radwag", radwag(SI=RADWAG_LINE, EVG=b"EVG 1 OK\r\n")(), 0.1)
    bench.balance.identify()
    assert isinstance(bench.balance, LineBalance)
    found = {each.name: each.found for each in bench.balance.examined()}
    assert found["filter"] == "3 of 1 (very fast) to 5 (very slow), environment stable"
    assert found["zero tracking"] is None


@pytest.mark.parametrize("name", ["mt-sics", "and", "ohaus", "radwag"])
def test_a_streaming_balance_that_was_unplugged_streams_again_once_it_was_greeted(name: str) -> None:
    device = MAKES[name]["stream"]()
    bench = bench_of(name, device, 0.1, stream=True)
    links, link, balance = bench.links, bench.link, bench.balance
    assert isinstance(links, VirtualLinks)
    before = balance.identify()
    links.unplug("balance")
    device.hush()
    with pytest.raises(LinkLost):
        balance.weigh()
    links.replug("balance", MAKES[name]["stream"]())
    assert links.bring_back(link, balance.identify) is None
    assert balance.identify() == before
    assert balance.weigh().answered_ns > 0


def test_another_balance_on_the_same_cable_is_refused() -> None:
    bench = bench_of("and", and_(Q=AND_LINE)(), 0.1)
    assert isinstance(bench.links, VirtualLinks)
    bench.balance.identify()
    bench.links.unplug("balance")
    other = and_(**{"Q": AND_LINE, "?SN": b"SN,6A0000001 \r\n"})
    bench.links.replug("balance", other())
    with pytest.raises(DeviceChanged, match="6A0000001"):
        bench.links.bring_back(bench.link, bench.balance.identify)
