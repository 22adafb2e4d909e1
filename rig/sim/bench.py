"""The whole twin: one pump behind its stick, one balance, one plant between them, sealed ledgers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from rig.errors import UsageError
from rig.sim.air.devices import simulated_sensor
from rig.sim.air.probe import AirProbe
from rig.sim.balances.device import BalanceDevice, Place
from rig.sim.balances.menu import Menu
from rig.sim.balances.models import balance_model, simulated_balance
from rig.sim.faults import FOREVER_NS, FaultSet, parse_fault
from rig.sim.instruments.circuit import Circuit, Source
from rig.sim.instruments.meter import Meter
from rig.sim.instruments.models import make_meter, make_supply
from rig.sim.instruments.session import Instrument
from rig.sim.instruments.supply import Supply
from rig.sim.parameters import STROKES_PER_U, PlantParameters
from rig.sim.plant.ledger import Ledger
from rig.sim.plant.plant import Plant
from rig.sim.published import play
from rig.sim.pump.carelink import CareLinkStick
from rig.sim.pump.firmware import Firmware
from rig.sim.pump.radio import PumpRadio
from rig.sim.pump.stick import Stick
from rig.sim.syringe.device import SerialPump
from rig.sim.syringe.mount import mount_syringe
from rig.sim.syringe.parameters import SyringeParameters, syringe_pump_model
from rig.sim.valves import TwinPins, Wire
from rig.transport.virtual import SimulatedDevice

STICKS: dict[str, type[Stick] | type[CareLinkStick]] = {"cc111x": Stick, "carelink": CareLinkStick}
RESOLUTIONS_MG = (0.001, 0.01, 0.1, 1.0)
PLUGS = (
    ("pump", "link.unplugged"),
    ("balance", "balance.unplugged"),
    ("syringe", "syringe.unplugged"),
    ("supply", "supply.unplugged"),
    ("meter", "meter.unplugged"),
)
CELL_A = 10.0  # a cell limits nothing
PREPARED = 1.5, 0.5, 1.8  # V, A, V: what an operator sets before the pump is primed
MAX_COUNTS = 10**9  # what fits the ten characters of a weight


class Plugs(Protocol):
    """What the devices are plugged into: virtual links, or pseudo-terminals."""

    def schedule(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action`` at a link time."""

    def unplug(self, name: str) -> None:
        """Pull a device's plug."""

    def replug(self, name: str) -> None:
        """Put it back."""


