"""A small version of the torture campaign: the whole one is ``python -m tests.torture.campaign``."""

import pytest

from tests.torture.campaign import COUNTS, KINDS, one_round

ROUNDS = 6


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_run_that_is_broken_off_loses_nothing_and_is_never_judged_as_if_it_had_not_been(number: int) -> None:
    virtual = tuple(kind for kind in KINDS if kind.startswith("virtual/"))
    done = one_round(number, seed=5, kinds=virtual)
    assert {name: done.found[name] for name in (*COUNTS, "broken")} == dict.fromkeys((*COUNTS, "broken"), 0), done.words
