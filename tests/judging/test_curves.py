"""Series for figures: thin, and true at their peaks."""

import numpy as np

from rig.judging.curves import curves
from rig.judging.evidence import Evidence
from rig.judging.thinning import thinned
from rig.judging.view import lay_out
from rig.record.reader import Event
from rig.scenario.model import BasalStep
from tests.judging.runs import RunMaker

HOUR_NS = 3600 * 10**9


def _evidence() -> Evidence:
    maker = RunMaker((BasalStep(1.0, 7200.0),), ())
    evidence = maker.make()
    for at_ns, level_u in ((0, 200.0), (3 * HOUR_NS, 198.0)):
        maker.events.append(Event(at_ns, "reported", {"source": "reservoir", "reservoir_u": level_u}))
    record = evidence.record
    events = tuple(sorted(maker.events, key=lambda event: event.at_ns))
    return Evidence(
        type(record)(record.folder, record.header, record.weighings, events, record.ambient, (), True, record.end),
        evidence.scenario,
        evidence.bench,
        evidence.profile,
    )


def test_a_thinned_series_keeps_its_ends_and_its_peaks() -> None:
    values = np.zeros(100_000)
    values[54_321], values[70_001] = 5.0, -7.0
    kept = set(thinned(len(values), values, 1000).tolist())
    assert {0, 99_999, 54_321, 70_001} <= kept
    assert len(kept) <= 1002


def test_the_cumulative_curves_begin_at_the_first_delivery_and_end_at_what_arrived() -> None:
    series = curves(lay_out(_evidence()), ())["cumulative"]
    assert abs(series["measured_u"][-1] - 2.0) < 0.02
    assert abs(series["set_u"][-1] - 2.0) < 1e-9
    assert series["t_h"][0] == 0.0


def test_the_pumps_own_reservoir_reading_is_the_reported_curve() -> None:
    reported = curves(lay_out(_evidence()), ())["cumulative"]["reported"]
    assert reported["u"] == [0.0, 2.0]
    assert reported["t_h"] == [0.0, 2.0]
