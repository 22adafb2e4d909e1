"""The pages: every link leads somewhere, and what is listed is what the code knows."""

import re
from pathlib import Path

import pytest

from rig.cli.main import build_parser
from rig.paths import checkout
from rig.results import Outcome
from rig.sim.faults import list_faults

PAGES = [checkout() / "README.md", *sorted((checkout() / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_pages_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_fault_stands_on_its_page() -> None:
    text = (checkout() / "docs/reference/faults.md").read_text()
    assert set(re.findall(r"^\| `([a-z_.]+)`", text, re.MULTILINE)) == {f.name for f in list_faults()}


def test_every_outcome_and_exit_code_is_explained() -> None:
    result = (checkout() / "docs/reference/result.md").read_text()
    assert all(f"`{outcome.value}`" in result for outcome in Outcome)
    readme = (checkout() / "README.md").read_text()
    for code in re.findall(r"^  (\d+) ", build_parser().epilog or "", re.MULTILINE):
        assert f"**{code}**" in readme


def test_the_readme_begins_with_two_single_commands() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (checkout() / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert [len(block.strip().splitlines()) for block in blocks[:2]] == [1, 1]
    assert blocks[0].rstrip().endswith("rig run")
    assert blocks[1].rstrip().endswith("tox run -e tests")
