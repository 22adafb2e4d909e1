"""Findings of a basal step: where the level moved by more than doses and noise explain."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rig.analysis.steadiness import BLOCK_S, Moved, moved_levels
from rig.errors import BenchError
from rig.judging.view import RunView, StepSpan
from rig.metrology.noise import white_noise
from rig.results import Finding

KINDS = ("basal", "profile", "temp_basal", "wait")
SETTLING_S = 120.0  # after a change of rate the line still moves
S_PER_H = 3600.0


def moved_level_findings(view: RunView) -> list[Finding]:
    """Return one finding for each stretch of a basal step in which the level moved (``level-moved``)."""
    found = []
    for span in view.spans:
        if span.kind in KINDS:
            found += [_finding(moved) for moved in _moved(view, span)]
    return found


def _moved(view: RunView, span: StepSpan) -> list[Moved]:
    """Return what two grids of blocks, half a block apart, see; blocks that overlap are told once, as the worst."""
    seen: list[Moved] = []
    for shift_s in (0.0, BLOCK_S / 2.0):
        seen += _on_grid(view, span.start_s + SETTLING_S + shift_s, min(span.end_s, float(view.times_s[-1])))
    told: list[Moved] = []
    for each in sorted(seen, key=lambda moved: moved.start_s):
        if told and each.start_s < told[-1].end_s:
            told[-1] = max(told[-1], each, key=lambda moved: abs(moved.moved_mg - moved.expected_mg) - moved.limit_mg)
        else:
            told.append(each)
    return told


def _on_grid(view: RunView, from_s: float, to_s: float) -> list[Moved]:
    count = int((to_s - from_s) / BLOCK_S)
    if count < 1 or from_s < view.times_s[0]:
        return []
    edges = np.asarray(from_s + BLOCK_S * np.arange(count + 1), dtype=np.float64)
    mg_per_u = view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3
    lost_mg = view.chain.evaporation_mg_per_h * BLOCK_S / S_PER_H
    expected = np.array(
        [view.programme.expected_u(float(a), float(b)) * mg_per_u - lost_mg for a, b in pairwise(edges)]
    )
    noise = view.chain.noise or white_noise(view.chain.balance.repeatability_mg, BLOCK_S)
    u_noise, u_drift, _ = noise.u_difference_mg(1, 0.0, 1, 0.0, BLOCK_S)
    u_mg = float(np.hypot(np.hypot(u_noise, u_drift), view.chain.balance.resolution_mg))
    dose_mg = view.programme.dose_u * mg_per_u
    try:
        found = moved_levels(view.times_s, view.masses_mg, edges, expected, dose_mg=dose_mg, u_mg=u_mg)
    except BenchError:
        return []  # what is wrong with the readings is told elsewhere
    return [each for each in found if not _is_excused(view, each)]


def _is_excused(view: RunView, moved: Moved) -> bool:
    """Whether the block holds a bolus, a change of rate or a gap: then a straight SET is no measure of it."""
    low_s, high_s = moved.start_s - SETTLING_S, moved.end_s
    boluses = any(order.start_s < high_s and order.end_s > low_s for order in view.programme.boluses)
    changes = any(low_s < part.start_s < high_s for part in view.programme.segments)
    gaps = view.gap_in(low_s, high_s) is not None or bool(view.bridges_in(low_s, high_s))
    return boluses or changes or gaps


def _finding(moved: Moved) -> Finding:
    text = (
        f"from {moved.start_s:.0f} s to {moved.end_s:.0f} s the mass moved by {moved.moved_mg:+.3g} mg where SET says "
        f"{moved.expected_mg:+.3g} mg: more than doses and noise explain ({moved.limit_mg:.2g} mg). A knock, a loose "
        "vessel, a drop or a draught; or the pump: one balance cannot tell"
    )
    return Finding("level-moved", text, moved.start_s, moved.end_s)
