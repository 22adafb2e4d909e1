"""Syringe pumps in the bench file and in the bench doctor: asked, and never started or stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rig.bench import flow_source
from rig.config import BenchConfig, FlowSourceConfig, load_bench, parse_bench
from rig.doctor import devices
from rig.doctor.findings import Finding, Level
from rig.doctor.flow import check_flow_source
from rig.errors import ConfigError
from rig.paths import benches_dir
from rig.transport.links import LinkIdentity
from tests.drivers.scripted import ScriptedBench
from tests.transcripts.notation import Pair
from tests.transcripts.syringe_notation import harvard_pairs, new_era_pairs

USB = LinkIdentity("usb", "/dev/serial/by-id/usb-adapter", "A10K")
NEW_ERA = FlowSourceConfig("reference", "new-era", model="NE1000", diameter_mm=14.43, usb_serial="A10K")
HARVARD = FlowSourceConfig("reference", "harvard", model="11 Elite", diameter_mm=14.427)
PI = (benches_dir() / "pi-example.toml").read_text("utf-8")
TABLE = '\n[[flow_sources]]\nname = "reference"\nprotocol = "new-era"\n'


def looked_at(config: FlowSourceConfig, pairs: Sequence[Pair], port: LinkIdentity = USB) -> Finding:
    bench = ScriptedBench.of("flow", pairs)
    finding = check_flow_source(flow_source(bench.links, bench.link, config), port, config)
    bench.finish()
    return finding


def test_a_pump_that_is_named_and_set_and_at_rest_is_as_it_should_be() -> None:
    new_era = looked_at(NEW_ERA, new_era_pairs("opened", "settings", "status stopped"))
    assert new_era.level is Level.OK
    assert new_era.found == "NE1000 3.928 answers, stopped, diameter 14.43 mm, rate 500 uL/h, no target"
    harvard = looked_at(HARVARD, harvard_pairs("opened", "settings", "status stopped"))
    assert harvard.level is Level.OK
    assert harvard.item == "flow source"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "NE500"}, "it is a NE1000"),
        ({"usb_serial": "A10L"}, "USB serial number of its port is A10K"),
    ],
)
def test_another_pump_than_the_bench_file_names_is_unfit(change: dict[str, str], says: str) -> None:
    finding = looked_at(replace(NEW_ERA, **change), new_era_pairs("opened"))  # type: ignore[arg-type]
    assert finding.level is Level.FAIL
    assert says in finding.found


def test_another_syringe_than_the_bench_file_names_is_unfit() -> None:
    finding = looked_at(replace(NEW_ERA, diameter_mm=20.0), new_era_pairs("opened", "settings", "status stopped"))
    assert finding.level is Level.FAIL
    assert finding.expected == "a diameter of 20 mm"


def test_a_pump_that_runs_or_told_an_alarm_or_is_not_named_is_warned_of() -> None:
    running = looked_at(NEW_ERA, new_era_pairs("opened", "settings", "status infusing"))
    assert running.level is Level.WARN
    assert "infusing" in running.found
    reset = looked_at(NEW_ERA, new_era_pairs("opened after power-up", "settings", "status stopped"))
    assert reset.level is Level.WARN
    assert "switched on again" in reset.found
    unnamed = looked_at(replace(NEW_ERA, model=""), new_era_pairs("opened", "settings", "status stopped"))
    assert unnamed.level is Level.WARN
    assert unnamed.hint == 'model = "NE1000"'


def test_a_pump_that_was_left_in_safe_mode_and_missed_its_host_is_as_it_should_be() -> None:
    opened = "opened while another program's safe mode is on"
    assert looked_at(NEW_ERA, new_era_pairs(opened, "settings", "status stopped")).level is Level.OK


def test_a_flow_source_that_is_not_there_is_listed_with_the_other_devices(tmp_path: Path) -> None:
    config = parse_bench(PI + TABLE + 'port = "/dev/serial/by-id/absent"\n')
    found = devices.check_real(config, config.pump_profile(), tmp_path)
    assert [each.item for each in found] == ["pump port", "balance port", "flow source port"]
    assert found[-1].found.startswith("reference: no /dev/serial/by-id/absent")


def parsed(table: str, text: str = PI) -> BenchConfig:
    return parse_bench(text + table, "b.toml")


def test_a_flow_source_is_read_from_the_bench_file() -> None:
    (source,) = parsed(TABLE + 'port = "/dev/x"\nsafe_timeout_s = 20\ndiameter_mm = 14.43\n').flow_sources
    assert source == FlowSourceConfig("reference", "new-era", "/dev/x", safe_timeout_s=20, diameter_mm=14.43)
    assert load_bench("pi-example").flow_sources == ()


BALANCE_PORT = load_bench("pi-example").balance.port


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (TABLE + TABLE, "two devices have the name reference"),
        (TABLE + f'port = "{BALANCE_PORT}"\n', "two devices have the port"),
        (TABLE.replace("new-era", "harvard") + "safe_timeout_s = 20\n", "reference has no safe mode"),
        (TABLE + "safe_timeout_s = 256\n", "a whole number from 0 to 255"),
        (TABLE + "diameter_mm = 0\n", "more than 0"),
        (TABLE + "address = 100\n", "a whole number from 0 to 99"),
        (TABLE + "seriel = 1\n", "unknown key 'seriel'"),
        ('\n[[flow_sources]]\nname = "reference"\n', "'protocol' is missing"),
    ],
)
def test_a_slip_in_a_flow_source_is_one_line(table: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(table)
    assert says in str(caught.value)
    assert "flow_sources" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_driver_of_a_flow_source_is_one_that_is_installed(tmp_path: Path) -> None:
    slip = tmp_path / "slip.toml"
    slip.write_text((benches_dir() / "simulated.toml").read_text("utf-8") + TABLE.replace("new-era", "new-ere"))
    with pytest.raises(ConfigError, match="'new-ere' cannot be used; expected new-era or harvard; try: new-era"):
        load_bench(slip)


@pytest.mark.parametrize("tables", [TABLE + 'port = "/dev/x"\n', TABLE + TABLE.replace("reference", "other")])
def test_a_simulated_bench_has_one_flow_source_at_most_and_no_port_for_it(tables: str) -> None:
    with pytest.raises(ConfigError, match="a simulated bench has one flow source at most"):
        parsed(tables, (benches_dir() / "simulated.toml").read_text("utf-8"))
