"""One case of the exactly-once campaign: a fresh twin, one command, a fault or a death, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from zlib import crc32

from rig.clock import VirtualClock, to_ns, to_s
from rig.config import load_bench
from rig.drivers.minimed import BAUD, MinimedPump, minimed_pump
from rig.errors import RigError
from rig.guardian.stop_pump import stop_pump
from rig.instruments import BasalEntry
from rig.plugins.roles import ClaimedPump
from rig.plugins.spec import Capability, PumpDriver
from rig.profiles.pump import PumpProfile
from rig.record.reader import Event
from rig.record.writer import RecordWriter
from rig.runner.journal import in_flight
from rig.runner.resume import REPEAT, ResumePoint, pump_time
from rig.runner.settle import stop_and_settle
from rig.runner.stop import StopRequest
from rig.runner.therapy import Therapy
from rig.sim.bench import SimulatedBench
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks
from tests.torture.once_exchanges import BASE_U_PER_H, EXCHANGES, TEMP_MIN, Exchange

MODELS = ("522", "723")
LINKS = ("cc111x", "carelink")
SERIAL = "900123"
SEEDS = 1000
BEGIN_S = 150.0  # rig time at which the command is told and faults begin
BEFORE_S = 15.0  # before that what the exchange finds is made
WATCH_S = 40 * 60.0  # for how long the plant is watched afterwards
LIMIT_S = 600.0  # of virtual time, for one command and all that it takes to settle it
STOP_S = 60.0
STORM_S = 60.0  # how long faults by chance go on
STORM = ("link.drop=10%", "link.corrupt=5%", "link.duplicate=25%")
MOST_WAITS = 200_000
_EQUAL_U = 1e-9
DOSES_U = 0.1  # two doses of an old pump: the edges of what is compared
LATE_S = 10.0  # from the acknowledgement, or from when it was found out: by how much an effect may begin earlier


class Killed(BaseException):
    """The driver's process is gone."""


