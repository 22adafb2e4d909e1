"""A stop is asked for by a person or a signal, and honoured at a safe point."""

import os
import signal

import pytest

from rig.errors import RunAborted
from rig.runner.stop import StopRequest, signals_to


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_becomes_a_stop_request_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with signals_to(StopRequest()) as stop:
        stop.check()
        os.kill(os.getpid(), number)
        with pytest.raises(RunAborted, match=number.name):
            stop.check()
    assert signal.getsignal(number) is before


def test_an_ignored_signal_is_handled_all_the_same() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_to(StopRequest()) as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.count == 1
    finally:
        signal.signal(signal.SIGHUP, before)
