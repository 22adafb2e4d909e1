"""Broken scenario files, one slip each: the message names file, line, key and what would be right."""

from __future__ import annotations

import pytest

from rig.errors import ScenarioError
from rig.scenario.parse import parse_scenario
from tests.scenario.test_parse import GOOD

# (what is replaced, by what, the message in full or its beginning)
MUTATIONS = [
    ("schema: 1", "schema: 2", "x.yaml:1: schema: '2' cannot be used; expected a whole number from 1 to 1"),
    ("schema: 1\n", "", "x.yaml:1: the key 'schema' is missing; expected version of this format"),
    ("title: Every step once", "titel: Every step once",
     "x.yaml:3: titel: unknown key; expected one of schema, id, title,"),
    ("title: Every step once", "title:", "x.yaml:3: title: the value is missing; expected one line of at most 200"),
    ("id: all_steps", "id: All Steps", "x.yaml:2: id: 'All Steps' cannot be used; expected lower-case letters"),
    ("title: Every", "id: twice\ntitle: Every",
     "x.yaml:3: the key 'id' stands twice, first on line 2; expected each key once"),
    ("families: [22, 23]", "families: 22",
     "x.yaml:7: pump.families: no list stands here; expected a list of 1 to 20 values in [ ] or one '- ' a line"),
    ("families: [22, 23]", "family: [22, 23]",
     "x.yaml:7: pump.family: unknown key; expected one of families; try: 'families'"),
    ("families: [22, 23]", "families: []",
     "x.yaml:7: pump.families: the list holds 0 values; expected a list of 1 to 20 values"),
    ("needs: [pump, balance]", "needs: [pump, ballance]",
     ("x.yaml:8: needs[2]: 'ballance' cannot be used; expected pump or balance or flow_source or valve or supply or "
      "meter; try: 'balance'")),
    ("needs: [pump, balance]", "needs: [pump, camera]",
     "x.yaml:8: needs[2]: this version does not run 'camera' yet; expected pump or balance or flow_source or valve"),
    ("operator: none", "operator: prompts",
     "x.yaml:9: operator: this version does not run 'prompts' yet; expected none"),
    ("balance: 2 s", "balance: 2",
     "x.yaml:10: sampling.balance: '2' has no unit; expected a time such as '10 s'"),
    ("balance: 2 s", "balance: 0 s",
     "x.yaml:10: sampling.balance: '0 s' is out of range; expected 0.1 s or more, at most 60 s"),
    ("balance: 2 s", "balance: [2 s]",
     "x.yaml:10: sampling.balance: a list stands here; expected a time such as '10 s'"),
    ("before: 10 min", "before: -10 min",
     "x.yaml:11: blank.before: '-10 min' is out of range; expected 0 s or more, at most 86400 s"),
    ("rate: 1.0 U/h, for: 2 h", "rate: 1.0 U, for: 2 h",
     "x.yaml:13: steps[1].basal.rate: '1.0 U' has the unit 'U', which is no rate; expected U/h, a rate such"),
    ("rate: 1.0 U/h, for: 2 h", "rate: 1.0 U/h, fro: 2 h",
     "x.yaml:13: steps[1].basal.fro: unknown key; expected one of rate, for, name; try: 'for'"),
    ("rate: 1.0 U/h, for: 2 h", "rate: 1.0 U/h",
     "x.yaml:13: steps[1].basal: the key 'for' is missing; expected how long, such as '24 h'"),
    ("rate: 1.0 U/h, for: 2 h", "rate: .nan U/h, for: 2 h",
     "x.yaml:13: steps[1].basal.rate: '.nan U/h' is not a number with a unit; expected a rate such as '1.0 U/h'"),
    ("rate: 1.0 U/h, for: 2 h", "rate: 1.0 U/h, for: 1e300 h",
     "x.yaml:13: steps[1].basal.for: '1e300 h' is beyond anything a bench can do; expected at most 3.2e+07 s"),
    ("rate: 1.0 U/h, for: 2 h", "rate: 1,0 U/h, for: 2 h",
     "x.yaml:13: steps[1].basal.rate: '1' has no unit; expected a rate such as '1.0 U/h'"),
    ("- basal: {rate: 1.0 U/h", "- basel: {rate: 1.0 U/h",
     ("x.yaml:13: steps[1].basel: unknown step; expected one of basal, profile, pattern, temp_basal, bolus, "
     "suspend, resume, wait, set_clock, limits, press, wait_alarm, blank, flow, dispense, known_mass, clear_alarm, "
     "occlude, release, disconnect, reconnect, supply; try: 'basal'")),
    ("- basal: {rate: 1.0 U/h", "- square: {rate: 1.0 U/h",
     "x.yaml:13: steps[1].square: this version runs no such steps: the pumps that the rig drives take no square wave"),
    ("- resume", "- supply",
     "x.yaml:24: steps[8].supply: nothing is said of the supply; expected one of voltage, off, sweep and interrupt"),
    ("- resume", "- basal", "x.yaml:24: steps[8].basal: the key 'rate' is missing; expected the rate"),
    ("      for: 3 h\n", "", "x.yaml:14: steps[2].profile: the key 'for' is missing"),
    ("06:30", "06:15",
     ("x.yaml:18: steps[2].profile.segments[2].at: '06:15' cannot be used; "
     'expected a time of day such as "06:30", at a full or half hour')),
    ('"00:00"', '"01:00"',
     "x.yaml:17: segments[1]: the first segment does not begin at midnight; expected at: \"00:00\""),
    ("06:30", "00:00", "x.yaml:18: segments[2]: a segment begins no later than the one before; expected rising times"),
    ("percent: 50 %", "percent: 50 %, rate: 1 U/h",
     ("x.yaml:19: steps[3].temp_basal: both a rate and a percentage are given; "
     "expected one of 'rate: 0.5 U/h' and 'percent: 50 %'")),
    ("percent: 50 %, ", "", "x.yaml:19: steps[3].temp_basal: neither a rate nor a percentage is given"),
    ("percent: 50 %", "percent: 50.5 %",
     "x.yaml:19: steps[3].temp_basal: 50.5 % cannot be set; expected a whole percentage"),
    ("repeat: 3", "repeat: 0",
     "x.yaml:21: steps[5].bolus.repeat: '0' cannot be used; expected a whole number from 1 to 500"),
    ("over_basal: true", "over_basal: yes",
     "x.yaml:22: steps[6].bolus.over_basal: 'yes' cannot be used; expected true or false"),
    ("amount: 2 U", "amount: 0 U",
     "x.yaml:22: steps[6].bolus.amount: '0 U' is out of range; expected more than 0, at most 100 U"),
    ("- suspend: {for: 20 min}\n  - resume", "- suspend: {for: 20 min}\n  - basal: {rate: 1 U/h, for: 1 h}",
     "x.yaml:24: steps[8].basal: the pump is suspended here; expected a 'resume' step before"),
    ("  - suspend: {for: 20 min}\n", "",
     "x.yaml:23: steps[7].resume: nothing suspended the pump before; expected a 'suspend' step first"),
    ("name: small", "name: first", "x.yaml:21: steps[5].bolus.name: the name 'first' is taken by step 1"),
    ("id: shots", "id: mean", "x.yaml:30: checks.mean: the id 'mean' is taken by the check on line 28"),
    ("measure: basal.overall_error", "measure: basal.overal_error",
     "x.yaml:28: checks[1].measure: 'basal.overal_error' cannot be used; expected basal.overall_error or"),
    ("limit: 5 %, source: pump.accuracy.basal", "limit: 5 %",
     "x.yaml:28: checks.mean: the limit has no source; expected 'source:' with pump.accuracy.basal,"),
    ("source: pump.accuracy.basal", "source: pump.acuracy.basal",
     "x.yaml:28: checks.mean: unknown source 'pump.acuracy.basal'; expected one of pump.accuracy.basal,"),
    ("source: L-D2", "source: L-D22", "x.yaml:30: checks.shots: unknown source 'L-D22'; expected one of"),
    ("source: L-D2", "source: L-D1",
     ("x.yaml:30: checks.shots: L-D1 is no limit for bolus.each_error_u; "
     "expected the measure bolus.each_error or bolus.mean_error")),
    ("source: pump.accuracy.basal", "source: pump.accuracy.bolus",
     ("x.yaml:28: checks.mean: pump.accuracy.bolus says nothing about basal.overall_error; "
     "expected a source for this measure; try: 'pump.accuracy.basal'")),
    ("limit: 5 %, source: pump.accuracy.basal", "limit: 5 U, source: pump.accuracy.basal",
     "x.yaml:28: checks.mean: 'limit: 5 U' has the wrong unit for basal.overall_error; expected one such as '5 %'"),
    ("limit: 5 %, source: pump.accuracy.basal", "limit: 5, source: pump.accuracy.basal",
     "x.yaml:28: checks[1].limit: '5' has no unit; expected a limit such as '5 %', '0.05 U' or '5 h'"),
    ("limit: 5 %, source: pump.accuracy.basal", "limit: 5 %, max: 4 %, source: pump.accuracy.basal",
     "x.yaml:28: checks.mean: 'limit' stands beside 'min' or 'max'; expected either 'limit', or 'min' and 'max'"),
    ("min: 85 %", "limit: 85 %",
     "x.yaml:31: checks.share: a share such as basal.windows_1h_within_15 has no symmetric limit; expected 'min"),
    ("min: 85 %, source: laboratory procedure 12", "source: L-B3",
     "x.yaml:31: checks.share: L-B3 holds no figure of its own; expected 'min:' or 'max:' beside it, or no source"),
    ("max: 2.1 U, source: L}", "max: 2.1 U, source: L-B5}",
     "x.yaml:32: checks.band: L-B5 is information and never judges; expected no limit beside it, or another source"),
    ("min: 1.9 U, max: 2.1 U", "min: 2.1 U, max: 1.9 U",
     "x.yaml:32: checks.band: min is not less than max; expected min < max"),
    ("from: 1 h, for: 1 h", "from: 10 h, for: 10 h",
     "x.yaml:28: checks.mean: the window reaches to 20 h, beyond the end of the programme; expected at most"),
    ("step: small", "step: smal",
     "x.yaml:30: checks.shots: no step is named 'smal'; expected one of first, small; try: 'small'"),
    ("step: small", "step: first",
     "x.yaml:30: checks.shots: bolus.each_error_u cannot look at the basal step 'first'; expected a bolus step"),
    ("amount: 0.1 U, source", "amount: 0.2 U, source",
     "x.yaml:30: checks.shots: the scenario gives no bolus of 0.2 U; expected 0.1 U"),
    ("decision: simple", "decision: simpel",
     "x.yaml:31: checks[3].decision: 'simpel' cannot be used; expected guarded or simple; try: 'simple'"),
    ("on_runner_loss: stop", "on_runner_loss: {hold: 2 h}",
     "x.yaml:33: on_runner_loss.hold: '2 h' is out of range; expected more than 0, at most 3600 s"),
    ("on_runner_loss: stop", "on_runner_loss: {keep: 10 min}",
     "x.yaml:33: on_runner_loss: 'keep' cannot be used; expected stop, or hold: 10 min"),
    ("  - basal:", "\t- basal:", "x.yaml:13: a tab stands in the indentation; expected spaces"),
    ("steps:\n", "steps: &all\n", "x.yaml:12: anchors (&) and aliases (*) are not allowed"),
    ("title: Every step once", 'title: "\\e[2J"', "x.yaml:3: a value holds a control character; expected"),
    ("title: Every step once", 'title: "\\uD800"', "x.yaml:3: a value holds a control character"),
    ("title: Every step once", "title: *t", "x.yaml:3: anchors (&) and aliases (*) are not allowed"),
    ("title: Every step once", "title: !!python/object:os.system x", "x.yaml:3: the tag 'tag:yaml.org,2002:python"),
    ("markers: [demo]", "markers: [demo", "x.yaml:36: not valid YAML: while parsing a flow sequence"),
    ("markers: [demo]", "---\nid: other", "x.yaml:35: a second document begins; expected one scenario in a file"),
    ("markers: [demo]", "? [a]\n: b", "x.yaml:35: a list or mapping stands where a key belongs; expected 'key: value'"),
    ("  - wait: {for: 90 s}\n", "  - wait: {for: 90 s}\n    name: x\n",
     "x.yaml:25: steps[9]: several keys stand in one step: wait, name; expected one step such as"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), MUTATIONS, ids=[f"{new[:30]!r}" for _, new, _ in MUTATIONS])
def test_a_slip_is_told_by_file_line_key_and_what_is_right(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(GOOD.replace(old, new, 1), "x.yaml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
