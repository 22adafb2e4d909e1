"""After the bench was made safe: ask the stopped pump what it knows, each question with a limit of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rig.clock import to_ns
from rig.errors import RigError
from rig.guardian.stop_pump import SafeState
from rig.runner.stop import StopRequest
from rig.runner.therapy import Therapy
from rig.transport.links import Links

CLOCK_LIMIT_S = 10.0
RESERVOIR_LIMIT_S = 10.0
HISTORY_LIMIT_S = 30.0  # a page is sixteen packets
RESTORE_LIMIT_S = 30.0
HISTORY_PAGES = 32  # the fewest that a pump of these families keeps


class _LeftOut(Exception):
    """A question took too long, or a second request to stop came; no `BenchError`, so that no driver tries again."""


def tidy(therapy: Therapy, links: Links, stop: StopRequest, safe: SafeState) -> None:
    """Record the pump's clock, reservoir and its history back to when the run began, and put its settings back.

    A failure changes nothing.
    Left out where the pump is not known to be stopped: nobody waits longer than needed to be told so. A second request
    to stop ends it at once.
    """
    if not safe.confirmed:
        therapy.record("tidying_left_out", {"why": "the pump is not known to be stopped"})
        return
    therapy.tidying = True
    asked: list[tuple[Callable[[], object], float]] = [
        (therapy.reports.clock, CLOCK_LIMIT_S),
        (therapy.reports.reservoir, RESERVOIR_LIMIT_S),
    ]
    if not all(_ask(report, limit_s, therapy, links, stop) for report, limit_s in asked):
        return
    for page in range(HISTORY_PAGES):
        older: list[bool] = []
        report = partial(_report_page, therapy, page, older)
        if not _ask(report, HISTORY_LIMIT_S, therapy, links, stop):
            return
        if not any(older):
            break
    _ask(therapy.settings.restore, RESTORE_LIMIT_S, therapy, links, stop)


def _report_page(therapy: Therapy, page: int, older: list[bool]) -> None:
    older.append(therapy.reports.history(page))


def _ask(report: Callable[[], object], limit_s: float, therapy: Therapy, links: Links, stop: StopRequest) -> bool:
    """Ask one question within its limit; return False once nobody wants to wait for the rest."""
    if stop.count >= 2:
        therapy.record("tidying_left_out", {"why": f"stopped {stop.count} times"})
        return False
    pulse = links.pulse
    links.pulse = _limited(pulse, links, stop, limit_s)
    try:
        report()
    except (RigError, _LeftOut) as error:
        therapy.record("tidying_failed", {"error": str(error)})
    finally:
        links.pulse = pulse
    return True


def _limited(pulse: Callable[[], None], links: Links, stop: StopRequest, limit_s: float) -> Callable[[], None]:
    """Return a pulse that ends what is being waited for once the time is up or nobody wants to wait."""
    deadline_ns = links.clock.link_ns() + to_ns(limit_s)

    def beat() -> None:
        pulse()
        if stop.count >= 2:
            raise _LeftOut(f"stopped {stop.count} times")
        if links.clock.link_ns() > deadline_ns:
            raise _LeftOut(f"not answered within {limit_s:g} s")

    return beat
