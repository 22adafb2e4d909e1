"""A twin on virtual links, and the few words a test says to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rig.clock import VirtualClock, to_ns
from rig.sim.bench import SimulatedBench
from rig.sim.parameters import PlantParameters
from rig.sim.pump.packets import data_packet, decode_4b6b, encode_4b6b, long_packet, read_packet, short_packet
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks

START = datetime(2025, 3, 9, 14, 0, 0)
HOUR_NS = 3_600_000_000_000
SECOND_NS = 1_000_000_000
PUMP_ID = bytes.fromhex("512847")

EXACT_PUMP = replace(
    PlantParameters(),
    unit_gain_sd=0.0,
    run_gain_sd=0.0,
    screw_error=0.0,
    position_jitter_ul=0.0,
    stroke_error_sd=0.0,
    stick_probability=0.0,
    startup_gain=0.0,
    interval_sd=0.0,
    clock_error_ppm=0.0,
    clock_offset_s=0.0,
    stick_slow_share=0.0,
)
EXACT = replace(
    EXACT_PUMP,
    white_noise_mg=0.0,
    flicker_mg=0.0,
    random_walk_mg_per_sqrt_h=0.0,
    sensitivity_ppm=0.0,
    sensitivity_ppm_per_k=0.0,
    temperature_wave_k=0.0,
    humidity_wave_pct=0.0,
    pressure_tide_hpa=0.0,
    weather_sd_hpa=0.0,
    evaporation_mg_per_h=0.0,
)


def unhex(text: str) -> bytes:
    """Read the notation of the protocol tables: '00*61' is the byte 00 sixty-one times."""
    data = b""
    for word in text.split():
        byte, _, times = word.partition("*")
        data += bytes.fromhex(byte) * int(times or 1)
    return data


class Rig:
    """A twin with both links open; time moves only when a test lets it."""

    def __init__(
        self,
        model: str = "723",
        *,
        link: str = "cc111x",
        serial: str = "512847",
        seed: int = 1,
        faults: tuple[str, ...] = (),
        parameters: PlantParameters = EXACT,
        sealed_ledger: Path | None = None,
        resolution_mg: float = 0.01,
    ) -> None:
        self.bench = SimulatedBench(
            model=model,
            link=link,
            serial=serial,
            seed=seed,
            start_local=START,
            faults=faults,
            sealed_ledger=sealed_ledger,
            resolution_mg=resolution_mg,
            parameters=parameters,
        )
        self.clock = VirtualClock()
        self.traffic: list[tuple[str, str, int, bytes]] = []
        self.links = VirtualLinks(self.clock, lambda *row: self.traffic.append(row))
        self.stick = self.links.connect("pump", self.bench.pump_stick)
        self.scale = self.links.connect("balance", self.bench.balance)
        self.ledger = self.bench.ledger
        self.wait(0.1)
        self.scale.discard_input()

    @property
    def now_ns(self) -> int:
        return self.clock.now_ns()

    def wait(self, seconds: float) -> None:
        self.links.pause(seconds)

    def wait_until(self, seconds: float) -> None:
        self.links.wait(to_ns(seconds))

    def uart(self, data: bytes, seconds: float = 1.0) -> bytes:
        """Write to the stick; return everything it says within a time."""
        return self._talk(self.stick, data, seconds)

    def weigh(self, line: bytes = b"SI\r\n", seconds: float = 0.05) -> bytes:
        """Write to the balance; return everything it says within a time."""
        return self._talk(self.scale, line, seconds)

    def mass_mg(self) -> float:
        reply = self.weigh()
        assert reply.endswith(b" g\r\n"), reply
        return float(reply[4:14]) * 1000.0

    def _talk(self, link: Link, data: bytes, seconds: float) -> bytes:
        link.discard_input()
        link.write(data)
        self.wait(seconds)
        return link.discard_input()

    def air(self, coded: bytes, seconds: float = 0.4) -> bytes | None:
        """Send a line-coded packet and listen; return the decoded answer of the pump, None for silence."""
        reply = self.uart(bytes.fromhex("05 00 00 00 00 00 00 01 2C 00") + coded + b"\x00", seconds)
        if len(reply) <= 3:
            assert reply == b"\xaa\x00", reply
            return None
        assert reply[-1] == 0
        return decode_4b6b(reply[2:-1])

    def packet(self, data: bytes) -> bytes | None:
        return self.air(encode_4b6b(data))

    def wake(self) -> None:
        burst = bytes.fromhex("04 00 F9 00 A9 69 71 C9 AD 16 94 D5 55 5A 65 00")
        assert self.uart(burst, 4.0) == b"\x00"
        assert len(self.uart(bytes.fromhex("03 00 00 00 2E E0"), 0.3)) == 14
        self.packet(unhex("A7 51 28 47 5D 02 01 0A 00*62 B6"))

    def read(self, opcode: int) -> bytes:
        """Return the body of a one-packet answer (count included)."""
        reply = self.packet(short_packet(PUMP_ID, opcode))
        assert reply is not None
        packet = read_packet(reply)
        assert packet is not None
        assert packet.opcode == opcode, reply.hex()
        return packet.body

    def command(self, opcode: int, parameters: bytes) -> int | None:
        """Send a two-step command; return 0 for an ACK, the code of a NAK, None for silence."""
        first = self.packet(short_packet(PUMP_ID, opcode))
        assert first == unhex("A7 51 28 47 06 00 DD"), first
        reply = self.packet(data_packet(PUMP_ID, opcode, parameters))
        if reply is None:
            return None
        return 0 if reply[4] == 0x06 else reply[5]

    def set_profile(self, entries: list[tuple[int, int]], opcode: int = 0x6F) -> int | None:
        """Write a profile of (half-hours, steps of 0.025 U/h) in three fragments."""
        image = b"".join(rate.to_bytes(2, "little") + bytes((start,)) for start, rate in entries).ljust(192, b"\0")
        assert self.packet(short_packet(PUMP_ID, opcode)) is not None
        reply = None
        for number, head in enumerate((0x01, 0x02, 0x83)):
            reply = self.packet(long_packet(PUMP_ID, opcode, bytes((head,)) + image[64 * number : 64 * number + 64]))
        return None if reply is None else 0 if reply[4] == 0x06 else reply[5]

    def history(self, page: int = 0) -> bytes:
        """Return the 1024 bytes of a history page."""
        assert self.packet(short_packet(PUMP_ID, 0x80)) is not None
        reply = self.packet(data_packet(PUMP_ID, 0x80, bytes((page,))))
        data = b""
        while reply is not None:
            data += reply[6:-1]
            if reply[5] & 0x80:
                return data
            reply = self.packet(short_packet(PUMP_ID, 0x06))
        raise AssertionError("the pump stopped in the middle of a page")

    def bolus(self, units: float) -> int | None:
        if self.bench.model.is_new:
            return self.command(0x42, round(units * 40).to_bytes(2, "big"))
        return self.command(0x42, bytes((round(units * 10),)))
