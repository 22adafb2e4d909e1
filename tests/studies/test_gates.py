"""The small version of the study of the gates: the whole one is ``python -m tests.studies.gates``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rig.config import load_bench
from tests.studies.gates import KINDS, Drawn, chunk, drawn, shut


def test_no_gate_shuts_on_a_few_clean_runs_of_each_kind() -> None:
    counts = {kind.name: chunk(kind, 0, 5, kind.former) for kind in KINDS}
    assert all(count["any"] == 0 for count in counts.values()), counts


def _shut(bench: Drawn) -> set[str]:
    kind, random = KINDS[3], np.random.default_rng(5)
    usual = [0.01 * (1.0 + 0.01 * (number % 5)) for number in range(kind.former)]
    return shut(kind, bench, usual, load_bench("simulated").balance, random)


def test_each_gate_shuts_on_a_bench_that_is_what_it_looks_for() -> None:
    """So that the test above can fail at all."""
    clean = replace(drawn(KINDS[3], np.random.default_rng(1)), white_mg=0.01, walk_mg=0.0, evaporation_mg_per_h=1.0)
    assert not _shut(clean)
    assert "noise" in _shut(replace(clean, white_mg=0.1))
    assert "evaporating" in _shut(replace(clean, evaporation_mg_per_h=90.0))
    assert "rising" in _shut(replace(clean, evaporation_mg_per_h=-20.0))
    assert "U beyond half the limit" in _shut(replace(clean, white_mg=3.0))
