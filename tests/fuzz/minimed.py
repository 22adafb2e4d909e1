"""Checks of what reads MiniMed packets: line code, stick, packets, answers, tables, pages."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from rig.errors import InstrumentError, MalformedReply
from rig.sim.pump import packets as twin
from rig.wire import line_code, subg_rfspy
from rig.wire.minimed import answers, history, wizard
from rig.wire.minimed.counts import Counts
from rig.wire.minimed.packets import Fragments, Opcode, Packet, Progress, parse_packet
from rig.wire.subg_rfspy import Received, Register, Silence
from tests.fuzz.independent import ID, PUMP, accepted, crc8, crc16, from_line_code

BOTH = (MalformedReply, InstrumentError)


def line(data: bytes) -> None:
    """4b6b: the driver's decoder and the twin's agree with a third, and what they give encodes to the same bits."""
    expected = from_line_code(data)
    found = accepted(line_code.decode, data, refuses=MalformedReply)
    assert found == expected
    assert twin.decode_4b6b(data) == expected
    if found:
        size = 12 * len(found) // 8
        assert line_code.encode(found)[:size] == data[:size]
        assert twin.encode_4b6b(found) == line_code.encode(found)


def stick(data: bytes) -> None:
    """Responses of the radio stick: taken whole and in order, and read back to the same bytes."""
    inbox, taken = bytearray(data), 0
    while (response := accepted(subg_rfspy.take_response, inbox, refuses=MalformedReply)) is not None:
        assert data[taken : taken + len(response) + 1] == response + b"\0"
        assert len(response) <= 512
        taken += len(response) + 1
        heard = accepted(subg_rfspy.parse_reception, response, refuses=MalformedReply)
        if isinstance(heard, Silence):
            assert response == bytes((heard.value,))
        elif isinstance(heard, Received):
            assert bytes((round((heard.rssi_dbm + 73) * 2) & 0xFF, heard.counter)) + heard.encoded == response
            assert -137 <= heard.rssi_dbm < -9
        else:
            assert len(response) <= 2
            assert response not in (b"\xaa", b"\xbb", b"\xcc")
        _version(response)
        try:
            subg_rfspy.check_update(response, Register.FREQ0)
        except BOTH:
            assert response != b"\x01"
        else:
            assert response == b"\x01"
    assert 0 not in inbox or data.find(0, taken) > taken + 512


def _version(response: bytes) -> None:
    text = accepted(subg_rfspy.parse_version, response, refuses=BOTH)
    if text is not None:
        name, number = text.split(" ")[0], text.split(" ")[1].split(".")
        assert text.encode("latin-1") == response
        assert name == "subg_rfspy"
        assert text.isascii()
        assert text.isprintable()
        assert (0, 7) <= (int(number[0]), int(re.split("[+-]", number[1])[0])) < (2, 0)


def packet(data: bytes) -> None:
    """Radio packets: accepted when size, type and CRC are right and in no other case, by driver and twin alike."""
    _packet(data)
    for size in (6, 70):
        if len(data) >= size:
            content = b"\xa7" + data[1:size]
            _packet(content + bytes((crc8(content),)))


def _packet(data: bytes) -> None:
    right = len(data) in (7, 71) and data[0] == 0xA7 and crc8(data[:-1]) == data[-1]
    found = accepted(parse_packet, data, refuses=MalformedReply)
    assert (found is not None) == right
    other = twin.read_packet(data)
    assert (other is not None) == right
    if found is not None and other is not None:
        assert found.opcode == other.opcode == data[4]
        assert found.body == other.body == data[5:-1]
        assert bytes.fromhex(found.pump_id) == other.pump_id == data[1:4]
        assert found.encode() == data


def fragments(data: bytes) -> None:
    """Answers in several packets: put together in the order of their numbers, or refused."""
    collected, last = Fragments(), 0
    expected = b""
    for number in data:
        body = bytes((number, number ^ 0x5A)).ljust(65, b"\x11")
        if number & 0x7F == last and last:
            assert collected.take(Packet(PUMP, 0x80, body)) is Progress.REPEATED
            continue
        progress = accepted(collected.take, Packet(PUMP, 0x80, body), refuses=MalformedReply)
        assert (progress is None) == (number & 0x7F != last + 1)
        if progress is None:
            return
        last += 1
        expected += body[1:]
        assert collected.data == expected
        assert (progress is Progress.COMPLETE) == bool(number & 0x80)


class Answer(NamedTuple):
    """A parser of one answer, and what it must have found in the body."""

    opcode: Opcode
    parse: Callable[[Packet], Any]
    holds: Callable[[bytes, Any], bool]


def _steps(value: float, per_unit: int, size: int = 2) -> bytes:
    return round(value * per_unit).to_bytes(size, "big")


def _time(body: bytes, found: datetime) -> bool:
    fields = (found.hour, found.minute, found.second, found.year, found.month, found.day)
    return body[1:8] == struct.pack(">BBBHBB", *fields)


def _settings(body: bytes, found: answers.Settings) -> bool:
    long = body[0] >= 25
    bolus, basal = (body[7], body[8:10]) if long else (body[6], body[7:9])
    return (
        round(found.max_bolus_u * 10) == bolus
        and _steps(found.max_basal_u_per_h, 40) == basal
        and (found.pattern, int(found.temp_basal_is_percent)) == (body[12], body[15])
        and found.pattern <= 2
        and found.auto_off_h == body[1]
    )


def _temp_basal(body: bytes, found: answers.RunningTempBasal) -> bool:
    written = bytes((found.is_percent, found.percent)) + _steps(found.rate_u_per_h, 40) + _steps(found.minutes_left, 1)
    return body[1:7] == written


def _old_ratios(body: bytes, found: list[wizard.CarbRatio]) -> bool:
    if body[0] == 17:
        scale = 1 if body[1] == 1 else 10
        return _table(body[2:], [bytes((each.start_half_hours, round(each.ratio * scale))) for each in found])
    scale = 10 if body[1] == 1 else 1000
    return _table(body[3:], [bytes((each.start_half_hours,)) + _steps(each.ratio, scale) for each in found])


def _sensitivities(body: bytes, found: list[wizard.Sensitivity]) -> bool:
    values = [(each.start_half_hours, round(each.drop * (1 if body[1] == 1 else 10))) for each in found]
    masked = bytes(byte & 0x7F if at % 2 == 0 else byte for at, byte in enumerate(body[2:]))
    return _table(masked, [bytes((start | (value >> 8) << 6, value & 0xFF)) for start, value in values], late=True)


def _targets(body: bytes, found: list[wizard.Target], *, single: bool = False) -> bool:
    scale = 1 if body[1] == 1 else 10
    rows = [(each.start_half_hours, round(each.low * scale), round(each.high * scale)) for each in found]
    return _table(body[2:], [bytes(row[:2] if single else row) for row in rows])


def _table(table: bytes, entries: list[bytes], *, late: bool = False) -> bool:
    starts = [entry[0] & 0x3F for entry in entries]
    rises = all(left < right for left, right in pairwise(starts))
    within = late or (starts[0] == 0 and starts[-1] < 48)
    return 0 < len(entries) <= 8 and table.startswith(b"".join(entries)) and rises and within


ANSWERS = (
    Answer(Opcode.TIME, answers.parse_time, _time),
    Answer(Opcode.PUMP_ID, answers.parse_pump_id, lambda body, found: found.encode() == body[1:7] and found.isdigit()),
    Answer(
        Opcode.BATTERY,
        answers.parse_battery,
        lambda body, found: bytes((found.low,)) + _steps(found.voltage_v, 100) == body[1:4],
    ),
    Answer(
        Opcode.RESERVOIR,
        answers.parse_reservoir,
        lambda body, found: (_steps(found, 10) == body[1:3]) if body[0] == 2 else (_steps(found, 40) == body[3:5]),
    ),
    Answer(
        Opcode.FIRMWARE,
        answers.parse_firmware,
        lambda body, found: found.isprintable() and found.isascii() and found.encode() in body[1 : 1 + body[0]],
    ),
    Answer(
        Opcode.MODEL,
        answers.parse_model,
        lambda body, found: found.isascii() and found.isdigit() and body[1] == len(found) and found.encode() in body,
    ),
    Answer(
        Opcode.STATUS,
        answers.parse_status,
        lambda body, found: (found.normal, found.bolusing, found.suspended) == (body[1] == 3, body[2], body[3]),
    ),
    Answer(Opcode.READ_TEMP_BASAL, answers.parse_temp_basal, _temp_basal),
    Answer(Opcode.SETTINGS, answers.parse_settings, _settings),
    Answer(Opcode.SETTINGS_12, answers.parse_settings, lambda _body, found: found.insulin_action_h is None),
    Answer(
        Opcode.ERROR_STATUS,
        answers.parse_error_status,
        lambda body, found: (found == 0) == (not any(body[1:])) and found in body,
    ),
    Answer(
        Opcode.TOTALS,
        lambda packet: answers.parse_totals(packet, new=False),
        lambda body, found: _steps(found.today_u, 10) + _steps(found.yesterday_u, 10) == body[1:5],
    ),
    Answer(
        Opcode.TOTALS,
        lambda packet: answers.parse_totals(packet, new=True),
        lambda body, found: _steps(found.today_u, 40, 4) + _steps(found.yesterday_u, 40, 4) == body[1:9],
    ),
    Answer(
        Opcode.HISTORY_PAGE_NUMBER,
        answers.parse_page_number,
        lambda body, found: _steps(found, 1, 4) == body[1:5],
    ),
    Answer(Opcode.CARB_RATIOS, wizard.parse_carb_ratios, _old_ratios),
    Answer(Opcode.SENSITIVITIES, wizard.parse_sensitivities, _sensitivities),
    Answer(Opcode.TARGETS, wizard.parse_targets, _targets),
    Answer(Opcode.TARGETS_12, wizard.parse_targets, lambda body, found: _targets(body, found, single=True)),
)


def answer(data: bytes) -> None:
    """Answers of the pump: what is accepted says what its bytes say, at a count that its layout allows."""
    if not data:
        return
    kind, body = ANSWERS[data[0] % len(ANSWERS)], data[1:66].ljust(65, b"\0")
    found = accepted(kind.parse, Packet(PUMP, kind.opcode, body), refuses=MalformedReply)
    if found is not None:
        assert body[0] <= 64
        assert kind.holds(body, found), (kind.opcode.name, body.hex(" "), found)
    other = Opcode.BOLUS if data[0] & 0x80 else Opcode.ACK
    for wrong in (Packet(PUMP, other, body), Packet(PUMP, kind.opcode, body[:1])):
        assert accepted(kind.parse, wrong, refuses=MalformedReply) is None


def profile(data: bytes) -> None:
    """Basal profiles: entries rise from midnight, and write back as the same bytes."""
    found = accepted(answers.parse_profile, data, refuses=MalformedReply)
    if not found:
        return
    starts = [entry.start_half_hours for entry in found]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] < 48
    written = b"".join(_steps(entry.rate_u_per_h, 40)[::-1] + bytes((entry.start_half_hours,)) for entry in found)
    assert data.startswith(written)
    behind = data[len(written) : len(written) + 3]
    assert len(behind) < 3 or behind[2] <= starts[-1] or behind[2] >= 48


def count(data: bytes) -> None:
    """Count bytes that the CareLink stick takes off: put back in front of the same 64 bytes."""
    if not data:
        return
    opcodes = list(Opcode)
    counts, opcode, content = Counts(), opcodes[data[0] % len(opcodes)], data[1:]
    for each in (Opcode.MODEL, opcode):
        found = accepted(counts.packet, PUMP, each, content, refuses=MalformedReply)
        assert (found is not None) == (len(content) == 64)
        if found is not None:
            assert found.body[1:] == content
            assert found.body[0] <= 64
            assert found.encode() == b"\xa7" + ID + bytes((each,)) + found.body + bytes((crc8(found.encode()[:-1]),))


def page(data: bytes) -> None:
    """History pages: no byte is lost or read twice, delivery records say what their bytes say."""
    if not data:
        return
    new, family = bool(data[0] & 1), (22, 23, 51, 54)[data[0] >> 1 & 3]
    content = data[1:1023]
    found = history.parse_records(content, new=new, family=family)
    rebuilt, at = b"", 0
    for record in found.records:
        while content[at] == 0:
            at, rebuilt = at + 1, rebuilt + b"\0"
        rebuilt, at = rebuilt + record.raw, at + len(record.raw)
        _record(record, new=new)
    rest = content[at:]
    assert rest.lstrip(b"\0") == found.unreadable
    assert (found.unreadable_at is None) == (not found.unreadable)
    assert rebuilt + rest == content
    assert accepted(history.parse_page, data, new=new, family=family, refuses=MalformedReply) is None or (
        len(data) == 1024 and crc16(data[:-2]) == int.from_bytes(data[-2:], "big")
    )
    whole = content.ljust(1022, b"\0")
    read = history.parse_page(whole + crc16(whole).to_bytes(2, "big"), new=new, family=family)
    assert read.records[: len(found.records)] == found.records


def _record(record: history.HistoryRecord, *, new: bool) -> None:
    raw = record.raw
    stamped = {"bolus": raw[-5:], "prime": raw[-5:], "alarm": raw[4:9]}.get(record.kind, raw[2:7])
    if record.kind != "daily_total" and record.at is not None:
        assert _stamp(record.at) == bytes(
            byte & mask for byte, mask in zip(stamped, (0xFF, 0xFF, 0x1F, 0x1F, 0x7F), strict=True)
        )
    assert record.at is not None or record.kind == "other"
    for amount, largest in ((record.programmed_u, 1638.375), (record.delivered_u, 1638.375)):
        assert amount is None or 0 <= amount <= largest
    if record.kind == "bolus":
        assert record.programmed_u is not None
        assert record.delivered_u is not None
        written = (
            _steps(record.programmed_u, 40) + _steps(record.delivered_u, 40)
            if new
            else bytes((round(record.programmed_u * 10), round(record.delivered_u * 10)))
        )
        assert raw[1 : 1 + len(written)] == written


def _stamp(at: datetime) -> bytes:
    """Write a stamp without the flags that stand in its free bits."""
    return bytes((at.second | (at.month >> 2) << 6, at.minute | (at.month & 3) << 6, at.hour, at.day, at.year - 2000))
