"""`BenchConfig`: one physical test fixture as frozen, validated data, read from TOML.

Every key is declared once, with what it means; the reader, the published JSON Schema and the reference page come from
the declaration. An unknown key is an error that names file, line, key and the nearest valid key. Uncertainties are
standard uncertainties (k = 1) unless the key says half width.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Annotated, Final

from rig.config.air import AirSensorConfig
from rig.config.certificates import Calibration, Certificate
from rig.config.electrical import MeterConfig, SupplyConfig
from rig.driver_names import NAME_PATTERN
from rig.profiles.pump import Claim, PumpProfile, load_profile
from rig.profiles.strict import Choice, Day, Integer, ListOf, Nested, Number, Text

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
    frequency: Annotated[
        str, Choice(("stated", "scan")), "stated: frequency_mhz holds; scan: the strongest in the bands of world"
    ] = "stated"
    frequency_mhz: Annotated[float, Number(860, 930, "MHz"), "radio frequency of the pump, where it is stated"] = 916.55
    world: Annotated[
        str, Choice(("both", "us", "ww")), "where a scan looks: us near 916.6, ww near 868.4 MHz, both one by one"
    ] = "both"
    claims: Annotated[Claims, Nested(Claims), "accuracy claims confirmed for this pump"] = field(default=Claims())

    @property
    def present(self) -> bool:
        """Return whether the bench has a pump at all: one without [pump] weighs, and qualifies its balance."""
        return bool(self.serials)

    @property
    def scan(self) -> tuple[str, ...]:
        """Return the bands in which the pump's frequency is looked for; none where it is stated."""
        if self.frequency == "stated":
            return ()
        return ("us", "ww") if self.world == "both" else (self.world,)


NO_PUMP: Final = PumpConfig(serials=(), profile="mmt-722")  # a bench without [pump]; its profile is never used


@dataclass(frozen=True, slots=True)
class BalanceUncertainty:
    """What is known of the balance from its certificate, as standard uncertainties (k = 1)."""

    repeatability_mg: Annotated[float, Number(0, 1000, "mg"), "standard deviation of one reading, in mg"]
    sensitivity_ppm: Annotated[
        float, Number(0, 10_000, "ppm"), "half width of the relative error of a mass difference, linearity included"
    ]
    temperature_ppm_per_k: Annotated[float, Number(0, 100, "ppm/K"), "sensitivity drift of the gross load"]


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
    sensors: Annotated[
        tuple[AirSensorConfig, ...],
        ListOf(Nested(AirSensorConfig), 0, 3),
        "sensors that are read in the course of a run, each an [[environment.sensors]]",
    ] = ()


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
    clamps: Annotated[
        str | None, Choice(("low", "high")), "level at which a pinch valve clamps the tube; never the safe one"
    ] = None
    diverts: Annotated[
        str | None, Choice(("low", "high")), "level at which a valve leads the line past the vessel; never the safe one"
    ] = None


@dataclass(frozen=True, slots=True)
class FlowAccuracy:
    """How well a flow is known: of pump and syringe together, from a certificate, a comparison or the maker."""

    half_width_pct: Annotated[float, Number(0, 20, "%", positive=True), "half width of its relative error, in %"]
    source: Annotated[str, Text(), "who says so: the certificate, or the document and its page"]
    due: Annotated[date | None, Day(), "day on which that expires; never when left out"] = None


@dataclass(frozen=True, slots=True)
class ReferenceWeightConfig:
    """A weight that a person puts on the pan when the bench is qualified."""

    nominal_g: Annotated[float, Number(0, 1000, "g", positive=True), "nominal mass, in g"]
    mass_g: Annotated[float, Number(0, 1000, "g", positive=True), "conventional mass by its certificate, in g"]
    u_mg: Annotated[float, Number(0, 100, "mg", positive=True), "its standard uncertainty, in mg"]
    calibration: Annotated[Calibration, Nested(Calibration), "its certificate"]
    name: Annotated[str, Text(), "class and serial number of the weight"] = ""


