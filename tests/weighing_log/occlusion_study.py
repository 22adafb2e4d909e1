"""How often the truth lies within U when the plant is read back as a log.

Run it with ``python -m tests.weighing_log.occlusion_study``. Every run has another dose phase, clamp, polling, noise,
and an evaporation anywhere within what the budget states.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from rig.analysis.occlusion_events import parse_events
from rig.weighing_log.budget_file import BalanceInput, EvaporationInput, LiquidInput, LogBudget
from rig.weighing_log.occlusion import analyse_occlusions
from rig.weighing_log.occlusion_request import OcclusionRequest
from rig.weighing_log.read import WeighingLog
from rig.weighing_log.request import Request
from tests.analysis.occlusion_plant import Line, Truth, run

HALF_WIDTH_MG_PER_H = 0.03
CASES = {
    "usual": (Line(), 60),
    "readings every 10 s": (replace(Line(), interval_s=10.0), 40),
    "0.3 U stored, noise 0.1 mg": (replace(Line(), noise_mg=0.1, threshold_kpa=20.0), 40),
    "1 U/h": (replace(Line(), flow=10.0), 20),
}


def events_of(truth: Truth) -> str:
    """Return the events file of a run."""
    rows = [
        f"{at},{name}"
        for pair in truth.pinches
        for at, name in zip(pair, ("pinch_closed", "pinch_opened"), strict=True)
    ]
    rows += [f"{truth.closed_s},closed", f"{truth.alarm_s},alarm", f"{truth.opened_s},opened"]
    return "\n".join(["time_s,event", *rows])


def main() -> None:
    """Print, for each case and value, how many of how many were within U, and the mean U."""
    for name, (line, count) in CASES.items():
        budget = LogBudget(
            BalanceInput(line.noise_mg, 0.01), EvaporationInput(HALF_WIDTH_MG_PER_H), LiquidInput(None, 0.3)
        )
        request = Request(rate_u_per_h=line.flow / 10.0, evaporation_mg_per_h=line.evaporation_mg_per_h)
        inside: dict[str, list[bool]] = {}
        spread: dict[str, list[float]] = {}
        moved = 0.0
        for seed in range(count):
            off = np.random.default_rng(seed).uniform(-HALF_WIDTH_MG_PER_H, HALF_WIDTH_MG_PER_H)
            truth = run(replace(line, evaporation_mg_per_h=line.evaporation_mg_per_h + float(off)), seed)
            asked = OcclusionRequest(parse_events(events_of(truth)), line.dose_ul / 10.0, alarm_poll_s=line.poll_s)
            log = WeighingLog("plant", "", truth.times, truth.masses)
            (found,) = analyse_occlusions(log, request, asked, budget)["occlusions"]
            (bare,) = analyse_occlusions(log, request, asked)["occlusions"]
            moved = max(moved, abs(bare["released"]["value"] - found["released"]["value"]))
            for key, value in (
                ("missed", truth.missed / 10.0),
                ("released", truth.released / 10.0),
                ("released_share", truth.released / truth.missed),
                ("time_constant", truth.time_constant_s),
            ):
                u = found[key]["expanded_uncertainty"]
                inside.setdefault(key, []).append(abs(found[key]["value"] - value) <= u)
                spread.setdefault(key, []).append(u)
        told = ", ".join(
            f"{key} {sum(held)}/{len(held)} (U {np.mean(spread[key]):.3g})" for key, held in inside.items()
        )
        sys.stdout.write(f"{name}: {told}; without a budget released moved by at most {moved:.4f} U\n")


if __name__ == "__main__":
    main()
