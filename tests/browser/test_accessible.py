"""The page for everybody: by keyboard alone, for screen readers, on a phone's width, in light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from examples.browser.server import SiteServer

from .visitor import Visitor

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_FINGER = 44
_FOCUSED = """() => {
    const at = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(at);
    return [at.id || at.dataset.event || at.className, outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2];
}"""


def _findings(visitor: Visitor, tools: Path) -> list[dict[str, Any]]:
    """What axe-core finds on the page as it stands."""
    visitor.page.evaluate((tools / "axe-core" / "axe.min.js").read_text())
    options = {"runOnly": _RULES, "resultTypes": ["violations"]}
    found = visitor.page.evaluate("(options) => axe.run(document, options)", options)
    assert len(found["passes"]) > 20
    return [{each["id"]: [node["html"] for node in each["nodes"]]} for each in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(browser: Browser, site: Path, tools: Path, scheme: str, width: int) -> None:
    with (
        SiteServer(site) as server,
        Visitor.of(browser, server, (width, 800), color_scheme=scheme, reduced_motion="reduce") as visitor,
    ):
        visitor.open()
        assert _findings(visitor, tools) == []
        visitor.happen("billing", "day", "coverage")
        visitor.page.get_by_role("button", name="Score all customers").click()
        visitor.page.locator("#ranking tbody tr").first.wait_for()
        visitor.page.get_by_role("button", name="Try to send").click()
        expect(visitor.page.locator("#send-said")).to_contain_text("refused")
        assert _findings(visitor, tools) == []


def test_axe_finds_what_is_wrong(visitor: Visitor, tools: Path) -> None:
    visitor.page.evaluate("document.querySelector('label').remove()")
    visitor.page.evaluate("document.querySelector('#nothing').style.color = '#ccc'")
    assert {name for each in _findings(visitor, tools) for name in each} == {"label", "color-contrast"}


def test_an_error_is_as_accessible(browser: Browser, site: Path, tools: Path, tmp_path: Path) -> None:
    for each in site.iterdir():
        if each.name != "churn.json":
            (tmp_path / each.name).write_bytes(each.read_bytes())
    with SiteServer(tmp_path) as server, Visitor.of(browser, server) as visitor:
        visitor.open()
        expect(visitor.page.get_by_role("alert")).to_contain_text("cannot be fetched")
        assert _findings(visitor, tools) == []


@pytest.mark.parametrize("width", [320, 360, 390])
def test_nothing_is_wider_than_a_phone(browser: Browser, site: Path, width: int) -> None:
    with SiteServer(site) as server, Visitor.of(browser, server, (width, 700), has_touch=True) as visitor:
        visitor.open()
        visitor.happen("billing", "day", "coverage")
        visitor.page.get_by_role("button", name="Score all customers").click()
        visitor.page.locator("#ranking tbody tr").first.wait_for()
        visitor.page.get_by_role("button", name="Try to send").click()
        expect(visitor.page.locator("#send-said")).to_contain_text("refused")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        for button in visitor.page.locator("button.event").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= _FINGER
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_a_keyboard_does_all(visitor: Visitor) -> None:
    press = visitor.page.keyboard.press
    order = []
    press("Tab")
    assert visitor.page.evaluate(_FOCUSED) == ["skip", True]
    press("Enter")
    assert visitor.page.evaluate(_FOCUSED)[0] == "score-title"
    for _ in range(7):
        press("Tab")
        order.append(visitor.page.evaluate(_FOCUSED))
        press("Space" if len(order) % 2 else "Enter")
    assert order == [[name, True] for name in ("billing", "coverage", "hotline", "day", "eve", "night", "intl")]
    assert visitor.page.locator("#history li").count() == 7
    _tab_to(visitor, "undo")
    press("Enter")
    assert visitor.page.locator("#history li").count() == 6
    _tab_to(visitor, "reset")
    press("Space")
    assert visitor.page.locator("#history li").count() == 0
    # What was pressed can be pressed no more: the focus is where it is of use.
    assert visitor.page.evaluate(_FOCUSED)[0] == "billing"
    _tab_to(visitor, "customer")
    visitor.page.keyboard.type("2")
    press("Tab")
    _tab_to(visitor, "many")
    press("Enter")
    visitor.page.locator("#ranking tbody tr").first.wait_for()
    _tab_to(visitor, "plain")
    press("Enter")
    assert visitor.page.evaluate(_FOCUSED)[0] == "score-title"
    _tab_to(visitor, "more")
    press("Enter")
    assert visitor.page.locator("#ranking tbody tr").count() == 50
    _tab_to(visitor, "send")
    press("Enter")
    expect(visitor.page.locator("#send-said")).to_contain_text("refused")


def _tab_to(visitor: Visitor, name: str) -> None:
    for _ in range(60):
        focused, is_visible = visitor.page.evaluate(_FOCUSED)
        if focused == name:
            assert is_visible
            return
        visitor.page.keyboard.press("Tab")
    raise AssertionError(name)


def test_a_screen_reader_is_told(visitor: Visitor) -> None:
    visitor.happen("billing")
    expect(visitor.page.locator("main")).to_match_aria_snapshot(
        """
        - main:
          - region "Score":
            - heading "Score" [level=2]
            - status: /\\d+\\.\\d % likely to leave, .+ after a complaint about billing/
          - region "What happens":
            - heading "What happens" [level=2]
            - group "A complaint about":
              - button "billing"
              - button "coverage"
              - button "the hotline"
            - group "A call of 20 minutes":
              - button "by day"
              - button "in the evening"
              - button "at night"
              - button "abroad"
            - heading "So far" [level=3]
            - list "So far":
              - listitem: /a complaint about billing/
            - button "Undo the last"
            - button "Reset"
          - region "Why":
            - heading "Why" [level=2]
            - paragraph
            - table "Reasons of the score"
          - region "Profile":
            - heading "Profile" [level=2]
            - spinbutton "Customer number"
        """
    )
    live = "(id) => { const { role, ariaAtomic } = document.getElementById(id); return [role, ariaAtomic]; }"
    assert visitor.page.evaluate(live, "score") == ["status", "true"]
