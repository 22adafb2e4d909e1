"""Marks and claims: who says so, and that nothing unconfirmed ever decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.config import parse_bench
from rig.errors import ConfigError
from rig.judging.judge import judge_evidence
from rig.paths import benches_dir
from rig.profiles.claims import Claim, Conditions
from rig.profiles.data_file import marked
from rig.profiles.figures import Figure
from rig.profiles.marks import CONFIRMED, DECLARED, SOURCED, combined, letters, weak
from rig.profiles.pump import (
    PumpProfile,
    data_files,
    load_facts,
    load_profile,
    parse_profiles,
    profile_ids,
    pump_ids,
)
from rig.results import Outcome
from rig.scenario.model import BolusStep, Check
from rig.verdict import decide, resolve_limits
from tests.judging.runs import RunMaker
from tests.profiles.files import SMALL, facts_of, profiles_of

WEAK = ("G", "R", "W", "?", "C", "P", "C, P", "M, G", "G, M", "M, ?", "M, C")
REAL = tuple(key for key in pump_ids() if not key.startswith("sim-"))
KINDS = ("basal", "bolus")
ACTUAL_5 = Check("each", "e", "bolus.each_error", source="pump.accuracy.bolus")


def _outcome(profile: PumpProfile, kind: str) -> Outcome:
    """Return what a perfect result is worth against the pump's claim: PASS if it can decide."""
    measure = "bolus.each_error" if kind == "bolus" else "basal.overall_error"
    check = Check("c", "c", measure, source=f"pump.accuracy.{kind}")
    return decide(0.0, 1e-6, resolve_limits(check, profile, 1.0)).outcome


def test_every_figure_has_a_mark_and_the_sources_that_bear_it_out() -> None:
    found = [(load_facts(pump_id), *each) for pump_id in pump_ids() for each in marked(load_facts(pump_id))]
    assert len(found) > 2000
    for facts, path, item in found:
        sources = dict(facts.sources)
        assert item.mark, path
        kinds = {sources[key].mark for key in item.source}
        assert kinds == {letter for letter in letters(item.mark) if letter in SOURCED}, path
        if isinstance(item, Figure):
            assert item.known == (item.mark != "?"), path


def test_a_source_means_the_same_in_every_file_and_is_used() -> None:
    seen: dict[str, object] = {}
    for path in data_files():
        pumps = facts_of(path.read_text("utf-8")).values()
        used = {key for pump in pumps for _, item in marked(pump) for key in item.source}
        for key, source in next(iter(pumps)).sources:
            assert seen.setdefault(key, source) == source, f"{path.name}: {key}"
            assert key in used, f"{path.name}: {key}"


@pytest.mark.parametrize("pump_id", REAL)
@pytest.mark.parametrize("kind", KINDS)
def test_no_shipped_pump_decides_before_a_person_has_confirmed_its_claim(pump_id: str, kind: str) -> None:
    claim: Claim = getattr(load_facts(pump_id).claims, kind)
    assert not claim.decides
    stand_in = load_profile("mmt-722")
    assert _outcome(replace(stand_in, claims=dict.fromkeys(KINDS, claim)), kind) is Outcome.REPORT_ONLY
    if pump_id in profile_ids():
        assert _outcome(load_profile(pump_id), kind) is Outcome.REPORT_ONLY
    else:
        with pytest.raises(ConfigError, match="is data only"):
            load_profile(pump_id)


@pytest.mark.parametrize("mark", WEAK)
def test_a_figure_with_a_weak_mark_decides_nothing_even_when_it_is_written_as_a_limit(mark: str) -> None:
    forged = Claim(mark, "forged", limit_pct=5.0, small_below_u=1.0, small_limit_u=0.05)
    for pump_id in profile_ids():
        profile = replace(load_profile(pump_id), claims=dict.fromkeys(KINDS, forged))
        assert {_outcome(profile, kind) for kind in KINDS} == {Outcome.REPORT_ONLY}, pump_id


@pytest.mark.parametrize("mark", ["M", CONFIRMED, DECLARED])
def test_the_same_figure_decides_when_somebody_stands_for_it(mark: str) -> None:
    sound = Claim(mark, "sound", limit_pct=5.0)
    profile = replace(load_profile("mmt-722"), claims=dict.fromkeys(KINDS, sound))
    assert [_outcome(profile, kind) for kind in KINDS] == [Outcome.PASS, Outcome.PASS]


@pytest.mark.parametrize("mark", ["G", "R", "W", "?"])
def test_a_run_judged_by_an_unconfirmed_limit_only_reports(mark: str) -> None:
    evidence = RunMaker((BolusStep(5.0, 2),), (ACTUAL_5,)).make()
    assert judge_evidence(evidence).checks[0].outcome is Outcome.PASS  # by the claim declared for the twin
    forged = dict.fromkeys(KINDS, Claim(mark, "forged", limit_pct=5.0))
    unconfirmed = replace(evidence, profile=replace(evidence.profile, claims=forged))
    assert judge_evidence(unconfirmed).checks[0].outcome is Outcome.REPORT_ONLY


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(rate_u_per_h=1.0),
        Conditions(amount_u=1.0),
        Conditions(height_m=1.0),
        Conditions(temperature_c=23.0),
        Conditions(set="Tender"),
        Conditions(fluid="water"),
    ],
)
def test_a_claim_bound_to_a_condition_waits_for_a_person(conditions: Conditions) -> None:
    assert Claim("M", "maker's", limit_pct=5.0).decides
    assert not Claim("M", "maker's", limit_pct=5.0, conditions=conditions).decides
    assert conditions.words


