"""The page of examples/browser: what it does, what it keeps, what it forbids, and that it goes on without a server."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from examples.browser.server import POLICY, SiteServer
from examples.browser.site import PAGE
from examples.browser.visit import READY

from .visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser

_STORED = "localStorage.getItem('pgscore-customer')"


def _choose(visitor: Visitor, customer: int) -> None:
    number = visitor.page.get_by_label("Customer number")
    number.fill(str(customer))
    number.press("Enter")


def test_a_score_and_its_reasons_move_with_events_and_back(visitor: Visitor) -> None:
    _choose(visitor, 7)
    first, reasons = visitor.score, visitor.text("reasons")
    visitor.happen("billing", "coverage", "day", "intl")
    moved = visitor.score
    assert moved != first
    assert visitor.text("reasons") != reasons
    assert visitor.page.locator("#history li").count() == 4
    said = visitor.text("score")
    assert re.fullmatch(
        r"[\d.]+ %\s+likely to leave, (up [\d.]+ points|down [\d.]+ points|the same) after a call .*", said
    )
    assert "number customer service calls" in visitor.page.locator("dt.moved").all_inner_texts()
    visitor.page.get_by_role("button", name="Undo the last").click()
    visitor.happen("intl")
    assert visitor.score == moved
    visitor.page.get_by_role("button", name="Reset").click()
    assert (visitor.score, visitor.text("reasons")) == (first, reasons)
    assert visitor.page.locator("#history li").count() == 0
    expect(visitor.page.locator("#nothing")).to_be_visible()
    assert visitor.said == []


def test_what_has_happened_is_kept_in_this_browser(visitor: Visitor) -> None:
    _choose(visitor, 9)
    visitor.happen("hotline", "eve")
    before = visitor.score
    assert json.loads(visitor.page.evaluate(_STORED)) == {"customer": 9, "events": ["hotline", "eve"]}
    visitor.open()
    assert visitor.score == before
    assert visitor.page.get_by_label("Customer number").input_value() == "9"


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "{",
        "null",
        '{"customer": 9}',
        '{"customer": 10000, "events": []}',
        '{"customer": 9, "events": ["toString"]}',
    ],
)
def test_what_was_kept_otherwise_does_not_matter(visitor: Visitor, kept: str) -> None:
    visitor.page.evaluate("(kept) => localStorage.setItem('pgscore-customer', kept)", kept)
    visitor.open()
    assert visitor.page.get_by_label("Customer number").input_value() == "1"
    visitor.happen("billing")
    assert visitor.said == []


def test_a_customer_that_is_not_there_changes_nothing(visitor: Visitor) -> None:
    _choose(visitor, 9)
    _choose(visitor, 10_000)
    assert visitor.page.get_by_label("Customer number").input_value() == "9"


def test_everybody_is_scored_and_anybody_can_be_looked_at(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Score all customers").click()
    expect(visitor.page.locator("#many-said")).to_contain_text("600 scores in")
    rows = visitor.page.locator("#ranking tbody tr")
    assert rows.count() == 25
    visitor.page.get_by_role("button", name="Show 25 more").click()
    assert rows.count() == 50
    values = [float(each.get_attribute("value") or "") for each in rows.locator("data").all()]
    assert values == sorted(values, reverse=True)
    rows.first.get_by_role("button").click()
    assert visitor.score == values[0]
    assert visitor.page.evaluate("document.activeElement.id") == "score-title"
    assert visitor.said == []


def test_no_request_leaves_the_page(visitor: Visitor) -> None:
    visitor.page.locator("#state", has_text="Ready for offline").wait_for()
    assert [each for each in visitor.asked if not each.startswith(visitor.server.url)] == []
    count = len(visitor.asked)
    visitor.happen("billing", "day", "night")
    visitor.page.get_by_role("button", name="Score all customers").click()
    expect(visitor.page.locator("#many-said")).to_contain_text("600 scores in")
    # The worker is this module once more.
    assert set(visitor.asked[count:]) <= {f"{visitor.server.url}pgscore.js"}
    assert visitor.violations == []
    visitor.page.get_by_role("button", name="Try to send").click()
    expect(visitor.page.locator("#send-said")).to_contain_text("The browser refused")
    assert {each.split()[0] for each in visitor.refused()} == {"connect-src"}


@pytest.mark.parametrize("is_own", [True, False])
def test_nothing_that_a_page_can_do_asks_a_server(visitor: Visitor, site: Path, *, is_own: bool) -> None:
    visitor.page.locator("#state", has_text="Ready for offline").wait_for()
    with SiteServer(site) as stranger:
        server = visitor.server if is_own else stranger
        before = list(server.paths)
        for name, way in _LEAVING.items():
            assert visitor.page.evaluate(way, f"{server.url}page.js?all-of-it") == "refused", name
        assert server.paths == before
        # The page that may load from its own server would have asked.
        visitor.page.context.add_init_script("new Image().src = 'page.js?early'; fetch('page.js?early')")
        visitor.page.reload()
        visitor.page.wait_for_selector(READY)
        assert "/page.js?early" in visitor.server.paths


_LEAVING = {
    "fetch": "(url) => fetch(url, { mode: 'no-cors' }).then(() => 'sent', () => 'refused')",
    "import": "(url) => import(url).then(() => 'sent', () => 'refused')",
    "beacon": """(url) => new Promise((resolve) => {
        addEventListener('securitypolicyviolation', () => resolve('refused'), { once: true });
        navigator.sendBeacon(url, 'it');
    })""",
    "socket": """(url) => new Promise((resolve) => {
        addEventListener('securitypolicyviolation', () => resolve('refused'), { once: true });
        try { new WebSocket(url.replace('http', 'ws')); } catch { resolve('refused'); }
    })""",
    "form": """(url) => new Promise((resolve) => {
        addEventListener('securitypolicyviolation', () => resolve('refused'), { once: true });
        const form = document.createElement('form');
        Object.assign(form, { action: url, method: 'post', target: '_blank' });
        document.body.append(form);
        form.submit();
    })""",
    **{
        tag: f"""(url) => new Promise((resolve) => {{
            const made = document.createElement('{tag}');
            made.onerror = () => resolve('refused');
            made.onload = () => resolve('sent');
            Object.assign(made, {{ rel: 'stylesheet', src: url, href: url }});
            document.head.append(made);
        }})"""
        for tag in ("img", "script", "link")
    },
}


def test_the_page_says_what_the_server_says() -> None:
    page = (PAGE / "index.html").read_text()
    (stated,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert stated == POLICY
    # Each file that the page has is kept for when there is no server.
    kept = set(re.findall(r'"([^"]+\.\w+)"', (PAGE / "offline.js").read_text().splitlines()[2]))
    assert kept == {each.name for each in PAGE.iterdir()} - {"index.html", "offline.js"} | {
        "pgscore.js", "churn.json", "customers.json",
    }  # fmt: skip


def test_it_works_when_the_server_has_gone(visitor: Visitor) -> None:
    visitor.page.locator("#state", has_text="Ready for offline").wait_for()
    visitor.happen("billing", "coverage")
    before = visitor.score
    visitor.server.stop()
    visitor.page.context.set_offline(offline=True)
    visitor.happen("intl")
    expect(visitor.page.locator("#state")).to_have_text("Offline, and at work")
    visitor.page.get_by_role("button", name="Undo the last").click()
    visitor.open()
    assert visitor.score == before
    expect(visitor.page.locator("#state")).to_have_text("Offline, and at work")
    visitor.page.get_by_role("button", name="Score all customers").click()
    expect(visitor.page.locator("#many-said")).to_contain_text("600 scores in")
    assert visitor.violations == []


def test_a_newer_page_is_taken_where_the_server_answers(browser: Browser, site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    with SiteServer(folder) as server, Visitor.of(browser, server) as visitor:
        visitor.open()
        visitor.page.locator("#state", has_text="Ready for offline").wait_for()
        page = folder / "index.html"
        page.write_text(page.read_text().replace("Will this customer leave?</h1>", "Another title</h1>"))
        visitor.open()
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Another title")


def _score(folder: Path) -> None:
    document = json.loads((folder / "churn.json").read_text())
    document["golden"][0]["expected"] += 1e-6
    (folder / "churn.json").write_text(json.dumps(document))


def _unsigned(folder: Path) -> None:
    document = json.loads((folder / "churn.json").read_text())
    del document["signature"]
    (folder / "churn.json").write_text(json.dumps(document))


def _cut(folder: Path) -> None:
    text = (folder / "churn.json").read_text()
    (folder / "churn.json").write_text(text[: len(text) // 2])


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_score, "the bundle is not what its SHA-256 says: it was changed."),
        (_unsigned, "the bundle carries no signature, and one is wanted."),
        (_cut, "the bundle is no JSON: "),
        (lambda folder: (folder / "churn.json").unlink(), "the bundle cannot be fetched: status 404."),
        (lambda folder: (folder / "customers.json").unlink(), "the customers cannot be fetched: status 404"),
    ],
)
def test_a_changed_bundle_is_refused_in_one_sentence(
    browser: Browser, site: Path, tmp_path: Path, damage: Callable[[Path], None], why: str
) -> None:
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    damage(folder)
    with SiteServer(folder) as server, Visitor.of(browser, server) as visitor:
        visitor.open()
        alert = visitor.page.get_by_role("alert")
        assert alert.inner_text().splitlines()[0].startswith(f"No scores here: {why}")
        for button in visitor.page.get_by_role("button").all():
            expect(button).to_be_disabled()
        # A file that is not there is said by the browser as well.
        assert [each for each in visitor.said if "404" not in each] == []


def test_a_model_without_calls_refuses_them_and_goes_on(browser: Browser, site: Path, tmp_path: Path) -> None:
    import tests.bundle.samples

    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    page = folder / "index.html"
    page.write_text(re.sub(r'(<meta name="pgscore-key" content=)"[^"]*"', r'\1""', page.read_text()))
    shutil.copy(tests.bundle.samples.SAMPLES["churn"], folder / "churn.json")
    with SiteServer(folder) as server, Visitor.of(browser, server) as visitor:
        visitor.open()
        visitor.happen("billing")
        before = visitor.score
        visitor.happen("day")
        assert "wants the name of one binding" in visitor.text("change")
        assert visitor.score == before
        visitor.page.evaluate('localStorage.setItem(\'pgscore-customer\', \'{"customer": 2, "events": ["day"]}\')')
        visitor.open()
        assert visitor.page.get_by_label("Customer number").input_value() == "1"
        assert visitor.said == []
