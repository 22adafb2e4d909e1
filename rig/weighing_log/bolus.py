"""A bolus log from baseline to baseline: the document of design 5.3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rig.analysis.groups import bolus_bins
from rig.analysis.series import TIME_TOLERANCE_S, level_between, value_at
from rig.analysis.windows import WITHIN_LIMITS_PCT, error_statistics, relative_errors_pct
from rig.errors import UsageError
from rig.metrology.budget import COVERAGE_FACTOR
from rig.metrology.checks import FloatArray
from rig.metrology.volume import Level
from rig.results import Outcome
from rig.weighing_log.basal import reading_notes
from rig.weighing_log.bolus_record import gaps_of, listed, record_notes
from rig.weighing_log.budget import Stretch, mean_uncertainty, neighbour_scatter_mg, stretch_budget
from rig.weighing_log.budget_file import LogBudget
from rig.weighing_log.layout import Place
from rig.weighing_log.method import Method, log_json, method_for
from rig.weighing_log.read import WeighingLog, line_of_row, read_table
from rig.weighing_log.request import Request
from rig.weighing_log.rows import Quantity

BASELINE_S = 10.0
HOUR_S = 3600.0
EVENT_COLUMNS = ("start_s", "set_u")
EVENT_QUANTITIES = {
    "start_s": Quantity("s", -1e11, 1e11, "seconds, on the clock of the log"),
    "set_u": Quantity("U", -1e4, 1e4, "insulin in U"),
}
STILL_RISING = 0.01  # of the amount, in the last 10 s
BIN_DECIMALS = 7  # of a percent: what binary floats add to a decimal edge is far below


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Boluses as commanded: starts on the clock of the log, s, strictly increasing, and amounts in U; shape (n,)."""

    file: str
    start_s: FloatArray
    set_u: FloatArray


def read_events(file: str) -> Events:
    """Return the events in a CSV file with the columns ``start_s,set_u``; the rules and errors are those of a log."""
    table, grammar, _ = read_table(file, EVENT_COLUMNS, (), EVENT_QUANTITIES)
    if table.shape[0] == 0:
        raise UsageError("no event", where=file, expected="at least one row")
    bad = np.flatnonzero(table[:, 1] <= 0.0)
    if bad.size:
        row = int(bad[0]) + 1
        raise UsageError(
            f"{table[row - 1, 1]:g} U is no bolus",
            where=grammar.place.at(line_of_row(file, row), row, "set_u"),
            expected="above zero",
        )
    return Events(file, table[:, 0].copy(), table[:, 1].copy())


def analyse_boluses(
    log: WeighingLog, events: Events, request: Request, budget: LogBudget | None = None
) -> dict[str, Any]:
    """Return the document of a bolus log: the keys of design 5.3, and what else is known.

    ``UsageError``: an event outside the record, or no reading between two events.
    """
    method = method_for(log, request)
    levels = _levels(log, events)
    rate = request.rate_u_per_h or 0.0
    hours = np.array([(b.at_s - a.at_s) / HOUR_S for a, b in pairwise(levels)])
    mass = np.diff([level.mass_mg for level in levels]) + method.evaporation_mg_per_h * hours
    measured = mass * method.u_per_mg - rate * hours
    errors = relative_errors_pct(measured, events.set_u)
    found = error_statistics(measured, events.set_u)
    budgets = [
        stretch_budget(
            log,
            method,
            budget,
            Stretch(before.at_s, after.at_s, float(mass[i]), float(events.set_u[i]), float(rate * hours[i])),
        )
        for i, (before, after) in enumerate(pairwise(levels))
        if budget is not None
    ]
    mean = mean_uncertainty(budgets, log, budget, basal=rate > 0.0) if budget is not None else None
    gaps = gaps_of(log, events.start_s)
    return {
        "boluses": [
            {
                "start_s": float(start),
                "set_u": float(set_u),
                "measured_u": float(measured[i]),
                "error_pct": float(errors[i]),
                "expanded_uncertainty_pct": budgets[i].expanded() if budgets else None,
            }
            for i, (start, set_u) in enumerate(zip(events.start_s, events.set_u, strict=True))
        ],
        "mean_error_pct": found.mean_pct,
        "sd_pct": found.sd_pct,
        "max_pct": found.max_pct,
        "min_pct": found.min_pct,
        **{f"within_{limit}_pct": found.within_pct(limit) for limit in WITHIN_LIMITS_PCT},
        "bins": _bins(measured, events.set_u),
        "count": found.count,
        "mard_pct": found.mard_pct,
        "median_abs_pct": found.median_abs_pct,
        "total_error_pct": found.total_error_pct,
        "expanded_uncertainty_pct": mean.expanded_pct if mean else None,
        "outcome": Outcome.REPORT_ONLY.value,
        "why": "a weighing log names no limit: nothing is decided",
        "gaps": gaps,
        "notes": [
            *method.notes,
            *_notes(log, events, levels, request, method),
            *record_notes(log, events.start_s, gaps),
            *_unsettled(log, events, method, rate),
            *(mean.notes if mean else ()),
        ],
        "coverage_factor": COVERAGE_FACTOR,
        "budget": mean.lines() if mean else None,
        "method": {"rate_u_per_h": request.rate_u_per_h, "baseline_s": BASELINE_S, **method.to_json()},
        "log": log_json(log) | {"events": events.file},
    }


