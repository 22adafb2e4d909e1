"""The typesetter's small objects are deflated together, and every one of them is still there."""

from __future__ import annotations

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.object_streams import pack

MEMBERS = 900
OBJECT = re.compile(rb"\n(\d+) 0 obj\n(.*?)\nendobj(?=\n)", re.DOTALL)
STREAM = re.compile(rb"<<(.*?)>>\nstream\n(.*)\nendstream\Z", re.DOTALL)


def plain(*bodies: bytes, root: int = 1) -> bytes:
    """Return a file of these objects with one cross-reference table, as the typesetter writes it."""
    made, offsets = bytearray(b"%PDF-1.7\n%\x80\x80\x80\x80\n\n"), []
    for number, body in enumerate(bodies, start=1):
        offsets.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f\r\n" % (len(bodies) + 1)
    made += b"".join(b"%010d 00000 n\r\n" % offset for offset in offsets)
    made += b"trailer\n<</Size %d/Root %d 0 R/ID[(a)(a)]>>\nstartxref\n%d\n%%%%EOF" % (len(bodies) + 1, root, start)
    return bytes(made)


def unpacked(made: bytes) -> dict[int, bytes]:
    """Return every object of a packed file, found through its cross-reference stream alone."""
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", made)[1])  # type: ignore[index]
    entries, content = _stream(_at(made, start))
    assert b"/W[1 4 2]" in entries
    rows = [content[index : index + 7] for index in range(0, len(content), 7)]
    assert int(re.search(rb"/Size (\d+)", entries)[1]) == len(rows)  # type: ignore[index]
    found: dict[int, bytes] = {}
    for number, row in enumerate(rows):
        where, last = int.from_bytes(row[1:5], "big"), int.from_bytes(row[5:], "big")
        if row[0] == 1:
            assert made[where:].startswith(b"%d 0 obj\n" % number)
            found[number] = _at(made, where)
        elif row[0] == 2:
            found[number] = _member(_at(made, int.from_bytes(rows[where][1:5], "big")), number, last)
    return found


def _at(made: bytes, offset: int) -> bytes:
    held = OBJECT.match(made, offset - 1)
    assert held is not None
    return held[2]


def _stream(body: bytes) -> tuple[bytes, bytes]:
    held = STREAM.match(body)
    assert held is not None
    assert int(re.search(rb"/Length (\d+)", held[1])[1]) == len(held[2])  # type: ignore[index]
    return held[1], zlib.decompress(held[2])


def _member(body: bytes, number: int, index: int) -> bytes:
    entries, content = _stream(body)
    first = int(re.search(rb"/First (\d+)", entries)[1])  # type: ignore[index]
    pairs = [int(word) for word in content[:first].split()]
    assert pairs[2 * index] == number
    offsets = [*pairs[1::2], len(content) - first + 1]
    return content[first + offsets[index] : first + offsets[index + 1] - 1]


CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
PAGE = b"<</Type/Page/Parent 2 0 R>>"
CONTENT = b"<</Length 2>>\nstream\nq \nendstream"
CELLS = tuple(b"<</Type/StructElem/S/TD/P %d 0 R/K[%d]>>" % (number, number) for number in range(MEMBERS))


def test_every_object_is_still_there_and_the_file_is_much_smaller() -> None:
    bodies = (CATALOGUE, PAGES, PAGE, CONTENT, *CELLS)
    former = plain(*bodies)
    made = pack(former)
    found = unpacked(made)
    assert [found[number] for number in range(1, len(bodies) + 1)] == list(bodies)
    assert len(made) < len(former) / 4
    assert pack(former) == made


def test_pages_and_streams_stay_where_they_can_be_seen() -> None:
    made = pack(plain(CATALOGUE, PAGES, PAGE, CONTENT, *CELLS))
    for body in (CATALOGUE, PAGES, PAGE, CONTENT):
        assert body in made
    assert b"/StructElem" not in made
    assert made.count(b"/Type/ObjStm") == 3  # no reader has to inflate all to see one


def test_a_small_file_that_would_grow_stays_as_it_is() -> None:
    former = plain(CATALOGUE, b"<</Type/Pages/Kids[]/Count 0>>")
    assert pack(former) == former


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"startxref\n", b"startxref\n1"),
        (b"/ID[", b"/Prev 9/ID["),
        (b"/ID[", b"/Encrypt 5 0 R/ID["),
        (b"3 0 obj", b"4 0 obj"),
        (b"trailer", b"trolley"),
    ],
)
def test_a_file_that_is_not_as_expected_comes_back_as_it_came(before: bytes, after: bytes) -> None:
    former = plain(CATALOGUE, PAGES, PAGE, CONTENT, *CELLS)
    head, middle, tail = former.rpartition(before) if before != b"3 0 obj" else former.partition(before)
    odd = head + after + tail
    assert middle
    assert pack(odd) == odd


@given(st.binary(max_size=400))
def test_whatever_is_no_such_file_comes_back_as_it_came(data: bytes) -> None:
    assert pack(data) == data


def test_the_sample_holds_what_the_typesetter_wrote(typeset: bytes) -> None:
    found = unpacked(typeset)
    cells = sum(b"/StructElem/S/TD" in body for body in found.values())
    assert cells > 1000
    assert b"/StructElem/S/TD" not in typeset
    numbers = {int(number) for body in found.values() if b"StructElem" in body for number in _references(body)}
    assert numbers <= found.keys()


def _references(body: bytes) -> list[bytes]:
    return re.findall(rb"(\d+) 0 R", body)
