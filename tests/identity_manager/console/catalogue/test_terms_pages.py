"""ADMIN, Terms: a document from its first word to the version that people accept."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.audit import Event
from identity_manager.models import AuditEvent, TermsDocument, TermsDraft, TermsVersion
from tests.identity_manager.console.catalogue.forms import seen_in
from tests.tools import cast

pytestmark = pytest.mark.long

NEW = reverse("console:terms-new")
TEXTS = {
    "names_archiving": "none",
    "title_en": "Terms of the house",
    "body_en": "# One\r\n\r\nKeep it secret.",
    "title_de": "Regeln des Hauses",
    "body_de": "# Eins\r\n\r\nHalte es geheim.",
}


def address(what: str, row: TermsDocument) -> str:
    return reverse(f"console:terms-{what}", args=[row.pk])


def seen(draft: TermsDraft) -> dict[str, Any]:
    """What a page that shows this draft carries."""
    return {"revision": draft.revision, "draft": f"{draft.pk}:{draft.revision}"}


def says_beforehand(browser: Client, row: TermsDocument, reason: str) -> None:
    """The document's page and that before publishing say what lacks, and offer nothing to press for it."""
    page = browser.get(address("document", row)).text
    assert f"Publish: {reason}" in page
    assert f'href="{address("publish", row)}"' not in page
    assert address("ask", row) not in page
    confirm = browser.get(address("publish", row)).text
    assert reason in confirm
    assert 'name="revision"' not in confirm


@pytest.fixture
def row(company: cast.Company) -> TermsDocument:
    return TermsDocument.objects.get(code="terms")


@pytest.fixture
def draft(sven: Client, row: TermsDocument) -> TermsDraft:
    assert sven.post(address("write", row), {**TEXTS, "revision": ""}).status_code == 302
    return TermsDraft.objects.get(document=row)


def test_a_document_is_begun_written_and_published(sven: Client, company: cast.Company) -> None:
    response = sven.post(NEW, {"code": "house", "name": "House", "name_de": "Haus"})
    row = TermsDocument.objects.get(code="house")
    assert response["Location"] == address("write", row)
    sven.post(address("write", row), {**TEXTS, "revision": ""})
    page = sven.get(address("document", row)).text
    assert "Keep it secret." in page
    sven.post(address("publish", row), seen_in(sven.get(address("publish", row))))
    version = row.current_version()
    assert version.number == 1
    assert version.text_in("de").body == "# Eins\n\nHalte es geheim."
    assert not TermsDraft.objects.filter(document=row).exists()


def test_the_language_of_the_installation_is_asked_for_first(
    sven: Client, row: TermsDocument, settings: Settings
) -> None:
    """As in every other form with a text in languages."""
    settings.LANGUAGE_CODE = "de"
    page = sven.get(address("write", row)).text
    assert 0 < page.index('name="title_de"') < page.index('name="title_en"')


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": ""}, "Enter a code."),
        ({"code": "terms"}, "Another entry has this code."),
        ({"name": ""}, "required"),
        ({"name": "a\u202eb"}, "U+202E"),
    ],
)
def test_a_document_that_cannot_be_is_refused(
    sven: Client, row: TermsDocument, change: dict[str, str], words: str
) -> None:
    response = sven.post(NEW, {"code": "house", "name": "House", **change})
    assert response.status_code == 422
    assert words in response.text
    assert TermsDocument.objects.count() == 1


def test_the_next_version_begins_with_the_present_one(sven: Client, row: TermsDocument) -> None:
    assert "Text 1" in sven.get(address("write", row)).text
    assert "Text 1" in sven.get(reverse("console:terms", args=[row.current_version().pk])).text


def test_the_preview_shows_what_the_person_will_see_and_saves_nothing(
    sven: Client, row: TermsDocument
) -> None:
    response = sven.post(address("write", row), {**TEXTS, "revision": "", "preview": "1"})
    assert response.status_code == 200
    assert "<h2>One</h2>" in response.text or "One</h" in response.text
    assert "Nothing is saved yet." in response.text
    assert not TermsDraft.objects.exists()


