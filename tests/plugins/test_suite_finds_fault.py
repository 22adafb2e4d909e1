"""The public suite finds fault: each driver below is the worked example with one defect, and one check tells it."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.conformance.report import Outcome, Row
from rig.conformance.scenes import check_played, left_unshown, simulator_of, transcripts_of
from rig.conformance.transcript import read_transcript
from rig.errors import ConfigError, EmergencyStopped, InstrumentError, MalformedReply, TransportTimeout
from rig.instruments import Acceptance, BasalEntry
from rig.plugins import Capability, find_driver
from rig.plugins.registry import Found
from tests.plugins.fake import Site

Defect = Callable[[Any], dict[str, Any]]


def _with(**methods: Any) -> Defect:
    return lambda _pump: methods


def _any_serial(pump: Any) -> dict[str, Any]:
    def construct(self: Any, links: Any, link: Any, address: Any) -> None:
        allowed = frozenset({address.serial})
        pump.__init__(self, links, link, replace(address, allowed_serials=allowed))

    return {"__init__": construct}


def _speaks_first(pump: Any) -> dict[str, Any]:
    def construct(self: Any, links: Any, link: Any, address: Any) -> None:
        link.write(b"hello\r")
        pump.__init__(self, links, link, address)

    return {"__init__": construct}


def _sends_again(pump: Any) -> dict[str, Any]:
    def command(self: Any, words: list[str], shows: Any) -> Acceptance:
        for _ in range(2):
            try:
                self._ask(" ".join(words))
            except TransportTimeout:
                continue
            return Acceptance.ACKNOWLEDGED
        return Acceptance.UNKNOWN

    return {"_command": command}


def _sends_again_after_stopping(pump: Any) -> dict[str, Any]:
    """Send a bolus a second time in a way that the pump does not refuse."""

    def bolus(self: Any, amount_u: float) -> Acceptance:
        found: Acceptance = pump.bolus(self, amount_u)
        if found is Acceptance.UNKNOWN:
            self.suspend()
            self.resume()
            pump.bolus(self, amount_u)
        return found

    return {"bolus": bolus}


def _believes(pump: Any) -> dict[str, Any]:
    def bolus(self: Any, amount_u: float) -> Acceptance:
        pump.bolus(self, amount_u)
        return Acceptance.ACKNOWLEDGED

    return {"bolus": bolus}


def _swallows_refusals(pump: Any) -> dict[str, Any]:
    def bolus(self: Any, amount_u: float) -> Acceptance:
        try:
            return pump.bolus(self, amount_u)  # type: ignore[no-any-return]
        except InstrumentError:
            return Acceptance.ACKNOWLEDGED

    return {"bolus": bolus}


def _rounds(name: str) -> Defect:
    def defect(pump: Any) -> dict[str, Any]:
        def rounded(value: float) -> float:
            return max(0.05, round(min(value, 25.0) / 0.05) * 0.05)

        def bolus(self: Any, amount_u: float) -> Acceptance:
            return pump.bolus(self, rounded(amount_u))  # type: ignore[no-any-return]

        def set_temp_basal(self: Any, rate_u_per_h: float, minutes: int) -> Acceptance:
            rate = rounded(rate_u_per_h) if minutes else 0.0
            return pump.set_temp_basal(self, rate, minutes // 30 * 30)  # type: ignore[no-any-return]

        def set_profile(self: Any, entries: list[BasalEntry]) -> Acceptance:
            kept = [replace(entry, rate_u_per_h=rounded(entry.rate_u_per_h)) for entry in entries]
            return pump.set_profile(self, kept or [BasalEntry(0, 0.0)])  # type: ignore[no-any-return]

        return {name: {"bolus": bolus, "set_temp_basal": set_temp_basal, "set_profile": set_profile}[name]}

    return defect


def _unsettled(pump: Any) -> dict[str, Any]:
    return {"_command": lambda self, words, _shows: pump._command(self, words, lambda: False)}


DEFECTS: dict[str, tuple[Defect, str, str]] = {
    "takes any serial number": (_any_serial, "unlisted", "no error came, a ConfigError was expected"),
    "speaks before it refuses": (_speaks_first, "unlisted", "bytes left before the serial number was refused"),
    "says another model": (_with(model=lambda _: "ACME-2"), "identity", "model is 'ACME-2', not 'ACME-1'"),
    "gives an aware clock": (_with(clock=lambda _: datetime(2025, 1, 1, tzinfo=UTC)), "identity", "not naive"),
    "never stamps": (_with(acknowledged_ns=property(lambda _: 0)), "identity", "acknowledged_ns 0 is not between"),
    "says nothing of a silence": (_with(wake=lambda *_: None), "out_of_range", "no error came"),
    "dies of a silence": (_with(wake=lambda *_: 1 // 0), "asleep", "ZeroDivisionError: integer division"),
    "reads no history": (_with(history=lambda *_: [1]), "history_read", "AttributeError"),
    "never resumes": (_with(resume=lambda _: Acceptance.ACKNOWLEDGED), "suspend", "still says suspended"),
    "never suspends": (_with(suspend=lambda _: Acceptance.ACKNOWLEDGED), "suspend", "does not say suspended"),
    "forgets a profile": (_with(set_profile=lambda *_: Acceptance.ACKNOWLEDGED), "profile", "read back"),
    "swallows refusals": (_swallows_refusals, "bolus", "no error came, a InstrumentError was expected"),
    "sends a bolus again": (_sends_again, "bolus_ack_lost", "a bolus runs"),
    "sends it again, unrefused": (_sends_again_after_stopping, "bolus_ack_lost", "the pump has begun 2 boluses"),
    "takes silence for consent": (_believes, "bolus_ack_lost", "the driver says acknowledged"),
    "reads nothing back": (_unsettled, "temp_ack_lost", "is unknown, not acknowledged"),
    "rounds boluses": (_rounds("bolus"), "steps", "a bolus of 0.0 U: no error came"),
    "rounds temporary basals": (_rounds("set_temp_basal"), "temp_steps", "0.013 U/h: no error came"),
    "rounds profiles": (_rounds("set_profile"), "profile_steps", "without entries: no error came"),
}


def acme(site: Site, defect: Defect = lambda _: {}, **changes: Any) -> Found:
    """Return the driver of the worked example, with one defect."""
    site.install_acme()
    found = find_driver("pump", "acme-1")
    good: Any = found.spec.open
    return replace(found, spec=replace(found.spec, open=type("Defect", (good,), defect(good)), **changes))


def played(found: Found) -> list[Row]:
    stage = simulator_of(found)
    assert stage is not None
    return list(check_played(found, stage))


def failed(rows: list[Row]) -> dict[str, str]:
    return {row.situation: row.why for row in rows if row.outcome is Outcome.FAILED}


def test_the_worked_example_conforms_and_shows_all_that_is_essential(site: Site) -> None:
    found = acme(site)
    rows = played(found)
    assert failed(rows) == {}
    assert left_unshown(found, rows) == []


@pytest.mark.parametrize("defect", [name for name in DEFECTS if name != "dies of a silence"])
def test_a_driver_with_a_defect_is_told_by_the_check_that_is_meant_for_it(site: Site, defect: str) -> None:
    change, situation, why = DEFECTS[defect]
    found = failed(played(acme(site, change)))
    assert why in found[situation]


def test_whatever_a_driver_raises_is_one_line_and_the_other_checks_go_on(site: Site) -> None:
    found = failed(played(acme(site, DEFECTS["dies of a silence"][0])))
    assert all("\n" not in why for why in found.values())
    assert "ZeroDivisionError" in found["identity"]
    assert "unlisted" not in found


def test_an_emergency_stop_ends_the_suite_and_is_no_failure_of_the_driver(site: Site) -> None:
    def wake(*_: object) -> None:
        raise EmergencyStopped("the emergency stop was pressed")

    with pytest.raises(EmergencyStopped):
        played(acme(site, _with(wake=wake)))


def test_what_a_driver_does_not_claim_is_left_out_and_not_missed(site: Site) -> None:
    found = acme(site, capabilities=frozenset({Capability.SUSPENDS}))
    rows = played(found)
    left_out = {row.situation for row in rows if row.outcome is Outcome.LEFT_OUT}
    assert {"bolus", "bolus_ack_lost", "steps", "profile", "temp_basal"} <= left_out
    assert left_unshown(found, rows) == []


def test_a_scene_that_nobody_set_is_missed_where_it_is_essential(site: Site) -> None:
    found = acme(site)
    stage = simulator_of(found)
    assert stage is not None
    rows = list(check_played(found, lambda situation: None if situation == "bolus_ack_lost" else stage(situation)))
    assert failed(rows) == {}
    assert left_unshown(found, rows) == ["bolus_ack_lost"]


def test_a_driver_that_asks_otherwise_than_its_transcript_fails_with_both(site: Site) -> None:
    def wake(self: Any, minutes: int = 10) -> None:
        self._ask("?STATE")

    found = acme(site, _with(wake=wake))
    (transcript,) = transcripts_of(found)
    wrong = failed(list(check_played(found, transcript.scene)))
    assert set(wrong) == {"identity", "history_read", "bolus", "bolus_ack_lost"}
    assert "TransportTimeout" in wrong["history_read"]


def test_what_a_driver_never_asks_of_its_transcript_or_never_reads_fails(site: Site) -> None:
    lazy = acme(site, _with(wake=lambda *_: None, history=lambda *_: []))
    (transcript,) = transcripts_of(lazy)
    assert failed(list(check_played(lazy, transcript.scene)))["history_read"] == r"never asked: b'512001 ?WHO\r'"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[bolus]", "[bolos]", "t.toml:25: bolos: unknown situation 'bolos'; expected .* or bolus or"),
        ("after_ms = 55", "after_s = 55", "t.toml:17: .*unknown key 'after_s'"),
        ('ask = "512001 !BOLUS 1.00\\r"', 'ask = "hex:5"', "'hex:5' cannot be used; expected ASCII text"),
        ('model = "ACME-1"', "model = 1", "t.toml:1: model: 1 cannot be used; expected a str"),
    ],
)
def test_a_transcript_with_a_slip_is_refused_by_line(site: Site, old: str, new: str, message: str) -> None:
    site.install_acme()
    text = (site.folder / "acme_rig" / "transcript.toml").read_text()
    assert old in text
    path = site.folder / "t.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_transcript(path, ("identity", "history_read", "bolus", "bolus_ack_lost"))


@given(st.binary(max_size=60), st.lists(st.sampled_from([b"512001 =WHO ", b"512001 ", b"=", b"-WHO x", b"\r", b" "])))
def test_the_codec_of_the_worked_example_takes_any_bytes(noise: bytes, pieces: list[bytes]) -> None:
    codec = import_example()
    inbox = bytearray(noise + b"".join(pieces) + b"\r")
    with contextlib.suppress(MalformedReply, InstrumentError):
        words = codec.take_reply(inbox, "512001", "?WHO")
        assert words is None or all(isinstance(word, str) for word in words)


def import_example() -> Any:
    return importlib.import_module("tests.data.acme.acme_rig.codec")
