"""A sensor's folder on a real disk, its files written anew twice a second while it is plugged in."""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

from rig.errors import TransportError
from rig.sim.air.folder import SensorFolder
from rig.sim.wires import Loop, Wire

REFRESH_NS: Final = 500_000_000


class FolderWire(Wire):
    """The folder takes the place of /sys/bus/iio/devices or /sys/class/hwmon: what clients open is it."""

    def __init__(self, loop: Loop, name: str, device: SensorFolder) -> None:
        super().__init__(loop, name, device, 0)
        self._sensor = device
        self._root: Path | None = None

    def open(self) -> str:
        """Make a new folder, in which the sensor has the next number, as after another plug order."""
        try:
            self._root = Path(tempfile.mkdtemp(prefix="rig-air-"))
        except OSError as error:
            raise TransportError(f"no folder can be had ({error})", where=self.name) from error
        self.path, self.plugged = str(self._root), True
        self._sensor.number += 1
        self._refresh(self._plugging, time.monotonic_ns())
        return self.path

    def hang_up(self) -> None:
        """Take the folder away."""
        super().hang_up()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None

    def _refresh(self, plugging: int, now_ns: int) -> None:
        if plugging != self._plugging or self._root is None:
            return
        rig_ns = self._loop.rig_ns(now_ns)
        if not self._sensor.probe.silent(rig_ns):
            self._sensor.write(self._root, rig_ns)
        self._loop.schedule(now_ns + REFRESH_NS, partial(self._refresh, plugging))

    def _write(self, data: bytes) -> None:
        """Put nothing on a wire: files are read, not heard."""