class SimulatedBench:
    """The devices of a simulated bench, as `rig.transport.virtual.SimulatedDevice`.

    ``serial`` is the six-digit pump id; ``start_local`` the time on the clock of whoever set the pump's clock, at rig
    time ``rig_start_ns`` (which must also be the link time then). The vessel is tared, the pump primed, its profile
    0 U/h, not suspended, its limits at 25 U and 35 U/h. The same arguments and requests give the same bytes.
    ``model`` may also name a published pump (`rig.sim.published`), whose strokes are then played.

    ``link`` is the kind of stick in front of the pump. ``balance`` is the protocol of the balance, ``balance_name`` its
    model (`rig.sim.balances.models`), ``menu`` what is set at it instead of that model's settings.

    Raises `UsageError` for an unknown model, link, protocol, serial number, resolution or fault.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        model: str = "723",
        link: str = "cc111x",
        serial: str = "900123",
        seed: int = 1,
        start_local: datetime,
        faults: Sequence[str] = (),
        sealed_ledger: Path | None = None,
        rig_start_ns: int = 0,
        resolution_mg: float = 0.01,
        parameters: PlantParameters | None = None,
        balance: str = "mt-sics",
        balance_name: str = "",
        menu: Menu | None = None,
    ) -> None:
        self.balance_model = balance_model(balance, balance_name)
        if re.fullmatch(r"[0-9]{6}", serial) is None:
            raise UsageError(f"'{serial}' is not a pump id", where="simulated pump", expected="six digits")
        if resolution_mg not in RESOLUTIONS_MG:
            raise UsageError(
                f"the twin has no balance with a last digit of {resolution_mg:g} mg",
                where="simulated balance",
                expected=" or ".join(f"{known:g} mg" for known in RESOLUTIONS_MG),
            )
        if link not in STICKS:
            raise UsageError(f"the twin has no stick '{link}'", where="simulated pump", expected=" or ".join(STICKS))
        self.model, played = play(model)
        self.link = link
        self.parameters = replace(parameters or played, resolution_mg=resolution_mg)
        self._played = model
        self._seed = seed
        self._serial = serial
        self._sealed_ledger = sealed_ledger
        self._start_ns = rig_start_ns
        self._faults = FaultSet([parse_fault(fault) for fault in faults], rig_start_ns)
        if self._faults.named("pump.frequency"):
            mhz = self._faults.number("pump.frequency", rig_start_ns)
            self.parameters = replace(self.parameters, pump_frequency_mhz=mhz)
        self._plant = Plant(self.parameters, seed, self._faults, rig_start_ns)
        self.firmware = Firmware(
            self.model, serial, self.parameters, self._plant, seed, self._faults, rig_start_ns, start_local
        )
        self._plant.tare_vessel()
        self.pump_stick = STICKS[link](
            PumpRadio(self.firmware, self.parameters, self._faults), self.parameters, seed, self._faults
        )
        self.balance: BalanceDevice = simulated_balance(
            self.balance_model, Place(self._plant, self.parameters, seed, self._faults, rig_start_ns), menu
        )
        self._circuit: Circuit | None = None
        self._closed = False

    def mount_supply(self, model: str = "e36312a", *, prepared: bool = True) -> Supply:
        """Put a dummy cell at a supply's first output into the pump, before anything has happened.

        ``prepared``: an operator has set 1.5 V, 0.5 A and an over-voltage protection of 1.8 V, and switched it on; else
        it is as after power-up, off, and so is the pump. `Supply.session` gives a device for each link. Raises
        `UsageError` for an unknown model.
        """
        supply = make_supply(
            model,
            self._loop(),
            advance=self._plant.advance,
            later=self.firmware.later,
            seed=self._seed,
            faults=self._faults,
            start_ns=self._start_ns,
        )
        if prepared:
            supply.prepare(*PREPARED, self._start_ns)
        return supply

    def mount_meter(self, model: str = "34461a") -> Meter:
        """Put a meter into the loop of the pump's supply; without a supply, of a cell outside the pump.

        Raises `UsageError` for an unknown model.
        """
        return make_meter(
            model,
            self._loop(),
            advance=self._plant.advance,
            seed=self._seed,
            faults=self._faults,
            start_ns=self._start_ns,
        )

    def mount_instrument(self, role: str, name: str) -> Instrument:
        """Mount a ``supply``, prepared, or a ``meter`` by model or by the protocol it speaks; see `mount_supply`."""
        return self.mount_supply(name) if role == "supply" else self.mount_meter(name)

    def _loop(self) -> Circuit:
        """Return the loop of the dummy cell; a cell of constant voltage feeds it until a supply does."""
        if self._circuit is None:
            power, start_ns = self.firmware.power, self._start_ns
            self._circuit = circuit = Circuit(power.load, self.parameters.lead_ohm, self._faults, start_ns)
            circuit.feed(Source(self.parameters.battery_v, CELL_A, on=True), start_ns)
            power.feed_from(circuit, start_ns)
            for span in self._faults.spans("supply.contact"):
                for mark_ns in span:
                    self.firmware.later(mark_ns, partial(power.look, mark_ns))
        return self._circuit

    def mount_syringe(
        self, model: str = "ne-1000", address: int = 0, parameters: SyringeParameters | None = None
    ) -> SerialPump:
        """Put a syringe pump's tube into the vessel, too, before anything has flowed; the bench has none until then.

        Raises `UsageError` for an unknown model, or a second syringe pump.
        """
        known = syringe_pump_model(model)
        if self.ledger.inlet is not None:
            raise UsageError("there is a syringe pump already", where="simulated syringe", expected="one per bench")
        return mount_syringe(self._plant, known, parameters or SyringeParameters(), self._seed, self._faults, address)

    def air_sensor(self, protocol: str, name: str = "air") -> SimulatedDevice:
        """Return a sensor of the plant's air behind the driver ``protocol``; raises `UsageError` for an unknown one."""
        return simulated_sensor(protocol, AirProbe(self._plant.air, self._seed, self._faults, name))

    def seed_air_unplugging(self, plugs: Plugs, link_at: Callable[[int], int], names: Sequence[str]) -> None:
        """Pull the plugs of sensors of the air where faults say so; raises `UsageError` where there is no sensor."""
        idle = [fault for fault in self._faults.written if fault.lstrip().startswith("air.")]
        if idle and not names:
            raise UsageError(
                f"fault '{idle[0][:60]}' has no sensor of the air to act on",
                hint="a bench with [[environment.sensors]]",
            )
        for name in names:
            for start_ns, end_ns in self._faults.spans("air.unplugged"):
                plugs.schedule(link_at(start_ns), partial(self._unplug, plugs, name))
                if end_ns < FOREVER_NS:
                    plugs.schedule(link_at(end_ns), partial(_replug, plugs, name))

    def pins(self, wires: Mapping[int, Wire], now_ns: Callable[[], int]) -> TwinPins:
        """Return the bench's GPIO pins, whose valves move at the rig time that ``now_ns`` tells."""
        return TwinPins(self._plant, wires, now_ns)

    @property
    def ledger(self) -> Ledger:
        """Return what really happened; for tests and tools, never for a runner."""
        return self._plant.ledger

    def advance(self, rig_ns: int) -> None:
        """Let pump and plant run to a rig time without asking anything of them."""
        self._plant.advance(rig_ns)

    def seed_unplugging(
        self, plugs: Plugs, link_at: Callable[[int], int], devices: Sequence[str] = ("pump", "balance")
    ) -> None:
        """Pull the plugs of ``devices`` where faults say so; ``link_at`` turns rig time into link time."""
        for name, fault in PLUGS:
            for start_ns, end_ns in self._faults.spans(fault) if name in devices else ():
                plugs.schedule(link_at(start_ns), partial(self._unplug, plugs, name))
                if end_ns < FOREVER_NS:
                    plugs.schedule(link_at(end_ns), partial(_replug, plugs, name))

    def _unplug(self, plugs: Plugs, name: str, _at_ns: int) -> None:
        plugs.unplug(name)
        if name == "pump":
            self.pump_stick.power_off()

    def put_on(self, mass_mg: float, rig_ns: int) -> None:
        """Put a reference weight on the pan, as a person does (0: take it off)."""
        self._plant.put_on(mass_mg, rig_ns)

    def plant_runs_at(self, rate_u_per_h: float) -> None:
        """Let the pump run at a constant basal rate from now on, without going through its radio."""
        strokes = round(rate_u_per_h * STROKES_PER_U)
        now_ns = self._plant.now_ns
        self.firmware.set_profile(0, ((0, strokes),), now_ns)
        self.firmware.resume(now_ns)

    def display_mg(self, rig_ns: int) -> float:
        """Return what the balance shows at a rig time, in mg; NaN-free: an overload shows as the capacity."""
        sample = self._plant.sample(rig_ns)
        if sample.state != "ok":
            return self.parameters.capacity_g * 1000.0
        return sample.counts * self.parameters.resolution_mg

    def air(self, rig_ns: int) -> tuple[float, float, float]:
        """Return (temperature in C, humidity in %, pressure in hPa) at a rig time, as a perfect sensor would."""
        return self._plant.air(rig_ns)

    def close(self) -> None:
        """Write the sealed ledger, once; raise `BenchError` when it cannot be written."""
        if self._closed:
            return
        self._closed = True
        if self._sealed_ledger is not None:
            facts = {
                "seed": self._seed,
                "model": self.model.name,
                "link": self.link,
                "played": self._played,
                "serial": self._serial,
                "faults": self._faults.written,
                "resets": [{"at_ns": at_ns, "why": why} for at_ns, why in self.firmware.power.resets],
                "units": "volumes in U, masses in mg, times in ns of rig time",
            }
            self.ledger.seal(self._sealed_ledger, self._plant.now_ns, facts)


def _replug(plugs: Plugs, name: str, _at_ns: int) -> None:
    plugs.replug(name)
