"""What sensors of the air say, taken apart: labels, stars, sums, units, files of the kernel."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import InstrumentError, MalformedReply, ProtocolError, RigError
from rig.wire import air_files, ptu300, scpi_air

DEFAULT = "P= 1013.2 hPa T= 31.1 'C RH= 38.3 %RH"  # the layout of the reference page


def summed(body: str) -> str:
    return f"{body}{sum(body.encode()) % 65536:04X}"


def test_a_message_is_read_by_its_labels_in_any_order() -> None:
    for line in (DEFAULT, "RH=  38.3 %RH   T=  31.1 'C P=  1013.2 hPa", "Td= 15.2 'C " + DEFAULT + " x= 11.1 g/kg"):
        found = ptu300.read_message(line)
        assert (found.temperature_c, found.humidity_pct, found.pressure_hpa) == (31.1, 38.3, 1013.2)
        assert not found.checked


def test_stars_are_a_missing_value_and_what_is_not_told_is_none_either() -> None:
    found = ptu300.read_message("P= 1013.2 hPa RH= **** %RH")
    assert (found.temperature_c, found.humidity_pct, found.pressure_hpa) == (None, None, 1013.2)
    assert found.told == {"P", "RH"}


@pytest.mark.parametrize(
    ("line", "hpa", "celsius"),
    [
        ("P= 101.32 kPa T= 68.0 'F", 1013.2, 20.0),
        ("P= 760.0 mmHg T= 20.0 'C", 1013.25, 20.0),
        ("P= 29.92 inHg T= 20 'C", 1013.207, 20.0),
        ("P= 1013.2 mbar T= -5.0 'C", 1013.2, -5.0),
    ],
)
def test_units_are_converted(line: str, hpa: float, celsius: float) -> None:
    found = ptu300.read_message(line)
    assert found.pressure_hpa == pytest.approx(hpa, abs=2e-3)
    assert found.temperature_c == pytest.approx(celsius)


def test_a_sum_that_is_there_is_checked() -> None:
    assert ptu300.read_message(summed(f"{DEFAULT}  ")).checked
    assert ptu300.read_message(summed(f"{DEFAULT}")).checked  # right behind the unit
    with pytest.raises(MalformedReply, match=r"expected the sum [0-9A-F]{4}"):
        ptu300.read_message(summed(f"{DEFAULT} ").replace("38.3", "39.3"))


@pytest.mark.parametrize(
    "line",
    [
        "P= 1013.2 hPa P= 1013.2 hPa",
        "P= 1013.2 psi",
        "T= 31.1",
        "RH= 38.3 0A3F",  # a sum, or a unit: never guessed
        "1013.2 31.1 38.3",
        "P= 10\xb23.2 hPa",
        "PASS 1.2",
        "",
    ],
)
def test_what_is_no_message_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError):
        ptu300.read_message(line)


@given(st.text(st.sampled_from("PTRH=% '*.0123456789ABCDEFhPaC\r\n>\xff "), max_size=60))
def test_any_line_is_a_message_or_a_known_error(line: str) -> None:
    with contextlib.suppress(RigError):
        ptu300.read_message(line)


@given(st.floats(-40, 60), st.floats(0, 100), st.floats(500, 1100), st.integers(0, 36), st.integers(1, 127))
def test_a_summed_message_comes_back_as_it_was_and_a_flipped_bit_is_seen(
    t: float, h: float, p: float, at: int, flip: int
) -> None:
    body = f"P= {p:7.2f} hPa T= {t:6.2f} 'C RH= {h:6.2f} %RH "
    found = ptu300.read_message(summed(body))
    assert (found.temperature_c, found.humidity_pct, found.pressure_hpa) == (
        float(f"{t:.2f}"), float(f"{h:.2f}"), float(f"{p:.2f}"),
    )  # fmt: skip
    damaged = bytearray(summed(body).encode())
    damaged[at] ^= flip
    with pytest.raises(ProtocolError):
        ptu300.read_message(damaged.decode("latin-1"))


def test_lines_are_taken_whole_without_prompt_and_the_rest_stays() -> None:
    inbox = bytearray(b">SEND\r\nP= 10")
    assert ptu300.take_line(inbox) == "SEND"
    assert ptu300.take_line(inbox) is None
    assert bytes(inbox) == b"P= 10"


def test_who_a_transmitter_is_stands_in_what_it_answers_to_a_question_mark() -> None:
    lines = ["?", "PTU300 / 5.16", "Serial number : P1234567", "Baud P D S : 4800 E 7 1"]
    assert ptu300.read_about(lines) == ("PTU300", "P1234567", "5.16")
    assert ptu300.read_about(["Unknown command"]) == ("", "", "")


def test_files_of_the_kernel_are_taken_whole_with_their_place_on_the_bus() -> None:
    inbox = bytearray(b"iio:device0/name\t/sys/devices/soc/i2c-1/1-0076/iio:device0/name\tbme280\n")
    assert air_files.take_files(inbox) is None
    inbox += b"\n\n"
    (found,) = air_files.take_files(inbox) or []
    assert (found.folder, found.address, found.text) == ("iio:device0", "1-0076", "bme280")
    assert air_files.take_files(inbox) == []


@pytest.mark.parametrize(
    ("quantity", "text", "value"),
    [("temperature", "21300", 21.3), ("humidity", "38300", 38.3), ("pressure", "101.320000000", 1013.2)],
)
def test_a_bme280_tells_thousandths_and_kilopascals(quantity: str, text: str, value: float) -> None:
    name, factor = air_files.CHANNELS["bme280"][quantity]
    assert air_files.value_of(air_files.SensorFile(name, name, text), factor, "x") == pytest.approx(value)


def test_a_file_that_cannot_be_read_is_an_error_and_no_number() -> None:
    with pytest.raises(InstrumentError, match="Input/output error"):
        air_files.value_of(air_files.SensorFile("in_temp_input", "", "!Input/output error"), 1e-3, "x")
    for text in ("", "nan", "1e5", "21.3 C", "0x10"):
        with pytest.raises(MalformedReply):
            air_files.value_of(air_files.SensorFile("in_temp_input", "", text), 1e-3, "x")


def test_a_pressure_of_which_nobody_says_the_unit_is_refused() -> None:
    assert scpi_air.read_value("pressure", "+1.01320000E+05", "x", "PA") == pytest.approx(1013.2)
    assert scpi_air.read_value("pressure", "1013.2 hPa", "x") == 1013.2
    with pytest.raises(InstrumentError, match=r"in no unit that is known"):
        scpi_air.read_value("pressure", "760.0", "x")
    with pytest.raises(InstrumentError, match="MMHG"):
        scpi_air.read_value("pressure", "760.0 mmHg", "x", "HPA")


def test_scpis_own_not_a_number_is_missing_and_not_overwhelming() -> None:
    assert scpi_air.read_value("temperature", "+9.91000000E+37", "x") is None
    assert scpi_air.read_value("temperature", "21.3", "x") == 21.3
    with pytest.raises(InstrumentError, match="another unit"):
        scpi_air.read_value("temperature", "70.3 F", "x")
