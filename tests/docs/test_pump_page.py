"""The page about pumps is the one that the data files make."""

import re
import tomllib

from rig.config import parse_bench
from rig.paths import benches_dir, checkout
from rig.profiles.claims import NO_CONDITIONS
from rig.profiles.data_file import read_facts
from rig.profiles.page import reference_page
from rig.profiles.pump import pump_ids
from rig.profiles.strict import Origin

PAGE = checkout() / "docs/reference/pump-profiles.md"
HOW_TO = checkout() / "docs/how-to/add-a-pump.md"


def test_the_page_about_pumps_is_made_from_the_data_files() -> None:
    assert PAGE.read_text("utf-8") == reference_page(), "python -m rig.profiles.page > docs/reference/pump-profiles.md"


def test_it_names_every_pump_and_its_tables_are_whole() -> None:
    text = reference_page()
    assert [key for key in pump_ids() if f"`{key}`" not in text] == []
    width = 0
    for line in text.splitlines():
        columns = line.replace("\\|", "").count("|") if line.startswith("|") else 0
        assert width in (0, columns) or columns == 0, line
        width = columns


def test_the_examples_of_the_guide_are_read_as_they_stand() -> None:
    text = HOW_TO.read_text("utf-8").partition("### Start a data file")[2]
    pump, claim, confirmed = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (facts,) = read_facts(tomllib.loads(pump), Origin("how-to", pump)).values()
    assert facts.data_only
    assert facts.claims.basal.said_pct == 5.0
    with_limit = re.sub(r"^claims\.basal.*$", lambda _: claim.strip(), pump, flags=re.MULTILINE)
    (facts,) = read_facts(tomllib.loads(with_limit), Origin("how-to", with_limit)).values()
    assert facts.claims.basal.limit_pct == 5.0
    assert facts.claims.basal.conditions != NO_CONDITIONS
    assert not facts.claims.basal.decides
    bench = parse_bench((benches_dir() / "pi-example.toml").read_text("utf-8") + confirmed)
    assert bench.pump_profile().claims["basal"].decides