class _Record:
    """A record in memory; what was flushed and what was not is the same here: `tests.runner` looks at the disk."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, at_ns: int, name: str, data: dict[str, Any]) -> None:
        """Keep an event."""
        self.events.append(Event(at_ns, name, data))

    def flush(self, **_: object) -> None:
        """Have nothing to write."""


class _Links(VirtualLinks):
    """Links under which the process dies at its n-th write, or at the first wait behind it."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock, self._written)
        self.writes = 0
        self.waits = 0
        self.dies_at = 0
        self.behind = False

    def _written(self, _name: str, direction: str, _at_ns: int, _data: bytes) -> None:
        if direction == ">":
            self.writes += 1
            if self.dies_at == self.writes and not self.behind:
                raise Killed

    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Wait, or die first; an endless talk is a failure, not a hang."""
        self.waits += 1
        if self.waits > MOST_WAITS:
            raise AssertionError("the driver does not come to an end")
        if self.behind and self.dies_at and self.writes >= self.dies_at:
            raise Killed
        return super().wait(until_link_ns, for_link)


def _claimed(pump: MinimedPump) -> ClaimedPump:
    return ClaimedPump(cast("PumpDriver", pump), frozenset(Capability))


@dataclass(frozen=True, slots=True)
class Case:
    """One case; ``faults`` as ``DEED:WAY:N`` or as `rig run` takes them.

    ``dies_at``: 0 or the number of a write, ``behind`` it or before. ``seed`` of the twin, 0: by the case itself.
    """

    model: str
    link: str
    exchange: str
    faults: tuple[str, ...] = ()
    dies_at: int = 0
    behind: bool = False
    seed: int = 0

    @property
    def text(self) -> str:
        """Return it in words that can be read back."""
        killed = f" killed {'behind' if self.behind else 'before'} write {self.dies_at}" if self.dies_at else ""
        seeded = f" seed {self.seed}" if self.seed else ""
        return f"{self.model} {self.link} {self.exchange} {' '.join(self.faults) or 'no fault'}{killed}{seeded}"


@dataclass(slots=True)
class Found:
    """What became of a case; ``verdict``: what the journal says in the end."""

    case: Case
    verdict: str = ""
    took_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


@lru_cache(maxsize=4)
def _profile(model: str) -> PumpProfile:
    config = load_bench()
    return replace(config, pump=replace(config.pump, profile=f"sim-{model}")).pump_profile()


class OnceBench:
    """A twin, and whoever drives it at the moment."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.exchange: Exchange = EXCHANGES[case.exchange]
        faults = [fault if "=" in fault else f"link.packet={fault}@{BEGIN_S:g}s" for fault in case.faults]
        self.twin = SimulatedBench(
            model=case.model,
            link=case.link,
            serial=SERIAL,
            seed=case.seed or crc32(case.text.encode()) % SEEDS,  # else echoes were as late in every case
            start_local=datetime(2025, 3, 9, 14),
            faults=faults,
        )
        self.links = _Links(VirtualClock())
        self._link = self.links.connect("pump", self.twin.pump_stick, 10 * 1_000_000_000 // BAUD[case.link])
        self.record = _Record()
        self.therapy = self._drive()

    @property
    def now_ns(self) -> int:
        """Return the rig time."""
        return self.links.clock.now_ns()

    def _drive(self, next_id: int = 1) -> Therapy:
        self.pump = self.new_driver()
        writer = cast("RecordWriter", self.record)
        return Therapy(_claimed(self.pump), self.links, writer, _profile(self.case.model), StopRequest(), None, next_id)

    def new_driver(self) -> MinimedPump:
        """Return a driver that knows nothing, on a port that was opened anew."""
        self._link.discard_input()
        return minimed_pump(self.links, self._link, SERIAL, frozenset({SERIAL}), kind=self.case.link)

    def prepare(self) -> None:
        """Arm the pump, and bring about what the exchange finds; ends at `BEGIN_S`."""
        therapy, pump = self.therapy, self.pump
        pump.open()
        pump.wake(10)
        therapy.settings.adopt(pump.settings())
        therapy.reports.clock()
        therapy.set_profile([BasalEntry(0, BASE_U_PER_H)])
        therapy.reports.reservoir()
        self._until(BEGIN_S - BEFORE_S)
        self.exchange.before(therapy)
        self._until(BEGIN_S)

    def _until(self, rig_s: float) -> None:
        if self.now_ns > to_ns(rig_s):
            raise AssertionError(f"the preparation takes longer than {rig_s:g} s: {to_s(self.now_ns):.1f} s")
        self.links.sleep_until(to_ns(rig_s))

    def tell(self) -> str:
        """Tell the command; return the error or the death that it ended in, or nothing."""
        if self.case.dies_at:
            self.links.behind, self.links.dies_at = self.case.behind, self.links.writes + self.case.dies_at
        try:
            self.exchange.tell(self.therapy)
        except Killed:
            return "killed"
        except RigError as error:
            return str(error)
        finally:
            self.links.dies_at = 0
        return ""

    def take_over(self) -> str:
        """Do as guardian and resumed run do: stop the pump with a new driver, then settle what is open.

        Return what went wrong with it, or nothing.
        """
        guardian = self.new_driver()
        state = stop_pump(guardian, self.links, STOP_S)
        if not state.confirmed:
            return f"the pump is not confirmed stopped: {state.by}"
        events = self.record.events
        unsettled = in_flight(events)
        asked, age_s = (None, 0.0) if unsettled is None else pump_time(events, unsettled.at_ns)
        point = ResumePoint(REPEAT, 0, 2, 0.0, 0, 100, unsettled, asked, age_s)
        therapy = self._drive(100)
        stop_and_settle(point, _claimed(self.pump), therapy)
        return ""

    def boluses_u(self) -> list[float]:
        """Return what the plant was told to deliver of each bolus."""
        self.twin.advance(self.now_ns)
        return [each.commanded_u for each in self.twin.ledger.deliveries if each.kind == "bolus"]


@lru_cache(maxsize=64)
def clean_counts(model: str, link: str, exchange: str) -> tuple[int, int, int]:
    """Return how many packets an undisturbed exchange has sent and heard, and how many writes."""
    bench = OnceBench(Case(model, link, exchange))
    bench.prepare()
    counted: Counter[str] = Counter()
    air: Any = bench.twin.pump_stick._air
    deeds = air._deeds

    def count(way: str, rig_ns: int) -> set[str]:
        counted[way] += 1
        return cast("set[str]", deeds(way, rig_ns))

    air._deeds = count
    before = bench.links.writes
    trouble = bench.tell()
    if trouble:
        raise AssertionError(f"{exchange} fails without any fault: {trouble}")
    return counted["sent"], counted["heard"], bench.links.writes - before


def play(case: Case) -> Found:
    """Play one case, and compare journal and plant."""
    found = Found(case)
    try:
        bench = OnceBench(case)
        bench.prepare()
        _judge(bench, found)
    except AssertionError as error:
        found.wrong.append(str(error))
    except Exception as error:  # noqa: BLE001 - a case that breaks is itself a finding
        found.wrong.append(f"{type(error).__name__}: {error}")
    return found


def _judge(bench: OnceBench, found: Found) -> None:
    began_ns = bench.now_ns
    trouble = bench.tell()
    found.took_s = to_s(bench.now_ns - began_ns)
    if trouble and found.case.seed:
        bench.links.pause(STORM_S)  # whoever takes over would have to go on trying until then
    if found.took_s > LIMIT_S:
        found.wrong.append(f"took {found.took_s:.0f} s")
    said, told_ns = verdict(bench.record.events, bench.exchange.names, began_ns)
    found.verdict = {True: "carried out", False: "not carried out", None: "open"}[said]
    if said is None and not trouble:
        found.wrong.append("it ended well, and the journal does not say how")
    if bench.exchange.bolus_u:
        _judge_bolus(bench, found, said, trouble)
    elif trouble:
        _judge_stopped(bench, found, said, began_ns)
    else:
        _judge_basal(bench, found, said, told_ns, began_ns)


def verdict(events: list[Event], names: tuple[str, ...], since_ns: int) -> tuple[bool | None, int]:
    """Return what the journal says of the last command of these names, and since when (0: never told)."""
    told = [e for e in events if e.name == "command" and e.at_ns >= since_ns]
    ids = [e.data["id"] for e in told if e.data["state"] == "intended" and e.data["name"] in names]
    if not ids:
        return None, 0
    last = [e for e in told if e.data["id"] == ids[-1]][-1]
    known = {"acknowledged": True, "refused": False, "settled": last.data.get("delivered")}
    return known.get(last.data["state"]), last.at_ns


def _judge_bolus(bench: OnceBench, found: Found, said: bool | None, trouble: str) -> None:
    """A bolus: none or one, whole or as much as was delivered when the pump was stopped, and the journal knows it."""
    wanted_u = bench.exchange.bolus_u
    if not trouble:
        bench.links.pause(120.0)
        given = bench.boluses_u()
        if [round(each, 6) for each in given] != ([wanted_u] if said else []):
            found.wrong.append(f"the journal says {found.verdict}, the plant {given} U")
        return
    why = bench.take_over()
    if why:
        found.wrong.append(why)
        return
    bench.links.pause(120.0)
    given, events = bench.boluses_u(), bench.record.events
    settled = [e.data["delivered_u"] for e in events if e.name == "delivery_settled"]
    if said is False and not settled:
        settled = [0.0]
    if not settled and not [e for e in events if e.name == "command" and e.data["name"] == "bolus"]:
        settled = [0.0]  # nothing was ever intended
    found.verdict += f", then {'some' if settled and settled[0] else 'none' if settled else 'nobody knows'}"
    left_u = None if not settled or settled[0] is None else sum(given) - settled[0]
    if len(given) > 1 or left_u is None or not -_EQUAL_U <= left_u < _history_step_u(bench):
        found.wrong.append(f"settled as {settled} U, the plant {given} U ({trouble})")


def _history_step_u(bench: OnceBench) -> float:
    """Return the step of an amount in the pump's history, which is rounded down to it."""
    return 0.1 if bench.case.model == "522" else 0.025


def _judge_stopped(bench: OnceBench, found: Found, said: bool | None, began_ns: int) -> None:
    """Any other command that ended in an error: the pump is stopped, and had run at one of the two rates until then."""
    exchange = bench.exchange
    if said is not None and said != exchange.has(bench.twin.firmware):
        found.wrong.append(f"the journal says {found.verdict}, the pump says {not said}")
    why = bench.take_over()
    if why:
        found.wrong.append(why)
    if not bench.twin.firmware.therapy.suspended:
        found.wrong.append("the pump runs on")
    stopped_ns = bench.now_ns
    highest = max(exchange.without_u_per_h, exchange.with_u_per_h)
    beyond_u = _beyond_u(bench, highest, began_ns, stopped_ns)
    if beyond_u > DOSES_U:
        found.wrong.append(f"{beyond_u:.3f} U of basal too much until it was stopped")
    bench.links.pause(300.0)
    if bench.twin.ledger.commanded_u(stopped_ns, bench.now_ns):
        found.wrong.append("the pump delivers although it is stopped")


def _beyond_u(bench: OnceBench, rate_u_per_h: float, from_ns: int, to_ns: int) -> float:
    """Return what was commanded beyond a basal rate.

    Where a bolus had begun before, from the very beginning: the ledger says of a bolus only what it came to.
    """
    boluses_u = sum(bench.boluses_u())
    if boluses_u:
        from_ns = 0
    basal_u = bench.twin.ledger.commanded_u(from_ns, to_ns) - boluses_u
    return basal_u - rate_u_per_h * to_s(to_ns - from_ns) / 3600.0


def _reported_u(bench: OnceBench) -> float | None:
    """Return what the pump's history says of a bolus that was cancelled; None where there is none."""
    bench.therapy.reports.bolus(0.0, 0, 0)
    said = [e.data for e in bench.record.events if e.name == "reported" and e.data["source"] == "bolus_history"]
    return said[-1]["delivered_u"] if said else None


def _judge_basal(bench: OnceBench, found: Found, said: bool | None, told_ns: int, began_ns: int) -> None:
    """A command that went well: the plant delivers by it from then on, once, for as long as it was told."""
    exchange = bench.exchange
    if said is not exchange.has(bench.twin.firmware):
        found.wrong.append(f"the journal says {found.verdict}, the pump {exchange.has(bench.twin.firmware)}")
    bench.links.pause(WATCH_S)
    end_ns = bench.now_ns
    until_s = TEMP_MIN * 60.0 if exchange.temp else WATCH_S * 2
    length_s = to_s(end_ns - told_ns)
    if exchange.names == ("temp_cancel",):
        until_s = 0.0
    rate = exchange.with_u_per_h if said else exchange.without_u_per_h
    wanted_u = (rate * min(length_s, until_s) + BASE_U_PER_H * max(0.0, length_s - until_s)) / 3600.0
    got_u = bench.twin.ledger.commanded_u(told_ns, end_ns)
    slack_u = DOSES_U + LATE_S * max(exchange.with_u_per_h, exchange.without_u_per_h) / 3600.0
    if abs(got_u - wanted_u) > slack_u:
        found.wrong.append(f"{got_u:.3f} U in {length_s:.0f} s, not {wanted_u:.3f} U: {found.verdict}")
    highest = max(exchange.with_u_per_h, exchange.without_u_per_h)
    reported_u = _reported_u(bench)
    if reported_u is not None and not -_EQUAL_U <= sum(bench.boluses_u()) - reported_u < _history_step_u(bench):
        found.wrong.append(f"the history says {reported_u} U of the bolus, the plant {bench.boluses_u()} U")
    beyond_u = _beyond_u(bench, highest, began_ns, told_ns)
    if beyond_u > DOSES_U:
        found.wrong.append(f"{beyond_u:.3f} U too much before it was acknowledged")
