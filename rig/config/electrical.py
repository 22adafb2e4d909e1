"""Supply and meter of a bench: where they are, and what may ever be fed to the pump that hangs on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rig.driver_names import METERS, NAME_PATTERN, SUPPLIES, driver_names, is_known
from rig.errors import ConfigError
from rig.profiles.strict import Flag, Integer, Number, Origin, Text, nearest

_DRIVER = Text(NAME_PATTERN, "the name of a driver: lower-case letters, digits, dashes")
_PORT = Text(r"(/|tcp://)\S{1,200}", "a port such as tcp://192.168.1.20:5555 or /dev/serial/by-id/...")
_RESOURCE = Text(
    r"(TCPIP|USB|ASRL|GPIB)[^:\s]*::\S{1,200}", "a VISA resource such as USB0::0x1AB1::0x0E11::DP8C1::INSTR"
)
_SERIAL = Text(r"\S{1,40}", "the serial number in quotes")


@dataclass(frozen=True, slots=True)
class SupplyConfig:
    """A programmable supply in place of the pump's cell; one output of it, and nothing else hangs there."""

    protocol: Annotated[str, _DRIVER, "the language it speaks: name of its driver"]
    nominal_v: Annotated[float, Number(0, 60, "V", positive=True), "what the pump is fed with unless a step says else"]
    max_v: Annotated[
        float, Number(0, 60, "V", positive=True), "over-voltage protection, set before the output is switched on"
    ]
    current_limit_a: Annotated[float, Number(0, 10, "A", positive=True), "current limit, set before that as well"]
    port: Annotated[str, _PORT, "TCP or serial port, spoken to directly"] = ""
    resource: Annotated[str, _RESOURCE, "VISA resource, opened by pyvisa; in place of port"] = ""
    serial: Annotated[str, _SERIAL, "serial number; any when left out"] = ""
    baud: Annotated[int, Integer(300, 921_600), "baud rate of a serial port"] = 9600
    channel: Annotated[int, Integer(1, 4), "its output that feeds the pump"] = 1
    without_protection: Annotated[
        bool, Flag(), "true: accept a supply that has no over-voltage protection on its interface"
    ] = False
    series_resistance_ohm: Annotated[
        float, Number(0, 10, "ohm"), "resistor in the lead that stands for the cell's own resistance; recorded only"
    ] = 0.0
    u_voltage_v: Annotated[
        float | None, Number(0, 10, "V"), "standard uncertainty of its voltage; without it none is judged"
    ] = None
    u_current_a: Annotated[
        float | None, Number(0, 10, "A"), "standard uncertainty of its current; without it none is judged"
    ] = None
    boot_s: Annotated[float, Number(0, 600, "s"), "how long the pump takes to answer after its supply came back"] = 10.0

    @property
    def way(self) -> str:
        """Return what opens it: the port, else the resource."""
        return self.port or self.resource


@dataclass(frozen=True, slots=True)
class MeterConfig:
    """A meter that reads the current into the pump, in a range that stays fixed."""

    protocol: Annotated[str, _DRIVER, "the language it speaks: name of its driver"]
    range_a: Annotated[float, Number(0, 10, "A", positive=True), "its range, one that the model has; never automatic"]
    port: Annotated[str, _PORT, "TCP or serial port, spoken to directly"] = ""
    resource: Annotated[str, _RESOURCE, "VISA resource, opened by pyvisa; in place of port"] = ""
    serial: Annotated[str, _SERIAL, "serial number; any when left out"] = ""
    baud: Annotated[int, Integer(300, 921_600), "baud rate of a serial port"] = 9600
    nplc: Annotated[float, Number(0, 100, positive=True), "integration time, in power-line cycles"] = 1.0
    u_current_a: Annotated[
        float | None, Number(0, 10, "A"), "standard uncertainty of its current; without it none is judged"
    ] = None

    @property
    def way(self) -> str:
        """Return what opens it: the port, else the resource."""
        return self.port or self.resource


def check_electrical(
    supply: SupplyConfig | None, meter: MeterConfig | None, others: tuple[str, ...], origin: Origin, *, simulated: bool
) -> None:
    """Refuse a supply or meter with two ways or none, on a port that another device has, or with limits in disorder.

    ``others`` are the ports of all other devices. Raises `ConfigError` naming file, line and key.
    """
    taken = {port for port in others if port}
    for name, each in (("supply", supply), ("meter", meter)):
        if each is None:
            continue
        place = origin.child(name)
        _check_way(name, each, place, simulated=simulated)
        if each.way in taken:
            where = str(place.child("port" if each.port else "resource"))
            raise ConfigError(f"two devices have the port {each.way}", where=where, expected="each port once")
        if each.way:
            taken.add(each.way)
    if supply is not None and not supply.nominal_v < supply.max_v:
        raise ConfigError(
            f"{supply.nominal_v:g} V would trip a protection of {supply.max_v:g} V",
            where=str(origin.child("supply").child("max_v")),
            expected="more than nominal_v",
        )


def _check_way(name: str, device: SupplyConfig | MeterConfig, place: Origin, *, simulated: bool) -> None:
    if simulated and device.way:
        where = str(place.child("port" if device.port else "resource"))
        raise ConfigError(
            f"a simulated bench has no port '{device.way}'", where=where, expected='none, or kind = "hardware"'
        )
    if device.port and device.resource:
        raise ConfigError(
            f"the {name} has a port and a resource", where=str(place.child("resource")), expected="one of both"
        )


def check_electrical_drivers(supply: SupplyConfig | None, meter: MeterConfig | None, origin: Origin) -> None:
    """Refuse a driver that nobody has installed; a bench file kept as evidence is read without one."""
    for name, each, group in (("supply", supply, SUPPLIES), ("meter", meter, METERS)):
        if each is not None and not is_known(group, each.protocol):
            names = driver_names(group)
            raise ConfigError(
                f"'{each.protocol}' cannot be used",
                where=str(origin.child(name).child("protocol")),
                expected=" or ".join(names),
                hint=nearest(each.protocol, names),
            )
