"""Drivers are found by name, lazily, and what cannot be one is refused in one line."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.clock import VirtualClock
from rig.config import BenchConfig, load_bench, parse_bench
from rig.driver_names import BALANCES, GROUPS, PUMPS, SHIPPED, driver_names
from rig.engine import prepare
from rig.errors import ConfigError, ScenarioError
from rig.paths import benches_dir, checkout
from rig.plugins import Address, Capability, DriverSpec, find_driver, open_pump
from rig.plugins.provenance import described, driver_files
from rig.plugins.spec import METHODS
from rig.profiles.pump import load_profile, profile_ids, profile_text
from rig.runner.drivers import STEP_NEEDS, check_drivers, needs_of, third_party_drivers
from rig.scenario.model import Step, ValveStep, WaitAlarmStep
from rig.scenario.parse import load_scenario, parse_scenario
from rig.scenario.step_fields import VALVE_STEPS
from rig.transport.serial_links import SerialSettings
from rig.transport.virtual import VirtualLinks
from tests.plugins.fake import Site

SPEC = """
from rig.plugins import Capability, DriverSpec
from rig.transport.serial_links import SerialSettings
SPEC = DriverSpec(api={api}, name="{name}", role="{role}", models=(), link_settings=SerialSettings(),
                  capabilities=frozenset({{Capability.{capability}}}), open=lambda links, link, address: object())
