"""What must go together in a bench file: pump and profile, ports and kind, lines, liquid, flow sources, drivers."""

from __future__ import annotations

from datetime import datetime

from rig.config.air import check_air_sensors
from rig.config.declared import BenchConfig
from rig.config.electrical import check_electrical, check_electrical_drivers
from rig.driver_names import BALANCES, ENVIRONMENTS, FLOW_SOURCES, PUMPS, driver_names, is_known
from rig.errors import ConfigError
from rig.profiles.pump import load_profile
from rig.profiles.strict import Origin, nearest

SIMULATOR_SERIALS = range(900_000, 901_000)  # reserved: no pump on sale has them in our benches


def check_bench(bench: BenchConfig, origin: Origin) -> None:
    """Refuse a bench whose tables do not go together; raises `ConfigError` naming file, line and key."""
    if bench.pump.present:
        _check_pump(bench, origin.child("pump"))
    elif bench.simulated:
        raise ConfigError("a simulated bench has a pump", where=str(origin), expected="a table [pump]")
    _check_ports(bench, origin)
    _check_lines(bench, origin)
    _check_liquid(bench, origin)
    _check_flow_sources(bench, str(origin.child("flow_sources")))
    air = str(origin.child("environment").child("sensors"))
    check_air_sensors(bench.environment.sensors, air, simulated=bench.simulated)
    others = (bench.pump.port, bench.balance.port, *(each.port for each in bench.flow_sources))
    check_electrical(bench.supply, bench.meter, others, origin, simulated=bench.simulated)
    if bench.tube.outer_diameter_mm >= bench.vessel.inner_diameter_mm:
        raise ConfigError(
            f"a tube of {bench.tube.outer_diameter_mm:g} mm does not dip into a vessel of "
            f"{bench.vessel.inner_diameter_mm:g} mm",
            where=str(origin.child("tube").child("outer_diameter_mm")),
            expected="less than [vessel] inner_diameter_mm",
        )


def _check_pump(bench: BenchConfig, origin: Origin) -> None:
    """Refuse a mix of twin and pump: a simulator's serial number or profile never stands beside a real one."""
    try:
        twin = load_profile(bench.pump.profile).simulated
    except ConfigError as error:
        raise ConfigError(
            error.what, where=str(origin.child("profile")), expected=error.expected, hint=error.hint
        ) from None
    for serial in bench.pump.serials:
        if (int(serial) in SIMULATOR_SERIALS) != twin:
            first, last = SIMULATOR_SERIALS[0], SIMULATOR_SERIALS[-1]
            raise ConfigError(
                f"serial number {serial} does not go with profile {bench.pump.profile}",
                where=str(origin.child("serials")),
                expected=f"{first} to {last} with a sim-* profile and with no other",
            )
    if bench.simulated and not twin:
        raise ConfigError(
            f"a simulated bench cannot be a {bench.pump.profile}",
            where=str(origin.child("profile")),
            expected="a profile of the twin",
            hint=f"'sim-{bench.pump.profile[-3:]}'",
        )
    for key, claim in (("basal", bench.pump.claims.basal), ("bolus", bench.pump.claims.bolus)):
        if claim is not None and (claim.small_below_u is None) != (claim.small_limit_u is None):
            raise ConfigError(
                "half a rule for small boluses",
                where=str(origin.child("claims").child(key)),
                expected="both small_below_u and small_limit_u, or neither",
            )


def check_drivers(bench: BenchConfig) -> None:
    """Refuse a driver that nobody has installed; a bench file kept as evidence is read without one."""
    origin = Origin(bench.source_name, bench.source_text)
    check_electrical_drivers(bench.supply, bench.meter, origin)
    for section, key, group, name in (
        ("pump", "link", PUMPS, bench.pump.link),
        ("balance", "protocol", BALANCES, bench.balance.protocol),
        *(("flow_sources", "protocol", FLOW_SOURCES, each.protocol) for each in bench.flow_sources),
        *(("environment", "sensors", ENVIRONMENTS, each.protocol) for each in bench.environment.sensors),
    ):
        if not is_known(group, name):
            names = driver_names(group)
            raise ConfigError(
                f"'{name}' cannot be used",
                where=str(origin.child(section).child(key)),
                expected=" or ".join(names),
                hint=nearest(name, names),
            )


