"""What the pump knows and does: therapy, clock, battery, alarms, history; no radio in here."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from rig.sim.faults import FaultSet
from rig.sim.parameters import STROKES_PER_U, PlantParameters, PumpModel
from rig.sim.plant.plant import Plant
from rig.sim.pump.boluses import Boluses
from rig.sim.pump.clock import PumpClock
from rig.sim.pump.history import History, Records
from rig.sim.pump.power import ALARM_DEPLETED, PumpPower, Wiring
from rig.sim.pump.tables import Tables
from rig.sim.pump.therapy import Bolus, Profile, Reports, Temp, Therapy
from rig.sim.pump.wrong import Wrong
from rig.sim.seeds import source
from rig.sim.waves import Wave, read_wave

NAK_REFUSED = 0x08
NAK_RANGE = 0x09
NAK_INCONSISTENT = 0x0A
NAK_BOLUS_RUNS = 0x0C
KEY_ESC, KEY_ACT = 0x01, 0x02
STATE_REWINDING, STATE_PREPARING, STATE_NORMAL = 0, 1, 3
REWIND_NS = 30_000_000_000
PRIMED_TENTHS = 84, 3  # of a unit: by hand through the tube, then a fixed amount for the cannula
ALARM_EMPTY = 0x3E
ALARM_NO_DELIVERY = 0x04
NOTHING = "", 0
MAX_TEMP_HALF_HOURS = 48
LOOK_NS = 1_000_000  # after an instant: the pump's own clock rounds
MAX_PERCENT = 200


class Firmware:
    """One pump. Times of its methods are rig times; each lets the plant run there first.

    Commands return 0 when accepted, else the code of the NAK.
    """

    def __init__(
        self,
        model: PumpModel,
        serial: str,
        parameters: PlantParameters,
        plant: Plant,
        seed: int,
        faults: FaultSet,
        start_ns: int,
        start_local: datetime,
    ) -> None:
        p = self._p = parameters
        self.model = model
        self.serial = serial
        self._plant = plant
        self.clock = PumpClock(start_ns, start_local, p.clock_offset_s, p.clock_error_ppm)
        self._records = Records(model.is_new, model.family >= 51)
        self.history = History(model.history_pages)
        self.tables = Tables()
        reports = Reports(
            stroke=self._stroke,
            bolus_ended=self._bolus_ended,
            scheduled=self._scheduled,
            rate_changed=self._rate_changed,
            midnight=self._midnight,
            empty=self._empty,
        )
        self.therapy = Therapy(
            model, self.clock, source(seed, "pump.interval"), p.interval_sd, reports, Wrong(faults, self.clock)
        )
        self._boluses = Boluses(plant, self.clock, self.therapy, self._records, lambda: self.history, faults)
        if faults.named("pump.reservoir"):
            held = round(faults.number("pump.reservoir", start_ns) * STROKES_PER_U)
            self.therapy.reservoir_strokes = min(self.therapy.reservoir_strokes, held)
        self._held_at_start = self.therapy.reservoir_strokes / STROKES_PER_U
        self._undone = NOTHING  # the motion that is just being made
        self._planned = 0  # what `later` was asked for
        self.max_bolus_tenths = round(p.max_bolus_u * 10)
        self.max_basal_strokes = round(p.max_basal_u_per_h * STROKES_PER_U)
        self.temp_is_percent = False
        self.remote_enabled = True
        self._faults = faults
        self.keys_pushed = 0  # over the link
        self._acknowledged = False  # ESC was pressed on an alarm
        self._low_reservoir_said = False
        self._low_battery_said = False
        self._today_strokes = 0
        self._yesterday_strokes = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []  # a heap
        for at_ns, act in self._acts(faults):
            self.later(at_ns, act)
        wiring = Wiring(self.later, self._power_lost, self._power_back, self._depleted)
        self.power = PumpPower(p, faults.latest("pump.battery", start_ns) or p.battery_v, start_ns, wiring)
        self._fill_history()
        plant.drive(self._run_to)

    # --- time

    def later(self, at_ns: int, act: Callable[[], None]) -> None:
        """Call ``act`` at a rig time, or now when it is over, with the pump there."""
        self._planned += 1
        heapq.heappush(self._due, (at_ns, self._planned, act))

    def _run_to(self, rig_ns: int) -> None:
        while True:
            due_ns = self._due[0][0] if self._due else rig_ns + 1
            if due_ns > rig_ns:
                self.therapy.advance(self.clock.running_ns(rig_ns))
            else:
                self.therapy.settle(self.clock.running_ns(due_ns))
            if not self._due or self._due[0][0] > rig_ns:
                return
            if self._due[0][0] >= due_ns:  # else a stroke took the supply down before
                heapq.heappop(self._due)[2]()

    def settle(self, rig_ns: int) -> None:
        """Let pump and plant run to ``rig_ns``."""
        self._plant.advance(rig_ns)
        self.therapy.settle(self.clock.running_ns(rig_ns))

    def local(self) -> datetime:
        """Return the pump's local time at the last settled instant."""
        return self.clock.local(self.therapy.now_ns)

    # --- commands

    def bolus(self, strokes: int, rig_ns: int) -> int:
        """Start a normal bolus of ``strokes`` steps of 0.025 U."""
        self.settle(rig_ns)
        code = self._bolus_refused(strokes)
        if not code:
            self._boluses.by_radio(strokes)
        return code

    def _bolus_refused(self, strokes: int) -> int:
        if not self.therapy.can_deliver:
            return NAK_REFUSED
        if self.therapy.bolus is not None:  # a square wave too, as far as anybody knows
            return NAK_BOLUS_RUNS
        if strokes <= 0 or strokes * 10 > self.max_bolus_tenths * STROKES_PER_U:
            return NAK_RANGE
        return 0

    def temp_basal(self, is_percent: bool, value: int, half_hours: int, rig_ns: int) -> int:
        """Start a temporary basal (percent, or steps of 0.025 U/h); no half-hours cancel the running one."""
        self.settle(rig_ns)
        therapy = self.therapy
        if not therapy.can_deliver:
            return NAK_REFUSED
        if self.temp_is_percent and not is_percent:
            return NAK_REFUSED
        highest = MAX_PERCENT if is_percent else self.max_basal_strokes
        if value > highest or half_hours > MAX_TEMP_HALF_HOURS:
            return NAK_RANGE
        # Both records of the pair carry the same stamp; a cancel writes zeros.
        if half_hours == 0:
            value = 0
        self.history.append(self._records.temp_basal(is_percent, value, half_hours, self.local(), remote=True))
        if half_hours == 0:
            therapy.end_temp()
        else:
            therapy.start_temp(is_percent, value, half_hours)
        return 0

    def suspend(self, rig_ns: int) -> int:
        """Stop all delivery; harmless when it is stopped."""
        self.settle(rig_ns)
        if not self.therapy.suspended:
            self.history.append(self._records.simple(0x1E, 0, self.local(), remote=True))
            self.therapy.suspend()
            self._plant.begin("suspended", rig_ns)
        return 0

    def resume(self, rig_ns: int) -> int:
        """Let the scheduled basal run."""
        self.settle(rig_ns)
        if self.therapy.suspended:
            self.history.append(self._records.simple(0x1F, 0, self.local(), remote=True))
            self._plant.end("suspended", rig_ns)
            self.therapy.resume()
        return 0

    def set_profile(self, pattern: int, profile: Profile, rig_ns: int) -> int:
        """Store a profile (0 standard, 1 A, 2 B)."""
        self.settle(rig_ns)
        if not profile or profile[0][0] != 0:
            return NAK_INCONSISTENT
        if max(rate for _, rate in profile) > self.max_basal_strokes:
            return NAK_RANGE
        therapy = self.therapy
        if profile != therapy.profiles[pattern]:
            records, at = self._records, self.local()
            self.history.append(records.profile_change(True, list(therapy.profiles[pattern]), at))
            self.history.append(records.profile_change(False, list(profile), at))
            therapy.profiles[pattern] = profile
            if pattern == therapy.pattern:
                therapy.schedule_changed()
        return 0

    def select_pattern(self, pattern: int, rig_ns: int) -> int:
        """Deliver by another profile from now on."""
        self.settle(rig_ns)
        if pattern not in self.therapy.profiles:
            return NAK_RANGE
        self.history.append(self._records.simple(0x14, pattern, self.local()))
        self.therapy.pattern = pattern
        self.therapy.schedule_changed()
        return 0

    def set_clock(self, local: datetime, rig_ns: int) -> int:
        """Set the local time."""
        self.settle(rig_ns)
        self.history.append(self._records.simple(0x17, 0, self.local()))
        self.clock.set_local(self.therapy.now_ns, local)
        self.history.append(self._records.simple(0x18, 0, self.local()))
        self.therapy.schedule_changed()
        return 0

    def set_max_bolus(self, tenths: int, rig_ns: int) -> int:
        """Set the largest bolus, in 0.1 U."""
        self.settle(rig_ns)
        if tenths > 250:
            return NAK_RANGE
        self._held_at_start = self.therapy.reservoir_strokes / STROKES_PER_U
        self.max_bolus_tenths = tenths
        self.history.append(self._records.simple(0x24, tenths, self.local()))
        return 0

    def set_max_basal(self, strokes_per_h: int, rig_ns: int) -> int:
        """Set the largest basal rate, in 0.025 U/h."""
        self.settle(rig_ns)
        if strokes_per_h > 35 * STROKES_PER_U:
            return NAK_RANGE
        self.max_basal_strokes = strokes_per_h
        self.history.append(self._records.simple(0x2C, strokes_per_h, self.local()))
        return 0

    def press(self, key: int, rig_ns: int) -> None:
        """Press a key: ESC, then ACT clear an alarm; nothing else moves anything from the home screen."""
        self.settle(rig_ns)
        self.keys_pushed += 1
        self.power.screen(rig_ns)
        if self.therapy.alarm and self._acknowledged and key == KEY_ACT:
            self.history.append(self._records.simple(0x0C, self.therapy.alarm, self.local()))
            self.therapy.clear_alarm()
        self._acknowledged = bool(self.therapy.alarm) and key == KEY_ESC

    # --- what it knows

    def battery(self, rig_ns: int) -> tuple[bool, int]:
        """Return (low, voltage in 0.01 V)."""
        voltage = self._voltage_v(rig_ns)
        self._watch_battery(voltage, self.local())
        return voltage < self._p.battery_low_v, max(0, round(voltage * 100))

    def hears(self, rig_ns: int) -> bool:
        """Say whether the radio has supply; it is the first thing that the pump does without."""
        self._plant.advance(rig_ns)
        return self.power.is_up and self._voltage_v(rig_ns) >= self._p.battery_radio_v

    def _voltage_v(self, rig_ns: int) -> float:
        return self.power.volts(rig_ns, self._held_at_start - self.therapy.reservoir_strokes / STROKES_PER_U)

    def _watch_battery(self, voltage: float, local: datetime) -> None:
        if voltage < self._p.battery_low_v and not self._low_battery_said:
            self._low_battery_said = True
            self.history.append(self._records.simple(0x19, 0, local))

    def state(self) -> int:
        """Return the first byte of the status: at work, rewinding, or waiting to be primed."""
        since_ns = self.therapy.rewound_ns
        if since_ns is None:
            return STATE_NORMAL
        return STATE_REWINDING if self.therapy.now_ns - since_ns < REWIND_NS else STATE_PREPARING

    def totals(self) -> tuple[int, int]:
        """Return what was delivered today and yesterday, in steps of 0.025 U."""
        return self._today_strokes, self._yesterday_strokes

    def temp(self) -> Temp | None:
        """Return the running temporary basal."""
        return self.therapy.temp

    # --- what the therapy reports

    def _stroke(self, running_ns: int, strokes: int, kind: str, bolus_share: float | None) -> None:
        rig_ns = self.clock.rig_ns(running_ns)
        self._undone = kind, strokes
        if not self.power.stroke(rig_ns, strokes):
            return
        self._undone = NOTHING
        self._today_strokes += strokes
        self._plant.stroke(rig_ns, strokes, kind, bolus_share)
        self._feel(rig_ns, running_ns)
        if not self._low_battery_said:
            self._watch_battery(self._voltage_v(rig_ns), self.clock.local(running_ns))
        left = self.therapy.reservoir_strokes
        if not self._low_reservoir_said and left <= self._p.low_reservoir_u * STROKES_PER_U:
            self._low_reservoir_said = True
            self.history.append(self._records.simple(0x34, left // 4, self.clock.local(running_ns)))

    def _feel(self, rig_ns: int, running_ns: int) -> None:
        """Look at the force sensor after a stroke: too much of it is an occlusion, and stops everything."""
        limit_kpa = self._faults.latest("pump.occlusion_alarm", rig_ns) or self._p.occlusion_kpa
        if self._plant.pressure_kpa < limit_kpa or self._faults.on("pump.occlusion_deaf", rig_ns):
            return
        self.history.append(self._records.alarm(ALARM_NO_DELIVERY, self.clock.local(running_ns)))
        self.therapy.stop_for_alarm(ALARM_NO_DELIVERY)

    def _bolus_ended(self, bolus: Bolus, running_ns: int) -> None:
        self._boluses.ended(bolus, running_ns)

    def _scheduled(self, index: int, running_ns: int) -> None:
        start, rate = self.therapy.profile()[index]
        self.history.append(self._records.basal_start(index, start, rate, self.clock.local(running_ns)))

    def _rate_changed(self, rate: int, running_ns: int) -> None:
        self._plant.begin("basal", self.clock.rig_ns(running_ns), rate_u_per_h=rate / STROKES_PER_U)

    def _midnight(self, running_ns: int) -> None:
        yesterday = self.clock.local(running_ns) - timedelta(hours=12)
        self.history.append(self._records.daily_total(self._today_strokes, yesterday))
        self._yesterday_strokes, self._today_strokes = self._today_strokes, 0

    def _empty(self, running_ns: int) -> None:
        self.history.append(self._records.alarm(ALARM_EMPTY, self.clock.local(running_ns)))
        self.therapy.stop_for_alarm(ALARM_EMPTY)

    # --- what its supply does

    def _power_lost(self) -> None:
        self.therapy.power_lost(self._undone)
        self._undone = NOTHING

    def _power_back(self, rig_ns: int, alarm: int, clock_stood_ns: int) -> None:
        """Go on after the self-test: a new cell is noted; alarms stop the delivery; the clock may have stood still."""
        self.therapy.power_back(self.clock.running_ns(rig_ns))
        if clock_stood_ns:
            self.clock.set_local(self.therapy.now_ns, self.local() - timedelta(microseconds=clock_stood_ns // 1000))
        self.history.append(self._records.simple(0x1A, 0, self.local()))
        self._low_battery_said = False
        if alarm and not self.therapy.alarm:
            self._alarm(alarm)
        else:
            self.therapy.schedule_changed()

    def _depleted(self) -> None:
        if self.power.is_up and not self.therapy.alarm:
            self._alarm(ALARM_DEPLETED)

    def _alarm(self, code: int) -> None:
        self.history.append(self._records.alarm(code, self.local()))
        self.therapy.stop_for_alarm(code)
        self.power.screen(self.clock.rig_ns(self.therapy.now_ns))

    # --- what an operator does at the pump

    def _acts(self, faults: FaultSet) -> list[tuple[int, Callable[[], None]]]:
        """Return what is done when, in rig time, the earliest first."""
        acts: list[tuple[int, Callable[[], None]]] = []
        for start_ns, end_ns in faults.spans("pump.rewound"):
            acts += [(start_ns, self._rewind), (end_ns, self._prime)]
        acts += [(start_ns, partial(self._key_in, read_wave(text))) for start_ns, text in faults.words("pump.hand")]
        for start_ns, _, shift_s in faults.windows("pump.clock_shift"):
            acts += [(start_ns, partial(self.clock.jump, round(shift_s * 1e9))), (start_ns, self.therapy.look_again)]
        for name in ("pump.wrong_segment", "pump.wrong_pattern"):
            edges = [at_ns for start_ns, end_ns, _ in faults.windows(name) for at_ns in (start_ns, end_ns)]
            acts += [(at_ns + LOOK_NS, self.therapy.look_again) for at_ns in edges]
        return sorted(acts, key=lambda act: act[0])

    def _key_in(self, wave: Wave) -> None:
        """Start a bolus at the pump's keys, where it lets its operator: old ones in steps of 0.1 U."""
        step = 1 if self.model.is_new else 4
        if not (wave.now % step or wave.later % step or self._bolus_refused(wave.now + wave.later)):
            self._boluses.by_hand(wave)

    def _rewind(self) -> None:
        self.history.append(self._records.simple(0x21, 0, self.local()))
        self.therapy.rewind()

    def _prime(self) -> None:
        by_hand, fixed = PRIMED_TENTHS
        self.history.append(self._records.prime(0, by_hand, self.local()))
        self.history.append(self._records.prime(fixed, fixed, self.local()))
        self._low_reservoir_said = False
        held = self.model.reservoir_u * STROKES_PER_U - (by_hand + fixed) * STROKES_PER_U // 10
        self._held_at_start += (held - self.therapy.reservoir_strokes) / STROKES_PER_U  # the cell did not fill up
        self.therapy.prime(held)

    def _fill_history(self) -> None:
        """Write what an operator's preparation leaves: rewind, tube filled, cannula filled."""
        rewound = self.local() - timedelta(minutes=30)
        self.history.append(self._records.simple(0x21, 0, rewound))
        by_hand, fixed = PRIMED_TENTHS
        self.history.append(self._records.prime(0, by_hand, rewound + timedelta(minutes=2)))
        self.history.append(self._records.prime(fixed, fixed, rewound + timedelta(minutes=3)))
        if self.model.family >= 51:  # a record of another size in later families
            self.history.append(self._records.sensor_setup(rewound + timedelta(minutes=5)))
