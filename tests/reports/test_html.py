from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from reports.html import render_html
from tests.reports.sample import sample

VOID = {"meta", "br", "hr", "link", "img", "input"}
MARKUP = "</title></svg><script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
HOSTILE = MARKUP + " $\\frac{1$ {{7*7}} \x00\x1b[31m \ud800 中"
TITLES = (
    "Verdict",
    "Scope and requirement trace",
    "Device under test",
    "Equipment and calibration",
    "Configuration record",
    "Method",
    "Environment",
    "Fitness of the bench",
    "Results",
    "Exclusions and gaps",
    "Deviations and findings",
    "Timeline",
    "Uncertainty budget",
    "Inventory of the data package",
    "Signatures",
)


class Reader(HTMLParser):
    """Collects tags, ids and text, and checks that elements nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def shown_text(page: str) -> str:
    return re.sub(r"\s+", " ", " ".join(read(page).text))


def test_all_fifteen_parts_appear_in_order(page: str) -> None:
    heads = re.findall(r"<h2 id=[^>]*>(\d+) ([^<]+)</h2>", page)
    assert heads == [(str(number), title) for number, title in enumerate(TITLES, start=1)]


def test_elements_nest_and_every_id_is_used_once(page: str) -> None:
    ids = [value for _, name, value in read(page).attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_page_is_one_file_without_scripts_and_of_modest_size(page: str) -> None:
    reader = read(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    references = [value for _, name, value in reader.attributes if name in {"href", "src", "xlink:href"}]
    assert all(reference.startswith("#") for reference in references)
    assert "url(http" not in page
    assert len(page.encode()) <= 1_500_000


def test_every_reference_inside_the_page_has_its_target(page: str) -> None:
    reader = read(page)
    ids = {value for _, name, value in reader.attributes if name == "id"}
    targets = {value[1:] for _, name, value in reader.attributes if name in {"href", "xlink:href"}}
    clips = set(re.findall(r"url\(#([^)]+)\)", page))
    assert targets | clips <= ids


def test_every_figure_has_its_caption_and_its_words(page: str) -> None:
    reader = read(page)
    labels = [value for tag, name, value in reader.attributes if tag == "svg" and name == "aria-label"]
    assert len(labels) == reader.tags.count("figure") == reader.tags.count("figcaption") == 9
    assert all(len(label) > 30 for label in labels)
    captions = re.findall(r"<strong>Figure (\d+)\.</strong>", page)
    assert captions == [str(number) for number in range(1, 10)]


def test_every_axis_carries_a_unit_or_a_count(page: str) -> None:
    told = shown_text(page)
    for label in (
        "Delivered volume (U)",
        "MEAS − SET (U)",
        "Flow (U/h)",
        "Time since start of delivery (h)",
        "Observation window (min)",
        "Percentage error (%)",
        "Error of the hour (%)",
        "Number of hours",
        "Bolus error (%)",
        "Bolus number",
        "Change of reading (mg)",
        "Time since start (s)",
        "Contribution to the standard uncertainty (%)",
    ):
        assert label in told


def test_simulated_evidence_is_stamped_and_hardware_is_not(page: str) -> None:
    assert '<p class="stamp">SIMULATED' in page
    document, curves = sample()
    document["evidence"] = "hardware"
    assert "SIMULATED" not in render_html(document, curves)


def test_a_deviation_can_ask_to_stand_on_every_page() -> None:
    document, _ = sample()
    document["deviations"] = [{"id": "DEV-2", "text": "clock not synchronised", "stamp": "CLOCK NOT SYNCHRONISED"}]
    assert '<p class="stamp">CLOCK NOT SYNCHRONISED' in render_html(document, {})


def test_hostile_text_stays_text() -> None:
    document, curves = sample()
    document = json.loads(json.dumps(document), object_hook=_poison)
    curves["startup"][0]["label"] = HOSTILE
    page = render_html(document, curves)
    reader = read(page)
    assert not {"script", "img"} & set(reader.tags)
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    told = shown_text(page)
    assert "<script>alert('x')</script>" in told
    assert "{{7*7}}" in told
    assert not re.search(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]", page)


def _poison(entry: dict[str, Any]) -> dict[str, Any]:
    kept = {"evidence", "unit", "outcome", "measure", "started_utc", "ended_utc"}
    return {key: HOSTILE if isinstance(value, str) and key not in kept else value for key, value in entry.items()}


def test_no_number_is_nan_even_when_the_input_holds_some() -> None:
    document, curves = sample()
    document["checks"][0]["value"] = float("nan")
    document["analysis"]["basal"][0]["overall_error_pct"] = float("inf")
    curves["cumulative"]["measured_u"][5] = float("nan")
    page = render_html(document, curves)
    assert not re.search(r"\b(nan|inf|None|NaN)\b", shown_text(page))
    assert not re.search(r"[ML] ?[\d.]* ?nan", page)


def test_the_same_input_gives_the_same_bytes(page: str) -> None:
    assert render_html(*sample()) == page


def test_the_numbers_shown_are_the_numbers_stored(page: str) -> None:
    document, _ = sample()
    told = shown_text(page).replace("\u00a0", " ").replace("−", "-")
    for check in document["checks"]:
        if check["expanded_uncertainty"] is not None and check["expanded_uncertainty"] >= 0.1:
            decimals = 1 if check["expanded_uncertainty"] >= 1.0 else 2
            shown = f"({check['value']:+.{decimals}f} ± {check['expanded_uncertainty']:.{decimals}f}) %"
            assert shown in told
        assert check["why"] in told
    for point in document["analysis"]["basal"][0]["trumpet"]:
        row = f"{point['window_min']} {point['count']} {point['min_pct']:+.2f} {point['max_pct']:+.2f}"
        assert row in told
    for number, item in enumerate(document["analysis"]["boluses"]["items"], start=1):
        decimals = 3 if item["set_u"] == 10.0 else 2 if item["set_u"] == 1.0 else 1
        shown = f"{item['error_pct']:+.{decimals}f} ± {item['expanded_uncertainty_pct']:.{decimals}f}"
        assert re.search(rf"\b{number} \d+:\d\d:\d\d {item['set_u']} {item['set_u']} [\d.]+ {re.escape(shown)} ", told)


def test_layout_c_has_ten_bins_that_add_up(page: str) -> None:
    told = shown_text(page).replace("\u00a0", " ")
    assert "< 25 25–75 75–90 90–95 95–105 105–110 110–125 125–175 175–250 > 250" in told
    assert "< 0.025 0.025–0.075 0.075–0.09 0.09–0.095 0.095–0.105" in told
    assert "12/12 (100.0 %)" in told


def test_the_worst_check_stands_first_on_the_first_page(page: str) -> None:
    brief = page[page.index('<div class="brief">') : page.index("</table>")]
    assert re.findall(r"tone-(\w+)", brief) == ["FAIL", "INCONCLUSIVE", "PASS", "PASS", "REPORT_ONLY"]


@pytest.mark.parametrize("document", [{}, {"outcome": "PASS"}, {"checks": None, "gaps": 3, "analysis": []}])
def test_an_almost_empty_document_still_gives_every_part(document: dict[str, Any]) -> None:
    page = render_html(document, {})
    assert [title for _, title in re.findall(r"<h2 id=[^>]*>(\d+) ([^<]+)</h2>", page)] == list(TITLES)
    assert "<figure>" not in page


def test_any_single_part_may_be_absent() -> None:
    document, curves = sample()
    plain = {**document, "analysis": {}, "checks": document["checks"][2:3]}
    for key in document:
        read(render_html({name: value for name, value in plain.items() if name != key}, {}))
    for key in document["analysis"]:
        read(render_html({"analysis": {key: document["analysis"][key]}}, {}))
    for key in curves:
        emptied = {"t_h": None, "t_s": None} if isinstance(curves[key], dict) else [{}]
        assert "<figure>" not in render_html({}, {key: emptied})


def test_any_entry_of_the_analysis_may_be_null() -> None:
    document, curves = sample()
    blanked = json.loads(
        json.dumps({"analysis": document["analysis"], "checks": document["checks"]}), object_hook=_blank
    )
    assert "Basal accuracy" in render_html({**document, **blanked}, curves)


def _blank(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value if isinstance(value, dict | list) else None for key, value in entry.items()}


def test_an_instrument_is_named_as_it_named_itself_when_armed() -> None:
    armed = {"at_s": 0.0, "name": "armed", "data": {"balance": {"model": "XPR226", "serial": "C777", "software": None}}}
    page = render_html({"bench": {"balance": {"protocol": "mt-sics", "serial": "B1"}}, "events": [armed]}, {})
    table = page[page.index("Measuring equipment") :]
    row = table[table.index("<tbody>") : table.index("</tbody>")]
    assert re.findall(r"<td[^>]*>([^<]+)</td>", row)[:3] == ["Balance", "XPR226", "C777"]


def test_items_tell_why_only_where_they_did_not_pass() -> None:
    passed = {"label": "1.0 U/h", "from_s": 10.0, "value": 1.23, "expanded_uncertainty": 0.5, "measured_u": 1.01}
    passed |= {"lower_limit": -5.0, "upper_limit": 5.0, "set_u": None}
    broken = {**passed, "value": None, "outcome": "INVALID", "why": "no readings for 90 s"}
    items = [{**passed, "outcome": "PASS", "why": "lies within"}, broken]
    told = shown_text(
        render_html({"checks": [{"id": "c", "unit": "%", "outcome": "INVALID", "items": items}]}, {})
    ).replace("\u00a0", " ")
    assert "No. Label From (h:mm:ss) Value ± U (%) MEAS (U) Limits (%) Outcome Why" in told
    assert "1 1.0 U/h 0:00:10 +1.23 ± 0.50 1.0100 ± 5 PASS" in told
    assert "no readings for 90 s" in told
    assert "lies within" not in told


def test_a_long_timeline_is_cut_in_the_middle_and_says_so() -> None:
    events = [{"at_s": float(index), "name": "phase", "data": {"n": index}} for index in range(5000)]
    page = render_html({"events": events}, {})
    assert "4400 of 5000 events" in page
    assert "N: 4999" in page
