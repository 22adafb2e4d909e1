"""The drivers of supplies and meters before the byte vectors, and the codec before what breaks it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.clock import VirtualClock
from rig.electrical import Regulation
from rig.errors import BenchError, DeviceChanged, InstrumentError, MalformedReply, TransportTimeout
from rig.plugins.registry import find_driver
from rig.plugins.spec import Address
from rig.transport.links import Link
from rig.transport.virtual import Port, VirtualLinks
from rig.wire import scpi
from tests.drivers.scpi_stand_in import IDENTITY, StandIn
from tests.transcripts.instrument_notation import FILES, dialogues
from tests.transcripts.notation import load

DRIVERS = {
    "keysight_e36.toml": ("supply", "keysight-e36"),
    "rigol_dp.toml": ("supply", "rigol-dp"),
    "siglent_spd.toml": ("supply", "siglent-spd"),
    "scpi_supply.toml": ("supply", "scpi-supply"),
    "dmm_34461a.toml": ("meter", "dmm-34461a"),
    "sdm3055.toml": ("meter", "sdm3055"),
}
NO_ERROR = {
    "siglent_spd.toml": "0 No Error\n",
    "keysight_e36.toml": '+0,"No error"\n',
    "dmm_34461a.toml": '+0,"No error"\n',
}


class Vectors:
    """A device that answers each question as the named dialogues do; the last answer to one is repeated."""

    def __init__(self, file: str, *names: str) -> None:
        table = dialogues(file)
        self.answers: dict[bytes, deque[bytes]] = {}
        self.heard: list[bytes] = []
        self.unknown: list[bytes] = []
        for name in names:
            for step in table[name].steps:
                self.answers.setdefault(step.send, deque()).append(step.receive)
        self.quiet = NO_ERROR.get(file, '0,"No error"\n').encode()

    def attach(self, port: Port) -> None:
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        self.heard.append(data)
        answers = self.answers.get(data)
        if answers is None:
            if data.endswith(b"SYST:ERR?\n"):
                self._port.send(self.quiet, now_ns)
            elif b"?" in data:
                self.unknown.append(data)
            return
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if answer:
            self._port.send(answer, now_ns)


def before(file: str, *names: str, serial: str = "") -> tuple[Any, Vectors, VirtualLinks, Link]:
    """Return the driver of a file, opened before these dialogues of it."""
    device = Vectors(file, *names)
    links = VirtualLinks(VirtualClock())
    link = links.connect("device", device)
    spec = find_driver(*DRIVERS[file]).spec
    driver: Any = spec.open(links, link, Address(serial))
    driver.open()
    return driver, device, links, link


SUPPLY_FILES = [file for file in FILES if DRIVERS[file][0] == "supply"]
METER_FILES = [file for file in FILES if DRIVERS[file][0] == "meter"]


@pytest.mark.parametrize("file", FILES)
def test_every_number_error_block_and_status_of_the_vectors_is_read_as_it_says(file: str) -> None:
    data = load(file)
    for entry in data["number"]:
        found = scpi.number_or_overload(entry["text"], "it", "?")
        assert found == (None if entry.get("overload") else pytest.approx(entry["value"], rel=1e-12))
    for entry in data.get("error", []):
        error = scpi.queued_error(entry["text"], "it", "SYST:ERR?")
        assert (error.code, error.message) == (entry["code"], entry["message"])
    for entry in data.get("block", []):
        assert scpi.block(entry["text"], "it", "R?") == entry["values"]
    for entry in data.get("status", []):
        status = scpi.status_word(entry["text"], "it", "SYST:STAT?")
        on, limited = bool(status >> 4 & 1), bool(status & 1)
        assert (on, limited) == (entry["channel_1_on"], entry["channel_1_limited"])


@pytest.mark.parametrize("file", FILES)
def test_an_old_error_of_another_program_is_told_and_taken_away(file: str) -> None:
    names = dialogues(file)
    old = "identified, with an old error in the queue"
    driver, device, *_ = before(file, old if old in names else "identified")
    assert [text.startswith("-113") for text in driver.left_errors] == ([True] if old in names else [])
    assert not device.unknown


@pytest.mark.parametrize("file", SUPPLY_FILES)
def test_a_supply_is_set_fed_measured_and_switched_off_with_the_bytes_of_its_vectors(file: str) -> None:
    table = dialogues(file)
    voltage = next(name for name in table if name.startswith("voltage 1.5 V") and "by itself" not in name)
    driver, device, *_ = before(file, "identified", "limits first", voltage, "output on", "measured")
    told = [step.send for name in ("limits first", voltage, "output on") for step in table[name].steps]
    wanted = [data for data in told if b"?" not in data]
    driver.protect(1.8, 0.5)
    assert driver.set_voltage(1.5) == 1.5
    driver.switch(on=True)
    measured = driver.measure()
    assert (measured.voltage_v, measured.current_a) == (pytest.approx(1.5, abs=1e-3), pytest.approx(0.012, abs=1e-3))
    assert driver.regulation() is not Regulation.OFF
    commands = [data for data in device.heard if b"?" not in data]
    assert set(wanted) <= set(commands)
    assert not device.unknown
    off = before(file, "identified", "output off")
    off[0].switch(on=False)
    assert not off[0].may_be_on
    assert table["output off"].steps[0].send in off[1].heard


@pytest.mark.parametrize("file", ["keysight_e36.toml", "rigol_dp.toml", "siglent_spd.toml"])
def test_a_voltage_that_reads_back_otherwise_is_never_believed(file: str) -> None:
    name = "a setting that was lost" if file.startswith("siglent") else "voltage that reads back otherwise"
    table = dialogues(file)
    current = next(each for each in table if each == "limits first")
    driver, *_ = before(file, "identified", current, name)
    with pytest.raises(InstrumentError, match="voltage reads back as"):
        driver.set_voltage(1.5)


@pytest.mark.parametrize("file", ["keysight_e36.toml", "rigol_dp.toml", "scpi_supply.toml"])
def test_a_trip_is_seen_and_cleared_with_the_output_off_first(file: str) -> None:
    tripped, device, *_ = before(file, "identified", "tripped")
    assert tripped.tripped()
    cleared, device, *_ = before(file, "identified", "trip cleared")
    cleared.clear_trip()
    assert not cleared.may_be_on
    commands = [data for data in device.heard if b"?" not in data]
    assert b"OFF" in commands[0]
    assert b"CLE" in commands[1]


@pytest.mark.parametrize("file", METER_FILES)
def test_a_meter_is_fixed_and_read_with_the_bytes_of_its_vectors(file: str) -> None:
    small = file.startswith("dmm")
    names = ("current, 0.1 A range", "integration time") if small else ("current, 0.2 A range",)
    driver, device, *_ = before(file, "identified", *names, "one reading")
    driver.configure(0.1 if small else 0.2, 1.0)
    assert driver.read_current().current_a == pytest.approx(0.0123456789)
    assert not device.unknown
    burst, device, *_ = before(file, "identified", *names, "three readings")
    burst.configure(0.1 if small else 0.2, 1.0)
    found = burst.read_burst(3)
    assert [each.current_a for each in found] == [pytest.approx(0.0123456, abs=1e-6)] * 3
    assert [each.asked_ns for each in found] == sorted(each.asked_ns for each in found)
    over, *_ = before(file, "identified", *names, "over-range")
    over.configure(0.1 if small else 0.2, 1.0)
    assert over.read_current().overload


def test_a_meter_takes_no_range_or_integration_time_that_it_does_not_have() -> None:
    driver, *_ = before("dmm_34461a.toml", "identified", "current, 0.1 A range", "integration time")
    with pytest.raises(InstrumentError, match=r"a range of 0\.2 A is none of a 34461A; expected one of 0\.0001"):
        driver.configure(0.2, 1.0)
    with pytest.raises(InstrumentError, match=r"integration time of 0\.3"):
        driver.configure(0.1, 0.3)


def test_something_else_at_the_port_is_refused_in_one_line() -> None:
    with pytest.raises(MalformedReply, match="ES"):
        before("keysight_e36.toml", "something else answers")


def test_a_supply_of_another_maker_model_or_serial_number_is_refused() -> None:
    for dialect, driver, text in (
        ("siglent", "rigol-dp", "expected Rigol"),
        ("rigol", "keysight-e36", "expected Keysight or Agilent"),
    ):
        with pytest.raises(InstrumentError, match=text):
            _stand_in(StandIn(dialect), driver).open()
    unknown = StandIn("rigol", identity="RIGOL TECHNOLOGIES,DP999,DP1,1.0")
    with pytest.raises(InstrumentError, match="a model that this driver does not know"):
        _stand_in(unknown, "rigol-dp").open()
    with pytest.raises(InstrumentError, match="serial number OTHER"):
        _stand_in(StandIn("rigol"), "rigol-dp", serial="OTHER").open()
    with pytest.raises(InstrumentError, match="a DP832 has no output 4"):
        _stand_in(StandIn("rigol"), "rigol-dp", channel=4).open()


def test_a_supply_that_comes_back_as_another_one_is_not_gone_on_with() -> None:
    device = StandIn("rigol")
    links = VirtualLinks(VirtualClock())
    link = links.connect("supply", device)
    driver: Any = find_driver("supply", "rigol-dp").spec.open(links, link, Address(""))
    driver.open()
    driver.protect(1.8, 0.5)
    driver.set_voltage(1.5)
    driver.switch(on=True)
    driver.switch(on=False)
    assert not driver.may_be_on
    links.unplug("supply")
    assert driver.may_be_on
    links.replug("supply")
    driver.identify()
    assert driver.may_be_on, "nobody has read the output since contact was lost"
    with pytest.raises(InstrumentError, match="nothing protects"):
        driver.switch(on=True)
    links.unplug("supply")
    links.replug("supply", StandIn("rigol", identity="RIGOL TECHNOLOGIES,DP832,DP8C9,1.0"))
    with pytest.raises(DeviceChanged, match="another instrument answers"):
        driver.measure()


def test_siglent_gets_its_pause_after_every_message() -> None:
    device = StandIn("siglent")
    driver = _stand_in(device, "siglent-spd")
    driver.open()
    driver.protect(1.8, 0.5)
    driver.set_voltage(1.5)
    driver.switch(on=True)
    times = [at_ns for at_ns, _ in device.heard]
    assert len(times) > 8
    assert min(after - before_ns for before_ns, after in pairwise(times)) >= 20_000_000


def test_an_interruption_lasts_as_long_as_it_was_told_and_asks_nothing_in_between() -> None:
    device = StandIn("rigol")
    driver = _stand_in(device, "rigol-dp")
    driver.open()
    driver.protect(1.8, 0.5)
    driver.set_voltage(1.5)
    driver.switch(on=True)
    count = len(device.heard)
    done = driver.interrupt(0.2)
    (off_ns, off), (on_ns, on), *_ = device.heard[count:]
    assert (off, on) == (":OUTP CH1,OFF", ":OUTP CH1,ON")
    assert on_ns - off_ns == done.on_ns - done.off_ns == 200_000_000


def test_a_single_output_rigol_names_no_channel() -> None:
    names = ("DP711 identified", "DP711 limits first", "DP711 voltage 1.5 V, current limit 0.5 A")
    driver, device, *_ = before("rigol_dp.toml", *names, "DP711 output on, measured, off")
    driver.protect(1.8, 0.5)
    assert driver.set_voltage(1.5) == 1.5
    assert driver.measure().voltage_v == pytest.approx(1.5002)
    assert not any(b"CH1" in data for data in device.heard)
    assert not device.unknown


def test_silence_is_a_time_out_that_names_the_link_and_the_question() -> None:
    driver = _stand_in(StandIn("plain", "silent"), "scpi-supply")
    with pytest.raises(TransportTimeout, match=r"supply on .*\*IDN\?"):
        driver.open()
    assert driver.may_be_on


NUMBERS: list[Callable[[str], object]] = [
    lambda text: scpi.number(text, "it", "?"),
    lambda text: scpi.numbers(text, "it", "?"),
    lambda text: scpi.block(text, "it", "?"),
    lambda text: scpi.switch(text, "it", "?"),
    lambda text: scpi.status_word(text, "it", "?"),
    lambda text: scpi.queued_error(text, "it", "?"),
    lambda text: scpi.identity(text, "it"),
]


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_whatever_comes_is_read_whole_or_refused_in_one_line(text: str) -> None:
    for read in NUMBERS:
        try:
            read(text)
            said = ""
        except BenchError as error:
            said = str(error)
        assert "\n" not in said


@given(st.floats(0, 1000, allow_nan=False))
def test_a_number_that_is_sent_is_read_as_it_was_to_the_digits_that_are_sent(value: float) -> None:
    text = scpi.written(value)
    assert "e" not in text
    assert scpi.number(text, "it", "?") == pytest.approx(value, abs=5.1e-8)


@pytest.mark.parametrize(
    "text", ["nan", "inf", "1.5V", "1,5", "", " 1.5", "1.5 ", "0x10", "1e9999", "\N{ARABIC-INDIC DIGIT ONE}"]
)
def test_what_only_looks_like_a_number_is_refused(text: str) -> None:
    with pytest.raises(MalformedReply):
        scpi.number(text, "it", "MEAS:VOLT?")


def _stand_in(device: StandIn, name: str, serial: str = "", channel: int = 1) -> Any:
    links = VirtualLinks(VirtualClock())
    link = links.connect("supply", device)
    role = "meter" if device.dialect in ("dmm", "sdm") else "supply"
    return find_driver(role, name).spec.open(links, link, Address(serial, channel=channel))


def test_every_dialect_has_a_stand_in() -> None:
    assert len(IDENTITY) == len(DRIVERS)
