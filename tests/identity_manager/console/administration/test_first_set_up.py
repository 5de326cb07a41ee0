"""First set-up: each step is done by what is there; START leads to it until all are."""

import html

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.console.administration import set_up_page
from identity_manager.models import (
    CaCheck,
    CertificateProfile,
    OutgoingMail,
    Person,
    RequestState,
    Role,
    TermsVersion,
    TokenRequest,
    TokenType,
)
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
PAGE = reverse("console:first-set-up")


def open_steps(actor: Person) -> set[str]:
    return {
        step.document for step, done in set_up_page.context(actor)["lines"] if not done and not step.optional
    }


def test_an_empty_installation_has_everything_before_it() -> None:
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,), sid="")
    assert set_up_page.context(sven)["next_step"] is set_up_page.STEPS[0]
    browser = signed_in(sven)
    assert PAGE in browser.get("/").text
    page = browser.get(PAGE).text
    assert "Next" in page
    assert "/help/how-to/connect-a-ca/" in page


def test_the_words_of_a_step_are_states_in_each_language(db: None) -> None:
    """Not those of buttons: German said the verb, as on the button that opens something."""
    browser = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))
    browser.cookies["django_language"] = "de"
    page = browser.get(PAGE).text
    assert "Als Nächstes" in page
    assert "Offen" in page
    assert "Eröffnen" not in page


def test_each_step_says_why_and_leads_somewhere(db: None) -> None:
    """To pages that a System Administrator may open; where there is none, the manual says who does what."""
    browser = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))
    page = html.unescape(browser.get(PAGE).text)
    for step in set_up_page.STEPS:
        assert str(step.why) in page
        assert step.help_url in page
        assert bool(step.url) == bool(step.action)
        for address in filter(None, (step.url, step.help_url)):
            assert browser.get(address).status_code == 200


def test_each_step_is_done_by_what_is_there(company: cast.Company, settings: Settings) -> None:
    sven = officer("sven", Role.SYSTEM_ADMINISTRATOR)
    found = open_steps(sven)
    assert {"how-to/terms", "how-to/token-types"}.isdisjoint(found)
    assert {"how-to/connect-a-ca", "how-to/mail", "how-to/first-officers", "tutorial/first-token"} <= found

    officer("sara", Role.SYSTEM_ADMINISTRATOR)
    assert "how-to/first-officers" not in open_steps(sven)
    CaCheck.objects.create(
        alias="corporate", ok=True, detail="", took=timezone.timedelta(), checked_at=timezone.now()
    )
    assert "how-to/connect-a-ca" not in open_steps(sven)
    request = company.request_in(RequestState.COMPLETED)
    assert "tutorial/first-token" not in open_steps(sven)
    OutgoingMail.objects.filter(request=request).update(state="sent")
    assert open_steps(sven) == set()

    settings.SIGN_IN_METHODS = {**settings.SIGN_IN_METHODS, "selfservice": ["sso"]}
    assert open_steps(sven) == {"how-to/single-sign-on"}
    settings.SIGN_IN_METHODS = {**settings.SIGN_IN_METHODS, "selfservice": ["password"]}
    CertificateProfile.objects.update(state="retired")
    TokenType.objects.update(state="retired")
    TermsVersion.objects.update(is_current=False)
    TokenRequest.objects.update(state="cancelled")
    assert open_steps(sven) == {"how-to/terms", "how-to/token-types", "tutorial/first-token"}


def test_start_leads_there_until_all_is_done(company: cast.Company, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))
    assert PAGE in browser.get("/").text
    monkeypatch.setattr(set_up_page, "STEPS", ())
    browser.post(reverse("console:jobs"))  # what an officer does is counted anew
    assert "steps are open" not in browser.get("/").text


def test_nobody_else_is_led_there(company: cast.Company, otto: Client) -> None:
    assert PAGE not in otto.get("/").text
    assert otto.get(PAGE).status_code == 403
