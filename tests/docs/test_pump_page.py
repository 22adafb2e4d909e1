"""The page about pumps is the one that the data files make."""

from rig.paths import checkout
from rig.profiles.page import reference_page
from rig.profiles.pump import pump_ids

PAGE = checkout() / "docs/reference/pump-profiles.md"


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
