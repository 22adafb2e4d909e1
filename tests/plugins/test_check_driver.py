"""``rig check --driver``, simulated and on ports, and a run with a plug-in."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rig.bench import pump_address
from rig.cli.main import main
from rig.clock import VirtualClock
from rig.config import load_bench
from rig.doctor import conform
from rig.errors import ConfigError
from rig.guardian.chips import NoChip
from rig.guardian.lines import Lines
from rig.guardian.places import Places
from rig.guardian.plan import PumpPlan, SafePlan
from rig.guardian.server import Guardian
from rig.guardian.stop_pump import SafeState
from rig.guardian.system import Watchdogs
from rig.guardian.takeover import Takeover
from rig.plugins import Capability, Scene, find_driver
from rig.plugins.registry import resolve
from rig.record.reader import read_run
from rig.sim.bench import SimulatedBench
from rig.sim.serve import PtyServer
from rig.transport.links import Link
from rig.transport.serial_links import SerialLinks, SerialSettings
from rig.transport.virtual import VirtualLinks
from tests.plugins.fake import Site
from tests.plugins.test_registry import acme_bench

Check = Any
FAMILIES = ["712", "715", "722", "723", "730", "740", "751", "754"]
NOT_ALLOWED = ["profile", "suspend", "temp_basal", "bolus", "steps", "temp_steps", "profile_steps"]


class Bench:
    """An ACME-1 and the twin's balance on pseudo-terminals, and the bench file that goes with them."""

    def __init__(self, folder: Path, speed: float = 1.0, serial: str = "512001") -> None:
        self.heard: list[bytes] = []
        server = PtyServer(speed)
        twin = SimulatedBench(start_local=datetime(2025, 3, 9, 14), rig_start_ns=server.epoch_ns)
        pump = resolve("acme_rig.simulator:SimulatedAcme", "the simulator")(serial)
        self._take = pump.receive
        pump.receive = self._receive
        self.pump = pump
        self._stop = threading.Event()
        text = acme_bench(**{"/dev/pts/3": server.add("pump", pump), "/dev/pts/4": server.add("balance", twin.balance)})
        text = text.replace("speed = 1.0", f"speed = {speed}").replace("epoch_ns = 0", f"epoch_ns = {server.epoch_ns}")
        self.file = folder / "acme.toml"
        self.file.write_text(f'{text}\n[guardian]\nrun_dir = "{folder}/run"\n')
        self._thread = threading.Thread(target=self._serve, args=(server,))
        self._thread.start()

    @property
    def commands(self) -> list[str]:
        """Return the commands that the pump heard."""
        return [line.decode() for line in b"".join(self.heard).split(b"\r") if b"!" in line]

    def _receive(self, data: bytes, now_ns: int) -> None:
        self.heard.append(data)
        self._take(data, now_ns)

    def _serve(self, server: PtyServer) -> None:
        while not self._stop.is_set():
            server.step(0.02)
        server.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5.0)


@pytest.fixture
def bench(site: Site, tmp_path: Path) -> Iterator[Bench]:
    site.install_acme()
    found = Bench(tmp_path)
    yield found
    found.stop()