@pytest.mark.parametrize("lacks", [name for name in TEXTS if name != "names_archiving"])
def test_what_lacks_a_language_is_a_draft_but_not_published(
    sven: Client, row: TermsDocument, lacks: str
) -> None:
    sven.post(address("write", row), {**TEXTS, lacks: " ", "revision": ""})
    says_beforehand(sven, row, "Each text needs a title and a body.")
    response = sven.post(address("publish", row), seen(TermsDraft.objects.get()))
    assert response.status_code == 422
    assert response.text.count("needs a title and a body") == 1
    assert row.versions.count() == 1
    assert TermsDraft.objects.exists()


def test_what_lacks_a_language_is_not_asked_for(sven: Client, row: TermsDocument, settings: Settings) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    sven.post(address("write", row), {**TEXTS, "body_de": "", "revision": ""})
    page = sven.get(address("document", row)).text
    assert "Publish: Each text needs a title and a body." in page
    assert address("ask", row) not in page
    assert sven.post(address("ask", row), seen(TermsDraft.objects.get())).status_code == 422


def test_the_same_words_are_not_published_again(sven: Client, row: TermsDocument, draft: TermsDraft) -> None:
    sven.post(address("publish", row), seen(draft))
    sven.post(address("write", row), TEXTS | seen_in(sven.get(address("write", row))))
    says_beforehand(sven, row, "The draft says the same as the version in force.")
    response = sven.post(address("publish", row), seen(TermsDraft.objects.get()))
    assert response.status_code == 422
    assert "says the same" in response.text


def test_publishing_says_what_happens_to_what_waits(
    sven: Client, company: cast.Company, row: TermsDocument
) -> None:
    request = company.request_in("awaiting_acceptance")
    before = row.current_version()
    sven.post(address("write", row), {**TEXTS, "revision": ""})
    text = sven.get(address("publish", row)).text
    assert "1 request waits. Its person reads and accepts the new version." in text
    sven.post(address("publish", row), seen(TermsDraft.objects.get()))
    assert row.current_version().number == before.number + 1
    assert TermsVersion.objects.get(pk=before.pk).text_in("en").body == "Text 1"
    request.refresh_from_db()
    assert request.state == "awaiting_acceptance"
    accepted = cast.accepted(request)
    assert accepted.acceptances.get().text.version == row.current_version()


def test_an_older_page_is_told_and_loses_nothing(
    sven: Client, sara: Client, row: TermsDocument, draft: TermsDraft
) -> None:
    sara.post(address("write", row), {**TEXTS, "body_en": "Sara's words.", **seen(draft)})
    response = sven.post(address("write", row), {**TEXTS, "body_en": "My words.", **seen(draft)})
    assert response.status_code == 409
    assert "My words." in response.text
    assert "Sara Muster" in response.text
    draft.refresh_from_db()
    assert draft.texts["en"][1] == "Sara's words."
    data: dict[str, Any] = {**TEXTS, "body_en": "My words.", **seen_in(response)}
    assert sven.post(address("write", row), data).status_code == 302
    draft.refresh_from_db()
    assert draft.texts["en"][1] == "My words."


