"""Bench files: strict TOML into frozen data."""

from __future__ import annotations

import tomllib
from dataclasses import FrozenInstanceError
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.config import BenchConfig, bench_schema, load_bench, parse_bench
from rig.errors import ConfigError
from rig.paths import benches_dir

GOOD = (benches_dir() / "simulated.toml").read_text("utf-8")
SHIPPED = sorted(benches_dir().glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.stem))
def test_a_shipped_bench_is_named_like_its_file(path: Path) -> None:
    assert load_bench(path).name == path.stem == load_bench(path.stem).name


def test_the_default_bench_is_a_simulated_723_with_a_reserved_serial_number() -> None:
    bench = load_bench()
    assert (bench.name, bench.simulated) == ("simulated", True)
    assert (bench.pump.serials, bench.pump.profile) == (("900123",), "sim-723")
    assert (bench.balance.resolution_mg, bench.balance.port) == (0.01, "")
    assert bench.simulation is not None
    assert bench.simulation.start == datetime(2026, 3, 2, 21, 0, 0)
    assert bench.source_text == GOOD
    assert bench.calibration_due == date(2099, 12, 31)


def test_a_bench_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        load_bench().name = "other"  # type: ignore[misc]


def test_a_claim_confirmed_by_a_person_decides_and_says_who_read_it() -> None:
    text = (benches_dir() / "pi-example.toml").read_text("utf-8")
    commented = [
        line[2:] for line in text.splitlines() if line.startswith("# [pump") or (line[:2] == "# " and " = " in line)
    ]
    bench = parse_bench(text + "\n" + "\n".join(commented) + "\n")
    claim = bench.pump_profile().claims["basal"]
    assert (claim.limit_pct, claim.mark, claim.decides) == (5.0, "confirmed", True)
    assert claim.text == "user guide, edition and page, confirmed by name on 2026-11-02"
    assert not bench.pump_profile().claims["bolus"].decides


LIQUID = """[liquid]
name = "NaCl 0.9 %"
density_kg_per_m3 = 1004.6
at_c = 20.0
u_density_kg_per_m3 = 0.5
expansion_per_k = 2.1e-4
u_expansion_per_k = 0.7e-4
source = "pycnometer, 2026-11-02, name"
"""


def test_a_stated_liquid_is_read_whole_and_the_schema_takes_it() -> None:
    text = GOOD.replace('liquid = "water"', 'liquid = "stated"') + LIQUID
    liquid = parse_bench(text).liquid
    assert liquid is not None
    assert (liquid.name, liquid.density_kg_per_m3, liquid.u_expansion_per_k) == ("NaCl 0.9 %", 1004.6, 0.7e-4)
    jsonschema.validate(plain(tomllib.loads(text)), bench_schema())
    assert load_bench().liquid is None