def _levels(log: WeighingLog, events: Events) -> list[Level]:
    """Return the baseline before each event and the level at the end of the record, in s from the first row.

    Baseline: mean of the readings in the 10 s before the start, else the last one before it; the end: mean of the last
    10 s of the record. Readings up to the start of the event before belong to that one and are never used. A record
    that begins with its first event gives its first reading.
    """
    times, masses = log.times_s - log.times_s[0], log.masses_mg - log.masses_mg[0]
    starts = events.start_s - log.times_s[0]
    end = float(times[-1])
    levels = []
    lowest = 0  # index of the first reading after the event before
    for index, start in enumerate(starts):
        if not -TIME_TOLERANCE_S <= start < end - TIME_TOLERANCE_S:
            raise _event_error(
                events,
                index,
                f"the event at {events.start_s[index]:.10g} s is outside the record",
                f"from {log.times_s[0]:.10g} s to before {log.times_s[-1]:.10g} s, on the clock of the log",
            )
        last = max(int(np.searchsorted(times, start - TIME_TOLERANCE_S)), 1)
        if last <= lowest:
            raise _event_error(
                events,
                index,
                f"no reading between the event at {events.start_s[index - 1]:.10g} s and this one",
                "at least one reading as baseline",
            )
        levels.append(_level(times, masses, float(start), lowest, last))
        lowest = int(np.searchsorted(times, start + TIME_TOLERANCE_S, side="right"))
    return [*levels, _level(times, masses, end, lowest, times.size)]


def _level(times: FloatArray, masses: FloatArray, at_s: float, lowest: int, last: int) -> Level:
    """Return the mean of the readings in the 10 s before ``at_s`` among [lowest, last), else the last of them."""
    begin = int(np.searchsorted(times, at_s - BASELINE_S - TIME_TOLERANCE_S))
    begin = min(max(begin, lowest), last - 1)
    return level_between(times, masses, float(times[begin]), float(times[last - 1]))


def _event_error(events: Events, index: int, what: str, expected: str) -> UsageError:
    """Return the error of one event, with its line."""
    where = Place(events.file).at(line_of_row(events.file, index + 1), index + 1, "start_s")
    return UsageError(what, where=where, expected=expected)


def _bins(measured_u: FloatArray, set_u: FloatArray) -> list[dict[str, Any]]:
    """Return layout C, each bolus in percent of its own command."""
    percent = np.round(100.0 * measured_u / set_u, BIN_DECIMALS)
    return [
        {"lower_pct": part.lower_pct, "upper_pct": part.upper_pct, "count": part.count, "share_pct": part.share_pct}
        for part in bolus_bins(percent.tolist(), 100.0)
    ]


def _notes(log: WeighingLog, events: Events, levels: Sequence[Level], request: Request, method: Method) -> list[str]:
    """Return what to say beside the figures."""
    notes = reading_notes(log, method)
    amounts = sorted({float(amount) for amount in events.set_u})
    told = ", ".join(f"{amount:g}" for amount in amounts)
    if request.bolus_u is not None and amounts != [request.bolus_u]:
        notes.append(f"--bolus says {request.bolus_u:g} U, the events say {told} U: each event's own amount counts")
    if request.unused:
        notes.append(f"{', '.join(request.unused)}: not used for boluses")
    starts = events.start_s - log.times_s[0]
    single = [i + 1 for i, level in enumerate(levels[:-1]) if starts[i] - level.at_s > BASELINE_S]
    if single:
        notes.append(
            f"no reading in the {BASELINE_S:g} s before bolus {listed(single)}: "
            "its baseline is the last reading before that"
        )
    return notes


def _unsettled(log: WeighingLog, events: Events, method: Method, rate_u_per_h: float) -> list[str]:
    """Return which boluses still rose when the next one began: by 1 % of their amount in 10 s, and beyond the noise."""
    scatter_mg = neighbour_scatter_mg(log)
    if scatter_mg is None:
        return []
    last = np.searchsorted(log.times_s, events.start_s[1:] - TIME_TOLERANCE_S) - 1
    ends = log.times_s[np.append(last, log.times_s.size - 1)]
    begins = np.maximum(ends - BASELINE_S, log.times_s[0])
    mass = value_at(log.times_s, log.masses_mg, ends) - value_at(log.times_s, log.masses_mg, begins)
    hours = (ends - begins) / HOUR_S
    rise_u = (mass + method.evaporation_mg_per_h * hours) * method.u_per_mg - rate_u_per_h * hours
    late = np.flatnonzero(rise_u > np.maximum(STILL_RISING * events.set_u, 4.0 * scatter_mg * method.u_per_mg))
    if not late.size:
        return []
    told = listed([int(index) + 1 for index in late])
    return [
        f"bolus {told} still rose by more than 1 % in its last {BASELINE_S:g} s: not settled, its rest counts after"
    ]
