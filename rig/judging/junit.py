"""``junit.xml`` from a result (design 5.1): FAIL = failure, INVALID and INCONCLUSIVE = error, REPORT_ONLY = passed.

The test case ``run`` stands for the run itself: an error where it broke off, was voided, or where the safe state is not
confirmed.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rig.results import CheckResult, Outcome, Result


def junit_xml(result: Result) -> str:
    """Return the result as a JUnit document: the run, then one test case per check, numbers as properties."""
    trouble = _trouble(result)
    failed = sum(check.outcome is Outcome.FAIL for check in result.checks)
    broken = sum(check.outcome in (Outcome.INVALID, Outcome.INCONCLUSIVE) for check in result.checks)
    suite = Element(
        "testsuite",
        name=result.scenario,
        tests=str(len(result.checks) + 1),
        failures=str(failed),
        errors=str(broken + bool(trouble)),
        skipped="0",
        timestamp=result.started_utc,
    )
    properties = SubElement(suite, "properties")
    for name, value in (("run_id", result.run_id), ("evidence", result.evidence), ("end_reason", result.end_reason)):
        SubElement(properties, "property", name=name, value=value)
    run = SubElement(suite, "testcase", classname=result.scenario, name="run")
    if trouble:
        SubElement(run, "error", message=trouble)
    for check in result.checks:
        _case(suite, result.scenario, check)
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _trouble(result: Result) -> str:
    """Return what went wrong with the run itself, or nothing."""
    found = [] if result.end_reason == "completed" else [f"the run did not complete: {result.end_reason}"]
    found += [finding.text for finding in result.findings if finding.id == "void"]
    safe = result.bench.get("safe_state", {})
    if safe.get("confirmed") is False:
        found.append(f"safe state not confirmed: {safe.get('by', 'unknown')}")
    if safe.get("confirmed") is None and result.end_reason != "completed":
        found.append("safe state not known from this record")
    return "; ".join(found)


def _case(suite: Element, scenario: str, check: CheckResult) -> None:
    case = SubElement(suite, "testcase", classname=scenario, name=check.id)
    properties = SubElement(case, "properties")
    facts = {
        "outcome": check.outcome.value,
        "value": check.value,
        "unit": check.unit,
        "expanded_uncertainty": check.expanded_uncertainty,
        "lower_limit": check.lower_limit,
        "upper_limit": check.upper_limit,
        "limit_source": check.limit_source.text if check.limit_source else None,
        "requirements": " ".join(check.requirements),
    }
    for name, value in facts.items():
        if value is not None:
            SubElement(properties, "property", name=name, value=str(value))
    if check.outcome is Outcome.FAIL:
        SubElement(case, "failure", message=f"{check.title}: {check.value} {check.unit}; {check.why}")
    elif check.outcome in (Outcome.INVALID, Outcome.INCONCLUSIVE):
        SubElement(case, "error", message=f"{check.outcome.value}: {check.why}")
