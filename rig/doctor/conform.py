"""The conformance suite on a bench with ports: only what moves nothing, unless a person allows deliveries.

Only a pump that the bench file lists is addressed, and nothing that delivers is sent before it has said that it is the
one. With deliveries the guardian stands by as it does for a run, and the pump is stopped at the end; a pump that is not
confirmed as stopped is told apart from a driver that does not conform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rig.bench import balance_settings, pump_address
from rig.clock import SystemClock
from rig.config import BenchConfig
from rig.conformance import pump
from rig.conformance.balance import BalanceBench, check_balance
from rig.conformance.pump import PumpBench, check_pump
from rig.conformance.report import LeftOut, Outcome, Rows
from rig.conformance.scenes import unlisted
from rig.doctor.conform_air import air_rows
from rig.doctor.conform_flow import flow_source_rows
from rig.doctor.findings import Level
from rig.doctor.former import Former, end_temp_basal
from rig.doctor.safety import bench_held
from rig.errors import BenchError, RigError, RunAborted, UsageError
from rig.guardian.client import GuardianClient
from rig.guardian.places import Places
from rig.guardian.plan import ASLEEP_LIMIT_S
from rig.guardian.stop_pump import SafeState, stop_pump
from rig.plugins.registry import Found, open_balance, open_pump
from rig.plugins.roles import ClaimedPump
from rig.plugins.spec import Address
from rig.profiles.pump import PumpProfile
from rig.runner.folder import RunFolder
from rig.runner.stop import StopRequest, signals_to
from rig.runner.watch import safe_plan
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialLinks

NO_SCENE: Final = "nobody sets this scene on a bench with ports"
NOT_ALLOWED: Final = "it may deliver; allow it with --delivers"
SET_BY_HAND: Final = frozenset(
    {"asleep", "out_of_range", "alarm", *(each for each in pump.SITUATIONS if each.endswith("_ack_lost"))}
)
AT_REST: Final = frozenset({"steady", "identity", "steady_stable"})
NOTHING_SENT: Final = SafeState("nothing that delivers was sent", True, "no command left the rig")


@dataclass(slots=True)
class RealPump:
    """One pump on its port: sets the scenes that can be set, and stops the pump in the end.

    ``model`` is the one that the bench file's profile names; what is asked for is what the driver can do with the one
    that is found.
    """

    claimed: ClaimedPump
    links: Links
    link: Link
    address: Address
    model: str
    found: Found
    delivers: bool = False
    known: bool = False  # the pump said that it is the one the bench lists
    moved: bool = False
    former: Former | None = None

    def rows(self) -> Rows:
        """Carry out the suite; nothing that delivers is sent to a pump that did not say who it is."""
        for row in check_pump(self._scene, self.claimed.can):
            if row.situation == "identity":
                self.known = row.outcome is Outcome.OK
            yield row

    def make_safe(self) -> SafeState:
        """Bring back what was found, and stop the pump, if anything that delivers was sent."""
        if not self.moved:
            return NOTHING_SENT
        driver = self.claimed.pump
        try:
            state = stop_pump(driver, self.links, ASLEEP_LIMIT_S)
            if self.former is None or not state.confirmed:
                return state
            left = self.former.bring_back(self.claimed)
            state = stop_pump(driver, self.links, ASLEEP_LIMIT_S)
            return replace(state, by=f"{state.by}; not brought back: {', '.join(left)}") if left else state
        except Exception as error:  # noqa: BLE001 - a defect here must still be told as a pump that may be running
            return SafeState("pump suspended", False, f"{type(error).__name__}: {error}")

    def _scene(self, situation: str) -> PumpBench | LeftOut:
        if situation in SET_BY_HAND:
            return LeftOut(NO_SCENE)
        if situation in pump.DELIVERING:
            if not self.delivers:
                return LeftOut(NOT_ALLOWED)
            if not self.known:
                return LeftOut("the pump did not say that it is the one which the bench lists")
            self._come_to_rest()

        def open_unlisted() -> None:
            other = Address(unlisted(self.address.serial), frozenset({self.address.serial}))
            open_pump(self.found, self.links, self.link, other)

        return PumpBench(
            self.claimed.pump,
            self.links,
            self.link,
            self.model,
            self.address.serial,
            open_unlisted=open_unlisted,
            can=self.claimed.can,
        )

    def _come_to_rest(self) -> None:
        """Let no bolus and no temporary basal be in flight, and the pump not suspended."""
        driver = self.claimed.pump
        if self.former is None:
            self.former = Former.of(self.claimed, self.links.clock)
        self.moved = True
        end_temp_basal(self.claimed)
        state = stop_pump(driver, self.links, ASLEEP_LIMIT_S)
        if not state.confirmed:
            raise BenchError(f"the pump cannot be stopped between two checks: {state.by}", where="pump")
        driver.resume()


@dataclass(slots=True)
class Examination:
    """What a suite on a bench with ports found; ``safe`` and the ``model`` found are known when all rows were read."""

    rows: Rows
    safe: SafeState = NOTHING_SENT
    model: str = ""

    @classmethod
    def of(cls, carry_out: Callable[[Examination], Rows]) -> Examination:
        """Return one whose rows say while they are read what else was found."""
        examination = cls(_nothing())
        examination.rows = carry_out(examination)
        return examination


def _nothing() -> Rows:
    yield from ()


def examine_real(found: Found, config: BenchConfig, profile: PumpProfile, *, delivers: bool) -> Examination:
    """Return the suite of ``found`` on the bench of ``config``, carried out while its rows are read."""
    if found.spec.role == "balance":
        return Examination(_balance(found, config))
    if found.spec.role == "flow_source":
        return Examination(flow_source_rows(found, config, _free, _links))
    if found.spec.role == "environment":
        return Examination(air_rows(found, config, _free, _links))
    carry_out = _pump_delivers if delivers else _pump_reads
    return Examination.of(lambda examination: carry_out(found, config, profile, examination))


def _balance(found: Found, config: BenchConfig) -> Rows:
    settings = balance_settings(config)
    with _free(config), _links(config) as links:
        link = links.open("balance", config.balance.port, settings)
        driver = open_balance(found, links, link, Address(config.balance.serial))

        def scene(situation: str) -> BalanceBench | LeftOut:
            if situation not in AT_REST:
                return LeftOut(NO_SCENE)
            return BalanceBench(driver, links, link, config.balance.resolution_mg)

        yield from check_balance(scene, found.spec.capabilities)


def _pump_reads(found: Found, config: BenchConfig, profile: PumpProfile, examination: Examination) -> Rows:
    with _free(config), _links(config) as links:
        yield from _opened(found, config, profile, links, examination).rows()


def _pump_delivers(found: Found, config: BenchConfig, profile: PumpProfile, examination: Examination) -> Rows:
    """Carry out everything, with the guardian standing by: it stops the pump should this process die."""
    folder = RunFolder(Path(config.runs_dir or "runs"), "driver-check")
    plan = replace(safe_plan(config, folder, Path(), 0.0), ledger="")  # no run: nothing of it is kept
    client = GuardianClient(plan, Places(config.name, config.guardian.run_dir), config.guardian.watchdog)
    client.arm()
    state, stop = NOTHING_SENT, StopRequest()

    def watch() -> None:
        client.beat()
        stop.check()

    def beat_on() -> None:
        with suppress(BenchError, RunAborted):
            client.beat()

    try:
        with signals_to(stop), _links(config) as links:
            links.pulse = watch  # before the pump is woken, which takes longer than a guardian waits for a heartbeat
            real = _opened(found, config, profile, links, examination)
            real.delivers = True
            try:
                yield from real.rows()
            finally:
                links.pulse = beat_on  # from here on nothing may keep the pump from being stopped
                state = real.make_safe()
    finally:
        confirmed, by = client.finished(confirmed=state.confirmed, by=state.by)
        examination.safe = replace(state, confirmed=confirmed, by=by)
    stop.check()


def _opened(
    found: Found, config: BenchConfig, profile: PumpProfile, links: SerialLinks, examination: Examination
) -> RealPump:
    """Open the way to the pump, and ask which model it is: what is checked is what the driver can do with that one."""
    address = pump_address(config)
    link = links.open("pump", config.pump.port, found.spec.link_settings)
    driver = open_pump(found, links, link, address)
    driver.open()
    try:
        driver.wake()
        model = driver.model()
    except BenchError:  # the suite tells it, check by check
        model = profile.model
    examination.model = model
    return RealPump(ClaimedPump(driver, found.spec.can(model)), links, link, address, profile.model, found)


@contextmanager
def _free(config: BenchConfig) -> Iterator[None]:
    """Hold the bench: nobody asks its devices while a run does."""
    with bench_held(config.name, config.guardian.run_dir) as holder:
        if holder.level is Level.FAIL:
            raise UsageError(holder.found, where=f"bench {config.name}", expected=holder.expected, hint=holder.hint)
        yield


@contextmanager
def _links(config: BenchConfig) -> Iterator[SerialLinks]:
    simulation = config.simulation
    links = SerialLinks(SystemClock() if simulation is None else SystemClock(simulation.speed, simulation.epoch_ns))
    try:
        yield links
    finally:
        with suppress(RigError):
            links.close()