def test_the_combo_is_the_only_pump_with_a_makers_limit_and_it_keeps_its_conditions() -> None:
    limited = [
        (key, kind) for key in REAL for kind in KINDS if getattr(load_facts(key).claims, kind).limit_pct is not None
    ]
    assert limited == [("accu-chek-combo", "basal")]
    claim = load_facts("accu-chek-combo").claims.basal
    assert (claim.mark, claim.limit_pct) == ("M", 5.0)
    assert claim.conditions == Conditions(rate_u_per_h=1.0, height_m=1.0, set="Tender PC 17/110")


@pytest.mark.parametrize("mark", ["G", "R", "?", "M, G", "G, M"])
def test_a_data_file_cannot_make_an_unconfirmed_figure_a_limit(mark: str) -> None:
    source = ', source = ["guide"]' if "M" in mark else ""
    text = SMALL.replace('said_pct = 5, mark = "G"', f'limit_pct = 5, mark = "{mark}"{source}')
    with pytest.raises(ConfigError, match=rf"small.*claims\.bolus: a claim marked '{mark[0]}.*cannot be a limit"):
        profiles_of(text.replace("said to be", "is"))


@pytest.mark.parametrize("limit", ["small_below_u = 1", "small_limit_u = 0.05"])
def test_nor_half_of_one(limit: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a limit"):
        profiles_of(SMALL.replace("said_pct = 5", limit))


def test_a_data_file_can_neither_confirm_nor_declare_for_the_twin_what_a_real_pump_claims() -> None:
    for mark, why in ((CONFIRMED, "confirmed for one pump, not for a model"), (DECLARED, "only a sim-\\* profile")):
        with pytest.raises(ConfigError, match=why):
            profiles_of(
                SMALL.replace('limit_pct = 5, mark = "M", source = ["guide"]', f'limit_pct = 5, mark = "{mark}"')
            )
    twin = SMALL.replace("[pumps.small]", "[pumps.sim-small]")
    declared = twin.replace('limit_pct = 5, mark = "M", source = ["guide"]', f'limit_pct = 5, mark = "{DECLARED}"')
    assert profiles_of(declared)["sim-small"].claims["basal"].decides


def test_the_former_layout_cannot_make_one_a_limit_either() -> None:
    former = (data_files()[0].parents[3] / "tests/data/golden/v1/evidence/profile.toml").read_text("utf-8")
    weakened = former.replace('mark = "declared for the twin"', 'mark = "G"')
    assert parse_profiles(former, "profile.toml")["sim-723"].claims["basal"].decides
    claims = parse_profiles(weakened, "profile.toml")["sim-723"].claims
    assert claims["basal"].limit_pct == 5.0
    assert not claims["basal"].decides
    assert not claims["bolus"].decides


@pytest.mark.parametrize("mark", ["G", "R"])
@pytest.mark.parametrize("key", ["delivery.dose_u", "bolus.speeds", "log.amount_step_u"])
def test_a_driver_gets_no_profile_whose_results_would_rest_on_a_guess(mark: str, key: str) -> None:
    lines = [
        line.replace('mark = "C", source = ["app"]', f'mark = "{mark}"') if line.startswith(key) else line
        for line in SMALL.splitlines()
    ]
    with pytest.raises(ConfigError, match=f"small: {key} is marked '{mark}', and results would rest on it"):
        profiles_of("\n".join(lines))


def test_a_driver_gets_no_profile_with_a_figure_missing() -> None:
    for line in SMALL.splitlines():
        key = line.split(" = ")[0]
        if key.startswith(("reservoir.", "delivery.", "basal.", "bolus.", "temp_basal.", "log.", "conc")):
            with pytest.raises(ConfigError, match=f"small: {key} is unknown"):
                profiles_of(SMALL.replace(line, ""))
    for key in ("model", "family"):
        line = next(line for line in SMALL.splitlines() if line.startswith(f"{key} ="))
        with pytest.raises(ConfigError, match="model or family is missing"):
            profiles_of(SMALL.replace(line, ""))


def test_a_bench_cannot_name_a_pump_that_is_data_only() -> None:
    text = (benches_dir() / "pi-example.toml").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith('profile = "mmt-'))
    only = [key for key in REAL if key not in profile_ids()]
    assert "omnipod-5" in only
    for pump_id in only:
        with pytest.raises(ConfigError, match=f"bench.toml:[0-9]+: pump.profile: profile '{pump_id}' is data only"):
            parse_bench(text.replace(line, f'profile = "{pump_id}"'))


def test_marks_are_taken_apart_and_put_together() -> None:
    assert letters("C, P") == ("C", "P")
    assert letters(DECLARED) == ()
    assert combined("C", "C, M", "M", "P") == "C, M, P"
    assert [weak(mark) for mark in ("M", "C, P", "W", "C, G", "?", "R")] == [False, False, True, True, True, True]
