"""Where fuzzing begins: the byte transcripts, and the files that the project ships. Imports nothing of the rig."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.transcripts.notation import expand, four_b_six_b, load, packets
from tests.transcripts.syringe_notation import safe_packet

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "tests" / "data" / "golden" / "v1" / "evidence"


def radio() -> Iterator[bytes]:
    """Decoded packets."""
    yield from packets().values()


def coded() -> Iterator[bytes]:
    """Packets in their line code."""
    for data in packets().values():
        yield four_b_six_b(data)


def stick_responses() -> Iterator[bytes]:
    """What the radio stick says."""
    for entry in load("subg_rfspy.toml")["response"]:
        yield expand(entry["bytes"])
    yield b"subg_rfspy 0.9\x00OK\x00\x01\x00\x02\x00"


def stick_commands() -> Iterator[bytes]:
    """What a host says to the radio stick, each in a piece of its own."""
    commands = [expand(entry["bytes"]) for entry in load("subg_rfspy.toml")["command"]]
    commands += [b"\x05" + bytes(7) + b"\x64\x00" + four_b_six_b(data) + b"\x00" for data in packets().values()]
    wake = b"\x04\x00\xff\x00" + four_b_six_b(packets()["wake 5D"]) + b"\x00"
    yield _in_pieces(*commands[:8])
    for command in commands:
        yield _in_pieces(wake, b"\x03\x00\x00\x00\x2e\xe0", command)


def fragments() -> Iterator[bytes]:
    """Numbers of fragments."""
    yield bytes((1, 2, 3, 0x84))
    yield bytes((1, 1, 2, 0x83))


def bodies() -> Iterator[bytes]:
    """Bodies of long packets, each behind the number of every parser."""
    for data in packets().values():
        if len(data) == 71:
            for number in range(18):
                yield bytes((number,)) + data[5:-1]


def images() -> Iterator[bytes]:
    """Joined fragments of a profile."""
    yield expand("1E 00 00 34 00 0D 2C 01 24 00*183")
    yield expand("00 00 00 3F 00 00 00*58")


def contents() -> Iterator[bytes]:
    """The 64 bytes that the CareLink stick passes on, behind a number."""
    for number, data in enumerate(packets().values()):
        if len(data) == 71:
            yield bytes((number,)) + data[6:-1]


def pages() -> Iterator[bytes]:
    """Records of the history, one by one and together."""
    records = [expand(entry["bytes"]) for entry in load("minimed_history.toml")["record"]]
    for family in range(8):
        yield bytes((family,)) + b"".join(records)
    for record in records:
        yield b"\x00" + record
        yield b"\x03" + record


def blocks() -> Iterator[bytes]:
    """Blocks of the CareLink stick."""
    for entry in load("carelink.toml")["status"]:
        yield (b"\x01\x55\x00" + expand(entry["body"])).ljust(64, b"\0")
    yield (b"\x01\x55\x00\x90\x00\x01\x02\x00\x00ComLink II\x01\x10\x02\x00\x01\x01\x03").ljust(64, b"\0")
    yield b"\x01\x66\x03".ljust(64, b"\0")


def downloads() -> Iterator[bytes]:
    """Downloads from the CareLink stick; the last are pieces whose data have another checksum."""
    for entry in load("carelink.toml")["reply"]:
        yield expand(entry["bytes"])
    for entry in load("carelink.toml")["piece"]:
        yield expand(entry["head"]) + bytes(128) + b"\0"


def carelink_commands() -> Iterator[bytes]:
    """What a host says to the CareLink stick, each in a piece of its own."""
    asking = (
        b"\x04\x00\x00",
        b"\x05\x00\x00",
        b"\x05\x01\x00",
        b"\x06\x00\x00",
        b"\x03\x00\x00",
        b"\x0c\x00\x00\x0f\xc6",
    )
    yield _in_pieces(*asking)
    for entry in load("carelink.toml")["transmit"]:
        yield _in_pieces(expand(entry["bytes"]), *asking[4:] * 3)


def sics_lines() -> Iterator[bytes]:
    """What a balance says."""
    for kind in ("weight", "no_weight", "text", "tare"):
        for entry in load("mt_sics.toml")[kind]:
            yield f"{entry.get('text', entry.get('line', ''))}\r\n".encode("latin-1")


def balance_lines(file: str) -> Callable[[], Iterator[bytes]]:
    """Return what says the lines of another make, from its transcripts: weights, refusals, damaged and other lines."""

    def found() -> Iterator[bytes]:
        held = load(file)
        for kind in ("weight", "no_weight"):
            for entry in held[kind]:
                yield f"{entry['text']}\r\n".encode("latin-1")
        for text in held["malformed"]["texts"]:
            yield f"{text}\r\n".encode("latin-1")
        for exchange in held["exchange"]:
            yield from (line.encode("latin-1") for line in exchange["say"])

    return found


def sics_commands() -> Iterator[bytes]:
    """What a host says to a balance."""
    for dialogue in load("mt_sics_dialogues.toml")["dialogue"]:
        yield _in_pieces(*(step["send"].encode("latin-1") for step in dialogue["step"]))


def new_era_answers() -> Iterator[bytes]:
    """What a New Era pump says, in both forms, and the text alone."""
    for text in _texts("new_era.toml", "answer", "text"):
        yield text
        yield b"\x02" + text + b"\x03"
        yield safe_packet(text.decode("latin-1"))


def new_era_commands() -> Iterator[bytes]:
    """What a host says to a New Era pump, in both modes."""
    for dialogue in load("new_era_dialogues.toml")["dialogue"]:
        said = [step["say"] for step in dialogue["step"]]
        yield b"\x00" + _in_pieces(*(text.encode("ascii") + b"\r" for text in said))
        yield b"\x01" + _in_pieces(*(safe_packet(text) for text in said))


def harvard_answers() -> Iterator[bytes]:
    """What a Harvard pump says."""
    for dialogue in load("harvard_dialogues.toml")["dialogue"]:
        yield b"".join(step["hear"].encode("latin-1") for step in dialogue["step"] if "hear" in step)


def harvard_commands() -> Iterator[bytes]:
    """What a host says to a Harvard pump, of either model and address."""
    for number, dialogue in enumerate(load("harvard_dialogues.toml")["dialogue"]):
        yield bytes((number & 3,)) + _in_pieces(*(step["say"].encode("ascii") + b"\r" for step in dialogue["step"]))


def numbers() -> Iterator[bytes]:
    """Numbers with their units, as the syringe pumps write and take them."""
    for file in ("new_era.toml", "harvard.toml"):
        yield from _texts(file, *load(file))
    yield from (b"500.0UH", b"14.43", b"I0.000W0.000UL", b"NE1000V3.928", b"INF", b"PAS05", b"JMP02", b"10 ml", b"u/m")
    yield from (b"17.29 nl/min to 26.1 ml/min", b"Infusing at 5 ul/min", b"ul/min", b"1.5 u", b"0 0 0 i...I.")


def logs() -> Iterator[bytes]:
    """Weighing logs."""
    yield b"time_s,mass_mg\n0,0\n900,2.5\n1800,5.0\n"
    yield (
        b"\xef\xbb\xbf# made by hand\r\nn,time_s,mass_mg,humidity_pct,stable\r\n"
        b"1,0.5,1e3,50,1\r\n\r\n2,1.5,-1e3,51,0\r\n"
    )
    yield b'time_s,"mass_mg",temperature_c,pressure_hpa\n"0","1.5",20,1013.25\n1,2.5,20.1,1013\n'


def records() -> Iterator[bytes]:
    """Text of a record's blocks, and whole files."""
    yield (
        b'H {"run_id":"x"}\nC 0 2026-11-25T10:00:00+00:00 yes 0.01\n> +5 balance SI\\r\\n\n'
        b"< +9 balance S S 1.0 g\\r\\n\nW balance S 0.12345"
    )
    yield (
        b'H {}\nE 7 began {"step":1}\nA {"at_ns":1,"temperature_c":20.0,"humidity_pct":50.0,"pressure_hpa":1013.0,'
        b'"u_temperature_c":0.1,"u_humidity_pct":1,"u_pressure_hpa":0.2,"source":"s"}\nZ {"reason":"completed"}'
    )
    for file in sorted(RECORDS.glob("*.log.gz")):
        yield file.read_bytes()[:4096]