def outcomes(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for check in json.loads(text)["checks"]:
        found.setdefault(check["outcome"], []).append(check["situation"])
    return found


def test_the_shipped_drivers_conform_with_the_twin(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cc111x", "carelink", "mt-sics"):
        assert main(["check", "--driver", name, "--simulated"]) == 0
        out = capsys.readouterr().out
        assert f"driver {name} conforms: 0 FAILED" in out
        if name != "mt-sics":
            assert re.findall(r"^simulated (\d+)$", out, re.MULTILINE) == FAMILIES


def test_a_plug_in_is_checked_with_its_transcripts_and_its_simulator(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install_acme()
    assert main(["check", "--driver", "acme-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "driver acme-1 (pump) of acme-rig 1.0.0"
    assert [line for line in lines if line[0] != " "][1:3] == ["transcript transcript.toml", "simulated"]
    assert lines[-1] == "driver acme-1 conforms: 0 FAILED, 43 left out, 19 ok"


def test_as_json_the_report_says_whose_driver_it_is(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install_acme()
    assert main(["check", "--driver", "acme-1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["conforms"], document["not_shown"]) == (1, True, [])
    assert document["driver"]["distribution"] == "acme-rig"
    assert len(document["driver"]["sha256"]) == 64
    assert document["checks"][0].keys() == {"with", "situation", "sentence", "outcome", "why"}


def test_a_driver_whose_simulator_leaves_out_what_is_essential_ends_with_four(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install_acme()
    scene = resolve("acme_rig.simulator:scene", "the simulator")

    def poor(situation: str) -> Scene | None:
        return None if situation == "temp_ack_lost" else scene(situation)

    monkeypatch.setattr("acme_rig.simulator.scene", poor)
    assert main(["check", "--driver", "acme-1"]) == 4
    assert "not shown, and needed: temp_ack_lost" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--driver", "acne-1"], "there is no driver 'acne-1'; expected one of cc111x, carelink, acme-1, mt-sics"),
        (["--driver", "acme-1", "--delivers"], "--delivers: it is for a bench with ports"),
        (["--driver", "acme-1", "--simulated", "--bench", "simulated"], "expected either --simulated or --bench"),
        (["--delivers"], "--delivers: it needs a driver"),
        (["--driver", "acme-1", "--bench", "pty-example"], "pump.link is 'cc111x'; expected 'acme-1'"),
    ],
)
def test_what_cannot_be_checked_so_is_a_usage_error(
    site: Site, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    site.install_acme()
    assert main(["check", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_on_ports_nothing_that_delivers_is_sent_unless_it_is_allowed(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--driver", "acme-1", "--bench", str(bench.file), "--json"]) == 0
    found = outcomes(capsys.readouterr().out)
    assert found["ok"] == ["unlisted", "identity", "profile_read", "temp_basal_read", "history_read"]
    assert set(NOT_ALLOWED) <= set(found["left out"])
    assert bench.heard
    assert bench.commands == []


def test_on_ports_a_driver_is_asked_for_what_it_can_do_with_the_model_that_answers(bench: Bench) -> None:
    found = find_driver("pump", "acme-1")
    lacks = {"ACME-1": frozenset({Capability.HISTORY})}
    found = replace(found, spec=replace(found.spec, models=("ACME-1", "ACME-2"), lacks=lacks))
    config = load_bench(bench.file)
    profile = replace(config.pump_profile(), model="ACME-2")
    examination = conform.examine_real(found, config, profile, delivers=False)
    rows = {row.situation: row for row in examination.rows}
    assert examination.model == "ACME-1"
    assert "does not claim history" in rows["history_read"].why
    assert "model is 'ACME-1', not 'ACME-2'" in rows["identity"].why


def test_with_deliveries_the_pump_is_left_stopped_with_its_own_profile(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--driver", "acme-1", "--bench", str(bench.file), "--delivers", "--json"]) == 0
    found = outcomes(capsys.readouterr().out)
    assert set(NOT_ALLOWED) <= set(found["ok"])
    assert "FAILED" not in found
    assert bench.pump.boluses_begun() == 1
    assert bench.commands[-2:] == ["512001 !BASAL 0=1.00", "512001 !STOP"]


def test_a_pump_that_does_not_say_who_it_is_gets_nothing_that_delivers(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install_acme()
    bench = Bench(tmp_path)
    monkeypatch.setattr("acme_rig.driver.AcmePump.serial_number", lambda _: "512002")
    try:
        assert main(["check", "--driver", "acme-1", "--bench", str(bench.file), "--delivers", "--json"]) == 4
    finally:
        bench.stop()
    found = outcomes(capsys.readouterr().out)
    assert found["FAILED"] == ["identity"]
    assert set(NOT_ALLOWED) <= set(found["left out"])
    assert bench.commands == []


def test_a_pump_that_cannot_be_stopped_ends_with_five(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = SafeState("pump suspended", False, "its status says running")
    monkeypatch.setattr(conform, "stop_pump", lambda *_: state)
    monkeypatch.setattr(conform, "GuardianClient", _Deaf)
    assert main(["check", "--driver", "acme-1", "--bench", str(bench.file), "--delivers"]) == 5
    assert "SAFE STATE NOT CONFIRMED: its status says running" in capsys.readouterr().err


class _Deaf:
    """A guardian that learns what the runner knows, and can do no more."""

    def __init__(self, *_: object) -> None:
        """Take whatever a client takes."""

    def arm(self) -> None:
        """Say yes."""

    def beat(self) -> None:
        """Hear it."""

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Return what was said."""
        return confirmed, by


def test_the_guardian_hears_of_the_suite_before_the_pump_is_woken(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[str] = []
    woken: list[int] = []
    monkeypatch.setattr(conform, "GuardianClient", _Deaf)
    monkeypatch.setattr(_Deaf, "beat", lambda _: beats.append("beat"))
    opened = conform._opened

    def watched(*arguments: Any) -> conform.RealPump:
        real = opened(*arguments)
        woken.append(len(beats))
        return real

    monkeypatch.setattr(conform, "_opened", watched)
    assert main(["check", "--driver", "acme-1", "--bench", str(bench.file), "--delivers"]) == 0
    assert woken[0] > 0
    assert "conforms as far as it was asked" in capsys.readouterr().out


def test_a_balance_on_a_port_is_weighed_and_nothing_else(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--driver", "mt-sics", "--bench", str(bench.file), "--json"]) == 0
    assert outcomes(capsys.readouterr().out)["ok"] == ["steady", "identity", "steady_stable"]
    assert bench.heard == []


def test_the_guardian_stops_a_pump_with_the_plug_in_that_its_plan_names(site: Site) -> None:
    site.install_acme()
    links = VirtualLinks(VirtualClock())
    pump = resolve("acme_rig.simulator:SimulatedAcme", "the simulator")("512001")
    link = links.connect("pump", pump)
    opened: list[SerialSettings] = []

    class Port(Takeover):
        def _open(self, links: SerialLinks, name: str, port: str, identity: str, settings: SerialSettings) -> Link:
            opened.append(settings)
            return link

    plan = plan_for("acme-1")
    takeover = Port(plan, Lines((), NoChip()), lambda *_: None, lambda *_: None, lambda: None)
    over_link: Any = takeover._pump_over_link
    state = over_link(links, plan.pump)
    assert (state.confirmed, state.by) == (True, "pump status")
    assert opened == [find_driver("pump", "acme-1").spec.link_settings]


def plan_for(link: str) -> SafePlan:
    return SafePlan("b", "r", "", "", PumpPlan("/dev/x", 115_200, "512001", ("512001",), 916.5, link=link))


def test_a_guardian_arms_for_no_driver_that_it_could_not_stop_the_pump_with(site: Site, tmp_path: Path) -> None:
    guardian = Guardian(Places("b", str(tmp_path / "run")), lasting=False, watchdogs=Watchdogs(""))
    try:
        with pytest.raises(ConfigError, match="there is no pump driver 'acme-1'"):
            guardian._on_arm({"plan": plan_for("acme-1").to_json()})
    finally:
        guardian._door.close()


def test_a_takeover_whose_plug_in_is_gone_says_so_and_goes_on(site: Site) -> None:
    takeover = Takeover(plan_for("acme-1"), Lines((), NoChip()), lambda *_: None, lambda *_: None, lambda: None)
    state = takeover.run(None)
    assert not state.confirmed
    assert "there is no pump driver 'acme-1'" in state.by


def test_a_run_with_a_plug_in_is_judged_as_any_other_and_its_header_says_whose_it_is(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install_acme()
    bench = Bench(tmp_path, speed=200.0)
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "schema: 1\nid: acme\ntitle: a bolus\npump: {families: [1]}\nneeds: [pump, balance]\noperator: none\n"
        "sampling: {balance: 10 s}\n"
        "steps:\n  - basal: {rate: 4 U/h, for: 2 min}\nchecks:\n"
        "  - {id: c, measure: basal.overall_error, from: 0 min, for: 1 min, limit: 5 %, source: pump.accuracy.basal}\n"
    )
    try:
        where = ["--bench", str(bench.file), "--out", str(tmp_path / "runs")]
        code = main(["run", str(scenario), *where, "--no-report", "--quiet"])
    finally:
        bench.stop()
    assert code == 4, capsys.readouterr()  # without a blank nothing is decided, on any pump
    (folder,) = [each for each in (tmp_path / "runs").iterdir() if each.is_dir()]
    header = read_run(folder).header
    (driver,) = header["third_party_drivers"]
    assert (driver["name"], driver["distribution"], driver["version"]) == ("acme-1", "acme-rig", "1.0.0")
    result = json.loads((folder / "result.json").read_text())
    assert result["pump"]["model"] == "ACME-1"
    assert result["end_reason"] == "completed"
    assert [check["why"] for check in result["checks"]] == ["no blank: the evaporation is unknown"]
    assert pump_address(load_bench(bench.file)).serial == "512001"
