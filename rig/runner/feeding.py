"""The pump's supply and the meter during a run: fed before anything is asked of the pump, varied by steps, read on.

A step of the supply never asks anything of the pump before it begins: at a low voltage the pump may be mute, and it is
such a step that feeds it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Final, Protocol

from rig.bench import Bench
from rig.clock import to_ns, to_s
from rig.errors import BenchError, DeviceChanged, InstrumentError, TransportError
from rig.guardian.feed import feed
from rig.plugins.electrical_bench import METER, SUPPLY, OpenedSupply
from rig.plugins.electrical_roles import MeterDriver
from rig.record.electrical import metered, supplied
from rig.record.writer import RecordWriter
from rig.runner.therapy import Therapy
from rig.scenario.model import Scenario
from rig.scenario.supply import voltage_before
from rig.scenario.supply_step import INTERRUPT, OFF, SWEEP, SupplyStep

CONFIRMED_OFF_S: Final = 1.0  # a longer time off is read back; of a shorter one that would take a part
SWEEP_STEP_S: Final = 1.0
MOST_STEPS: Final = 1000  # of one sweep
POLL_S: Final = 30.0  # between two looks at the pump's own view of its battery
POLL_FROM_S: Final = 60.0  # shorter steps leave the pump alone
MUTE_POLLS: Final = 2  # looks in a row that the pump left unanswered, after which it is left alone: each takes a minute
SAG: Final = 0.5  # of what was set: a supply that measures less has tripped, is limited, or feeds a short


class Sampling(Protocol):
    """What feeding needs of the run around it."""

    def sample_for(self, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh for a time from now on."""

    def sample_to(self, from_ns: int, duration_s: float, interval_s: float | None = None) -> None:
        """Weigh until ``duration_s`` after ``from_ns``."""


