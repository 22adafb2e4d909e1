"""The role of a sensor of the air around the balance: temperature, humidity, pressure, or some of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

QUANTITIES: Final = ("temperature", "humidity", "pressure")


@dataclass(frozen=True, slots=True)
class AirIdentity:
    """Who a sensor says it is; ``serial`` is empty where it does not say, else a number or the address on its bus."""

    model: str
    serial: str
    software: str = ""


@dataclass(frozen=True, slots=True)
class AirReading:
    """One answer of a sensor, taken between ``asked_ns`` and ``answered_ns`` of rig time.

    A quantity that it does not measure, or said to be missing, is null; it is never guessed. ``text`` is what was
    received.
    """

    asked_ns: int
    answered_ns: int
    temperature_c: float | None
    humidity_pct: float | None
    pressure_hpa: float | None
    text: str

    def of(self, quantity: str) -> float | None:
        """Return one of `QUANTITIES`, in degrees C, % or hPa; None where it is missing."""
        values = {
            "temperature": self.temperature_c,
            "humidity": self.humidity_pct,
            "pressure": self.pressure_hpa,
        }
        return values[quantity]


class AirReads(Protocol):
    """What every sensor answers. Nothing is set: a sensor is read as it is found."""

    def open(self) -> None:
        """Bring its line to a known state, and learn who it is."""

    def identify(self) -> AirIdentity:
        """Return model and serial number; greets the sensor if that was not done on this opening of the link."""


class MeasuresTemperature(Protocol):
    """The temperature of the air, in degrees C."""

    def read_air(self) -> AirReading:
        """Return what it measures now."""


class MeasuresHumidity(Protocol):
    """The relative humidity, in %."""

    def read_air(self) -> AirReading:
        """Return what it measures now."""


class MeasuresPressure(Protocol):
    """The air pressure where the sensor is, in hPa; never reduced to sea level."""

    def read_air(self) -> AirReading:
        """Return what it measures now."""


class AirSensor(AirReads, MeasuresTemperature, Protocol):
    """A sensor of the air as whoever reads it sees it."""
