"""`BenchConfig`: one physical test fixture as frozen, validated data, read from TOML.

Every key is declared once, with what it means; the reader, the published JSON Schema and the reference page come from
the declaration. An unknown key is an error that names file, line, key and the nearest valid key. Uncertainties are
standard uncertainties (k = 1) unless the key says half width.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from rig.driver_names import BALANCES, NAME_PATTERN, PUMPS, driver_names, is_known
from rig.errors import ConfigError
from rig.paths import benches_dir, names_in
from rig.profiles.pump import Claim, PumpProfile, load_profile
from rig.profiles.strict import (
    Choice,
    Day,
    Integer,
    ListOf,
    Nested,
    Number,
    Origin,
    Text,
    nearest,
    parse_toml,
    read_table,
    read_toml,
    table_schema,
)

DEFAULT_BENCH = "simulated"
SIMULATOR_SERIALS = range(900_000, 901_000)  # reserved: no pump on sale has them in our benches
_SERIAL = Text(r"\d{6}", "six digits in quotes")
_DRIVER = Text(NAME_PATTERN, "the name of a driver: lower-case letters, digits, dashes")
_PORT = Text(r"\S.{0,200}", "a port such as /dev/serial/by-id/... or tcp://host:port")


@dataclass(frozen=True, slots=True)
class ConfirmedClaim:
    """An accuracy claim that a named person read in a document of this very pump."""

    limit_pct: Annotated[float, Number(0, 100, "%", positive=True), "largest error, either sign, in %"]
    document: Annotated[str, Text(), "the document, its edition and page"]
    confirmed_by: Annotated[str, Text(), "the person who read it"]
    confirmed_on: Annotated[date, Day(), "the day on which it was read"]
    small_below_u: Annotated[float | None, Number(0, 25, "U"), "below this bolus the absolute limit holds, in U"] = None
    small_limit_u: Annotated[float | None, Number(0, 25, "U"), "largest error of a small bolus, in U"] = None


@dataclass(frozen=True, slots=True)
class Claims:
    """Confirmed accuracy claims; those left out stay as the pump's profile has them."""

    basal: Annotated[ConfirmedClaim | None, Nested(ConfirmedClaim), "confirmed claim for basal delivery"] = None
    bolus: Annotated[ConfirmedClaim | None, Nested(ConfirmedClaim), "confirmed claim for boluses"] = None


@dataclass(frozen=True, slots=True)
class PumpConfig:
    """The pump under test and the way to it; no other serial number is ever addressed."""

    serials: Annotated[tuple[str, ...], ListOf(_SERIAL, 1, 20), "serial numbers of the devices under test"]
    profile: Annotated[str, Text(r"[a-z0-9-]{1,40}", "the id of a pump profile"), "profile of the pump model"]
    link: Annotated[str, _DRIVER, "driver of the pump: kind of radio stick, or name of a plug-in"] = "cc111x"
    port: Annotated[str, _PORT, "port of the radio stick; left out on a simulated bench"] = ""
    frequency_mhz: Annotated[float, Number(860, 930, "MHz"), "radio frequency of the pump"] = 916.55
    claims: Annotated[Claims, Nested(Claims), "accuracy claims confirmed for this pump"] = field(default=Claims())


