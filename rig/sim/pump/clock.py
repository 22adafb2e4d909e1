"""The pump's own clock: a crystal that is a little off, and a local time that somebody once set."""

from __future__ import annotations

from datetime import datetime, timedelta

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - a pump knows no time zone
DAY_NS = 86_400_000_000_000
HALF_HOUR_NS = 1_800_000_000_000


class PumpClock:
    """Three times: rig time, the pump's running time (ns since the start, its own crystal), its local time."""

    def __init__(self, start_rig_ns: int, start_local: datetime, offset_s: float, error_ppm: float) -> None:
        self._start_rig_ns = start_rig_ns
        self._error_ppb = round(error_ppm * 1000.0)
        self._local_ns = _since_epoch_ns(start_local) + round(offset_s * 1e9)  # local time at running time 0

    def running_ns(self, rig_ns: int) -> int:
        """Return the pump's running time at a rig time."""
        since_ns = rig_ns - self._start_rig_ns
        return since_ns + since_ns * self._error_ppb // 1_000_000_000

    def rig_ns(self, running_ns: int) -> int:
        """Return the rig time at a running time."""
        return self._start_rig_ns + running_ns - running_ns * self._error_ppb // (1_000_000_000 + self._error_ppb)

    def local_ns(self, running_ns: int) -> int:
        """Return local time in ns since 2000-01-01."""
        return self._local_ns + running_ns

    def local(self, running_ns: int) -> datetime:
        """Return local time as the pump shows it."""
        return local_datetime(self.local_ns(running_ns))

    def jump(self, by_ns: int) -> None:
        """Show a local time that is later by this, from now on."""
        self._local_ns += by_ns

    def set_local(self, running_ns: int, local: datetime) -> None:
        """Set the local time; the crystal runs on as before."""
        self._local_ns = _since_epoch_ns(local) - running_ns


def local_datetime(local_ns: int) -> datetime:
    """Return a local time in ns since 2000-01-01 as a naive datetime."""
    return EPOCH + timedelta(microseconds=local_ns // 1000)


def _since_epoch_ns(local: datetime) -> int:
    since = local - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
