"""The page that leads to a driver of one's own shows the files that the tests install, and names what there is."""

from __future__ import annotations

import re

from rig.conformance import balance, flow_source, meter, pump, supply
from rig.conformance.report import Check
from rig.doctor.conform import AT_REST, SET_BY_HAND
from rig.paths import checkout
from rig.plugins.spec import METHODS, DriverSpec
from tests.plugins.fake import ACME

PAGE = (checkout() / "docs/how-to/add-a-pump.md").read_text("utf-8")
CHECK_PAGE = (checkout() / "docs/reference/check-driver.md").read_text("utf-8")


def test_the_page_shows_every_file_of_the_worked_example_as_it_is_installed() -> None:
    shown = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    files = {
        str(path.relative_to(ACME)): path.read_text("utf-8") for path in ACME.rglob("*.*") if path.suffix != ".pyc"
    }
    assert shown == files


def test_the_page_names_every_field_and_capability_with_its_methods() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(DriverSpec.__dataclass_fields__) <= set(named)
    for wanted in METHODS.values():
        for capability, methods in wanted.items():
            line = ", ".join(f"`{method}`" for method in methods)
            if capability is None:
                assert ", ".join(f"`{name}`" for name in methods) in PAGE
            else:
                assert re.search(rf"^\| `{capability.name}`.* \| {line}", PAGE, re.MULTILINE)


def test_the_reference_lists_every_check_of_a_flow_source_as_the_suite_has_it() -> None:
    for check in flow_source.CHECKS:
        needs, essential = check.needs.name if check.needs else "", "yes" if check.essential else ""
        ports = "yes" if check.situation in flow_source.AT_REST else "never"
        assert f"| `{check.situation}` | {check.sentence} | {needs} | {essential} | {ports} |\n" in CHECK_PAGE


def test_the_reference_lists_every_check_as_the_suite_has_it() -> None:
    def on_ports(check: Check[pump.PumpBench] | Check[balance.BalanceBench]) -> str:
        if check.situation in SET_BY_HAND or (check.situation in balance.SITUATIONS and check.situation not in AT_REST):
            return "never"
        return "with `--delivers`" if check.delivers else "yes"

    checks: list[Check[pump.PumpBench] | Check[balance.BalanceBench]] = [*pump.CHECKS, *balance.CHECKS]
    for check in checks:
        needs, essential = check.needs.name if check.needs else "", "yes" if check.essential else ""
        line = f"| `{check.situation}` | {check.sentence} | {needs} | {essential} | {on_ports(check)} |\n"
        assert line in CHECK_PAGE


def test_the_reference_lists_every_check_of_supplies_and_meters() -> None:
    checks: list[Check[supply.SupplyBench] | Check[meter.MeterBench]] = [*supply.CHECKS, *meter.CHECKS]
    for check in checks:
        needs, essential = check.needs.name if check.needs else "", "yes" if check.essential else ""
        assert f"| `{check.situation}` | {check.sentence} | {needs} | {essential} |\n" in CHECK_PAGE