def record_lines() -> Iterator[bytes]:
    """Single lines of a record."""
    yield from (b"R 0 -", b"R 1 " + b"A" * 43, b"rig-record 1 block 3 previous " + b"ab" * 32)
    yield from (b"> 12 balance SI\\r\\n", b"< +5 pump \\x00\\xff", b"W balance S 12.34567", b"W balance D -1.0 @-5 +7")
    yield from (b"W balance S 12.5mg 0.07mg", b"W 900 balance 50 S 1.5 0.01")


def benches() -> Iterator[bytes]:
    """Bench files that the project ships."""
    for file in sorted((ROOT / "fixtures" / "benches").glob("*.toml")):
        yield file.read_bytes()


def profile_data() -> Iterator[bytes]:
    """Data files of pump models, the small ones."""
    for file in sorted((ROOT / "rig" / "profiles" / "data").glob("*.toml")):
        yield file.read_bytes()[:8000]
    yield (
        b'[sources.s]\ntitle = "T"\nreference = "R"\n[pumps.x]\ntitle = "X"\nmaker = "M"\nbasal.max_u_per_h = '
        b'{ value = 35, mark = "M", source = ["s"] }\n'
    )


def faults() -> Iterator[bytes]:
    """Faults as people write them."""
    yield from (b"pump.gain=-8%@3h+1h", b"line.bubble=10uL", b"balance.zero_tracking=on", b"syringe.touched=1@1h")
    yield from (
        b"link.drop_ack=bolus:1",
        b"pump.miss_dose=1@3h",
        b"link.packet=drop:sent:3",
        b"vessel.evaporation=0.2mg/h",
    )


def ledgers() -> Iterator[bytes]:
    """Lines of a bench's ledger, the checksums wrong."""
    yield b'{"n":1,"previous":"-","utc":"2026-11-25T10:00:00Z","kind":"began","run":"r","crc":"00000000"}\n{"n":2'
    yield b'{"n":1,"previous":"-","utc":"","kind":"a","crc":"a"}\n\n[]\n'


def scenarios() -> Iterator[bytes]:
    """Scenarios that the project ships, and those of the tests."""
    for folder in ("scenarios", "tests/data"):
        for file in sorted((ROOT / folder).glob("*.yaml")):
            yield file.read_bytes()


def mangling() -> Iterator[bytes]:
    """Nothing done to what passes, and each deed once."""
    yield bytes(8)
    for deed in range(8):
        yield bytes((deed, 9, 33)) * 4


def _texts(file: str, *kinds: str) -> Iterator[bytes]:
    for kind in kinds:
        entries: Any = load(file).get(kind, [])
        for entry in entries if isinstance(entries, list) else []:
            for key in ("text", "data", "shown"):
                if isinstance(entry.get(key), str):
                    yield entry[key].encode("latin-1")


def _in_pieces(*parts: bytes) -> bytes:
    """Put parts behind a byte that says how long each is, as `tests.fuzz.independent.pieces` reads them."""
    cut = [part[at : at + 96] for part in parts for at in range(0, len(part), 96)]
    return b"".join(bytes((len(part),)) + part for part in cut)
