"""Quoted fields in whole blocks: their quotes are blanked where that changes nothing else (RFC 4180; design 5.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QUOTE, COMMA, END, SPACE, APOSTROPHE = (ord(sign) for sign in "\",\n '")


def without_quotes(block: bytes) -> bytes | None:
    """Return a block of whole lines with its quotes as spaces and the commas between them as apostrophes.

    None where the line-by-line reader has to look: a quote that does not end on its line, that opens within a field
    or is followed by more of it. A doubled quote becomes two apostrophes. An apostrophe is no part of a number either.
    """
    signs = np.frombuffer(block, dtype=np.uint8)
    quotes = signs == QUOTE
    at = np.flatnonzero(quotes)
    if at.size % 2:
        return None
    opening, closing = at[0::2], at[1::2]
    doubled = np.append(closing[:-1] + 1 == opening[1:], False)
    framed = np.concatenate(([END, END], signs, [END])).astype(np.uint8)
    before, earlier = framed[opening + 1], framed[opening]
    begins = _is_edge(before) | ((before == SPACE) & _is_edge(earlier)) | np.append(False, doubled[:-1])
    ends = _is_edge(framed[closing + 3]) | doubled
    # A running count modulo 256 knows odd from even.
    inside = (np.cumsum(quotes, dtype=np.uint8) & 1).astype(bool)
    if not (begins.all() and ends.all()) or bool((inside & (signs == END)).any()):
        return None
    found = signs.copy()
    found[quotes] = SPACE
    found[inside & (signs == COMMA)] = APOSTROPHE
    pairs = closing[doubled]
    found[pairs] = found[pairs + 1] = APOSTROPHE
    return found.tobytes()


def _is_edge(signs: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which bytes are no part of a field."""
    edges: NDArray[np.bool_] = (signs == COMMA) | (signs == END)
    return edges
