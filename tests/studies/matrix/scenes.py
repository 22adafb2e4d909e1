"""The scenarios that the matrix plays: one question each, whole runs through drivers, bytes, record and judge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario

S_PER_H: Final = 3600.0
HEAD = """\
schema: 1
id: {id}
title: seeded-fault matrix, {id}
pump: {{families: [22, 23]}}
needs: [{needs}]
operator: none
sampling: {{balance: {every}, bolus: 500 ms, environment: 60 s}}
blank: {{before: {blank}, after: {blank}}}
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """One scenario; ``start_local``: the pump's clock at its start; ``rate_u_per_h``: 0 where it has no one rate."""

    id: str
    words: str
    body: str
    rate_u_per_h: float = 0.0
    blank_h: float = 1.0
    every: str = "10 s"
    needs: str = "pump, balance"
    start_local: str = "2026-03-02T21:00:00"

    @property
    def text(self) -> str:
        """Return the scenario file."""
        head = HEAD.format(id=self.id, every=self.every, blank=f"{self.blank_h:g} h", needs=self.needs)
        return head + self.body

    @property
    def begins_h(self) -> float:
        """Return when the first step begins, about: faults are seeded in time from the beginning of the run."""
        return self.blank_h

    def scenario(self) -> Scenario:
        """Return it parsed."""
        return parse_scenario(self.text, f"{self.id}.yaml")


def _basal(rate: str, hours: int, blank_h: float, every: str) -> Scene:
    body = f"""\
steps:
  - basal: {{rate: {rate} U/h, for: {hours} h}}
checks:
  - {{id: basal-mean, measure: basal.overall_error, limit: 5 %, source: pump.accuracy.basal}}
"""
    return Scene(f"basal-{rate.replace('.', '')}", f"{rate} U/h, {hours} h", body, float(rate), blank_h, every)


BOLUS = """\
steps:
  - basal: {rate: 1.0 U/h, for: 30 min}
  - bolus: {amount: 1.0 U, repeat: 4, name: meal}
checks:
  - {id: bolus-mean, measure: bolus.mean_error, limit: 5 %, source: pump.accuracy.bolus}
  - {id: reported, measure: reported.difference, step: meal}
"""
DAY = """\
steps:
  - profile:
      for: 9 h
      segments:
        - {at: "00:00", rate: 1.0 U/h}
        - {at: "09:00", rate: 1.5 U/h}
        - {at: "12:00", rate: 0.8 U/h}
        - {at: "15:00", rate: 1.2 U/h}
        - {at: "18:00", rate: 1.0 U/h}
checks:
  - {id: day, measure: basal.overall_error, limit: 5 %, source: pump.accuracy.basal}
  - {id: segments, measure: basal.segment_error, limit: 5 %, source: pump.accuracy.basal}
"""
PATTERNS = """\
steps:
  - profile:
      pattern: a
      segments:
        - {at: "00:00", rate: 2.0 U/h}
  - profile:
      for: 6 h
      segments:
        - {at: "00:00", rate: 1.0 U/h}
checks:
  - {id: day, measure: basal.overall_error, from: 30 min, for: 5 h, limit: 5 %, source: pump.accuracy.basal}
"""
TEMP = """\
steps:
  - basal: {rate: 1.0 U/h, for: 1 h}
  - temp_basal: {rate: 2.0 U/h, for: 1 h}
  - wait: {for: 4 h}
checks:
  - {id: after, measure: basal.overall_error, from: 125 min, for: 3 h, limit: 5 %, source: pump.accuracy.basal}
"""
SUSPEND = """\
steps:
  - basal: {rate: 1.0 U/h, for: 1 h}
  - suspend: {for: 3 h, name: stop}
  - resume
  - wait: {for: 1 h}
checks:
  - {id: stopped, measure: suspend.delivered, step: stop, max: 0.15 U, source: "the study's own limit"}
  - {id: slope, measure: suspend.slope, step: stop}
"""
OCCLUSION = """\
steps:
  - basal: {rate: 1.0 U/h, for: 1 h}
  - occlude: {name: blocked}
  - wait_alarm: {code: no delivery, within: 6 h}
  - wait: {for: 2 min}
  - release
  - wait: {for: 15 min}
  - suspend
checks:
  - {id: alarm, measure: occlusion.time_to_alarm, step: blocked, max: 5 h, source: L-O1}
"""
EMPTY = """\
steps:
  - basal: {rate: 10.0 U/h, for: 4 h}
checks:
  - {id: basal-mean, measure: basal.overall_error, limit: 5 %, source: pump.accuracy.basal}
"""


@cache
def scenes() -> dict[str, Scene]:
    """Return every scene by its id."""
    all_of_them = (
        _basal("0.05", 24, 6.0, "30 s"),
        _basal("0.1", 24, 6.0, "30 s"),
        _basal("1.0", 24, 1.0, "10 s"),
        Scene("bolus", "4 boluses of 1 U", BOLUS, blank_h=0.5),
        Scene("day", "a profile of 0.8 to 1.5 U/h, 9 h", DAY, start_local="2026-03-02T08:00:00"),
        Scene("patterns", "1 U/h beside a pattern of 2 U/h", PATTERNS, start_local="2026-03-02T08:00:00"),
        Scene("temp", "2 U/h for 1 h, then 1 U/h", TEMP),
        Scene("suspend", "suspended for 3 h", SUSPEND),
        Scene("occlusion", "tube clamped at 1 U/h", OCCLUSION, needs="pump, balance, valve"),
        Scene("empty", "10 U/h, 4 h", EMPTY, 10.0),
    )
    return {scene.id: scene for scene in all_of_them}


BASALS: Final = ("basal-005", "basal-01", "basal-10")
