"""What a pump claims of occlusions judges at its own rate, where the maker or a named person said it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from rig.config import load_bench, parse_bench
from rig.errors import ScenarioError
from rig.judging.checks import _limits_of
from rig.judging.items import Item
from rig.judging.occlusions import _one_rate
from rig.judging.view import RunView
from rig.paths import checkout
from rig.profiles.pump import load_profile
from rig.results import Outcome
from rig.scenario.model import Check
from rig.scenario.parse import parse_scenario
from rig.scenario.validate import validate_for
from rig.schedule import BolusOrder
from rig.verdict import decide, resolve_limits

TIME = Check("time", "t", "occlusion.time_to_alarm", unit="h", source="pump.occlusion")
MISSED = Check("missed", "m", "occlusion.missed_volume", unit="U", source="pump.occlusion")
CONFIRMED = """
[pump.claims.occlusion]
rate_u_per_h = 1.0
longest_h = 3.5
document = "a guide, page 7"
confirmed_by = "A. Person"
confirmed_on = 2026-11-02
"""


@pytest.mark.parametrize(
    ("profile", "rate_u_per_h", "hours", "units"),
    [
        ("mmt-754", 1.0, 3.9, 3.9),  # pump-specs, occlusion times, Veo
        ("mmt-754", 0.025, 189.0, 4.7),
        ("mmt-754", 1.5, None, None),
        ("mmt-754", None, None, None),
        ("mmt-722", 1.0, None, None),  # 3.0 U are of a sister model's guide
        ("mmt-523", 1.0, None, None),
    ],
)
def test_a_claim_for_occlusions_holds_at_its_own_rate_and_on_its_own_pump(
    profile: str, rate_u_per_h: float | None, hours: float | None, units: float | None
) -> None:
    for check, upper in ((TIME, hours), (MISSED, units)):
        limits = _limits_of(check, load_profile(profile), Item("", 0.0, 1.0, 1.0, 0.01, rate_u_per_h=rate_u_per_h))
        assert (limits.lower, limits.upper) == (None, pytest.approx(upper) if upper else None)
        assert decide(1.0, 0.01, limits).outcome is (Outcome.PASS if upper else Outcome.REPORT_ONLY)
        assert decide(200.0, 0.01, limits).outcome is (Outcome.FAIL if upper else Outcome.REPORT_ONLY)
        if limits.source is not None:
            assert (limits.source.mark, "Veo user guide" in limits.source.text) == ("M", True)


def _bench_text() -> str:
    return (checkout() / "fixtures" / "benches" / "simulated-522.toml").read_text(encoding="utf-8")


def test_a_claim_that_a_person_confirmed_comes_first_and_names_the_person() -> None:
    profile = parse_bench(_bench_text().replace("\n[balance]", f"{CONFIRMED}\n[balance]", 1)).pump_profile()
    limits = resolve_limits(TIME, profile, None, 1.0)
    assert limits.upper == 3.5
    assert limits.source is not None
    assert limits.source.text == "occlusion at 1 U/h: a guide, page 7, confirmed by A. Person on 2026-11-02"
    assert not resolve_limits(MISSED, profile, None, 1.0).decide
    assert not resolve_limits(TIME, load_bench("simulated-522").pump_profile(), None, 1.0).decide


@pytest.mark.parametrize(("limit", "right"), [("max: 3.9 h", True), ("max: 4 h", False), ("min: 1 h", False)])
def test_a_figure_beside_the_claim_must_be_the_claims(limit: str, right: bool) -> None:
    text = (checkout() / "scenarios" / "occlusion.yaml").read_text(encoding="utf-8").partition("checks:")[0]
    check = f"checks:\n  - {{id: t, measure: occlusion.time_to_alarm, {limit}, source: pump.occlusion}}\n"
    scenario = parse_scenario(text + check)
    config = parse_bench(_bench_text().replace("sim-522", "sim-754").replace("900522", "900754"))
    if right:
        validate_for(scenario, config.pump_profile(), config)
    else:
        with pytest.raises(ScenarioError, match=r"not what pump.occlusion says.* max: 3.9 h or max: 189 h"):
            validate_for(scenario, config.pump_profile(), config)


@pytest.mark.parametrize(
    ("from_s", "to_s", "rate"), [(0.0, 50.0, 1.0), (0.0, 150.0, None), (110.0, 150.0, 2.0), (110.0, 250.0, None)]
)
def test_an_occlusion_has_a_rate_where_it_was_one_and_no_bolus_ran(from_s: float, to_s: float, rate: float) -> None:
    parts = [
        SimpleNamespace(start_s=0.0, end_s=100.0, rate_u_per_h=1.0),
        SimpleNamespace(start_s=100.0, end_s=300.0, rate_u_per_h=2.0),
    ]
    programme = SimpleNamespace(segments=parts, boluses=(BolusOrder(200.0, 1.0, 40.0),))
    assert _one_rate(cast("RunView", SimpleNamespace(programme=programme)), from_s, to_s) == rate
