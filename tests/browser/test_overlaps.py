"""No words lie on other words, and none of a picture on a line: the process, and pages with long values."""

import pytest
from django.urls import reverse
from pytest_django import Settings

from identity_manager.models import Role
from tests.browser.conftest import NEEDS, PHONE, WIDE, OpenDesk
from tests.browser.desk import Desk
from tests.tools.cast import Company, person

pytestmark = [*NEEDS, pytest.mark.long]

# Words of one group are lines of one label. A box is higher than its letters: up to 4 px are no touch.
IN_THE_PICTURE = """() => {
  const groups = [...document.querySelectorAll("svg.process g")].map((group) => ({
    words: group.textContent.trim(),
    boxes: [...group.querySelectorAll("text")].map((text) => text.getBBox()),
  })).filter((group) => group.boxes.length);
  const meet = (one, other) =>
    Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x) > 1 &&
    Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y) > 4;
  const found = [];
  groups.forEach((one, index) => groups.slice(index + 1).forEach((other) => {
    const touch = one.boxes.some((box) => other.boxes.some((each) => meet(box, each)));
    if (touch) found.push([one.words, other.words]);
  }));
  for (const path of document.querySelectorAll("svg.process .process-line")) {
    for (let along = 0; along < path.getTotalLength(); along += 3) {
      const point = path.getPointAtLength(along);
      const on = groups.find((group) => group.boxes.some((box) =>
        point.x > box.x + 1 && point.x < box.x + box.width - 1 &&
        point.y > box.y + 4 && point.y < box.y + box.height - 4));
      if (on) { found.push([on.words, path.dataset.edge]); break; }
    }
  }
  return found;
}"""
ON_THE_PAGE = """() => {
  const words = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const boxes = [];
  while (words.nextNode()) {
    const node = words.currentNode;
    if (node.parentElement.closest(".visually-hidden, dialog, svg, .decision")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 1) boxes.push([node, box]);
  }
  const found = [];
  boxes.forEach(([one, box], index) => boxes.slice(index + 1).forEach(([other, each]) => {
    if (one === other) return;
    const across = Math.min(box.right, each.right) - Math.max(box.left, each.left);
    const down = Math.min(box.bottom, each.bottom) - Math.max(box.top, each.top);
    if (across > 1 && down > 4) found.push([one.textContent.trim(), other.textContent.trim()]);
  }));
  return found;
}"""
LOOKS = pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.nightly), "de"])
WINDOWS = pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])


def overlaps(desk: Desk, address: str, script: str = ON_THE_PAGE) -> list[list[str]]:
    desk.page.goto(address)
    found: list[list[str]] = desk.page.evaluate(script)
    return found


@LOOKS
def test_the_whole_process(open_desk: OpenDesk, language: str) -> None:
    ada = open_desk("ada", language=language)
    assert overlaps(ada, "/process/", IN_THE_PICTURE) == []


@pytest.mark.nightly
@LOOKS
@pytest.mark.parametrize(
    "state",
    [
        "completed",
        "failed",
        *(pytest.param(each, marks=pytest.mark.nightly) for each in ("declined", "lapsed")),
    ],
)
def test_the_process_of_a_request(open_desk: OpenDesk, company: Company, language: str, state: str) -> None:
    ada = open_desk("ada", language=language)
    ada.page.goto(reverse("console:request", args=[company.request_in(state).pk]))
    ada.page.locator("details:has(svg.process)").evaluate("fold => { fold.open = true }")
    assert ada.page.evaluate(IN_THE_PICTURE) == []


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_secret_without_groups_stays_in_its_box(open_desk: OpenDesk, viewport: dict[str, int]) -> None:
    """The token of a SCIM client: 64 digits without a place to break."""
    sven = open_desk(person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)), viewport=viewport)
    sven.open(reverse("console:scim-client-make", args=["scim"]))
    sven.page.get_by_label("Client").fill("Entra")
    sven.press("Make the token")
    width = sven.page.evaluate("document.documentElement.scrollWidth")
    assert width <= viewport["width"]
    assert len(sven.page.locator(".secret-words").inner_text()) == 64, "nothing is put into what is copied"


@LOOKS
@WINDOWS
def test_the_check_of_the_log_with_a_long_destination(
    open_desk: OpenDesk, settings: Settings, language: str, viewport: dict[str, int]
) -> None:
    settings.AUDIT_HEAD_EXPORT = ("file:/srv/archive_of_the_audit_log/identity_manager/signatures.jsonl",)
    otto = open_desk(person("otto", roles=(Role.AUDITOR,)), language=language, viewport=viewport)
    assert overlaps(otto, reverse("console:history-check")) == []
