"""A sensor as Linux shows it: a folder of plain text files, in this process or really on a disk (reference, section 5).

The number of the folder is not the sensor's: it changes with the order in which drivers are loaded. What it is stands
in its file ``name``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from rig.sim.air.probe import AirProbe, Felt
from rig.transport.folder import answer
from rig.transport.virtual import Port

READ_NS: Final = 12_000_000  # of a conversion
MISSING: Final = "!Input/output error"


def _milli(value: float | None) -> str:
    return MISSING if value is None else str(round(value * 1000.0))


def _kilopascal(value: float | None) -> str:
    return MISSING if value is None else f"{value / 10.0:.9f}"


Channel = tuple[str, Callable[[Felt], str]]
CHANNELS: Final[dict[str, tuple[Channel, ...]]] = {
    "bme280": (
        ("in_temp_input", lambda felt: _milli(felt.temperature_c)),
        ("in_pressure_input", lambda felt: _kilopascal(felt.pressure_hpa)),
        ("in_humidityrelative_input", lambda felt: _milli(felt.humidity_pct)),
    ),
    "bmp280": (
        ("in_temp_input", lambda felt: _milli(felt.temperature_c)),
        ("in_pressure_input", lambda felt: _kilopascal(felt.pressure_hpa)),
    ),
    "sht4x": (
        ("temp1_input", lambda felt: _milli(felt.temperature_c)),
        ("humidity1_input", lambda felt: _milli(felt.humidity_pct)),
    ),
}
PLACES: Final = {
    "bme280": ("iio:device", "i2c-1/1-0076"),
    "bmp280": ("iio:device", "i2c-1/1-0077"),
    "sht4x": ("hwmon", "i2c-1/1-0044"),
}


@dataclass(slots=True)
class SensorFolder:
    """One sensor of a ``kind`` below a folder such as /sys/bus/iio/devices; ``number`` is that of its own folder."""

    probe: AirProbe
    kind: str = "bme280"
    number: int = 0
    there: bool = True
    _port: Port | None = None

    @property
    def _folder(self) -> str:
        return f"{PLACES[self.kind][0]}{self.number}"

    @property
    def _real(self) -> str:
        return f"{PLACES[self.kind][1]}/{self._folder}"

    def texts(self, rig_ns: int) -> dict[str, str]:
        """Return what each file of the sensor says now."""
        felt = self.probe.feel(rig_ns)
        return {"name": self.kind} | {name: say(felt) for name, say in CHANNELS[self.kind]}

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take a request, a pattern on a line of its own."""
        port = self._port
        if port is None or self.probe.silent(port.rig_ns(now_ns)):
            return
        texts = self.texts(port.rig_ns(now_ns)) if self.there else {}

        def files(pattern: str) -> Iterable[tuple[str, str, str]]:
            for name, text in sorted(texts.items()):
                path = f"{self._folder}/{name}"
                if path.count("/") == pattern.count("/") and fnmatchcase(path, pattern):
                    yield path, f"/sys/devices/{self._real}/{name}", text

        for line in data.decode("utf-8", "replace").splitlines():
            port.send(answer(line, files), now_ns + READ_NS)

    def write(self, root: Path, rig_ns: int) -> None:
        """Write the files below ``root``, as the kernel shows them; a file is replaced as a whole."""
        shown, real = root / self._folder, root / "devices" / self._real
        if not self.there:
            shown.unlink(missing_ok=True)
            return
        real.mkdir(parents=True, exist_ok=True)
        if not shown.is_symlink():
            shown.symlink_to(real)
        for name, text in self.texts(rig_ns).items():
            if text == MISSING:
                (real / name).unlink(missing_ok=True)
                continue
            fresh = real / f".{name}"
            fresh.write_text(text + "\n", encoding="ascii")
            fresh.replace(real / name)