class Feeding:
    """Supply and meter of one run; does nothing on a bench that has neither."""

    def __init__(self, run: Sampling, bench: Bench, scenario: Scenario, therapy: Therapy, writer: RecordWriter) -> None:
        self._run = run
        self._bench = bench
        self._scenario = scenario
        self._therapy = therapy
        self._writer = writer
        self._clock = bench.clock
        self._due_ns: dict[str, int] = {}
        self._failing_ns: dict[str, int] = {}  # since when a device gives no reading
        self._set_v = 0.0
        self._output_on = True  # as ordered: nothing is expected of an output that a step switched off
        self._mute = 0
        self.touched = False  # a pump that is fed may go on with whatever it did before

    @property
    def at_nominal(self) -> bool:
        """Say whether the pump is fed as a guardian would feed it."""
        supply = self._bench.supply
        return supply is None or (self._output_on and self._set_v == supply.limits.nominal_v)

    def begin(self) -> None:
        """Feed the pump and fix the meter's range, before anything is asked of the pump."""
        supply, meter = self._bench.supply, self._bench.meter
        if supply is not None:
            self._begin_supply(supply)
        if meter is not None:
            self._begin_meter(meter)

    def take_up(self, step: int) -> None:
        """Set what the steps before ``step`` had left, in a run that goes on there."""
        supply = self._bench.supply
        if supply is None:
            return
        voltage_v = voltage_before(self._scenario, step, supply.limits.nominal_v)
        if voltage_v != self._set_v:
            self._set(supply, voltage_v)

    def end(self) -> None:
        """Feed a pump as at the beginning that the last steps left otherwise: it has to be asked and suspended."""
        supply = self._bench.supply
        if supply is None or self.at_nominal:
            return
        self._set(supply, supply.limits.nominal_v)
        self._wait_for_pump(supply)

    def play(self, step: SupplyStep) -> None:
        """Play one step, weighing meanwhile."""
        supply = self._bench.supply
        if supply is None:
            raise InstrumentError("there is no supply", where=f"bench {self._bench.config.name}")
        if step.deed == OFF:
            self._off(supply, step.duration_s)
        elif step.deed == INTERRUPT:
            self._interrupt(supply, step.duration_s)
        elif step.deed == SWEEP:
            self._sweep(supply, step)
        else:
            self._set(supply, step.voltage_v or 0.0)
            if step.duration_s:
                self._keep(step.duration_s)

    def tick(self, _now_ns: int) -> None:
        """Read what is due; called after each weighing."""
        if self._bench.supply is not None and self._scenario.supply_interval_s is not None:
            self._read(SUPPLY, self._scenario.supply_interval_s, self._read_supply)
        if self._bench.meter is not None and self._scenario.meter_interval_s is not None:
            self._read(METER, self._scenario.meter_interval_s, self._read_meter)

    # --- at the beginning

    def _begin_supply(self, supply: OpenedSupply) -> None:
        driver, limits, config = supply.driver, supply.limits, self._bench.config.supply
        self.touched = True
        driver.open()
        who, found = driver.identify(), driver.settings()
        resistance_ohm = 0.0 if config is None else config.series_resistance_ohm
        self._therapy.record(
            "supply_found",
            {
                **asdict(who),
                "settings": asdict(found),
                "left_errors": list(driver.left_errors),
                "series_resistance_ohm": resistance_ohm,
                "protected": supply.protects is not None,
            },
        )
        changed = feed(supply)
        self._set_v = limits.nominal_v
        self._therapy.record("supply_fed", {"voltage_v": limits.nominal_v, "max_v": limits.max_v, "changed": changed})
        if not found.on:
            self._bench.links.sleep_until(self._clock.now_ns() + to_ns(limits.boot_s))

    def _begin_meter(self, meter: MeterDriver) -> None:
        config = self._bench.config.meter
        assert config is not None  # noqa: S101 - the meter was opened by it
        meter.open()
        meter.configure(config.range_a, config.nplc)
        about = {**asdict(meter.identify()), "left_errors": list(meter.left_errors)}
        self._therapy.record("meter_found", {**about, "range_a": config.range_a, "nplc": config.nplc})

    # --- steps

    def _set(self, supply: OpenedSupply, voltage_v: float) -> float:
        found_v = supply.driver.set_voltage(voltage_v)
        self._set_v = voltage_v
        self._therapy.record("supply_set", {"voltage_v": voltage_v, "read_back_v": found_v})
        return found_v

    def _keep(self, duration_s: float) -> None:
        """Weigh for a time, and look at the pump's battery now and then."""
        self._mute = 0
        began_ns = self._clock.now_ns()
        polls = math.ceil(duration_s / POLL_S) if duration_s >= POLL_FROM_S else 0
        for poll in range(1, polls):
            self._run.sample_to(began_ns, poll * POLL_S)
            self._look_at_battery()
        self._run.sample_to(began_ns, duration_s)

    def _off(self, supply: OpenedSupply, duration_s: float) -> None:
        if duration_s < CONFIRMED_OFF_S:
            self._interrupt(supply, duration_s)
            return
        self._output_on = False
        supply.driver.switch(on=False)
        off_ns = self._clock.now_ns()
        self._therapy.record("supply_off", {"confirmed": True})
        self._run.sample_to(off_ns, duration_s)
        supply.driver.switch(on=True)
        on_ns = self._clock.now_ns()
        self._output_on = True
        self._therapy.record("supply_on", {"voltage_v": self._set_v, "off_s": to_s(on_ns - off_ns)})
        self._wait_for_pump(supply)

    def _interrupt(self, supply: OpenedSupply, duration_s: float) -> None:
        done = supply.driver.interrupt(duration_s)
        off_s = to_s(done.on_ns - done.off_ns)
        data = {"wanted_s": duration_s, "off_s": off_s, "off_ns": done.off_ns, "on_ns": done.on_ns}
        self._therapy.record("supply_interrupted", {**data, "off_confirmed": False})
        self._wait_for_pump(supply)

    def _wait_for_pump(self, supply: OpenedSupply) -> None:
        """Let a pump come up that may have been reset, weighing meanwhile."""
        self._run.sample_for(supply.limits.boot_s)

    def _sweep(self, supply: OpenedSupply, step: SupplyStep) -> None:
        """Change the voltage in even steps, weighing meanwhile, and look at the pump's battery now and then."""
        from_v, to_v, over_s = step.voltage_v or 0.0, step.to_v or 0.0, step.duration_s
        count = max(1, min(MOST_STEPS, round(over_s / SWEEP_STEP_S), round(abs(to_v - from_v) / 0.001)))
        self._mute = 0
        began_ns = self._clock.now_ns()
        self._therapy.record("supply_sweep_started", {"from_v": from_v, "to_v": to_v, "over_s": over_s, "steps": count})
        looked_ns = began_ns
        for index in range(count):
            voltage_v = round(from_v + (to_v - from_v) * index / count, 4)
            self._set(supply, voltage_v)
            self._run.sample_to(began_ns, over_s * (index + 1) / count)
            if over_s >= POLL_FROM_S and self._clock.now_ns() - looked_ns >= to_ns(POLL_S):
                looked_ns = self._clock.now_ns()
                self._look_at_battery()
        self._set(supply, to_v)
        self._therapy.record("supply_sweep_ended", {"to_v": to_v})

    def _look_at_battery(self) -> None:
        """Record the pump's own view of its battery; that it does not answer is worth knowing, too."""
        if self._mute >= MUTE_POLLS:
            return
        before_ns = self._clock.now_ns()
        try:
            self._bench.pump.wake()
            battery = self._bench.pump.battery()
        except DeviceChanged:
            raise
        except BenchError as error:
            self._mute += 1
            self._therapy.record("battery_unread", {"set_v": self._set_v, "error": str(error)})
            return
        self._mute = 0
        data = {"low": battery.low, "pump_v": battery.voltage_v, "set_v": self._set_v, "asked_ns": before_ns}
        self._therapy.record("battery_read", data)

    # --- readings

    def _read(self, name: str, interval_s: float, read: Callable[[], None]) -> None:
        now_ns = self._clock.now_ns()
        if now_ns < self._due_ns.get(name, 0):
            return
        interval_ns = to_ns(interval_s)
        due_ns = self._due_ns.get(name, now_ns)
        self._due_ns[name] = due_ns + interval_ns * (1 + (now_ns - due_ns) // interval_ns)
        try:
            read()
        except DeviceChanged:
            raise
        except InstrumentError:
            raise
        except BenchError as error:
            self._without(name, error)
        else:
            self._failing_ns.pop(name, None)

    def _read_supply(self) -> None:
        supply = self._bench.supply
        assert supply is not None  # noqa: S101 - see tick
        reading = supply.driver.measure()
        self._writer.electrical(supplied(reading))
        sagged = self._output_on and reading.voltage_v < SAG * self._set_v
        if sagged and supply.protects is not None and supply.protects.tripped():
            raise InstrumentError(
                f"its over-voltage protection tripped: the pump has {reading.voltage_v:g} V",
                where="supply",
                expected=f"{self._set_v:g} V",
                hint="see what fed its output, or whether max_v in the bench file leaves room",
            )
        if sagged and not supply.driver.settings().on:
            raise InstrumentError(
                "its output is off, and no step switched it off", where="supply", hint="see its front panel"
            )

    def _read_meter(self) -> None:
        meter = self._bench.meter
        assert meter is not None  # noqa: S101 - see tick
        self._writer.electrical(metered(meter.read_current()))

    def _without(self, name: str, error: BenchError) -> None:
        """Go on without a reading, for as long as a scenario tolerates silence."""
        now_ns = self._clock.now_ns()
        if name not in self._failing_ns:
            self._failing_ns[name] = now_ns
        self._therapy.record("electrical_reading_failed", {"device": name, "error": str(error)})
        silent_s = to_s(now_ns - self._failing_ns[name])
        if silent_s > self._scenario.gap_tolerate_s:
            raise TransportError(
                f"no reading for {silent_s:.0f} s; the last answer: {error}", where=name, hint="check its plug and port"
            ) from error
