"""The suite against a driver that was found by name: its own simulator or transcripts behind it, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from rig.clock import VirtualClock
from rig.conformance import balance, environment, flow_source, pump
from rig.conformance.balance import BalanceBench, check_balance
from rig.conformance.electrical import SITUATIONS, check_electrical, electrical_unshown
from rig.conformance.environment import AirBench, check_environment
from rig.conformance.flow_source import FlowBench, check_flow_source
from rig.conformance.pump import PumpBench, check_pump
from rig.conformance.report import LeftOut, NotConform, Row, Rows, not_shown
from rig.conformance.transcript import Follower, Transcript, read_transcript
from rig.errors import ConfigError
from rig.plugins.registry import Found, open_balance, open_environment, open_flow_source, open_pump, resolve
from rig.plugins.spec import Address, Capability, Scene, Simulator
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks

BITS_PER_BYTE: Final = 10
NS: Final = 1_000_000_000
SETTLE_S: Final = 60.0  # of virtual time: what is still on its way has come by then
SETS_SCENE: Final = "neither simulator nor transcript sets this scene"

SUITES: Final = {"pump": pump, "balance": balance, "flow_source": flow_source, "environment": environment}

Stage = Callable[[str], Scene | None]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to show what a driver does: ``name`` for people, ``model`` empty where any will do."""

    name: str
    model: str
    stage: Stage


def simulator_of(found: Found) -> Simulator | None:
    """Return what plays a driver's device; None where it has no simulator. Raises `ConfigError` when it cannot load."""
    reference = found.spec.simulator
    if reference is None:
        return None
    what = f"the simulator of driver '{found.spec.name}'"
    simulator = resolve(reference, what)
    if not callable(simulator):
        raise ConfigError(f"{what} cannot be called", where=reference, expected="a function of the situation")
    return cast("Simulator", simulator)


def transcripts_of(found: Found) -> list[Transcript]:
    """Return the transcripts of a driver, read from beside the module of its specification."""
    if not found.spec.transcripts:
        return []
    module = find_spec(found.target.partition(":")[0])
    if module is None or module.origin is None:
        raise ConfigError("its module has no folder", where=found.target, expected="transcripts beside it")
    situations = SITUATIONS.get(found.spec.role) or SUITES[found.spec.role].SITUATIONS
    return [read_transcript(Path(module.origin).parent / name, situations) for name in found.spec.transcripts]


def ways_of(found: Found) -> tuple[list[Way], list[Way]]:
    """Return the transcripts of a driver, and its simulator playing one model after the other."""
    transcripts = [
        Way(f"transcript {name}", each.model, each.scene)
        for each, name in zip(transcripts_of(found), found.spec.transcripts, strict=True)
    ]
    simulator = simulator_of(found)
    if simulator is None:
        return transcripts, []
    played = [Way(f"simulated {model}", model, _playing(simulator, model)) for model in found.spec.played]
    return transcripts, played or [Way("simulated", "", simulator)]


def check_played(found: Found, stage: Stage, model: str = "") -> Rows:
    """Carry out the suite of the driver's role for a ``model``, ``stage`` setting the scenes."""
    can = found.spec.can(model)
    if found.spec.role == "pump":
        return check_pump(lambda situation: _pump(found, stage(situation), can), can)
    if found.spec.role in SITUATIONS:
        return check_electrical(found, stage, can, _wired, LeftOut(SETS_SCENE))
    if found.spec.role == "flow_source":
        return check_flow_source(lambda situation: _flow_source(found, stage(situation)), can)
    if found.spec.role == "environment":
        return check_environment(lambda situation: _environment(found, stage(situation), can), can)
    return check_balance(lambda situation: _balance(found, stage(situation), situation), can)


def left_unshown(found: Found, rows: Sequence[Row], model: str = "") -> list[str]:
    """Return the essential situations, for a ``model``, that neither simulator nor transcripts have shown."""
    can = found.spec.can(model)
    if found.spec.role == "pump":
        return not_shown(pump.CHECKS, rows, can)
    if found.spec.role in SITUATIONS:
        return electrical_unshown(found.spec.role, list(rows), can)
    if found.spec.role == "flow_source":
        return not_shown(flow_source.CHECKS, rows, can)
    if found.spec.role == "environment":
        return not_shown(environment.CHECKS, rows, can)
    return not_shown(balance.CHECKS, rows, can)


def unlisted(serial: str) -> str:
    """Return a serial number of the same form that is another one."""
    last = "1" if serial[-1:] != "1" else "2"
    return serial[:-1] + last


def _pump(found: Found, scene: Scene | None, can: frozenset[Capability]) -> PumpBench | LeftOut:
    if scene is None:
        return LeftOut(SETS_SCENE)
    links, link = _connected(found, scene)
    address = Address(scene.serial, frozenset({scene.serial}))
    driver = open_pump(found, links, link, address)
    other = Address(unlisted(scene.serial), address.allowed_serials)

    def open_unlisted() -> None:
        open_pump(found, links, link, other)

    bench = PumpBench(
        driver,
        links,
        link,
        scene.model,
        scene.serial,
        finish=_end(scene, links, link),
        open_unlisted=open_unlisted,
        boluses_begun=scene.boluses_begun,
        keys_pushed=scene.keys_pushed,
        can=can,
        alarm=scene.alarm,
    )
    driver.open()
    return bench


def _flow_source(found: Found, scene: Scene | None) -> FlowBench | LeftOut:
    if scene is None:
        return LeftOut(SETS_SCENE)
    links, link = _connected(found, scene)
    driver = open_flow_source(found, links, link, Address(scene.serial))
    return FlowBench(driver, links, link, scene.model, scene.diameter_mm, _end(scene, links, link))


def _environment(found: Found, scene: Scene | None, can: frozenset[Capability]) -> AirBench | LeftOut:
    if scene is None:
        return LeftOut(SETS_SCENE)
    links, link = _connected(found, scene)
    driver = open_environment(found, links, link, Address(scene.serial))
    measures = frozenset(each.value for each in can)
    return AirBench(driver, links, link, scene.air, measures, _end(scene, links, link))


def _balance(found: Found, scene: Scene | None, situation: str) -> BalanceBench | LeftOut:
    if scene is None:
        return LeftOut(SETS_SCENE)
    links, link = _connected(found, scene)
    driver = open_balance(found, links, link, Address(scene.serial, stream=situation in balance.STREAMING))
    arrange: Callable[[], None] = lambda: links.pause(scene.arranged_after_s)  # noqa: E731 - one line
    return BalanceBench(driver, links, link, scene.resolution_mg, _end(scene, links, link), arrange)


def _playing(simulator: Simulator, model: str) -> Stage:
    return lambda situation: simulator(situation, model)


def _connected(found: Found, scene: Scene) -> tuple[VirtualLinks, Link]:
    links = VirtualLinks(VirtualClock())
    ns_per_byte = BITS_PER_BYTE * NS // found.spec.link_settings.baud
    return links, links.connect(found.spec.role, scene.device, ns_per_byte)


def _wired(found: Found, scene: Scene) -> tuple[VirtualLinks, Link, Callable[[], None]]:
    links, link = _connected(found, scene)
    return links, link, _end(scene, links, link)


def _end(scene: Scene, links: VirtualLinks, link: Link) -> Callable[[], None]:
    def finish() -> None:
        if isinstance(scene.device, Follower):
            links.pause(SETTLE_S)
            unread = f"never read: {bytes(link.inbox)!r}" if link.inbox else ""
            if wrong := scene.device.finish() or unread:
                raise NotConform(wrong)

    return finish
