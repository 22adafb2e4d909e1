"""Reads the sensors of the air in the course of a run, and records what they say; judges nothing.

A reading stands in the record only when every quantity of it is known: those that a sensor measures, as it told them,
and those that nobody measures, as the bench file states them. A sensor that is lost, says that a value is missing, or
answers nothing leaves a gap, which an event begins; no last value is ever carried on.
"""

from __future__ import annotations

from typing import Final

from rig.bench import WeighingBench
from rig.clock import to_ns
from rig.config.air import QUANTITIES
from rig.errors import BenchError, DeviceChanged, InstrumentError
from rig.plugins.air import AirIdentity
from rig.plugins.air_bench import OpenSensor
from rig.readings import Ambient
from rig.record.writer import RecordWriter

RETRY_S: Final = 10.0  # rig time after which a sensor that gave nothing is asked again
STATED: Final = "stated"


class AirWatch:
    """The sensors of one run; a bench without any has the air that its file states, once."""

    def __init__(self, bench: WeighingBench, writer: RecordWriter, interval_s: float) -> None:
        self._bench = bench
        self._writer = writer
        self._interval_ns = to_ns(interval_s)
        self._retry_ns = min(self._interval_ns, to_ns(RETRY_S))
        self._next_ns: int | None = None  # before the first reading nothing is due
        self._known: dict[str, AirIdentity] = {}
        self._refused: set[str] = set()  # another device answers in their place: never read again
        self._failing: dict[str, str] = {}  # since when it gives nothing, the event stands in the record
        self._busy = False

    def begin(self) -> None:
        """Take the first reading; raises `BenchError` where a sensor does not answer: nothing was commanded yet."""
        bench = self._bench
        if not bench.sensors:
            bench.record_environment(self._writer)
            return
        for each in bench.sensors:
            each.driver.open()
            self._known[each.config.name] = who = each.driver.identify()
            self._refuse_other(each, who)
        values = {each.config.name: self._values(each) for each in bench.sensors}
        now_ns = bench.clock.now_ns()
        told = {name: {"model": who.model, "serial": who.serial} for name, who in self._known.items()}
        self._writer.event(now_ns, "air_sensors", {"sensors": told})
        self._record(values, now_ns)
        self._next_ns = now_ns + self._interval_ns

    def tick(self, now_ns: int) -> None:
        """Read the sensors when that is due."""
        if self._next_ns is None or now_ns < self._next_ns or self._busy:
            return
        self._busy = True  # waiting for a sensor may come by here again
        try:
            values = {each.config.name: self._try(each) for each in self._bench.sensors}
        finally:
            self._busy = False
        at_ns = self._bench.clock.now_ns()
        whole = {name: found for name, found in values.items() if found is not None}
        if len(whole) == len(values):
            self._record(whole, at_ns)
            self._next_ns += self._interval_ns * (1 + max(0, at_ns - self._next_ns) // self._interval_ns)
        else:
            self._next_ns = at_ns + self._retry_ns

    def _try(self, sensor: OpenSensor) -> dict[str, float] | None:
        """Return what a sensor measures now, or None with the reason on record, once until it works again."""
        name = sensor.config.name
        if name in self._refused:
            return None
        try:
            if sensor.link.lost_because:
                trouble = self._bench.links.bring_back(sensor.link, lambda: self._greet(sensor))
                if trouble is not None:
                    raise trouble
            values = self._values(sensor)
        except DeviceChanged as error:
            self._refused.add(name)
            self._tell(name, error)
            return None
        except BenchError as error:
            self._tell(name, error)
            return None
        if self._failing.pop(name, ""):
            self._writer.event(self._bench.clock.now_ns(), "air_back", {"sensor": name})
        return values

    def _greet(self, sensor: OpenSensor) -> None:
        sensor.driver.open()
        self._refuse_other(sensor, sensor.driver.identify())

    def _refuse_other(self, sensor: OpenSensor, found: AirIdentity) -> None:
        """Refuse another sensor than the bench file names, or than the one before: its error is another one."""
        wanted, before = sensor.config.serial, self._known[sensor.config.name]
        if wanted and found.serial and found.serial != wanted:
            raise DeviceChanged(
                f"another sensor answers: serial number {found.serial}",
                where=sensor.link.where,
                expected=wanted,
                hint="correct serial in the bench file, or plug in the one that it names",
            )
        if sensor.config.usb_serial and sensor.link.identity.serial_number != sensor.config.usb_serial:
            raise DeviceChanged(
                f"the USB serial number of its port is {sensor.link.identity.serial_number or 'not told'}",
                where=sensor.link.where,
                expected=sensor.config.usb_serial,
                hint="plug in the former adapter, or correct usb_serial in the bench file",
            )
        if found != before:
            raise DeviceChanged(
                f"another sensor answers: {found.model} {found.serial}".rstrip(),
                where=sensor.link.where,
                expected=f"{before.model} {before.serial}".rstrip(),
                hint="plug the former one in again",
            )

    def _tell(self, name: str, error: BenchError) -> None:
        if name not in self._failing:
            self._failing[name] = str(error)
            self._writer.event(self._bench.clock.now_ns(), "air_lost", {"sensor": name, "error": str(error)})

    @staticmethod
    def _values(sensor: OpenSensor) -> dict[str, float]:
        """Return each quantity that is taken from a sensor; raises `InstrumentError` where one is missing."""
        reading = sensor.driver.read_air()
        found: dict[str, float] = {}
        for quantity in sensor.config.measures:
            value = reading.of(quantity)
            if value is None:
                raise InstrumentError(
                    f"its {quantity} is missing ({reading.text})",
                    where=sensor.link.where,
                    hint="check the probe and its cable",
                )
            found[quantity] = value
        return found

    def _record(self, values: dict[str, dict[str, float]], at_ns: int) -> None:
        stated = self._bench.config.environment
        amounts = {
            "temperature": (stated.temperature_c, stated.u_temperature_c),
            "humidity": (stated.humidity_pct, stated.u_humidity_pct),
            "pressure": (stated.pressure_hpa, stated.u_pressure_hpa),
        }
        sources = []
        for sensor in self._bench.sensors:
            name = sensor.config.name
            for quantity, value in values[name].items():
                amounts[quantity] = (value, sensor.config.u_of(quantity))
            calibration = sensor.config.calibration
            by = f", certificate {calibration.certificate}" if calibration is not None else ", without certificate"
            sources.append(f"{', '.join(sensor.config.measures)} by {name} ({sensor.config.protocol}{by})")
        measured = {quantity for sensor in self._bench.sensors for quantity in sensor.config.measures}
        left = [quantity for quantity in QUANTITIES if quantity not in measured]
        if left:
            sources.append(f"{', '.join(left)} {STATED}: {stated.source}")
        (t, u_t), (h, u_h), (p, u_p) = (amounts[quantity] for quantity in QUANTITIES)
        self._writer.ambient(Ambient(at_ns, t, h, p, u_t, u_h, u_p, "; ".join(sources)))
