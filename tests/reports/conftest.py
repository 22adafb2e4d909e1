"""The sample, rendered once for all tests that only look at it."""

from __future__ import annotations

import pytest

from reports.html import render_html
from reports.pdf import render_pdf
from tests.reports.sample import sample


@pytest.fixture(scope="session")
def page() -> str:
    """Return the sample as HTML."""
    return render_html(*sample())


@pytest.fixture(scope="session")
def typeset() -> bytes:
    """Return the sample as PDF."""
    return render_pdf(*sample())
