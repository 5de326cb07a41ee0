"""Single sign-on in Chromium: out of our page to a real provider, through its own pages, and back."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from allauth.socialaccount.models import SocialAccount
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from identity_manager.models import Account, AuditEvent, Person
from tests.browser.conftest import NEEDS, OpenDesk
from tests.browser.desk import Desk
from tests.identity_manager.account.single_sign_on.conftest import PASSWORD, Provider, the_provider
from tests.tools.cast import Company

__all__ = ["the_provider"]
pytestmark = [*NEEDS, pytest.mark.long]
MOST_PAGES = 6


@pytest.fixture
def provider(the_provider: Provider, live_server: LiveServer, settings: Settings) -> Provider:
    """The provider knows where this server's answers go; we know the provider."""
    the_provider.leads_to(live_server.url)
    settings.SSO_PROVIDERS = {"corp": the_provider.settings()}
    return the_provider


def identify_at_the_provider(page: Page, user: Any, *, home: str) -> None:
    """Fill in what its pages ask for, one after the other, until it leads back home."""
    for _count in range(MOST_PAGES):
        if page.url.startswith(home):
            return
        for name, typed in (("login", user.user_name), ("password", PASSWORD)):
            field = page.locator(f"input[name={name}]:visible")
            if field.count():
                field.fill(typed)
        consent = page.locator("button[name=answer][value=accept]")
        button = consent if consent.count() else page.locator("form button[type=submit]").last
        with page.expect_navigation():
            button.click()
    raise AssertionError(f"{page.url}: {page.content()}")


def sign_in(desk: Desk, provider: Provider, user: Any, home: str, *, wanted: str = "") -> None:
    """Our sign-in page, the provider's button, its pages, and back."""
    desk.inspection.elsewhere = (f"{provider.url}/",)
    desk.open(f"/account/login/?next={quote(wanted)}" if wanted else "/account/login/")
    with desk.page.expect_navigation():
        desk.page.get_by_role("button", name="Example login").click()
    expect(desk.page).not_to_have_url(re.compile(re.escape(home)))
    identify_at_the_provider(desk.page, user, home=home)


def test_there_and_back_with_the_person_linked(
    open_desk: OpenDesk, provider: Provider, company: Company, live_server: LiveServer
) -> None:
    user, desk = provider.user("uma"), open_desk()
    Person.objects.filter(pk=company.uma.pk).update(upn=user.user_name)

    sign_in(desk, provider, user, live_server.url, wanted="/my/certificates/")

    desk.look()
    expect(desk.page).to_have_url(f"{live_server.url}/my/certificates/")
    assert SocialAccount.objects.get().user == Account.objects.get(person=company.uma)
    names = AuditEvent.objects.filter(person=company.uma).values_list("name", flat=True)
    assert {"account.linked", "account.signed-in"} <= set(names)
    desk.open("/mailbox/?to=uma@example.com")
    desk.sees("Example login")
    desk.inspection.look_for(PASSWORD)


@pytest.mark.nightly
def test_signing_out_goes_on_at_the_provider_and_comes_back(
    open_desk: OpenDesk, provider: Provider, company: Company, live_server: LiveServer
) -> None:
    user, desk = provider.user("uma"), open_desk()
    Person.objects.filter(pk=company.uma.pk).update(upn=user.user_name)
    sign_in(desk, provider, user, live_server.url, wanted="/my/")

    desk.open("/account/logout/")
    with desk.page.expect_navigation():
        desk.page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(desk.page).to_have_url(re.compile(re.escape(provider.url)))
    with desk.page.expect_navigation():
        desk.page.locator("button[name=answer][value=logout]").click()

    expect(desk.page).to_have_url(re.compile(re.escape(f"{live_server.url}/account/signed-out/?state=")))
    desk.sees("at your organisation's sign-in")
    desk.look()
    desk.sees_heading("You are signed out")
    desk.page.get_by_role("link", name="Sign in again").click()
    with desk.page.expect_navigation():
        desk.page.get_by_role("button", name="Example login").click()
    expect(desk.page.locator("input[name=login]:visible")).to_have_count(1)


def test_whom_nobody_knows_here_is_told_so(
    open_desk: OpenDesk, provider: Provider, company: Company, live_server: LiveServer
) -> None:
    user, desk = provider.user("stranger"), open_desk()

    sign_in(desk, provider, user, live_server.url)

    desk.inspection.expect_status(403)
    desk.look()
    desk.sees_heading("You are not signed in")
    assert not SocialAccount.objects.exists()
    refusal = AuditEvent.objects.get(name="account.sign-in-failed")
    assert refusal.facts == {"method": "sso:corp", "reason": "sso-nobody"}
    desk.page.goto("/my/")
    expect(desk.page).to_have_url(re.compile("/account/login/"))
