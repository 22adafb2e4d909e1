"""The MT-SICS driver against dialogues of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from rig.drivers.mt_sics import SicsBalance
from rig.errors import MalformedReply, RigError, TransportTimeout
from rig.instruments import BalanceIdentity
from rig.readings import Weighing
from rig.wire.mt_sics import BalanceRefused, Condition
from tests.drivers.scripted import NS_PER_MS, ScriptedBench
from tests.transcripts.notation import line_pairs

IDENTITY = BalanceIdentity(model="WXS205SDU 220 g", serial="B123456789", software="3.20 18.6.1.361.55")


@contextmanager
def balance_in(*dialogues: str, unread: bytes = b"") -> Iterator[tuple[SicsBalance, ScriptedBench]]:
    """Give a balance that will live through ``dialogues``; at the end every pair must have been used."""
    pairs = [pair for name in dialogues for pair in line_pairs(name)]
    bench = ScriptedBench.of("balance", pairs)
    yield SicsBalance(bench.links, bench.link), bench
    bench.finish(unread=unread)


def refused(action: Callable[[], object]) -> Condition:
    with pytest.raises(BalanceRefused) as caught:
        action()
    assert "\n" not in str(caught.value)
    return caught.value.condition


def test_constructing_sends_nothing() -> None:
    with balance_in():
        pass


def test_opening_learns_identity_and_settings() -> None:
    with balance_in("opened") as (balance, _):
        balance.open()
        assert balance.identify() == IDENTITY
        settings = balance.settings()
        assert (settings.auto_zero, settings.environment, settings.tare_mg) == (True, 2, 50000.0)
        assert settings.commands == {"@", "I0", "S", "SI", "TA", "M02", "M03"}
        assert not settings.stream_was_running


def test_identifying_opens_a_balance_that_is_not_open() -> None:
    with balance_in("opened") as (balance, _):
        assert balance.identify() == IDENTITY


def test_a_simple_balance_is_used_without_what_it_does_not_offer() -> None:
    with balance_in("a simple balance, levels 0 and 1 only") as (balance, _):
        settings = balance.settings()
        assert (settings.auto_zero, settings.environment, settings.tare_mg) == (None, None, None)


def test_a_stream_left_running_is_recognised_and_ended() -> None:
    with balance_in("a stream left running", "identity and settings") as (balance, _):
        assert balance.settings().stream_was_running


def test_a_greeting_at_switch_on_is_not_taken_for_an_answer() -> None:
    with balance_in("just switched on", "identity and settings") as (balance, _):
        assert balance.identify() == IDENTITY


def test_half_a_command_left_behind_costs_one_more_reset() -> None:
    with balance_in("a half command left behind", "identity and settings") as (balance, _):
        assert balance.identify() == IDENTITY


def test_weighing_returns_what_the_display_shows_with_its_times() -> None:
    with balance_in("weighing now") as (balance, bench):
        balance.open()
        asked_ns = bench.links.clock.now_ns()
        answered_ns = asked_ns + 60 * NS_PER_MS
        assert balance.weigh() == Weighing(asked_ns, answered_ns, -680.0, 0.1, stable=False, text="-0.6800 g")
        assert balance.weigh().mass_mg == 12345.6
        assert balance.weigh().resolution_mg == 100.0
        assert balance.weigh().text == "12.3457 g"


def test_a_stable_weighing_waits() -> None:
    with balance_in("weighing when stable") as (balance, _):
        balance.open()
        weighing = balance.weigh_stable()
        assert weighing.stable
        assert weighing.answered_ns - weighing.asked_ns == 4200 * NS_PER_MS


@pytest.mark.parametrize(
    ("dialogue", "condition"),
    [
        ("never stable", Condition.UNSTABLE),
        ("not stable because of an overload", Condition.OVERLOAD),
        ("not stable because it is busy", Condition.BUSY),
    ],
)
def test_a_balance_that_gives_no_stable_weight_is_asked_why(dialogue: str, condition: Condition) -> None:
    with balance_in(dialogue) as (balance, _):
        balance.open()
        assert refused(balance.weigh_stable) is condition


def test_a_line_that_died_is_not_called_unstable() -> None:
    with balance_in("silent after S") as (balance, _):
        balance.open()
        with pytest.raises(TransportTimeout, match="balance"):
            balance.weigh_stable()


def test_every_refusal_is_told_apart_and_the_next_request_is_clean() -> None:
    with balance_in("refusals, one after the other") as (balance, _):
        balance.open()
        assert [refused(balance.weigh) for _ in range(9)] == [
            Condition.OVERLOAD,
            Condition.UNDERLOAD,
            Condition.BUSY,
            Condition.SYNTAX,
            Condition.TRANSMISSION,
            Condition.LOGICAL,
            Condition.FAULT,
            Condition.UNIT,
            Condition.RESTARTED,
        ]
        assert balance.weigh().mass_mg == 12345.6


def test_a_late_reply_is_never_taken_for_the_next_one() -> None:
    with balance_in("replies that come late") as (balance, bench):
        balance.open()
        with pytest.raises(TransportTimeout):
            balance.weigh()
        bench.links.pause(1.0)
        assert balance.weigh().mass_mg == 22222.2


def test_the_reply_to_another_command_is_refused() -> None:
    with balance_in("the reply to another command") as (balance, _):
        balance.open()
        with pytest.raises(MalformedReply, match="TA A"):
            balance.weigh()


def test_garbage_is_an_error_and_not_a_number() -> None:
    with balance_in("garbage") as (balance, _):
        balance.open()
        with pytest.raises(MalformedReply, match="parity"):
            balance.weigh()
        assert balance.weigh().mass_mg == 12345.6


@pytest.mark.parametrize(
    ("dialogue", "condition"),
    [("wrong unit from the start", Condition.UNIT), ("overloaded from the start", Condition.OVERLOAD)],
)
def test_a_balance_that_cannot_weigh_is_refused_when_it_is_opened(dialogue: str, condition: Condition) -> None:
    with balance_in(dialogue) as (balance, _):
        assert refused(balance.open) is condition


@pytest.mark.parametrize(
    ("dialogue", "error"), [("silent", TransportTimeout), ("something else answers", MalformedReply)]
)
def test_a_wrong_port_is_one_clear_line(dialogue: str, error: type[RigError]) -> None:
    with balance_in(dialogue) as (balance, _):
        with pytest.raises(error) as caught:
            balance.open()
        text = str(caught.value)
        assert "balance on sim:balance" in text
        assert "\n" not in text


def test_no_tare_and_no_zero_are_offered() -> None:
    assert not [name for name in dir(SicsBalance) if name.lstrip("_") in {"tare", "zero", "ti", "zi"}]
