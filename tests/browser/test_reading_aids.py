"""Forced colours, and names that are written from right to left. The roads themselves are walked zoomed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page

from identity_manager.models import Person, SoftwareToken
from tests.browser import road
from tests.browser.conftest import LOOKS, NEEDS, PHONE, ZOOMED, OpenDesk
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]
LAYLA, DANA = "ليلى الحسن (أ.)", "דנה כהן, ד״ר!"

# Where a name from right to left stands in a text of ours and is not kept apart from it: its full stop, its
# bracket or a number behind it would change sides.
NOT_KEPT_APART = r"""() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.data, holder = walker.currentNode.parentElement;
    if (!/[\u0590-\u08FF]/.test(text) || !holder.checkVisibility()) continue;
    if (holder.closest("[aria-hidden=true]")) continue;  // initials
    const apart = text.replace(/\u2068[^\u2068\u2069]*\u2069/g, "");
    if (/[\u0590-\u08FF]/.test(apart) && !holder.closest("bdi, [dir=auto]"))
      found.push(holder.outerHTML.slice(0, 200));
  }
  return found;
}"""

FOCUS_IS_SEEN = """() => {
  const focus = document.activeElement, box = focus.getBoundingClientRect();
  const bar = document.querySelector(".decision");
  return focus === document.body || bar.contains(focus) || box.bottom <= bar.getBoundingClientRect().top
    || box.top >= bar.getBoundingClientRect().bottom;
}"""


# --- Forced colours
def drawn_anew(element: Locator, act: Callable[[], Any]) -> bool:
    """Whether what is done can be seen."""
    before = element.screenshot()
    act()
    return element.screenshot() != before


def test_what_is_checked_and_where_the_focus_is_stay_visible(open_desk: OpenDesk) -> None:
    ada = open_desk("ada", **LOOKS["forced colours"])
    road.search(ada, "lindq")
    ada.follow("Enable")
    box = ada.page.get_by_role("checkbox", name="VPN")
    card = ada.page.locator(f"label[for={box.get_attribute('id')}]").locator("..")
    assert drawn_anew(card, lambda: ada.check("VPN"))
    ada.page.keyboard.press("Tab")  # from here on it is a keyboard that moves the focus
    assert drawn_anew(card, box.focus)
    for role, name in (("button", "Next"), ("link", "Cancel")):
        control = ada.page.get_by_role(role, name=name).last  # type: ignore[arg-type]  # a word of the page
        assert drawn_anew(control.locator(".."), control.focus), name


@pytest.mark.parametrize("viewport", [PHONE, ZOOMED, {"width": 320, "height": 256}])
def test_what_is_to_be_decided_leaves_room_to_read(
    open_desk: OpenDesk, company: Company, viewport: dict[str, int]
) -> None:
    request = company.request_in("awaiting_acceptance")
    uma = open_desk(company.uma, viewport=viewport)
    uma.open(reverse("selfservice:terms", args=[request.pk]))
    place = uma.page.locator(".decision").bounding_box()
    assert place is not None
    covered = min(viewport["height"], place["y"] + place["height"]) - place["y"]
    assert covered < viewport["height"] / 3


def test_what_has_the_focus_is_never_behind_the_decision(open_desk: OpenDesk, company: Company) -> None:
    """WCAG 2.4.11."""
    request = company.request_in("awaiting_acceptance")
    viewport = {"width": 390, "height": 600}
    uma = open_desk(company.uma, viewport=viewport)
    uma.open(reverse("selfservice:terms", args=[request.pk]))
    seen = 0
    for _ in range(30):
        uma.page.keyboard.press("Tab")
        seen += uma.page.evaluate(FOCUS_IS_SEEN)
    assert seen == 30


def test_badges_keep_their_words_and_their_shape(open_desk: OpenDesk, company: Company) -> None:
    company.request_in("requested")
    ada = open_desk("ada", **LOOKS["forced colours"])
    ada.open("/requests/")
    badge = ada.page.locator("main .badge").first
    assert badge.inner_text().strip()
    style = badge.evaluate(
        "each => { const s = getComputedStyle(each); return [s.borderStyle, s.borderWidth]; }"
    )
    assert style[0] == "solid"
    assert float(style[1].removesuffix("px")) >= 1


# --- Names from right to left
@pytest.fixture
def layla(company: Company) -> Person:
    """She writes Arabic, and who approves for her writes Hebrew; the sign at the end belongs to the name."""
    Person.objects.filter(pk=company.paul.pk).update(display_name=DANA)
    company.paul.refresh_from_db()
    person = cast.person("uma2", display_name=LAYLA, given_name="ليلى", surname="الحسن", roles=(), sid="")
    request = cast.enabled(company.ada, person, company.signature)
    cast.delivered(cast.issued(cast.accepted(cast.approved(company.paul, request))))
    cast.enabled(company.ada, person, cast.token_type("more", approval="always"))
    return Person.objects.get(pk=person.pk)


def not_kept_apart(page: Page) -> list[str]:
    return list(page.evaluate(NOT_KEPT_APART))


@pytest.mark.nightly
@pytest.mark.parametrize(
    "look",
    [
        pytest.param({}, id="wide"),
        pytest.param({"viewport": PHONE, "color_scheme": "dark"}, id="phone"),
    ],
)
def test_a_name_from_right_to_left_is_kept_apart(
    open_desk: OpenDesk, company: Company, layla: Person, look: dict[str, Any]
) -> None:
    ada, paul, herself = (open_desk(who, **look) for who in ("ada", "paul", layla))
    token = SoftwareToken.objects.filter(person=layla).earliest("pk")
    waiting = layla.requests.get(state="requested")
    pages = {
        ada: ("/", "/search/", "/requests/", f"/persons/{layla.pk}/", f"/requests/{token.request_id}/"),
        paul: ("/open-tasks/", f"/requests/{waiting.pk}/", f"/requests/{waiting.pk}/reject/"),
        herself: ("/my/", "/my/requests/", "/my/certificates/", f"/my/certificates/{token.pk}/", "/account/"),
    }
    faults = []
    for desk, addresses in pages.items():
        for address in addresses:
            desk.open(address)
            faults += [f"{address}: {fault}" for fault in not_kept_apart(desk.page)]
    assert not faults, "\n".join(faults)
