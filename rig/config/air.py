"""`AirSensorConfig`: a sensor of the air around the balance, and what must go together in its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from rig.config.certificates import Calibration
from rig.driver_names import NAME_PATTERN
from rig.errors import ConfigError
from rig.profiles.strict import Choice, Integer, ListOf, Nested, Number, Text

QUANTITIES: Final = ("temperature", "humidity", "pressure")
UNCERTAINTIES: Final = {
    "temperature": "u_temperature_c",
    "humidity": "u_humidity_pct",
    "pressure": "u_pressure_hpa",
}
FOLDERS: Final = {  # where the kernel shows its sensors
    "bme280": "/sys/bus/iio/devices",
    "bmp280": "/sys/bus/iio/devices",
    "sht4x": "/sys/class/hwmon",
}


@dataclass(frozen=True, slots=True)
class AirSensorConfig:
    """A sensor that is read in the course of a run; uncertainties are standard uncertainties at the balance."""

    name: Annotated[str, Text(r"[a-z0-9][a-z0-9-]{0,29}", "lower-case letters, digits, dashes"), "name of the sensor"]
    protocol: Annotated[str, Text(NAME_PATTERN, "the name of a driver"), "what it is, or speaks: name of its driver"]
    measures: Annotated[
        tuple[str, ...],
        ListOf(Choice(QUANTITIES), 1, 3),
        "temperature, humidity, pressure: which are taken from it",
    ]
    u_temperature_c: Annotated[
        float | None, Number(0, 10, "K", positive=True), "of its reading as temperature of air and liquid, in K"
    ] = None
    u_humidity_pct: Annotated[float | None, Number(0, 50, "%", positive=True), "of its humidity, in %"] = None
    u_pressure_hpa: Annotated[float | None, Number(0, 50, "hPa", positive=True), "of its pressure, in hPa"] = None
    calibration: Annotated[Calibration | None, Nested(Calibration), "its certificate"] = None
    port: Annotated[str, Text(r"\S.{0,200}", "a port, or a folder"), "port, or folder with its files"] = ""
    serial: Annotated[
        str, Text(r"\S{1,40}", "the serial number in quotes"), "serial number, or address on the bus such as 1-0076"
    ] = ""
    usb_serial: Annotated[
        str, Text(r"\S{1,60}", "the serial number in quotes"), "USB serial number of its port; any when left out"
    ] = ""
    address: Annotated[int, Integer(0, 99), "ptu300 in POLL mode: its address; 0: it is not"] = 0
    baud: Annotated[int | None, Integer(300, 921_600), "baud rate; that of its driver when left out"] = None

    @property
    def where(self) -> str:
        """Return its port, or the folder in which the kernel shows sensors of its kind."""
        return self.port or FOLDERS.get(self.protocol, "")

    def u_of(self, quantity: str) -> float:
        """Return the standard uncertainty of a quantity that is taken from it."""
        return float(getattr(self, UNCERTAINTIES[quantity]) or 0.0)


def check_air_sensors(sensors: tuple[AirSensorConfig, ...], place: str, *, simulated: bool) -> None:
    """Refuse two sensors of one name, one quantity or one port, and an uncertainty that nobody states."""
    for what, values in (
        ("name", [each.name for each in sensors]),
        ("port", [each.port for each in sensors if each.port and each.protocol not in FOLDERS]),
        ("quantity", [quantity for each in sensors for quantity in each.measures]),
    ):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ConfigError(f"two sensors have the {what} {twice}", where=place, expected=f"each {what} once")
    for each in sensors:
        if simulated and each.port:
            raise ConfigError(
                f"a simulated bench has no port '{each.port}'", where=place, expected='no port, or kind = "hardware"'
            )
        for quantity in each.measures:
            if getattr(each, UNCERTAINTIES[quantity]) is None:
                raise ConfigError(
                    f"{each.name} measures the {quantity}, and nobody says how well",
                    where=place,
                    expected=f"{UNCERTAINTIES[quantity]}, from its certificate or data sheet",
                )
