"""What a qualification shows beyond its checks: the parts that were and were not asked, devices, blanks, every flow."""

from __future__ import annotations

from typing import Any

from rig.config import FlowSourceConfig
from rig.errors import RigError
from rig.judging.evidence import Evidence
from rig.judging.known_flows import FlowRun, flow_runs
from rig.judging.left_out import SKIPPED
from rig.judging.qualification import flow_error, label_of
from rig.judging.view import RunView
from rig.scenario.words import describe


def qualification_table(evidence: Evidence, view: RunView | None) -> dict[str, Any]:
    """Return the table ``qualification`` of a result; nothing for a run of a pump."""
    if not evidence.scenario.qualifies:
        return {}
    skipped = {int(event.data["step"]): event.data["why"] for event in evidence.record.events if event.name == SKIPPED}
    steps = evidence.scenario.steps
    armed = next((event.data for event in evidence.record.events if event.name == "armed"), {})
    found: dict[str, Any] = {
        "left_out": [{"step": index + 1, "what": describe(steps[index]), "why": why} for index, why in skipped.items()],
        "flow_sources": [_source(each, armed) for each in evidence.bench.flow_sources],
        "reference_weights": [
            {
                "nominal_g": each.nominal_g,
                "mass_g": each.mass_g,
                "u_mg": each.u_mg,
                "name": each.name,
                "certificate": each.calibration.certificate,
                "due": each.calibration.due.isoformat(),
            }
            for each in evidence.bench.reference_weights
        ],
        "valid_until": _valid_until(evidence),
    }
    if view is not None:
        found["flows"] = [_flow(view, each) for each in flow_runs(view.evidence, view.started_ns)]
        found["blanks"] = [
            {
                "which": which,
                "duration_s": blank.duration_s,
                "readings": blank.count,
                "slope_mg_per_h": blank.slope_mg_per_h,
                "expanded_uncertainty_mg_per_h": 2.0 * blank.u_slope_mg_per_h,
                "noise_mg": blank.noise.reading_mg,
                "random_walk_mg_per_sqrt_h": blank.noise.random_walk_mg_per_sqrt_h,
                "allan": [{"tau_s": each.tau_s, "slope_mg_per_h": each.slope_mg_per_h} for each in blank.allan],
            }
            for which, blank in view.blanks.items()
        ]
    return {"qualification": found}


def _source(source: FlowSourceConfig, armed: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = next((each for each in armed.get("flow_sources", ()) if each.get("name") == source.name), {})
    accuracy = source.accuracy
    return {
        "name": source.name,
        "model": told.get("model") or source.model or None,
        "firmware": told.get("firmware"),
        "serial": source.serial or None,
        "diameter_mm": told.get("diameter_mm"),
        "half_width_pct": None if accuracy is None else accuracy.half_width_pct,
        "source": None if accuracy is None else accuracy.source,
        "due": None if accuracy is None or accuracy.due is None else accuracy.due.isoformat(),
    }


def _flow(view: RunView, flow: FlowRun) -> dict[str, Any]:
    row: dict[str, Any] = {
        "label": label_of(flow),
        "run_in": flow.run_in,
        "source": flow.source.name,
        "rate_ul_per_h": flow.rate_ul_per_h,
        "start_s": flow.start_s,
        "stop_s": flow.stop_s,
        "counted_ul": flow.counted_ul,
        "counted_resolution_ul": flow.counted_resolution_ul,
        "known_ul": None,
        "weighed_ul": None,
        "error_pct": None,
        "expanded_uncertainty_pct": None,
    }
    try:
        row["known_ul"] = flow.known_ul
        item = flow_error(view, flow)
    except RigError as error:
        return row | {"why_not": str(error)}
    weighed_ul = None if item.measured_u is None else item.measured_u * view.ul_per_u
    expanded = None if item.u is None else 2.0 * item.u
    return row | {"weighed_ul": weighed_ul, "error_pct": item.value, "expanded_uncertainty_pct": expanded}


def _valid_until(evidence: Evidence) -> str:
    """Return the earliest day on which something expires that this qualification rests on."""
    bench = evidence.bench
    days = [each.due for each in bench.certificates]
    days += [each.accuracy.due for each in bench.flow_sources if each.accuracy is not None and each.accuracy.due]
    days += [each.calibration.due for each in bench.reference_weights]
    return min(days).isoformat()
