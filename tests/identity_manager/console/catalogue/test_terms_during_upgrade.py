"""ADMIN, Terms, while processes from before an upgrade serve, too: those count on the draft alone."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import Person, TermsDocument, TermsDraft
from tests.identity_manager.console.catalogue.forms import seen_in
from tests.tools import cast

TEXTS = {"en": ["Terms", "Theirs."], "de": ["Bedingungen", "Ihrer."]}
MINE = {
    "names_archiving": "none",
    "title_en": "Terms",
    "body_en": "Mine.",
    "title_de": "Bedingungen",
    "body_de": "Meiner.",
}


def address(what: str, row: TermsDocument) -> str:
    return reverse(f"console:terms-{what}", args=[row.pk])


@pytest.fixture
def row(company: cast.Company) -> TermsDocument:
    """A document of which a draft was published since the upgrade."""
    TermsDocument.objects.filter(code="terms").update(revision=2)
    return TermsDocument.objects.get(code="terms")


def begun_before(row: TermsDocument, author: Person) -> TermsDraft:
    draft = TermsDraft.objects.create(document=row, texts=TEXTS)
    draft.editors.add(author)
    assert draft.revision < row.revision
    return draft


@pytest.mark.parametrize("what", ["publish", "refuse", "discard"])
def test_their_draft_is_asked_for_and_decided_on(
    sven: Client, sara: Client, sven_person: Person, row: TermsDocument, settings: Settings, what: str
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    draft = begun_before(row, sven_person)
    assert sven.post(address("ask", row), seen_in(sven.get(address("document", row)))).status_code == 302
    draft.refresh_from_db()
    assert draft.asked_at is not None
    shown = seen_in(sara.get(address(what, row)))
    assert sara.post(address(what, row), {**shown, "reason": "Not so."}).status_code == 302
    draft = TermsDraft.objects.filter(pk=draft.pk).first()
    assert (draft.reason if draft else None) == ("Not so." if what == "refuse" else None)
    assert row.current_version().number == (2 if what == "publish" else 1)


def test_what_they_save_is_not_overwritten_without_a_word(
    sven: Client, sven_person: Person, row: TermsDocument
) -> None:
    shown = seen_in(sven.get(address("write", row)))
    draft = begun_before(row, sven_person)
    refused = sven.post(address("write", row), {**MINE, **shown})
    assert refused.status_code == 409
    draft.refresh_from_db()
    assert draft.texts == TEXTS
    assert sven.post(address("write", row), {**MINE, **seen_in(refused)}).status_code == 302
    draft.refresh_from_db()
    assert draft.texts["en"] == ["Terms", "Mine."]


@pytest.mark.parametrize("what", ["change", "begin anew"])
def test_what_they_write_after_it_was_read_is_not_published(
    sven: Client, sara: Client, sven_person: Person, row: TermsDocument, settings: Settings, what: str
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    draft = begun_before(row, sven_person)
    TermsDraft.objects.update(asked_by=sven_person, asked_at=timezone.now())
    shown = seen_in(sara.get(address("publish", row)))
    if what == "change":
        TermsDraft.objects.update(texts={**TEXTS, "en": ["Terms", "You owe us your house."]}, revision=2)
    else:
        draft.delete()
        begun_before(row, sven_person)
    assert sara.post(address("publish", row), shown).status_code == 409
    assert row.current_version().number == 1
