"""ADMIN, Certificate profiles: two System Administrators at one draft, and what each is told of the other."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from identity_manager.models import CertificateProfile, Role
from tests.identity_manager.console.catalogue.forms import (
    NEW,
    PROFILE,
    address,
    revision_in,
    saved_draft,
    seen_in,
    show,
)
from tests.identity_manager.console.visitors import officer
from tests.tools import cast

pytestmark = pytest.mark.long


@pytest.fixture
def draft(sven: Client) -> CertificateProfile:
    return saved_draft(sven)


@pytest.fixture
def four_eyes(settings: Settings) -> None:
    settings.CATALOGUE_FOUR_EYES = True


def test_an_older_page_does_not_undo_what_was_put_in_force_since(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    """Sven's form shows version 1; meanwhile Sara has put version 2 in force."""
    sven.post(address("activate", draft), {"revision": draft.version})
    old = seen_in(sven.get(address("new-version", draft)))
    sara.post(address("new-version", draft), PROFILE | {"longest_validity_days": "90"} | old)
    second = CertificateProfile.objects.get(code="wlan", number=2)
    sara.post(address("activate", second), {"revision": second.version})

    refused = sven.post(address("new-version", draft), {**PROFILE, "name": "Sven's", **old})
    assert refused.status_code == 409
    assert f'href="{show(second)}"' in refused.text
    assert "Another version was put in force" in refused.text
    assert "Sven&#x27;s" in refused.text
    assert not CertificateProfile.objects.filter(number=3).exists()

    data = {**PROFILE, "name": "Sven's", **seen_in(refused)}
    assert sven.post(address("new-version", draft), data).status_code == 302
    assert str(CertificateProfile.objects.get(code="wlan", number=3).name) == "Sven's"


def put_in_force(browser: Client, row: CertificateProfile, **changes: str) -> CertificateProfile:
    """The next version of what the row is, made from it."""
    shown = seen_in(browser.get(address("new-version", row)))
    browser.post(address("new-version", row), {**PROFILE, **changes, **shown})
    made = CertificateProfile.objects.get(code=row.code, state="draft")
    browser.post(address("activate", made), {"revision": made.version})
    made.refresh_from_db()
    assert made.state == "active"
    return made