@dataclass(frozen=True, slots=True)
class FlowSourceConfig:
    """A laboratory syringe pump whose known flow qualifies the bench; its protocol tells no serial number."""

    name: Annotated[str, Text(r"[a-z0-9][a-z0-9-]{0,29}", "lower-case letters, digits, dashes"), "name of the pump"]
    protocol: Annotated[str, _DRIVER, "the language it speaks: name of its driver"]
    port: Annotated[str, _PORT, "its port, best by identity; left out on a simulated bench"] = ""
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
    accuracy: Annotated[FlowAccuracy | None, Nested(FlowAccuracy), "how well its flow is known"] = None
    travel_step_um: Annotated[
        float, Number(0, 100, "um", positive=True), "travel of its pusher in one step of the motor, in um"
    ] = 1.0
    serial: Annotated[str, Text(r"\S{1,40}", "the serial number in quotes"), "serial number on its label"] = ""


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
    balance: Annotated[BalanceConfig, Nested(BalanceConfig), "the balance"]
    vessel: Annotated[Vessel, Nested(Vessel), "the vessel on the pan"]
    tube: Annotated[Tube, Nested(Tube), "the outlet tube"]
    environment: Annotated[Environment, Nested(Environment), "air around the balance"]
    pump: Annotated[PumpConfig, Nested(PumpConfig), "the pump under test; none when left out"] = NO_PUMP
    liquid: Annotated[Liquid | None, Nested(Liquid), 'the liquid, where [vessel] liquid = "stated"'] = None
    simulation: Annotated[Simulation | None, Nested(Simulation), "how the twin plays it"] = None
    guardian: Annotated[GuardianConfig, Nested(GuardianConfig), "the guardian"] = field(default=GuardianConfig())
    lines: Annotated[tuple[LineConfig, ...], ListOf(Nested(LineConfig), 0, 54), "GPIO lines, each a [[lines]]"] = ()
    flow_sources: Annotated[
        tuple[FlowSourceConfig, ...], ListOf(Nested(FlowSourceConfig), 0, 8), "syringe pumps, each a [[flow_sources]]"
    ] = ()
    supply: Annotated[SupplyConfig | None, Nested(SupplyConfig), "supply in place of the pump's cell"] = None
    meter: Annotated[MeterConfig | None, Nested(MeterConfig), "meter of the current into the pump"] = None
    reference_weights: Annotated[
        tuple[ReferenceWeightConfig, ...],
        ListOf(Nested(ReferenceWeightConfig), 0, 20),
        "weights for a qualification, each a [[reference_weights]]",
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
        """Return the earliest day on which a certificate that a run rests on expires."""
        return min(each.due for each in self.certificates)

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Return the certificates that every run rests on: of the balance, and of the sensors of the air."""
        held = self.balance.calibration
        found = [Certificate("balance", "balance.calibration", held.certificate, held.due)]
        for each in self.environment.sensors:
            if (held_by := each.calibration) is not None:
                key = "environment.sensors.calibration"
                found.append(Certificate(f"air sensor {each.name}", key, held_by.certificate, held_by.due))
        return tuple(found)

    @property
    def qualifying_certificates(self) -> tuple[Certificate, ...]:
        """Return the certificates that only a qualification rests on: of weights, and of the flow of sources."""
        found = []
        for weight in self.reference_weights:
            name = weight.name or f"weight of {weight.nominal_g:g} g"
            held = weight.calibration
            found.append(Certificate(name, "reference_weights.calibration", held.certificate, held.due))
        for source in self.flow_sources:
            if source.accuracy is not None and source.accuracy.due is not None:
                key = "flow_sources.accuracy"
                told = source.accuracy.source
                found.append(Certificate(f"flow source {source.name}", key, told, source.accuracy.due))
        return tuple(found)

    def pump_profile(self, base: PumpProfile | None = None) -> PumpProfile:
        """Return the pump's profile (``base``, else the shipped one) with the claims confirmed in this bench file."""
        profile = base or load_profile(self.pump.profile)
        claims = dict(profile.claims)
        for key, confirmed in (("basal", self.pump.claims.basal), ("bolus", self.pump.claims.bolus)):
            if confirmed is not None:
                claims[key] = _claim(confirmed)
        return replace(profile, claims=claims)


def _claim(confirmed: ConfirmedClaim) -> Claim:
    text = f"{confirmed.document}, confirmed by {confirmed.confirmed_by} on {confirmed.confirmed_on.isoformat()}"
    return Claim(
        mark="confirmed",
        text=text,
        limit_pct=confirmed.limit_pct,
        small_below_u=confirmed.small_below_u,
        small_limit_u=confirmed.small_limit_u,
    )