@dataclass(frozen=True, slots=True)
class BalanceUncertainty:
    """What is known of the balance from its certificate, as standard uncertainties (k = 1)."""

    repeatability_mg: Annotated[float, Number(0, 1000, "mg"), "standard deviation of one reading, in mg"]
    sensitivity_ppm: Annotated[
        float, Number(0, 10_000, "ppm"), "half width of the relative error of a mass difference, linearity included"
    ]
    temperature_ppm_per_k: Annotated[float, Number(0, 100, "ppm/K"), "sensitivity drift of the gross load"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The certificate of an instrument."""

    certificate: Annotated[str, Text(), "number of the certificate"]
    due: Annotated[date, Day(), "day on which it expires"]


@dataclass(frozen=True, slots=True)
class BalanceConfig:
    """The balance and the way to it."""

    resolution_mg: Annotated[float, Number(0, 100, "mg", positive=True), "last digit of the display, in mg"]
    uncertainty: Annotated[BalanceUncertainty, Nested(BalanceUncertainty), "uncertainty of its readings"]
    calibration: Annotated[Calibration, Nested(Calibration), "its certificate"]
    protocol: Annotated[str, _DRIVER, "the language it speaks: name of its driver"] = "mt-sics"
    port: Annotated[str, _PORT, "serial port; left out on a simulated bench"] = ""
    serial: Annotated[str, Text(r"\S{1,40}", "the serial number in quotes"), "serial number; any when left out"] = ""
    baud: Annotated[int | None, Integer(300, 921_600), "baud rate; that of its driver when left out"] = None
    line: Annotated[
        str, Text(r"[78][NEO][12]", "data bits, parity, stop bits, such as 7E1"), "as its driver has it when left out"
    ] = ""
    handshake: Annotated[str, Choice(("none", "rtscts")), "rtscts: it sends only while CTS is on"] = "none"
    mode: Annotated[
        str, Choice(("poll", "stream")), "poll: each reading is asked for; stream: they come by themselves"
    ] = "poll"


@dataclass(frozen=True, slots=True)
class Vessel:
    """The vessel on the pan."""

    inner_diameter_mm: Annotated[float, Number(1, 200, "mm"), "inner diameter, in mm"]
    capacity_ul: Annotated[float, Number(10, 1e7, "uL"), "free volume before it overflows, in uL"]
    load_cm3: Annotated[float, Number(0, 1000, "cm^3"), "outer volume of the vessel with its content, in cm^3"]
    gross_load_g: Annotated[float, Number(0, 1000, "g"), "mass of the vessel with its content, in g"]
    u_load_cm3: Annotated[float, Number(0, 100, "cm^3"), "standard uncertainty of load_cm3"] = 0.0
    liquid: Annotated[
        str, Choice(("water", "stated")), "what the pump delivers; stated: its density stands in [liquid]"
    ] = "water"


@dataclass(frozen=True, slots=True)
class Liquid:
    """A liquid other than water, by its measured density; uncertainties are standard uncertainties."""

    name: Annotated[str, Text(), "what it is"]
    density_kg_per_m3: Annotated[float, Number(500, 2000, "kg/m^3"), "density at at_c, in kg/m^3"]
    at_c: Annotated[float, Number(0, 40, "C"), "temperature of that density, in degrees C"]
    u_density_kg_per_m3: Annotated[float, Number(0, 50, "kg/m^3", positive=True), "standard uncertainty, in kg/m^3"]
    expansion_per_k: Annotated[float, Number(-1e-3, 2e-3, "1/K"), "-(1/density) d(density)/dT, in 1/K"]
    u_expansion_per_k: Annotated[float, Number(0, 1e-3, "1/K", positive=True), "its standard uncertainty, in 1/K"]
    source: Annotated[str, Text(), "how and by whom the density was found"]


@dataclass(frozen=True, slots=True)
class Tube:
    """The outlet that dips into the liquid."""

    outer_diameter_mm: Annotated[float, Number(0, 20, "mm"), "outer diameter, in mm; 0 when it does not dip in"]


@dataclass(frozen=True, slots=True)
class Environment:
    """Air and liquid around the balance as a person or a sensor states them, with standard uncertainties."""

    temperature_c: Annotated[float, Number(0, 40, "C"), "temperature of air and liquid, in degrees C"]
    humidity_pct: Annotated[float, Number(0, 100, "%"), "relative humidity, in %"]
    pressure_hpa: Annotated[float, Number(600, 1100, "hPa"), "air pressure at the balance, in hPa"]
    u_temperature_c: Annotated[float, Number(0, 10, "C"), "standard uncertainty over the run, in K"]
    u_humidity_pct: Annotated[float, Number(0, 50, "%"), "standard uncertainty over the run, in %"]
    u_pressure_hpa: Annotated[float, Number(0, 50, "hPa"), "standard uncertainty over the run, in hPa"]
    source: Annotated[str, Text(), "who or what states it"] = "stated in the bench file"


@dataclass(frozen=True, slots=True)
class GuardianConfig:
    """The guardian of a bench with ports: where it lives, and what it watches."""

    run_dir: Annotated[str, Text(r"/\S{1,80}", "an absolute path"), "folder of lock and socket, in memory"] = ""
    heartbeat_s: Annotated[
        float, Number(1, 60, "s"), "a runner that says nothing for so long is taken for hung, and killed"
    ] = 4.0
    watchdog: Annotated[str, Text(r"/dev/\S{1,40}", "a device such as /dev/watchdog"), "hardware watchdog to feed"] = ""
    gpio: Annotated[
        str,
        Text(r"rpi|folder:/\S{1,80}", "rpi, or folder:/absolute/path"),
        "rpi: the pins of this Pi; folder:DIR: files that stand for them, on benches without pins",
    ] = "rpi"


@dataclass(frozen=True, slots=True)
class LineConfig:
    """One GPIO line; only the guardian ever touches it."""

    name: Annotated[str, Text(r"[a-z0-9-]{1,30}", "lower-case letters, digits, dashes"), "name of the line"]
    pin: Annotated[int, Integer(0, 53), "BCM number, not the number on the header"]
    role: Annotated[
        str,
        Choice(("valve", "supply", "button", "output", "emergency_stop", "input")),
        "what hangs on it; an emergency_stop reads low while it is not pressed and its wire is whole",
    ]
    safe: Annotated[str, Choice(("low", "high")), "level of an output that is safe; it has it at the start, too"] = (
        "low"
    )


@dataclass(frozen=True, slots=True)
class FlowSourceConfig:
    """A laboratory syringe pump whose known flow qualifies the bench; its protocol tells no serial number."""

    name: Annotated[str, Text(r"[a-z0-9][a-z0-9-]{0,29}", "lower-case letters, digits, dashes"), "name of the pump"]
    protocol: Annotated[str, Choice(("new-era", "harvard")), "the language it speaks"]
    port: Annotated[str, _PORT, "its port, best by identity"] = ""
    model: Annotated[str, Text(r"\S.{0,40}", "the model as it tells it"), "its model; any when left out"] = ""
    usb_serial: Annotated[
        str, Text(r"\S{1,60}", "the serial number in quotes"), "USB serial number of its port; any when left out"
    ] = ""
    address: Annotated[int, Integer(0, 99), "its address"] = 0
    baud: Annotated[int | None, Integer(300, 921_600), "baud rate; 19200 (New Era), 115200 (Harvard)"] = None
    safe_timeout_s: Annotated[int, Integer(0, 255), "New Era: it stops when unasked for so long; 0: basic mode"] = 0
    diameter_mm: Annotated[
        float | None, Number(0, 100, "mm", positive=True), "inside diameter of its syringe, in mm; any when left out"
    ] = None


@dataclass(frozen=True, slots=True)
class Simulation:
    """How the twin plays this bench; only on benches of kind ``simulated`` or served by ``rig simulate``."""

    seed: Annotated[int, Integer(0, 2**32 - 1), "seed of everything that scatters"] = 1
    start_local: Annotated[
        str,
        Text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "local time such as '2026-03-02T21:00:00'"),
        "pump clock at the start",
    ] = "2026-03-02T21:00:00"
    speed: Annotated[float, Number(0, 100_000, positive=True), "rig seconds per second of a served simulator"] = 1.0
    epoch_ns: Annotated[int, Integer(0, 2**63 - 1), "link time at which rig time was the same"] = 0
    faults: Annotated[tuple[str, ...], ListOf(Text(), 0, 50), "faults seeded in the twin"] = ()

    @property
    def start(self) -> datetime:
        """Return the pump clock at the start, as naive local time."""
        return datetime.fromisoformat(self.start_local)


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """One bench: its devices, its geometry, its air. ``simulated`` benches run inside this process."""

    name: Annotated[str, Text(r"[a-z0-9][a-z0-9-]{0,60}", "lower-case letters, digits and dashes"), "name of the bench"]
    kind: Annotated[str, Choice(("simulated", "hardware")), "twin in this process, or devices behind real ports"]
    pump: Annotated[PumpConfig, Nested(PumpConfig), "the pump under test"]
    balance: Annotated[BalanceConfig, Nested(BalanceConfig), "the balance"]
    vessel: Annotated[Vessel, Nested(Vessel), "the vessel on the pan"]
    tube: Annotated[Tube, Nested(Tube), "the outlet tube"]
    environment: Annotated[Environment, Nested(Environment), "air around the balance"]
    liquid: Annotated[Liquid | None, Nested(Liquid), 'the liquid, where [vessel] liquid = "stated"'] = None
    simulation: Annotated[Simulation | None, Nested(Simulation), "how the twin plays it"] = None
    guardian: Annotated[GuardianConfig, Nested(GuardianConfig), "the guardian"] = field(default=GuardianConfig())
    lines: Annotated[tuple[LineConfig, ...], ListOf(Nested(LineConfig), 0, 54), "GPIO lines, each a [[lines]]"] = ()
    flow_sources: Annotated[
        tuple[FlowSourceConfig, ...], ListOf(Nested(FlowSourceConfig), 0, 8), "syringe pumps, each a [[flow_sources]]"
    ] = ()
    runs_dir: Annotated[str, Text(), "folder of the runs; ./runs when left out"] = ""
    storage: Annotated[str, Choice(("ssd", "sd")), "what the runs are written to; decides how often"] = "ssd"
    title: Annotated[str, Text(), "one line for people"] = ""
    source_name: str = ""
    source_text: str = ""

    @property
    def simulated(self) -> bool:
        """Return whether the twin plays this bench inside this process."""
        return self.kind == "simulated"

    @property
    def calibration_due(self) -> date:
        """Return the earliest day on which a certificate of this bench expires."""
        return self.balance.calibration.due

    def pump_profile(self, base: PumpProfile | None = None) -> PumpProfile:
        """Return the pump's profile (``base``, else the shipped one) with the claims confirmed in this bench file."""
        profile = base or load_profile(self.pump.profile)
        claims = dict(profile.claims)
        for key, confirmed in (("basal", self.pump.claims.basal), ("bolus", self.pump.claims.bolus)):
            if confirmed is not None:
                claims[key] = _claim(confirmed)
        return replace(profile, claims=claims)


def load_bench(name_or_path: str | Path = DEFAULT_BENCH) -> BenchConfig:
    """Return a bench by the name of a shipped description or by the path of a TOML file.

    Raises `ConfigError` naming the file, the line and the nearest valid key, or the nearest bench.
    """
    path = _find(name_or_path)
    data, text = read_toml(path)
    bench = _bench(data, text, str(name_or_path) if path == Path(name_or_path) else path.name)
    _check_drivers(bench)
    return bench


def parse_bench(text: str, name: str = "bench.toml") -> BenchConfig:
    """Return a bench from TOML text; ``name`` stands in messages."""
    return _bench(parse_toml(text, name), text, name)


def bench_schema() -> dict[str, Any]:
    """Return the JSON Schema of a bench file."""
    schema = table_schema(BenchConfig)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Bench of the insulin-pump rig",
        **schema,
    }