MUTATIONS = [
    ("serials = ", "serial = ",
     ("b.toml:12: pump.serial: unknown key 'serial'; expected one of serials, profile, link, port, "
     "frequency, frequency_mhz, world, claims; try: 'serials'")),
    ("[balance.uncertainty]", "[balance.uncertanty]",
     "b.toml:20: balance.uncertanty: unknown key 'uncertanty'; expected one of"),
    ("[tube]", "[tubes]", "b.toml:36: tubes: unknown key 'tubes'; expected one of"),
    ("resolution_mg = 0.01", 'resolution_mg = "0.01 mg"',
     "b.toml:18: balance.resolution_mg: '0.01 mg' is not a number; expected a number from 0 to 100 mg"),
    ("resolution_mg = 0.01", "resolution_mg = nan", "b.toml:18: balance.resolution_mg: nan is not a number"),
    ("resolution_mg = 0.01", "resolution_mg = 0",
     "b.toml:18: balance.resolution_mg: 0 is out of range; expected a number from 0 to 100 mg and more than 0"),
    ("resolution_mg = 0.01", "resolution_mg = true", "b.toml:18: balance.resolution_mg: true is not a number"),
    ("repeatability_mg = 0.02", "", "b.toml:20: balance.uncertainty: the key 'repeatability_mg' is missing"),
    ('"sim-723"', '"sim-732"', "b.toml:11: pump.profile: unknown pump profile 'sim-732'; expected one of"),
    ('"sim-723"', '"mmt-723"',
     ("b.toml:12: pump.serials: serial number 900123 does not go with profile mmt-723; "
     "expected 900000 to 900999 with a sim-* profile and with no other")),
    ('["900123"]', '["512847"]', "b.toml:12: pump.serials: serial number 512847 does not go with profile sim-723"),
    ('["900123"]', "[900123]", "b.toml:12: pump.serials: 900123 cannot be used; expected six digits in quotes"),
    ('["900123"]', '"900123"', "b.toml:12: pump.serials: '900123' cannot be used; expected a list of 1 to 20 values"),
    ('["900123"]', "[]", "b.toml:12: pump.serials: [] cannot be used; expected a list of 1 to 20 values in [ ]"),
    ('kind = "simulated"', 'kind = "simulation"',
     "b.toml:7: kind: 'simulation' cannot be used; expected simulated or hardware; try: simulated"),
    ('"mt-sics"', '"S BI"', "b.toml:17: balance.protocol: 'S BI' cannot be used; expected the name of a driver"),
    ('link = "cc111x"', 'port = "/dev/ttyACM0"',
     "b.toml:13: pump.port: a simulated bench has no port '/dev/ttyACM0'; expected no port, or kind = \"hardware\""),
    ("due = 2099-12-31", 'due = "2099-12-31"',
     "b.toml:27: balance.calibration.due: '2099-12-31' is not a date; expected a date such as 2027-01-31"),
    ("outer_diameter_mm = 1.2", "outer_diameter_mm = 20.0",
     "b.toml:37: tube.outer_diameter_mm: a tube of 20 mm does not dip into a vessel of 20 mm"),
    ("humidity_pct = 50.0", "humidity_pct = 150", "b.toml:41: environment.humidity_pct: 150 is out of range"),
    ("seed = 1", "seed = -1", "b.toml:48: simulation.seed: -1 cannot be used; expected a whole number from 0 to"),
    ("2026-03-02T21", "2026-13-02T21", "b.toml:49: simulation.start_local: no such time"),
    ("2026-03-02T21:00:00", "tonight",
     "b.toml:49: simulation.start_local: 'tonight' cannot be used; expected local time such as"),
    ("[vessel]", "[vessel", "b.toml:29: not valid TOML: Expected ']' at the end of a table declaration"),
    ('name = "simulated"', 'name = "simulated"\nname = "twice"', "b.toml:6: not valid TOML: Cannot overwrite a value"),
    ("[tube]\n", "[vessel]\n", "b.toml:36: not valid TOML: Cannot declare ('vessel',) twice"),
    ("[tube]\nouter_diameter_mm = 1.2", "tube = 1", "b.toml:36: vessel.tube: unknown key 'tube'; expected one of"),
    ('name = "simulated"', "name = 'Über'", "b.toml:5: name: 'Über' cannot be used; expected lower-case letters"),
    ("[tube]", '"\\u001b[2J" = 1\n[tube]', r"b.toml: vessel.\x1b[2J: unknown key '\x1b[2J'; expected one of"),
    ('liquid = "water"', 'liquid = "stated"',
     ("b.toml:34: vessel.liquid: the density of the liquid is missing; expected a table [liquid] with name, "
     "density_kg_per_m3, at_c, ...; try: liquid = \"water\", where it is water")),
    ('liquid = "water"', 'liquid = "insulin"', "b.toml:34: vessel.liquid: 'insulin' cannot be used; expected water or"),
    ("[tube]", LIQUID + "\n[tube]",
     "b.toml:36: liquid: a density is stated that [vessel] liquid does not use; expected liquid = "),
    ("[tube]", LIQUID.replace("source", "# source") + "\n[tube]",
     "b.toml:36: liquid: the key 'source' is missing"),
    ("[tube]", LIQUID.replace("0.5", "0") + "\n[tube]",
     "b.toml:40: liquid.u_density_kg_per_m3: 0 is out of range; expected a number from 0 to 50 kg/m^3 and more than 0"),
    ('title = "723', 'title = "\\u0007 723', r"b.toml:6: title: '\x07 723 and 0.01 mg balance, both"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), MUTATIONS)
def test_a_slip_is_told_by_file_line_key_and_what_is_right(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        parse_bench(GOOD.replace(old, new, 1), "b.toml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_unknown_bench_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown bench 'simulatd'.*try: 'simulated'"):
        load_bench("simulatd")
    with pytest.raises(ConfigError, match=r"nowhere/x\.toml: no such bench file"):
        load_bench("nowhere/x.toml")


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "not a text file"), (b"#" * 300_000, "larger than"), (b"", "is missing")]
)
def test_what_is_no_bench_file_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "strange.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_bench(path)
    assert "strange.toml" in str(caught.value)


@settings(deadline=None)
@given(st.data())
def test_a_good_file_with_pieces_cut_out_is_a_bench_or_one_line_of_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 40)))
    inserted = data.draw(st.text(alphabet="{}[]=,'\"#\n\tab01.-", max_size=6))
    try:
        found: Any = parse_bench(GOOD[:start] + inserted + GOOD[end:])
    except ConfigError as error:
        found = str(error).splitlines()
    assert isinstance(found, BenchConfig) or len(found) == 1


def test_the_schema_accepts_every_shipped_bench_and_refuses_an_unknown_key() -> None:
    schema = bench_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in SHIPPED:
        document = plain(tomllib.loads(path.read_text("utf-8")))
        validator.validate(document)
        assert not validator.is_valid({**document, "balence": {}})


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def test_the_reference_page_names_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "bench-file.md").read_text("utf-8")

    def keys(schema: dict[str, Any]) -> set[str]:
        properties = schema.get("properties", {})
        return set(properties).union(*(keys(inner) for inner in properties.values())) if properties else set()

    assert [key for key in keys(bench_schema()) if f"`{key}`" not in page] == []


def test_the_line_of_a_slip_is_found_behind_a_text_of_nothing_but_blanks() -> None:
    blanks = 'runs_dir = """\n[' + " " * 20_000 + 'x"""\n'
    with pytest.raises(ConfigError, match=r"b\.toml:3: unknown key 'odd'|b\.toml:3: odd: unknown key 'odd'"):
        parse_bench(blanks + "odd = 1\n" + GOOD, "b.toml")