def test_a_second_administrator_publishes_or_refuses(
    sven: Client, sara: Client, row: TermsDocument, draft: TermsDraft, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    page = sven.get(address("publish", row)).text
    assert "You worked on this version." in page
    assert 'name="revision"' not in page
    own = sven.post(address("publish", row), seen(draft))
    assert own.status_code == 403
    assert row.versions.count() == 1
    sven.post(address("ask", row), seen(draft))
    assert address("document", row) in sara.get(reverse("console:approvals")).text
    shown = seen_in(sara.get(address("refuse", row)))
    sara.post(address("refuse", row), {**shown, "reason": "Paragraph 2 is wrong."})
    assert "Paragraph 2 is wrong." in sven.get(address("document", row)).text

    data = {**TEXTS, "body_en": "Better.", **seen(draft)}
    sven.post(address("write", row), data)
    draft.refresh_from_db()
    sven.post(address("ask", row), seen(draft))
    sara.post(address("publish", row), seen(draft))
    assert row.current_version().text_in("en").body == "Better."


def test_what_was_changed_after_the_second_one_read_it_is_not_published(
    sven: Client, sara: Client, row: TermsDocument, draft: TermsDraft, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    sven.post(address("ask", row), seen(draft))
    shown = seen_in(sara.get(address("publish", row)))
    sven.post(address("write", row), {**TEXTS, "body_en": "Other.", **seen(draft)})
    response = sara.post(address("publish", row), shown)
    assert response.status_code == 409
    assert "changed this draft since" in response.text
    assert row.versions.count() == 1


def test_who_has_read_one_draft_does_not_publish_the_next_one(
    sven: Client, sara: Client, row: TermsDocument, draft: TermsDraft, settings: Settings
) -> None:
    """Thrown away and written anew, the draft is another one; so is the one that follows a publication."""
    settings.CATALOGUE_FOUR_EYES = True
    sven.post(address("ask", row), seen(draft))
    shown = seen_in(sara.get(address("publish", row)))
    sven.post(address("discard", row), seen(draft))
    write_and_ask(sven, row, "You owe us your house.")
    response = sara.post(address("publish", row), shown)
    assert response.status_code == 409
    assert row.versions.count() == 1

    shown = seen_in(sara.get(address("publish", row)))
    sara.post(address("publish", row), shown)
    write_and_ask(sven, row, "And your boat.")
    assert sara.post(address("publish", row), shown).status_code == 409
    assert row.current_version().number == 2


def write_and_ask(browser: Client, row: TermsDocument, words: str) -> None:
    shown = seen_in(browser.get(address("write", row)))
    browser.post(address("write", row), {**TEXTS, "body_en": words, **shown})
    browser.post(address("ask", row), seen(TermsDraft.objects.get(document=row)))


@pytest.mark.parametrize(
    ("what", "words"), [("publish", "A version was published"), ("discard", "The draft was discarded")]
)
def test_an_older_page_does_not_undo_what_was_decided_since(
    sven: Client, sara: Client, row: TermsDocument, what: str, words: str
) -> None:
    """Sven opens the page while there is no draft; Sara writes one, and it is published or thrown away."""
    old = seen_in(sven.get(address("write", row)))
    sara.post(address("write", row), {**TEXTS, "body_en": "Sara's words.", **old})
    sara.post(address(what, row), seen(TermsDraft.objects.get(document=row)))
    response = sven.post(address("write", row), {**TEXTS, "body_en": "My words.", **old})
    assert response.status_code == 409
    for part in ("My words.", "Sara Muster", words, "There is no draft any more"):
        assert part in response.text
    assert "in place of what is there now" not in response.text
    assert "Somebody has changed this draft" not in response.text
    assert not TermsDraft.objects.exists()
    data = {**TEXTS, "body_en": "My words.", **seen_in(response)}
    assert sven.post(address("write", row), data).status_code == 302
    assert TermsDraft.objects.get(document=row).texts["en"][1] == "My words."


def test_whom_the_draft_waits_for_is_said(
    sven: Client, sara: Client, row: TermsDocument, draft: TermsDraft, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    asked = sven.post(address("ask", row), seen(draft), follow=True).text
    assert "It waits for: <bdi>Sara Muster</bdi>" in asked
    assert "Its publication was asked for" in asked
    sara.post(address("write", row), {**TEXTS, "body_en": "Both.", **seen(draft)})
    page = sven.get(address("document", row)).text
    assert "Nobody else can decide on it" in page
    assert address("ask", row) not in page


def test_a_draft_is_discarded(sven: Client, row: TermsDocument, draft: TermsDraft) -> None:
    sven.post(address("discard", row), seen(draft))
    assert not TermsDraft.objects.exists()
    gone = sven.post(address("discard", row), seen(draft))
    assert gone.status_code == 409


def test_pages_of_a_draft_that_is_gone_or_not_asked_for_say_so_at_once(
    sven: Client, row: TermsDocument, draft: TermsDraft
) -> None:
    response = sven.get(address("refuse", row), follow=True)
    assert response.redirect_chain == [(address("document", row), 302)]
    assert "Nobody asks for its activation any more." in response.text

    draft.delete()
    for what in ("publish", "refuse", "discard"):
        response = sven.get(address(what, row), follow=True)
        assert response.redirect_chain == [(address("document", row), 302)]
        assert "There is no draft of these terms any more." in response.text


def test_a_document_is_renamed(sven: Client, row: TermsDocument) -> None:
    sven.post(address("rename", row), {"name": "Rules", "name_de": "Regeln"})
    row.refresh_from_db()
    assert row.name == {"en": "Rules", "de": "Regeln"}


def test_the_whole_history_can_be_read(sven: Client, row: TermsDocument) -> None:
    for number in range(51):
        sven.post(address("rename", row), {"name": f"Rules {number}", "name_de": "Regeln"})
    assert 'href="?history=2#history"' in sven.get(address("document", row)).text
    text = sven.get(address("document", row), {"history": "2"}).text
    assert "51 to 5" in text


def test_an_auditor_reads_and_writes_nothing(otto: Client, row: TermsDocument) -> None:
    assert otto.get(address("document", row)).status_code == 200
    changes = AuditEvent.objects.filter(name=Event.CATALOGUE_CHANGED.value)
    before = changes.count()
    for word in ("write", "publish", "refuse", "discard", "ask", "rename"):
        assert otto.post(address(word, row), {**TEXTS, "revision": ""}).status_code == 403
    assert changes.count() == before


# --- accepted again --------------------------------------------------------------------------------
def _publish(browser: Client, row: TermsDocument, **asks: str) -> Any:
    return browser.post(address("publish", row), seen(TermsDraft.objects.get()) | asks)


def test_who_publishes_says_until_when_holders_of_tokens_accept_it(
    sven: Client, row: TermsDocument, draft: TermsDraft
) -> None:
    by = timezone.localdate() + timedelta(days=30)
    assert "Those who hold tokens accept it until" in sven.get(address("publish", row)).text
    assert _publish(sven, row, accept_again_by=by.isoformat(), late_policy="hold").status_code == 302
    version = row.current_version()
    assert (version.accept_again_by, version.late_policy) == (by, "hold")
    event = AuditEvent.objects.filter(name=Event.CATALOGUE_CHANGED).latest("pk")
    assert (event.facts["until"], event.facts["late"]) == (by.isoformat(), "hold")
    assert by.strftime("%Y") in sven.get(reverse("console:terms", args=[version.pk])).text


@pytest.mark.parametrize(
    "asks",
    [
        {"accept_again_by": "soon"},
        {"accept_again_by": "2001-01-01"},
        {"accept_again_by": "9999-12-31"},
    ],
)
def test_a_day_that_cannot_be_is_refused(
    sven: Client, row: TermsDocument, draft: TermsDraft, asks: dict[str, str]
) -> None:
    response = _publish(sven, row, **asks)
    assert response.status_code == 422
    assert "at least a week" in response.text
    assert TermsDraft.objects.exists()


def test_without_a_day_nobody_is_asked_again(sven: Client, row: TermsDocument, draft: TermsDraft) -> None:
    _publish(sven, row, late_policy="hold")
    version = row.current_version()
    assert (version.number, version.accept_again_by) == (2, None)