def _bench(data: dict[str, Any], text: str, name: str) -> BenchConfig:
    origin = Origin(name, text)
    bench = replace(read_table(BenchConfig, data, origin), source_name=name, source_text=text)
    _check_pump(bench, origin.child("pump"))
    _check_ports(bench, origin)
    _check_lines(bench, origin)
    _check_liquid(bench, origin)
    _check_flow_sources(bench, str(origin.child("flow_sources")))
    if bench.tube.outer_diameter_mm >= bench.vessel.inner_diameter_mm:
        raise ConfigError(
            f"a tube of {bench.tube.outer_diameter_mm:g} mm does not dip into a vessel of "
            f"{bench.vessel.inner_diameter_mm:g} mm",
            where=str(origin.child("tube").child("outer_diameter_mm")),
            expected="less than [vessel] inner_diameter_mm",
        )
    return bench


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


def _check_drivers(bench: BenchConfig) -> None:
    """Refuse a driver that nobody has installed; a bench file kept as evidence is read without one."""
    origin = Origin(bench.source_name, bench.source_text)
    for section, key, group, name in (
        ("pump", "link", PUMPS, bench.pump.link),
        ("balance", "protocol", BALANCES, bench.balance.protocol),
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
    if bench.simulated and bench.lines:
        raise ConfigError("a simulated bench has no lines", where=place, expected='no [[lines]], or kind = "hardware"')
    for what, values in (
        ("name", [each.name for each in bench.lines]),
        ("pin", [str(each.pin) for each in bench.lines]),
    ):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ConfigError(f"two lines have the {what} {twice}", where=place, expected=f"each {what} once")


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
    """Refuse syringe pumps on a bench without ports, two of one name, and one port for two devices."""
    sources = bench.flow_sources
    if bench.simulated and sources:
        raise ConfigError(
            "a simulated bench has no flow sources", where=place, expected='no [[flow_sources]], or kind = "hardware"'
        )
    ports = [port for port in (bench.pump.port, bench.balance.port, *(each.port for each in sources)) if port]
    for what, values in (("name", [each.name for each in sources]), ("port", ports)):
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None and sources:
            raise ConfigError(f"two devices have the {what} {twice}", where=place, expected=f"each {what} once")
    for each in sources:
        if each.safe_timeout_s and each.protocol != "new-era":
            raise ConfigError(f"{each.name} has no safe mode", where=place, expected="safe_timeout_s with new-era only")


def _claim(confirmed: ConfirmedClaim) -> Claim:
    text = f"{confirmed.document}, confirmed by {confirmed.confirmed_by} on {confirmed.confirmed_on.isoformat()}"
    return Claim(
        mark="confirmed",
        text=text,
        limit_pct=confirmed.limit_pct,
        small_below_u=confirmed.small_below_u,
        small_limit_u=confirmed.small_limit_u,
    )


def _find(name_or_path: str | Path) -> Path:
    """Return the file of a bench: a path that exists, else a name among the shipped ones."""
    text = str(name_or_path)
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        if path.is_file():
            return path
        raise ConfigError("no such bench file", where=text)
    names = names_in(benches_dir(), ".toml")
    if text in names:
        return benches_dir() / f"{text}.toml"
    near = nearest(text, names)
    raise ConfigError(
        f"unknown bench '{text}'", expected=f"a file, or one of {', '.join(names)}", hint=near and f"'{near}'"
    )
