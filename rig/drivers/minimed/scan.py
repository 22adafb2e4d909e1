"""Finding the frequency of a pump: a model query on each step of a band, the best heard one is kept.

Pumps of North America speak near 916.5 MHz, world-wide models near 868.35 MHz, each off by its own crystal. Source:
minimed-protocol 1.4 (steps), 1.7 (a pump that sleeps is woken in the middle of a band, whose filters are wide), 2.2.
Nothing that delivers is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from rig.drivers.minimed.way import PumpNotHeard

BANDS: Final[dict[str, tuple[float, ...]]] = {  # MHz
    "us": tuple(round(916.45 + 0.05 * step, 2) for step in range(8)),
    "ww": tuple(round(868.25 + 0.05 * step, 2) for step in range(9)),
}
QUERIES: Final = 2  # a single packet may be lost on the best frequency
BURSTS: Final = 2  # the old families sleep through one


class Tunable(Protocol):
    """A way to a pump whose frequency can be chosen."""

    def tune(self, frequency_mhz: float) -> None:
        """Set the stick's frequency, now and whenever it is opened again."""

    def query(self) -> float | None:
        """Ask the pump once for its model; return the signal strength of its answer in dBm, None for silence."""

    def burst(self) -> bool:
        """Send one wake-up burst and listen; say whether the pump acknowledged it."""


@dataclass(frozen=True, slots=True)
class ScanStep:
    """How the pump was heard on one frequency; ``rssi_dbm`` None: not at all."""

    frequency_mhz: float
    rssi_dbm: float | None

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.frequency_mhz:.2f} {'silent' if self.rssi_dbm is None else f'{self.rssi_dbm:.0f}'}"


@dataclass(frozen=True, slots=True)
class Scan:
    """Every step of a scan, and the one that is kept."""

    steps: tuple[ScanStep, ...]
    best: ScanStep


def scan(way: Tunable, worlds: Sequence[str], pump_id: str) -> Scan:
    """Return how a pump is heard on each step of its band, and leave the stick on the best one.

    ``worlds`` are keys of `BANDS`, tried in turn; a pump that is awake is found at once, else each band gets a wake-up
    burst in turn. Raises `PumpNotHeard` when the pump is heard nowhere: the stick then stands in the middle of the
    last band.
    """
    world = _awake(way, worlds) or _woken(way, worlds)
    steps = tuple(_step(way, frequency) for frequency in BANDS[world]) if world else ()
    heard = [step for step in steps if step.rssi_dbm is not None]
    if not heard:
        bands = " or ".join(f"{BANDS[each][0]:.2f} to {BANDS[each][-1]:.2f} MHz" for each in worlds)
        raise PumpNotHeard(
            f"not heard on any frequency from {bands}",
            where=f"pump {pump_id}",
            expected="the pump in range, with a good battery",
            hint="put the stick close to the pump; check serial number, battery and [pump] world in the bench file",
        )
    best = _best(heard)
    way.tune(best.frequency_mhz)
    return Scan(steps, best)


def _awake(way: Tunable, worlds: Sequence[str]) -> str:
    """Return the band in whose middle a pump that is awake answers; empty for none."""
    for world in worlds:
        way.tune(_middle(world))
        if way.query() is not None:
            return world
    return ""


def _woken(way: Tunable, worlds: Sequence[str]) -> str:
    """Return the band in whose middle a pump was woken; empty for none."""
    for _ in range(BURSTS):
        for world in worlds:
            way.tune(_middle(world))
            if way.burst():
                return world
    return ""


def _step(way: Tunable, frequency_mhz: float) -> ScanStep:
    way.tune(frequency_mhz)
    heard = next((rssi for rssi in (way.query() for _ in range(QUERIES)) if rssi is not None), None)
    return ScanStep(frequency_mhz, heard)


def _best(heard: Sequence[ScanStep]) -> ScanStep:
    """Return the strongest step; of equal ones the nearest to the middle of all that were heard."""
    middle = (heard[0].frequency_mhz + heard[-1].frequency_mhz) / 2.0
    strongest = max(step.rssi_dbm for step in heard if step.rssi_dbm is not None)
    equals = [step for step in heard if step.rssi_dbm == strongest]
    return min(equals, key=lambda step: abs(step.frequency_mhz - middle))


def _middle(world: str) -> float:
    return BANDS[world][len(BANDS[world]) // 2]
