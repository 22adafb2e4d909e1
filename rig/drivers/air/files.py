"""Sensors on a Pi's own bus, read through the kernel's files: BME280 and BMP280 (iio), SHT4x (hwmon).

The folder of a sensor is found by its file ``name`` at every reading, never by its number, which changes with the order
in which drivers are loaded. Where several of a kind are there, the address on the bus says which is meant.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from rig.errors import InstrumentError, MalformedReply, TransportTimeout
from rig.plugins.air import AirIdentity, AirReading
from rig.plugins.spec import Address, Capability, DriverSpec
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.wire.air_files import CHANNELS, SensorFile, take_files, value_of

TIMEOUT_S: Final = 1.0
QUIET_S: Final = 0.5
DRAIN_S: Final = 2.0
HINT: Final = (
    "dtoverlay=i2c-sensor,bme280 (or sht4x) in config.txt, then look in /sys/bus/iio/devices or /sys/class/hwmon"
)


class FileSensor:
    """One sensor of a ``kind`` below the folder that the link leads to."""

    def __init__(self, links: Links, link: Link, address: Address, *, kind: str) -> None:
        self._links = links
        self._link = link
        self._kind = kind
        self._address = address.serial
        self._identity: AirIdentity | None = None
        self._opening = -1

    def open(self) -> None:
        """Find the sensor; raises `InstrumentError` where there is none, or more than one could be meant."""
        name = self._find()
        self._identity, self._opening = AirIdentity(self._kind, name.address), self._link.openings

    def identify(self) -> AirIdentity:
        """Return kind and address on its bus."""
        if self._identity is None or self._opening != self._link.openings:
            self.open()
        assert self._identity is not None  # noqa: S101 - open() sets it or raises
        return self._identity

    def read_air(self) -> AirReading:
        """Return what its files say; one that the kernel cannot read is an `InstrumentError` that says why."""
        asked_ns = self._links.clock.now_ns()
        name = self._find()
        channels = CHANNELS[self._kind]
        values: dict[str, float] = {}
        texts = []
        for quantity, (file_name, factor) in channels.items():
            found = self._ask(f"{name.folder}/{file_name}".lstrip("/"))
            if len(found) != 1:
                raise InstrumentError(
                    f"the {self._kind} in {name.folder or 'its folder'} has no file {file_name}",
                    where=self._link.where,
                    hint="a kernel with the driver of that sensor",
                )
            values[quantity] = value_of(found[0], factor, self._link.where)
            texts.append(f"{file_name} {found[0].text}")
        return AirReading(
            asked_ns,
            self._link.last_rx_ns,
            values.get("temperature"),
            values.get("humidity"),
            values.get("pressure"),
            ", ".join(texts),
        )

    def _find(self) -> SensorFile:
        names = [each for each in (self._ask("name") or self._ask("*/name")) if each.text == self._kind]
        meant = [each for each in names if self._address in ("", each.address)]
        if len(meant) == 1:
            return meant[0]
        if not names:
            raise InstrumentError(f"there is no {self._kind}", where=self._link.where, hint=HINT)
        there = ", ".join(each.address or each.folder for each in names)
        raise InstrumentError(
            f"{len(names)} sensors are a {self._kind}: {there}" if not meant else f"{len(meant)} are at one address",
            where=self._link.where,
            expected=self._address or "one, or its address as serial in the bench file",
        )

    def _ask(self, pattern: str) -> list[SensorFile]:
        self._link.discard_input()
        try:
            found = self._links.exchange(self._link, f"{pattern}\n".encode(), take_files, TIMEOUT_S, pattern)
        except TransportTimeout:  # a late answer must not be taken for that to the next question
            self._links.fall_quiet(self._link, QUIET_S, DRAIN_S)
            raise
        strangers = [each.path for each in found if not fnmatchcase(each.path, pattern)]
        if strangers:
            raise MalformedReply(self._link.where, strangers[0].encode(), asked=pattern, expected="files of that name")
        return found


def _spec(kind: str, *measures: Capability) -> DriverSpec:
    return DriverSpec(
        api=1,
        name=kind,
        role="environment",
        models=(kind,),
        capabilities=frozenset(measures),
        link_settings=SerialSettings(),
        open=partial(FileSensor, kind=kind),
        simulator=f"rig.sim.air.scenes:{kind}",
    )


BME280: Final = _spec("bme280", Capability.TEMPERATURE, Capability.HUMIDITY, Capability.PRESSURE)
BMP280: Final = _spec("bmp280", Capability.TEMPERATURE, Capability.PRESSURE)
SHT4X: Final = _spec("sht4x", Capability.TEMPERATURE, Capability.HUMIDITY)