def test_a_version_made_from_a_retired_one_does_not_undo_it_either(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    """Sven goes back to version 1, which stays as it is; meanwhile Sara puts version 3 in force."""
    sven.post(address("activate", draft), {"revision": draft.version})
    second = put_in_force(sara, draft)
    old = seen_in(sven.get(address("new-version", draft)))
    third = put_in_force(sara, second, longest_validity_days="90")

    refused = sven.post(address("new-version", draft), {**PROFILE, "name": "Sven's", **old})
    assert refused.status_code == 409
    assert f'href="{show(third)}"' in refused.text
    assert "Another version was put in force" in refused.text
    assert not CertificateProfile.objects.filter(number=4).exists()
    data = {**PROFILE, "name": "Sven's", **seen_in(refused)}
    assert sven.post(address("new-version", draft), data).status_code == 302
    assert str(CertificateProfile.objects.get(code="wlan", number=4).name) == "Sven's"


def test_a_version_made_from_what_is_retired_meanwhile_is_not_lost(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    sven.post(address("activate", draft), {"revision": draft.version})
    old = seen_in(sven.get(address("new-version", draft)))
    sara.post(address("retire", draft), {"reason": "Nobody wants it."})
    refused = sven.post(address("new-version", draft), {**PROFILE, "name": "Long work", **old})
    assert refused.status_code == 409
    for words in ("No version is in force any more", "What you have entered stands below", "Long work"):
        assert words in refused.text
    data = {**PROFILE, "name": "Long work", **seen_in(refused)}
    assert sven.post(address("new-version", draft), data).status_code == 302


def test_what_was_typed_into_a_draft_that_another_puts_in_force_becomes_the_next_version(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    old = seen_in(sven.get(address("edit", draft)))
    sara.post(address("activate", draft), {"revision": draft.version})
    response = sven.post(address("edit", draft), {**PROFILE, "name": "Long work", **old})
    assert response.status_code == 409
    for words in ("Sara Muster", "Somebody put this draft in force", "Long work", "nothing of it is saved"):
        assert words in response.text
    assert f'action="{address("new-version", draft)}"' in response.text
    data = {**PROFILE, "name": "Long work", **seen_in(response)}
    assert sven.post(address("new-version", draft), data).status_code == 302
    assert str(CertificateProfile.objects.get(code="wlan", number=2).name) == "Long work"


def test_what_was_typed_does_not_go_to_a_draft_that_another_has_begun_since(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    old = seen_in(sven.get(address("edit", draft)))
    sara.post(address("discard", draft), {"revision": draft.version})
    sara.post(NEW, {**PROFILE, "name": "Sara's"})
    response = sven.post(address("edit", draft), {**PROFILE, "name": "Long work", **old})
    assert response.status_code == 404
    assert f'action="{NEW}"' in response.text
    assert str(CertificateProfile.objects.get(code="wlan").name) == "Sara's"


def test_what_was_typed_into_a_version_of_a_draft_that_is_gone_is_not_lost(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    sara.post(address("discard", draft), {"revision": draft.version})
    response = sven.post(address("new-version", draft), {**PROFILE, "name": "Long work"})
    assert response.status_code == 404
    for words in ("discarded this draft", "Long work", f'action="{NEW}"'):
        assert words in response.text


def test_who_edits_what_another_throws_away_loses_nothing(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    """A draft of a new profile, so what was typed becomes another new one."""
    old = revision_in(sven.get(address("edit", draft)))
    sara.post(address("discard", draft), {"revision": draft.version})
    response = sven.post(address("edit", draft), {**PROFILE, "name": "Long work", "revision": old})
    assert response.status_code == 404
    for words in ("Sara Muster", "discarded this draft", "Long work", f'action="{NEW}"'):
        assert words in response.text
    assert '<input type="hidden" name="code" value="wlan">' in response.text
    assert sven.post(NEW, {**PROFILE, "name": "Long work"}).status_code == 302
    assert str(CertificateProfile.objects.get(code="wlan").name) == "Long work"


def test_what_was_typed_into_a_next_version_that_is_gone_becomes_the_next_version(
    sven: Client, sara: Client, draft: CertificateProfile
) -> None:
    sven.post(address("activate", draft), {"revision": draft.version})
    sven.post(address("new-version", draft), PROFILE | seen_in(sven.get(address("new-version", draft))))
    second = CertificateProfile.objects.get(code="wlan", number=2)
    sara.post(address("discard", second), {"revision": second.version})
    response = sven.post(address("edit", second), {**PROFILE, "name": "Long work", "revision": "0"})
    assert response.status_code == 404
    assert f'action="{address("new-version", draft)}"' in response.text
    assert 'name="code"' not in response.text
    data = {**PROFILE, "name": "Long work", **seen_in(response)}
    assert sven.post(address("new-version", draft), data).status_code == 302
    assert str(CertificateProfile.objects.get(code="wlan", number=2).name) == "Long work"


@pytest.mark.parametrize("what", ["new-version", "edit", "activate", "refuse", "discard", "retire", ""])
def test_pages_of_a_draft_that_is_gone_say_so(
    sven: Client, otto: Client, draft: CertificateProfile, what: str
) -> None:
    here = address(what, draft) if what else show(draft)
    sven.post(address("discard", draft), {"revision": draft.version})
    response = sven.get(here)
    assert response.status_code == 404
    assert "This draft was discarded meanwhile." in response.text
    assert otto.get(here).status_code == (403 if what else 404)
    assert sven.get(here.replace(str(draft.pk), str(uuid.uuid4()))).status_code == 404


def test_a_first_version_replaces_none(
    sven: Client, sara: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    assert "The one that was in force retires." not in sara.get(address("activate", draft)).text
    sara.post(address("activate", draft), {"revision": draft.version})
    shown = seen_in(sven.get(address("new-version", draft)))
    sven.post(address("new-version", draft), {**PROFILE, "name": "Second", **shown})
    second = CertificateProfile.objects.get(code="wlan", number=2)
    assert "The one that was in force retires." in sara.get(address("activate", second)).text


def test_whom_a_draft_waits_for_is_said(
    sven: Client, sara: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    asked = sven.post(address("ask", draft), {"revision": draft.version}, follow=True)
    assert "It waits for: <bdi>Sara Muster</bdi>" in asked.text
    assert "Nobody else can decide on it" not in asked.text


def test_officers_of_one_name_are_named_each(
    sven: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    for name in ("one", "two"):
        officer(name, Role.SYSTEM_ADMINISTRATOR, display_name="Kim Muster")
    asked = sven.post(address("ask", draft), {"revision": draft.version}, follow=True)
    assert asked.text.count("<bdi>Kim Muster</bdi>") == 2


def test_a_draft_that_everybody_has_worked_on_does_not_wait_for_anybody(
    sven: Client, sara: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    data = {**PROFILE, "name": "Both", "revision": draft.version}
    sara.post(address("edit", draft), data)
    for browser in (sven, sara):
        page = browser.get(show(draft)).text
        assert "Nobody else can decide on it" in page
        assert "begins a new one alone" in page
        assert address("ask", draft) not in page


def test_the_only_system_administrator_is_told_what_helps(
    sven: Client, four_eyes: None, draft: CertificateProfile
) -> None:
    page = sven.get(show(draft)).text
    assert "There is no second System Administrator." in page
    assert "A User Administrator can give somebody the role." in page
    assert "begins a new one alone" not in page


def test_what_cannot_be_activated_is_not_asked_for(
    sven: Client, sara: Client, settings: Settings, company: cast.Company
) -> None:
    """Else the second one would be sent to decide on what only its author can mend."""
    settings.CATALOGUE_FOUR_EYES = True
    uri = {"subject_alt_names_kind": ["uri"], "subject_alt_names_text": ["http:{upn}"]}
    sven.post(NEW, PROFILE | uri)
    row = CertificateProfile.objects.get(code="wlan")
    assert address("ask", row) not in sven.get(show(row)).text
    response = sven.post(address("ask", row), {"revision": row.version})
    assert response.status_code == 422
    assert "invalid_uri_syntax" in response.text
    row.refresh_from_db()
    assert row.asked_at is None
    assert show(row) not in sara.get(reverse("console:approvals")).text


@pytest.mark.parametrize("what", ["ask", "activate", "refuse", "discard", "edit", "new-version"])
def test_who_does_not_say_what_they_saw_decides_nothing(
    sven: Client, sara: Client, settings: Settings, draft: CertificateProfile, what: str
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    if what != "ask":
        sven.post(address("ask", draft), {"revision": draft.version})
    if what == "new-version":
        draft.refresh_from_db()
        sara.post(address("activate", draft), {"revision": draft.version})
    before = CertificateProfile.objects.filter(code=draft.code).values().get()
    browser = sven if what in {"ask", "edit"} else sara
    response = browser.post(address(what, draft), {**PROFILE, "name": "Other", "reason": "No."})
    assert response.status_code == 409
    assert CertificateProfile.objects.filter(code=draft.code).values().get() == before
