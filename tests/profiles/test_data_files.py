"""Data files of pumps: strict, one meaning for every key, and the same when written and read again."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import ConfigError
from rig.profiles.bands import SpeedBand, StepBand, duration_s, round_down
from rig.profiles.data_file import profiles_schema, read_facts
from rig.profiles.pump import (
    data_files,
    load_facts,
    load_profile,
    parse_profiles,
    profile_ids,
    profile_text,
    pump_ids,
    read_profiles,
)
from rig.profiles.strict import Origin
from tests.profiles.files import SMALL, facts_of, plain, profiles_of

FILES = data_files()
BANDED = [key for key in pump_ids() if load_facts(key).basal.steps.known or load_facts(key).bolus.steps.known]


def test_every_file_is_what_the_schema_allows() -> None:
    check = jsonschema.Draft202012Validator(profiles_schema())
    for path in FILES:
        check.validate(tomllib.loads(path.read_text("utf-8")))
    broken = tomllib.loads(SMALL.replace("delivery.dose_u", "delivery.dose"))
    assert [error.message for error in check.iter_errors(broken)] == [
        "Additional properties are not allowed ('dose' was unexpected)"
    ]


def test_every_pump_is_found_in_its_file_and_stands_there_once() -> None:
    found = [key for path in FILES for key in facts_of(path.read_text("utf-8"))]
    assert sorted(found) == list(pump_ids())


def test_the_text_kept_as_evidence_gives_the_same_profile_again() -> None:
    texts = {profile_id: profile_text(profile_id) for profile_id in profile_ids()}
    read = {text: parse_profiles(text, "profile.toml") for text in set(texts.values())}
    for profile_id, text in texts.items():
        assert read[text][profile_id] == load_profile(profile_id)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_was_read_is_the_same_when_written_and_read_again(path: Path) -> None:
    pumps = facts_of(path.read_text("utf-8"))
    sources = next(iter(pumps.values())).sources
    written = {
        "format": 2,
        "sources": {key: plain(source) for key, source in sources},
        "pumps": {key: plain(replace(pump, like="")) for key, pump in pumps.items()},
    }
    again = read_facts(written, Origin("again.toml", ""))
    assert again == {key: replace(pump, like="") for key, pump in pumps.items()}


MUTATIONS = [
    ("title = ", "titel = ", r"small\.toml:9: pumps\.small\.titel: unknown key 'titel'.*try: 'title'"),
    ("delivery.dose_u", "delivery.dose", r"pumps\.small\.delivery\.dose: unknown key 'dose'.*try: 'dose_u'"),
    ("bolus.speeds", "bolus.speed", r"small\.toml:\d+: pumps\.small\.bolus\.speed: .*try: 'speeds'"),
    ("bolus.min_u", "bolos.min_u", r"pumps\.small\.bolos: unknown key 'bolos'.*try: 'bolus'"),
    ("text = \"within", "txt = \"within", r"claims\.basal\.txt: unknown key 'txt'.*try: 'text'"),
    ("measure = ", "meassure = ", r"results\.meassure: unknown key.*try: 'measure'"),
    ("value = 0.025, mark = \"C\"", "value = 0.025, marks = \"C\"", r"unknown key 'marks'.*try: 'mark'"),
    ("value = 0.025, mark = \"C\", ", "value = 0.025, ", r"dose_u: the key 'mark' is missing"),
    ("from_u = 7, ", "from = 7, ", r"bolus\.speeds\.value\.from: unknown key 'from'.*try: 'from_u'"),
    ("delivery.dose_u = { value = 0.025, mark = \"C\", source = [\"app\"] }", "delivery.dose_u = 0.025",
     r"dose_u: a figure without its mark"),
    ("value = 35, mark = \"C\"", "value = 35, mark = \"?\"", r"max_u_per_h: a mark '\?' stands for"),
    ("{ value = 35, mark = \"C\", source = [\"app\"] }", "{ mark = \"C\", source = [\"app\"] }", r"nobody knows"),
    ("value = 35, mark = \"C\"", "value = 35, mark = \"X\"", r"max_u_per_h\.mark: 'X' cannot be used"),
    ("value = 35, mark = \"C\"", "value = 35, mark = \"M\"", r"the mark 'M' and its sources app do not go together"),
    ("value = 35, mark = \"C\", source = [\"app\"]", "value = 35, mark = \"C\"", r"sources \(none\) do not go"),
    ("value = 100, mark = \"G\"", "value = 100, mark = \"G\", source = [\"app\"]", r"do not go together"),
    ("source = [\"app\", \"guide\"]", "source = [\"app\", \"gide\"]", r"unknown source 'gide'.*try: 'guide'"),
    ("value = 35,", "value = 135,", r"max_u_per_h\.value: 135 is out of range"),
    ("from_value = 1, step = 0.5", "from_value = 1, step = 0.3", r"basal\.steps\.value: a step of 0.3 from 1"),
    ("from_value = 0, step = 1", "from_value = 2, step = 1", r"basal\.steps\.value: the bands are not in order"),
    ("duration_s = 9", "duration_s = 9, u_per_min = 1", r"bolus\.speeds\.value: not one speed"),
    ("duration_s = 9 ", "", r"not valid TOML|not one speed"),
    ("title = \"Small pump\"\n", "", r"pumps\.small: a pump without title or maker"),
    ("title = \"Small pump\"\n", "title = \"S\"\nlike = \"smal\"\n", r"small\.like: no pump 'smal'.*try: small"),
    ("title = \"Small pump\"\n", "title = \"S\"\nlike = \"small\"\n", r"small takes after itself"),
    ("driver = \"minimed\"", "driver = \"Mini Med\"", r"driver: 'Mini Med' cannot be used.*a name such as minimed"),
    ("format = 2", "format = 3", r"format: 3 cannot be used"),
    ("[pumps.small]", "[pumps.SMALL]", r"'SMALL' is not an id"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), MUTATIONS)
def test_a_file_with_a_fault_is_refused_by_line_and_nearest_key(old: str, new: str, message: str) -> None:
    assert SMALL.count(old) >= 1
    with pytest.raises(ConfigError, match=message) as caught:
        parse_profiles(SMALL.replace(old, new, 1), "small.toml")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_pump_takes_over_what_it_leaves_out_and_nothing_that_it_says_itself() -> None:
    second = '\n[pumps.second]\nlike = "small"\ntitle = "Second"\nbolus.max_u = { mark = "?" }\ndriver = "minimed"\n'
    pumps = facts_of(SMALL + second + "alarms = [{ name = 'other', mark = 'G' }]\n")
    assert pumps["second"].basal == pumps["small"].basal
    assert (pumps["second"].title, pumps["second"].maker) == ("Second", "nobody")
    assert not pumps["second"].bolus.max_u.known
    assert [alarm.name for alarm in pumps["second"].alarms] == ["other"]
    assert pumps["small"].bolus.max_u.also[0].value == 75


def test_a_pump_without_a_driver_is_data_only_and_gives_no_profile() -> None:
    text = SMALL.replace('driver = "minimed"\n', "")
    assert facts_of(text)["small"].data_only
    assert profiles_of(text) == {}


_AMOUNTS = st.floats(-1, 120, allow_nan=False)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(BANDED), _AMOUNTS)
def test_rounding_never_raises_a_setting_and_is_final_for_every_pump(pump_id: str, value: float) -> None:
    facts = load_facts(pump_id)
    for steps, most in ((facts.basal.steps, facts.basal.max_u_per_h), (facts.bolus.steps, facts.bolus.max_u)):
        if steps.value is not None:
            _check_rounding(steps.value, 100.0 if most.value is None else most.value, value)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from([1, 2, 4, 5, 10, 20]), st.integers(1, 50)), max_size=4), _AMOUNTS)
def test_rounding_never_raises_a_setting_and_is_final_for_any_bands(rows: list[tuple[int, int]], value: float) -> None:
    starts = {thousandths * count: thousandths / 1000 for thousandths, count in rows}
    bands = [StepBand(0.0, 0.025), *(StepBand(start / 1000, step) for start, step in sorted(starts.items()))]
    _check_rounding(tuple(bands), 50.0, value)


def _check_rounding(bands: tuple[StepBand, ...], highest: float, value: float) -> None:
    once = round_down(value, highest, bands)
    assert round_down(once, highest, bands) == once
    assert 0.0 <= once <= max(0.0, min(value, highest)) + 1e-6 * max(band.step for band in bands)
    assert min(max(value, 0.0), highest) - once < max(band.step for band in bands) + 1e-9


@given(st.floats(0, 100, allow_nan=False))
def test_a_bolus_takes_its_band_s_time(amount_u: float) -> None:
    bands = (SpeedBand(0.0, 0.75), SpeedBand(1.0, 1.5), SpeedBand(7.5, None, 300.0))
    expected = 300.0 if amount_u >= 7.5 else 60 * amount_u / (1.5 if amount_u >= 1 else 0.75)
    if min(abs(amount_u - 1.0), abs(amount_u - 7.5)) > 1e-5:
        assert duration_s(amount_u, bands) == pytest.approx(expected)


_SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5) | st.sampled_from(["C", "?"])
)
_WORDS = st.sampled_from(["format", "sources", "pumps", "shared", "small", "basal", "steps", "value", "mark", "source"])
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.text(max_size=3), inner, max_size=4),
)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(_WORDS, _TREES, max_size=4), st.booleans())
def test_any_tables_are_profiles_or_a_usage_error_on_one_line(data: dict[str, Any], new: bool) -> None:
    if new:
        data["format"] = 2
    assert "\n" not in _refusal(data, "")


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_shipped_file_with_one_value_replaced_is_read_or_refused_on_one_line(data: st.DataObject) -> None:
    tree = tomllib.loads(SMALL)
    node: Any = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.integers(0, 9)) == 0:
            break
        node = node[key]
    node[key] = data.draw(_SCALARS | st.just({}) | st.just([]))
    assert "\n" not in _refusal(tree, SMALL)


def _refusal(data: dict[str, Any], text: str) -> str:
    """Return why tables were refused, an empty text when they are profiles."""
    try:
        read_profiles(data, Origin("any.toml", text))
    except ConfigError as error:
        return str(error)
    return ""
