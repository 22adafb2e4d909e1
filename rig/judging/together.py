"""Several runs together: per pump, over pumps, and why boluses must not simply be pooled (reference 2.1, 3.3).

Works on stored results (``Result.to_json()`` or the content of ``result.json``); runs of one pump serial are one pump.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rig.analysis.groups import over_pumps
from rig.analysis.intervals import nonparametric_count
from rig.analysis.pooled import CONFIDENCE, COVERAGE, Pooled, pooled
from rig.errors import UsageError

LAYOUT_A_H = (1.0, 6.0, 12.0)
SAME = 1e-6
CAUTION = (
    "boluses of one pump are not independent draws from the population of pumps: the naive interval takes them for "
    "that, and promises too much; it is printed for comparison only"
)
Document = Mapping[str, Any]


def together(results: Sequence[Document]) -> dict[str, Any]:
    """Return ``{"pumps", "excluded", "evidence", "boluses": [...], "layout_a": [...], "caution"}`` of several results.

    ``boluses``: for each size the pumps' means, the variance between and within pumps, and three tolerance intervals in
    U: for the mean of any pump, for a single bolus of any pump, and the naive one. ``layout_a``: FDA layout A, one
    entry per rate and duration with median, lowest and highest pump (each pump once, by the mean of its runs). Runs
    that were voided, or that name no pump, are left out and said; so is how many boluses of a size were planned and
    not measured. ``UsageError`` when nothing is left.
    """
    held, excluded = _chosen(results)
    if not held:
        raise UsageError("no result to analyse together", expected="at least one run that was not voided, with a pump")
    kinds = {str(document.get("evidence")) for _, document in held}
    return {
        "pumps": sorted({pump for pump, _ in held}),
        "runs": [str(document.get("run_id")) for _, document in held],
        "excluded": [*excluded, *_unmeasured(held)],
        "evidence": "hardware" if kinds == {"hardware"} else "simulated",
        "boluses": _boluses(held),
        "layout_a": _layout_a(held),
        "caution": CAUTION,
    }


def _chosen(results: Sequence[Document]) -> tuple[list[tuple[str, Document]], list[dict[str, str]]]:
    held: list[tuple[str, Document]] = []
    excluded: list[dict[str, str]] = []
    for document in results:
        run_id = str(document.get("run_id"))
        serial = (document.get("pump") or {}).get("serial")
        voided = any(finding.get("id") == "void" for finding in document.get("findings") or ())
        if run_id in {str(each.get("run_id")) for _, each in held}:
            excluded.append({"run_id": run_id, "why": "named twice: it counts once"})
        elif voided:
            excluded.append({"run_id": run_id, "why": "the run was voided"})
        elif not serial:
            excluded.append({"run_id": run_id, "why": "it names no pump"})
        else:
            held.append((f"{(document.get('pump') or {}).get('model')} {serial}", document))
    return held, excluded


def _boluses(held: Sequence[tuple[str, Document]]) -> list[dict[str, Any]]:
    sizes: dict[float, dict[str, list[float]]] = {}
    lacking: dict[float, dict[str, int]] = {}
    for pump, document in held:
        for set_u, (volumes, not_measured) in _of_run(document).items():
            if volumes:
                sizes.setdefault(set_u, {}).setdefault(pump, []).extend(volumes)
            missing = lacking.setdefault(set_u, {})
            missing[pump] = missing.get(pump, 0) + not_measured
    return [_size(set_u, groups, lacking[set_u]) for set_u, groups in sorted(sizes.items())]


def _of_run(document: Document) -> dict[float, tuple[list[float], int]]:
    """Return for each size what one run measured, and how many it planned or began and did not measure."""
    source = (document.get("analysis") or {}).get("boluses") or {}
    volumes: dict[float, list[float]] = {}
    begun: dict[float, int] = {}
    for item in source.get("items") or ():
        set_u = round(float(item["set_u"]), 6)
        begun[set_u] = begun.get(set_u, 0) + 1
        if item.get("measured_u") is not None:
            volumes.setdefault(set_u, []).append(float(item["measured_u"]))
    for group in source.get("groups") or ():  # those that were never started are no items
        set_u = round(float(group["set_u"]), 6)
        begun[set_u] = max(begun.get(set_u, 0), int(group.get("planned") or 0))
    return {set_u: (volumes.get(set_u, []), count - len(volumes.get(set_u, []))) for set_u, count in begun.items()}


def _unmeasured(held: Sequence[tuple[str, Document]]) -> list[dict[str, str]]:
    """Return the runs of which no bolus of a size was measured: those sizes do not know of them."""
    return [
        {"run_id": str(document.get("run_id")), "why": f"none of its {count} boluses of {set_u:g} U was measured"}
        for _, document in held
        for set_u, (volumes, count) in sorted(_of_run(document).items())
        if not volumes and count
    ]


def _size(set_u: float, groups: Mapping[str, Sequence[float]], lacking: Mapping[str, int]) -> dict[str, Any]:
    pumps = sorted(groups)
    found: Pooled = pooled([groups[pump] for pump in pumps])
    parts = found.components
    count = sum(len(groups[pump]) for pump in pumps)
    return {
        "set_u": set_u,
        "n": count,
        "planned": count + sum(lacking.values()),
        "not_measured": sum(lacking.values()),
        "pumps": [
            {
                "pump": pump,
                "n": len(groups[pump]),
                "not_measured": lacking.get(pump, 0),
                "mean_u": float(np.mean(groups[pump])),
                "sd_u": float(np.std(groups[pump], ddof=1)) if len(groups[pump]) > 1 else None,
            }
            for pump in pumps
        ],
        "coverage": COVERAGE,
        "confidence": CONFIDENCE,
        "mean_of_pumps_u": None if parts is None else parts.mean,
        "u_mean_u": None if parts is None else parts.u_mean,
        "between_sd_u": None if parts is None else parts.between_sd,
        "within_sd_u": None if parts is None else parts.within_sd,
        "total_sd_u": None if parts is None else parts.total_sd,
        "freedom_total": None if parts is None else parts.freedom_total,
        "of_means_u": _pair(found.of_means),
        "of_single_u": _pair(found.of_single),
        "naive_u": _pair(found.naive),
        "nonparametric_pumps_needed": nonparametric_count(COVERAGE, CONFIDENCE),
    }


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def _layout_a(held: Sequence[tuple[str, Document]]) -> list[dict[str, Any]]:
    """Return layout A over pumps: only basal that nothing came before, no warm-up, at 1, 6 and 12 h."""
    cells: dict[tuple[float, float], dict[str, list[float]]] = {}
    for pump, document in held:
        tables = (document.get("analysis") or {}).get("basal") or ()
        first = next((table for table in tables if table.get("step") == 0), None)
        for row in (first or {}).get("cumulative") or ():
            at_h, expected_u = float(row["at_h"]), float(row["expected_u"])
            if any(abs(at_h - wanted) < SAME for wanted in LAYOUT_A_H) and _is_constant(first, at_h, expected_u):
                cell = cells.setdefault((round(expected_u / at_h, 6), at_h), {})
                cell.setdefault(pump, []).append(float(row["delivered_u"]))
    found = []
    for (rate_u_per_h, at_h), pumps in sorted(cells.items()):
        column = over_pumps([float(np.mean(values)) for values in pumps.values()])
        found.append(
            {
                "rate_u_per_h": rate_u_per_h,
                "at_h": at_h,
                "requested_u": rate_u_per_h * at_h,
                "pumps": column.count,
                "median_u": column.median_u,
                "min_u": column.min_u,
                "max_u": column.max_u,
            }
        )
    return found


def _is_constant(table: Document | None, at_h: float, expected_u: float) -> bool:
    """Return whether a basal ran at one rate: every row of it asks for the same."""
    rows = (table or {}).get("cumulative") or ()
    return all(abs(float(row["expected_u"]) / float(row["at_h"]) - expected_u / at_h) < SAME for row in rows)


def together_text(found: Mapping[str, Any]) -> str:
    """Return the tables as text for a terminal."""
    lines = [f"{len(found['runs'])} runs of {len(found['pumps'])} pumps ({found['evidence']} evidence)"]
    lines += [f"  left out: {each['run_id']}: {each['why']}" for each in found["excluded"]]
    for size in found["boluses"]:
        lines += _size_text(size)
    if found["layout_a"]:
        lines += ["basal without warm-up over pumps (FDA layout A): median [lowest, highest]"]
    for cell in found["layout_a"]:
        lines.append(
            f"  {cell['rate_u_per_h']:g} U/h, {cell['at_h']:g} h, {cell['requested_u']:g} U requested: "
            f"{cell['median_u']:.4g} [{cell['min_u']:.4g}, {cell['max_u']:.4g}] U ({cell['pumps']} pumps)"
        )
    return "\n".join([*lines, f"caution: {found['caution']}"]) + "\n"


def _size_text(size: Mapping[str, Any]) -> list[str]:
    missing = f"; {size['not_measured']} of {size['planned']} planned were not measured" if size["not_measured"] else ""
    lines = [f"boluses of {size['set_u']:g} U (n = {size['n']}{missing})"]
    for pump in size["pumps"]:
        spread = "" if pump["sd_u"] is None else f", SD {pump['sd_u']:.3g} U"
        missing = f", {pump['not_measured']} not measured" if pump["not_measured"] else ""
        lines.append(f"  pump {pump['pump']}: n {pump['n']}, mean {pump['mean_u']:.5g} U{spread}{missing}")
    if size["between_sd_u"] is not None:
        lines.append(
            f"  SD between pumps {size['between_sd_u']:.3g} U, within a pump {size['within_sd_u']:.3g} U "
            f"({size['freedom_total']:.3g} degrees of freedom together)"
        )
    share = f"{100 * size['coverage']:g}/{100 * size['confidence']:g}"
    for name, words in (
        ("of_means_u", f"mean of any pump, n = {len(size['pumps'])} pumps"),
        ("of_single_u", "single bolus of any pump"),
        ("naive_u", f"naive, n = {size['n']} boluses as if independent"),
    ):
        bounds = size[name]
        shown = "not to be had from these runs" if bounds is None else _bounds_text(bounds, size["set_u"])
        lines.append(f"  {share} tolerance interval, {words}: {shown}")
    return lines


def _bounds_text(bounds: Sequence[float], set_u: float) -> str:
    errors = [100.0 * (bound / set_u - 1.0) for bound in bounds]
    return f"{bounds[0]:.5g} to {bounds[1]:.5g} U ({errors[0]:+.2f} % to {errors[1]:+.2f} %)"
