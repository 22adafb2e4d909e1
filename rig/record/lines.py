r"""The text inside a record: one line for each thing that happened (design 4.4; docs/reference/record.md).

============  =========================================================================================
``H json``    the header: run id, tool, bench, clock, start
``C ...``     ``C <monotonic ns> <UTC> <yes|no|unknown>``: wall clock beside monotonic, and whether it is synchronised
``> ...``     ``> <ns> <link> <bytes>``: bytes sent
``< ...``     ``< <ns> <link> <bytes>``: bytes received, as one chunk
``W ...``     ``W <answered ns> <balance> <ns since asked> <S|D> <mass mg> <resolution mg>``: a parsed reading
``A json``    ambient conditions
``E ...``     ``E <ns> <name> <json>``: an event
``Z json``    the end of the file: end reason
============  =========================================================================================

Times are rig time in nanoseconds. Bytes are printable ASCII as they are, everything else (and the backslash) as
``\\``, ``\n``, ``\r``, ``\t`` or ``\xNN``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rig.readings import Ambient, Weighing

CODEC_VERSION = 1


def encode_bytes(data: bytes) -> str:
    r"""Return ``data`` as printable text; `decode_bytes` gives it back."""
    text = repr(data)
    inner = text[2:-1]
    # Between single quotes repr() escapes the quote itself, which needs no escape here.
    return inner.replace("\\'", "'") if text[1] == "'" else inner


def decode_bytes(text: str) -> bytes:
    r"""Return the bytes of an escaped text; raise ValueError when it is not one."""
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")


def chunk_line(link: str, direction: str, at_ns: int, data: bytes) -> str:
    """Return the line for bytes sent (``>``) or received (``<``)."""
    return f"{direction} {at_ns} {link} {encode_bytes(data)}\n"


def weighing_line(name: str, weighing: Weighing) -> str:
    """Return the line for a parsed reading."""
    state = "S" if weighing.stable else "D"
    return (
        f"W {weighing.answered_ns} {name} {weighing.answered_ns - weighing.asked_ns} {state} "
        f"{weighing.mass_mg!r} {weighing.resolution_mg!r}\n"
    )


def ambient_line(ambient: Ambient) -> str:
    """Return the line for ambient conditions."""
    return f"A {compact_json(asdict(ambient))}\n"


def event_line(at_ns: int, name: str, data: dict[str, Any]) -> str:
    """Return the line for an event; ``name`` holds no blanks."""
    return f"E {at_ns} {name} {compact_json(data)}\n"


def compact_json(data: dict[str, Any]) -> str:
    """Return JSON on one line; NaN and infinity are refused."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
