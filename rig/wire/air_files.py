"""Files of a sensor as Linux shows them: milli-degrees, kilopascals and milli-percent as plain text (sysfs).

Source: reference page on bench instruments, section 5. The answers are those of `rig.transport.folder`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from rig.errors import InstrumentError, MalformedReply

END: Final = b"\n\n"
NUMBER: Final = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?")
BUS_ADDRESS: Final = re.compile(r"/(\d{1,3}-[0-9a-f]{4}|spi\d+\.\d+)(?=/)")

CHANNELS: Final[dict[str, dict[str, tuple[str, float]]]] = {  # quantity -> file, and what one of its counts is
    "bme280": {
        "temperature": ("in_temp_input", 1e-3),
        "humidity": ("in_humidityrelative_input", 1e-3),
        "pressure": ("in_pressure_input", 10.0),
    },
    "bmp280": {"temperature": ("in_temp_input", 1e-3), "pressure": ("in_pressure_input", 10.0)},
    "sht4x": {"temperature": ("temp1_input", 1e-3), "humidity": ("humidity1_input", 1e-3)},
}


@dataclass(frozen=True, slots=True)
class SensorFile:
    """One file: its path below the folder, where it really is, and what it says."""

    path: str
    real: str
    text: str

    @property
    def folder(self) -> str:
        """Return the folder it is in, empty at the top."""
        return self.path.rpartition("/")[0]

    @property
    def address(self) -> str:
        """Return the address of the sensor on its bus, such as ``1-0076``; empty where its place tells none."""
        found = BUS_ADDRESS.findall(self.real)
        return str(found[-1]) if found else ""


def take_files(inbox: bytearray) -> list[SensorFile] | None:
    """Take one whole answer off the front of ``inbox``; None: more bytes, please. No file at all is an empty list."""
    if inbox.startswith(b"\n"):
        del inbox[:1]
        return []
    end = inbox.find(END)
    if end < 0:
        return None
    lines = bytes(inbox[:end]).decode("utf-8", "replace").split("\n")
    del inbox[: end + len(END)]
    found = []
    for line in lines:
        parts = line.split("\t")
        if len(parts) != 3:
            raise MalformedReply("folder", line.encode(), expected="path, real path and text of a file")
        found.append(SensorFile(*parts))
    return found


def value_of(file: SensorFile, factor: float, where: str) -> float:
    """Return the number that a file says, times ``factor``.

    Raises `InstrumentError` for a file that the kernel could not read, `MalformedReply` for what is no number.
    """
    if file.text.startswith("!"):
        raise InstrumentError(
            f"{file.path} cannot be read: {file.text[1:]}",
            where=where,
            hint="check the sensor's wires; dmesg says more",
        )
    if NUMBER.fullmatch(file.text) is None or not math.isfinite(float(file.text)):
        raise MalformedReply(where, file.text.encode(), asked=file.path, expected="a plain number")
    return round(float(file.text) * factor, 9)  # as it was written, and no digit of the arithmetic
