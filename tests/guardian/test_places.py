"""The bench lock's note of who holds it, read while it is written anew."""

import os
from pathlib import Path

from rig.doctor.safety import holder_of
from rig.guardian.places import BenchLock, Places


def test_a_reader_that_asks_twice_never_joins_two_notes_of_a_lock(tmp_path: Path) -> None:
    places = Places("here", str(tmp_path))
    lock = BenchLock(places)
    lock.take({"state": "run", "run_id": "r"})
    with places.lock.open("rb", buffering=0) as reader:
        before = reader.read(4096)
        lock.tell({"state": "holding", "run_id": "a longer one"})
        assert reader.read(4096) == b""
    lock.release()
    assert b'"run"' in before
    assert holder_of(places.lock) == {"pid": os.getpid(), "state": "holding", "run_id": "a longer one"}
