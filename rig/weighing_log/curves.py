"""Curves of a basal log for its figures: cumulative volume and start-up flow, a few hundred points each."""

from __future__ import annotations

from typing import Any

import numpy as np

from rig.analysis.basal import startup_flow
from rig.analysis.series import value_at
from rig.weighing_log.method import elapsed_s, insulin_u, method_for
from rig.weighing_log.read import WeighingLog
from rig.weighing_log.request import Request

POINTS = 600
HOUR_S = 3600.0


def basal_curves(log: WeighingLog, request: Request) -> dict[str, Any]:
    """Return the curves in the form that the reports' figures draw; times in h from ``--start``, volumes in U."""
    rate = request.rate_u_per_h or 0.0
    times, volume = elapsed_s(log), insulin_u(log, method_for(log, request))
    start, end = request.start_s, float(times[-1])
    at = np.minimum(np.linspace(start, end, POINTS), end)
    measured = value_at(times, volume, at) - float(value_at(times, volume, start))
    programmed = rate * (at - start) / HOUR_S
    found: dict[str, Any] = {
        "cumulative": {
            "t_h": ((at - start) / HOUR_S).tolist(),
            "set_u": programmed.tolist(),
            "measured_u": measured.tolist(),
            "residual_u": (measured - programmed).tolist(),
            "from_s": start + float(log.times_s[0]),
        }
    }
    whole = int((end - start) / request.sample_interval_s + 1e-9) * request.sample_interval_s
    if whole > 0.0:
        flow = startup_flow(
            times, volume, start_s=start, stabilisation_s=whole, sample_interval_s=request.sample_interval_s
        )
        found["startup"] = [
            {
                "t_h": ((flow.end_s - start) / HOUR_S).tolist(),
                "rate_u_per_h": flow.flow_u_per_h.tolist(),
                "set_u_per_h": rate,
                "label": f"{rate:g} U/h",
                "from_s": start + float(log.times_s[0]),
            }
        ]
    return found