"""


def spec_text(name: str = "plug", role: str = "pump", api: object = 1, capability: str = "SUSPENDS") -> str:
    return SPEC.format(api=api, name=name, role=role, capability=capability)


def install(site: Site, text: str, *, name: str = "plug", distribution: str = "plug-dist") -> None:
    site.install(distribution, "2.1", {PUMPS: {name: "plug:SPEC"}}, {"plug/__init__.py": text})


def acme_bench(**changes: str) -> str:
    text = (benches_dir() / "pty-example.toml").read_text()
    named = {"sim-723": "acme-1", "900123": "512001", "cc111x": "acme-1", **changes}
    assert all(f'"{old}"' in text for old in named)
    # In one pass: a pseudo-terminal may happen to have the name of the other one in the file.
    return re.sub("|".join(f'"{re.escape(old)}"' for old in named), lambda found: f'"{named[found[0][1:-1]]}"', text)


def test_the_installed_names_are_those_of_a_checkout() -> None:
    project = tomllib.loads((checkout() / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == SHIPPED


@pytest.mark.parametrize("role", list(GROUPS))
def test_every_shipped_driver_is_found_under_its_own_name_and_is_the_rigs_own(role: str) -> None:
    for name in SHIPPED[GROUPS[role]]:
        found = find_driver(role, name)
        assert (found.spec.name, found.spec.role, found.third_party) == (name, role, False)


def test_the_help_looks_for_no_driver_and_loads_none() -> None:
    code = (
        "import sys; from rig.cli.main import build_parser; build_parser().format_help(); "
        "print([m for m in sys.modules if m.startswith(('rig.plugins', 'rig.drivers', 'rig.conformance'))"
        " or m == 'importlib.metadata'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_plug_in_is_named_without_being_loaded(site: Site) -> None:
    install(site, "raise RuntimeError('loaded')")
    assert driver_names(PUMPS) == ("cc111x", "carelink", "plug")
    assert "plug" not in sys.modules


def test_a_plug_in_is_found_with_its_distribution_and_version(site: Site) -> None:
    install(site, spec_text())
    found = find_driver("pump", "plug")
    assert (found.distribution, found.version, found.third_party) == ("plug-dist", "2.1", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (spec_text(api=2), "driver 'plug' of plug-dist 2.1 is written for driver API 2; expected API 1"),
        (spec_text(api="'1'"), "driver 'plug' of plug-dist 2.1 is written for driver API '1'; expected API 1"),
        ("SPEC = {'api': 1}", "of plug-dist 2.1 is no driver but a dict; expected a rig.plugins.DriverSpec"),
        ("", "driver 'plug' of plug-dist 2.1 cannot be loaded (AttributeError: module 'plug' has no attribute 'SPEC')"),
        ("import no_such_module", "cannot be loaded (ModuleNotFoundError: No module named 'no_such_module')"),
        ("SPEC = (", "cannot be loaded (SyntaxError: "),
        ("raise SystemExit(3)", "cannot be loaded (SystemExit: 3)"),
        ("raise ValueError('two\\nlines')", "cannot be loaded (ValueError: two lines)"),
        (spec_text(name="plug2"), "driver 'plug' of plug-dist 2.1 calls itself name 'plug2'; expected 'plug'"),
        (spec_text(role="balance", capability="WEIGHS"), "calls itself role 'balance'; expected 'pump'"),
        (spec_text(capability="BOLUSES"), "cannot be loaded (ValueError: a pump that never suspends is of no use"),
    ],
)  # fmt: skip
def test_what_is_no_driver_is_refused_in_one_line(site: Site, text: str, message: str) -> None:
    install(site, text)
    with pytest.raises(ConfigError) as caught:
        find_driver("pump", "plug")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_plug_ins_of_one_name_are_both_named_and_neither_is_used(site: Site) -> None:
    install(site, spec_text())
    site.install("other", "7", {PUMPS: {"plug": "plug.other:SPEC"}}, {"plug/other.py": spec_text()})
    with pytest.raises(ConfigError, match=r"two drivers have the name 'plug': (plug-dist 2.1 and other 7|other 7 and)"):
        find_driver("pump", "plug")


def test_a_plug_in_never_takes_the_place_of_a_shipped_driver(site: Site) -> None:
    install(site, spec_text(name="cc111x"), name="cc111x")
    with pytest.raises(ConfigError, match=r"two drivers have the name 'cc111x': insulin-pump-rig and plug-dist 2\.1"):
        find_driver("pump", "cc111x")


def test_the_rig_installed_beside_its_checkout_is_no_second_driver(site: Site) -> None:
    site.install("insulin-pump-rig", "0.1.0", {PUMPS: dict(SHIPPED[PUMPS])}, {})
    assert not find_driver("pump", "carelink").third_party


def test_an_unknown_name_is_told_with_the_nearest_and_all_that_were_found(site: Site) -> None:
    install(site, spec_text())
    with pytest.raises(ConfigError) as caught:
        find_driver("pump", "plugg", "here")
    assert str(caught.value) == (
        "here: there is no pump driver 'plugg'; expected one of cc111x, carelink, plug; try: plug"
    )


def test_a_driver_that_lacks_what_it_claims_is_refused_before_anything_is_sent(site: Site) -> None:
    install(site, spec_text())
    found = find_driver("pump", "plug")
    links = VirtualLinks(VirtualClock())
    with pytest.raises(ConfigError, match=r"driver 'plug' lacks open, wake, .*suspend, resume"):
        open_pump(found, links, None, Address("512001"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Plug"},
        {"role": "toaster"},
        {"capabilities": frozenset()},
        {"capabilities": frozenset({Capability.SUSPENDS, Capability.WEIGHS})},
        {"simulator": "no colon"},
        {"lacks": {"555": frozenset({Capability.BOLUSES})}},
        {"lacks": {"512": frozenset({Capability.SUSPENDS})}},
        {"lacks": {"512": frozenset({Capability.WEIGHS})}},
    ],
)
def test_a_specification_that_cannot_be_right_is_a_value_error(change: dict[str, Any]) -> None:
    good = find_driver("pump", "cc111x").spec
    assert isinstance(replace(good, name="other"), DriverSpec)
    with pytest.raises(ValueError, match=r"please|of no use"):
        replace(good, **change)


def test_the_hash_is_that_of_sha256sum_over_the_files_and_changes_with_any_of_them(site: Site) -> None:
    site.install_acme()
    found = find_driver("pump", "acme-1")
    files = sorted((site.folder / "acme_rig").glob("*.*"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  acme_rig/{path.name}\n" for path in files]
    about = described(found)
    assert about["sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert (about["name"], about["distribution"], about["version"]) == ("acme-1", "acme-rig", "1.0.0")
    assert about["files"] == 6
    (site.folder / "acme_rig" / "transcript.toml").write_text("# other\n")
    assert described(found)["sha256"] != about["sha256"]


def test_the_hash_also_covers_what_the_distribution_lists_beside_its_package(site: Site) -> None:
    site.install("plug-dist", "2.1", {PUMPS: {"plug": "plug:SPEC"}}, {"plug/__init__.py": spec_text(), "aside.py": ""})
    assert list(driver_files(find_driver("pump", "plug"))) == ["aside.py", "plug/__init__.py"]


def test_a_bench_that_names_no_driver_is_refused_by_file_line_and_nearest_name(tmp_path: Path) -> None:
    text = (benches_dir() / "simulated.toml").read_text()
    bench = tmp_path / "b.toml"
    for old, new, message in (
        ('"cc111x"', '"cc1111"', ":13: pump.link: 'cc1111' cannot be used; expected cc111x or carelink; try: cc111x"),
        ('"mt-sics"', '"sbj"', "b.toml:17: balance.protocol: 'sbj' cannot be used; expected mt-sics or"),
    ):  # fmt: skip
        bench.write_text(text.replace(old, new))
        with pytest.raises(ConfigError) as caught:
            load_bench(bench)
        assert message in str(caught.value)
        assert parse_bench(bench.read_text()).name == "simulated"  # evidence is read where nothing is installed


def test_a_plug_in_brings_its_profile_and_never_replaces_a_shipped_one(site: Site) -> None:
    with pytest.raises(ConfigError, match="unknown pump profile 'acme-1'"):
        load_profile("acme-1")
    site.install_acme()
    assert load_profile("acme-1").title == "ACME-1"
    assert 'driver = "acme-1"' in profile_text("acme-1")
    assert "acme-1" not in profile_ids()
    text = profile_text("acme-1").replace("[pumps.acme-1]", "[pumps.mmt-723]")
    site.install("evil", "1", {"rig.profiles": {"evil": "plug"}}, {"plug/__init__.py": "", "plug/p.toml": text})
    assert load_profile("mmt-723").title != "ACME-1"


def scenario(*steps: str) -> str:
    head = "schema: 1\nid: s\ntitle: s\npump: {families: [1]}\nneeds: [pump, balance]\noperator: none\nsteps:\n"
    checks = "checks:\n  - {id: c, measure: basal.overall_error, from: 0 min, for: 30 min, limit: 5 %, source: none}\n"
    return head + "".join(f"  - {step}\n" for step in steps) + checks


def test_a_driver_is_matched_against_the_steps_before_anything_moves(site: Site) -> None:
    site.install_acme()
    config, profile = parse_bench(acme_bench()), load_profile("acme-1")
    steps = parse_scenario(scenario("basal: {rate: 1.0 U/h, for: 30 min}"), "s.yaml")
    check_drivers(steps, config, profile)
    percent = parse_scenario(
        scenario("basal: {rate: 1.0 U/h, for: 30 min}", "temp_basal: {percent: 50 %, for: 30 min}"), "s.yaml"
    )
    with pytest.raises(ScenarioError) as caught:
        check_drivers(percent, config, profile)
    assert str(caught.value) == (
        "s.yaml:9: steps[2].temp_basal: driver 'acme-1' lacks for model ACME-1: "
        "percent_temp_basals (step 2); expected no more than boluses, history, profiles, suspends, temp_basals"
    )


def test_all_that_a_driver_lacks_is_told_in_one_line(site: Site) -> None:
    site.install_acme()
    steps = parse_scenario(
        scenario(
            "profile: {pattern: a, segments: [{at: '00:00', rate: 1 U/h}]}",
            "pattern: {select: a, for: 30 min}",
            "press: {keys: [esc]}",
            "limits: {max_bolus: 5 U}",
            "set_clock: {shift: 1 h}",
            "wait_alarm: {code: 4, within: 1 h}",
            "press: {keys: [act]}",
        ),
        "s.yaml",
    )
    with pytest.raises(ScenarioError) as caught:
        check_drivers(steps, parse_bench(acme_bench()), load_profile("acme-1"))
    assert str(caught.value).startswith(
        "s.yaml:8: steps[1].stored_profile: driver 'acme-1' lacks for model ACME-1: patterns (step 1); "
        "keys (step 3); limits (step 4); clock (step 5); alarms (step 6); expected no more than boluses,"
    )
    bare = install_bare(site)
    with pytest.raises(
        ScenarioError, match=r"s\.yaml: driver 'plug' .* profiles \(every run\); temp_basals \(every run"
    ):
        check_drivers(steps, bare, load_profile("acme-1"))


def install_bare(site: Site) -> BenchConfig:
    install(site, spec_text())
    return parse_bench(acme_bench().replace('link = "acme-1"', 'link = "plug"'))


def test_the_shipped_pumps_can_do_all_that_steps_need_but_boluses_with_family_12() -> None:
    every = {each for each in METHODS["pump"] if each is not None}
    for name in SHIPPED[PUMPS]:
        spec = find_driver("pump", name).spec
        for key in profile_ids():
            profile = load_profile(key)
            assert every - spec.can(profile.model) == ({Capability.BOLUSES} if profile.family == 12 else set()), key


def test_the_steps_of_the_examples_need_every_capability_there_is() -> None:
    steps = load_scenario("tests/data/settings.yaml").steps + load_scenario("tests/data/every_step.yaml").steps
    every = {each for each in METHODS["pump"] if each is not None}
    assert {needed for step in steps for needed in needs_of(step)} == every - {Capability.ALARMS}
    assert needs_of(WaitAlarmStep(62, 1.0)) == (Capability.ALARMS, Capability.HISTORY)


def test_a_driver_that_does_not_know_the_pump_or_has_no_twin_is_refused(site: Site) -> None:
    site.install_acme()
    steps = parse_scenario(scenario("basal: {rate: 1.0 U/h, for: 30 min}"), "s.yaml")
    with pytest.raises(ConfigError, match="driver 'acme-1' knows no model 723"):
        check_drivers(steps, parse_bench(acme_bench(**{"sim-723": "mmt-723"})), load_profile("mmt-723"))
    twin = parse_bench((benches_dir() / "simulated.toml").read_text().replace('"cc111x"', '"acme-1"'))
    with pytest.raises(ConfigError, match="the twin has no pump behind 'acme-1'; expected cc111x or carelink"):
        prepare(steps, twin)


def test_every_kind_of_step_says_what_it_needs() -> None:
    kinds = {each.__dataclass_fields__["kind"].default for each in Step.__args__ if each is not ValveStep}
    assert kinds | set(VALVE_STEPS) == set(STEP_NEEDS)


def test_only_drivers_of_others_are_recorded(site: Site) -> None:
    site.install_acme()
    assert third_party_drivers(load_bench("simulated")) == []
    assert [each["name"] for each in third_party_drivers(parse_bench(acme_bench()))] == ["acme-1"]


def test_link_settings_of_the_shipped_drivers_are_those_of_their_sticks() -> None:
    assert find_driver("pump", "cc111x").spec.link_settings == SerialSettings(19_200)
    seven_even = SerialSettings(2400, data_bits=7, parity="E")
    assert find_driver("balance", "and").spec.link_settings == seven_even
    assert seven_even.ns_per_byte == 10 * 1_000_000_000 // 2400
    assert SHIPPED[BALANCES].keys() == {"mt-sics", "kern-kcp", "sbi", "and", "ohaus", "kern", "radwag"}