def _check_ports(bench: BenchConfig, origin: Origin) -> None:
    """Refuse ports on a bench that has none; a hardware bench may get its ports on the command line."""
    for section, port in (("pump", bench.pump.port), ("balance", bench.balance.port)):
        if bench.simulated and port:
            raise ConfigError(
                f"a simulated bench has no port '{port}'",
                where=str(origin.child(section).child("port")),
                expected='no port, or kind = "hardware"',
            )
    if bench.simulation is not None:
        place = origin.child("simulation").child("start_local")
        try:
            datetime.fromisoformat(bench.simulation.start_local)
        except ValueError as error:
            raise ConfigError(f"no such time: {error}", where=str(place), expected="2026-03-02T21:00:00") from error


def _check_lines(bench: BenchConfig, origin: Origin) -> None:
    """Refuse two lines of one name or pin, and lines on a bench that has no pins."""
    place = str(origin.child("lines"))
    if bench.simulated and any(line.role != "valve" for line in bench.lines):
        raise ConfigError(
            "a simulated bench has no other lines than valves", where=place, expected='role = "valve", or no [[lines]]'
        )
    _check_valves(bench, place)
    for what, values in (
        ("name", [each.name for each in bench.lines]),
        ("pin", [str(each.pin) for each in bench.lines]),
    ):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ConfigError(f"two lines have the {what} {twice}", where=place, expected=f"each {what} once")


def _check_valves(bench: BenchConfig, place: str) -> None:
    """Refuse a deed of a line that is no valve, two valves for one deed, and one whose safe level does it."""
    for key in ("clamps", "diverts"):
        lines = [line for line in bench.lines if getattr(line, key) is not None]
        if len(lines) > 1:
            raise ConfigError(f"two lines have '{key}'", where=place, expected=f"'{key}' at one valve")
        for line in lines:
            if line.role != "valve" or (line.clamps is not None and line.diverts is not None):
                raise ConfigError(
                    f"line {line.name} cannot have '{key}'",
                    where=place,
                    expected='role = "valve", and one of both keys',
                )
            if getattr(line, key) == line.safe:
                raise ConfigError(
                    f"line {line.name} {key} at its safe level",
                    where=place,
                    expected="a valve that is open, into the vessel, at its safe level",
                    hint=f'safe = "{"low" if line.safe == "high" else "high"}"',
                )


def _check_liquid(bench: BenchConfig, origin: Origin) -> None:
    """Refuse a liquid without its density, and a density that nothing uses: neither is ever guessed."""
    stated = bench.vessel.liquid == "stated"
    if stated and bench.liquid is None:
        raise ConfigError(
            "the density of the liquid is missing",
            where=str(origin.child("vessel").child("liquid")),
            expected="a table [liquid] with name, density_kg_per_m3, at_c, ...",
            hint='liquid = "water", where it is water',
        )
    if bench.liquid is not None and not stated:
        raise ConfigError(
            "a density is stated that [vessel] liquid does not use",
            where=str(origin.child("liquid")),
            expected='liquid = "stated" in [vessel], or no [liquid]',
        )


def _check_flow_sources(bench: BenchConfig, place: str) -> None:
    """Refuse more syringe pumps than the twin has, two of one name, and one port for two devices."""
    sources = bench.flow_sources
    if bench.simulated and (len(sources) > 1 or any(each.port for each in sources)):
        raise ConfigError(
            "a simulated bench has one flow source at most, and no port for it",
            where=place,
            expected='one of [[flow_sources]] without port, or kind = "hardware"',
        )
    ports = [port for port in (bench.pump.port, bench.balance.port, *(each.port for each in sources)) if port]
    for what, values in (("name", [each.name for each in sources]), ("port", ports)):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None and sources:
            raise ConfigError(f"two devices have the {what} {twice}", where=place, expected=f"each {what} once")
    for each in sources:
        if each.safe_timeout_s and each.protocol != "new-era":
            raise ConfigError(f"{each.name} has no safe mode", where=place, expected="safe_timeout_s with new-era only")
