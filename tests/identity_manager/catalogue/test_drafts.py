"""Drafts of the catalogue: every verb in every state, who may, and that a refusal changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from identity_manager.authorities import connections
from identity_manager.catalogue import comparison, profiles, terms, types, versions
from identity_manager.catalogue.terms import Seen
from identity_manager.catalogue.terms_content import Text
from identity_manager.models import (
    AuditEvent,
    CaCheck,
    CertificateProfile,
    Person,
    Role,
    TermsDraft,
    TokenType,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
TEXTS = {"en": Text("Terms", "Read."), "de": Text("Bedingungen", "Lesen.")}
Verb = Callable[[Person, CertificateProfile], Any]


@pytest.fixture
def sven() -> Person:
    return cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))


@pytest.fixture
def sara() -> Person:
    return cast.person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,))


def values() -> dict[str, Any]:
    return comparison.content_of(cast.profile("pattern"))


def draft(actor: Person) -> CertificateProfile:
    return profiles.add_profile_version(actor=actor, code="wlan", values=values(), is_new=True)


def asked(actor: Person) -> CertificateProfile:
    row = draft(actor)
    return profiles.ask_activation(actor=actor, profile_id=row.pk, revision=row.version)


def active(actor: Person) -> CertificateProfile:
    return profiles.activate_profile(actor=actor, profile_id=draft(actor).pk, four_eyes=False)


def retired(actor: Person) -> CertificateProfile:
    return versions.retire(actor=actor, kind=CertificateProfile, entry_id=active(actor).pk, reason="old")


STATES = {"draft": draft, "asked": asked, "active": active, "retired": retired}
VERBS: dict[str, Verb] = {
    "change": lambda actor, row: profiles.change_profile(
        actor=actor, profile_id=row.pk, revision=row.version, values={"name": "Other"}
    ),
    "ask": lambda actor, row: profiles.ask_activation(actor=actor, profile_id=row.pk, revision=row.version),
    "refuse": lambda actor, row: versions.refuse_activation(
        actor=actor, kind=CertificateProfile, entry_id=row.pk, revision=row.version, reason="No."
    ),
    "activate": lambda actor, row: profiles.activate_profile(
        actor=actor, profile_id=row.pk, four_eyes=True, revision=row.version
    ),
    "discard": lambda actor, row: versions.discard(
        actor=actor, kind=CertificateProfile, entry_id=row.pk, revision=row.version
    ),
    "retire": lambda actor, row: versions.retire(
        actor=actor, kind=CertificateProfile, entry_id=row.pk, reason="Old."
    ),
}
# What a second administrator can do in which state.
POSSIBLE = {
    ("draft", "change"),
    ("draft", "ask"),
    ("draft", "activate"),
    ("draft", "discard"),
    ("asked", "change"),
    ("asked", "refuse"),
    ("asked", "activate"),
    ("asked", "discard"),
    ("active", "retire"),
    ("retired", "activate"),
}


def everything() -> list[Any]:
    rows = CertificateProfile.objects.order_by("pk").values_list("pk", "state", "name", "version", "asked_at")
    return [*rows, AuditEvent.objects.count()]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_in_every_state(sven: Person, sara: Person, state: str, verb: str) -> None:
    row = STATES[state](sven)
    told = everything()
    if (state, verb) in POSSIBLE:
        VERBS[verb](sara, row)
        assert everything() != told
        return
    with pytest.raises(Refused):
        VERBS[verb](sara, row)
    assert everything() == told


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM_ADMINISTRATOR])
def test_nobody_else_does_any_of_it(sven: Person, verb: str, role: Role) -> None:
    row, other = asked(sven), cast.person("other", roles=(role,))
    told = everything()
    with pytest.raises(NotAllowed):
        VERBS[verb](other, row)
    assert everything() == told


@pytest.mark.parametrize("verb", VERBS)
def test_what_another_throws_away_at_the_same_moment_is_told(sven: Person, sara: Person, verb: str) -> None:
    """It was there when the page was fetched, and is gone when its lock is held."""
    row = asked(sven)
    versions.discard(actor=sara, kind=CertificateProfile, entry_id=row.pk, revision=row.version)
    with pytest.raises(Stale) as told:
        VERBS[verb](sara, row)
    assert told.value.reason is versions.GONE


@pytest.mark.parametrize("verb", ["activate", "refuse"])
def test_who_worked_on_it_does_not_decide(sven: Person, verb: str) -> None:
    row = asked(sven)
    with pytest.raises(NotAllowed):
        VERBS[verb](sven, row)


def test_who_changed_it_last_does_not_decide_either(sven: Person, sara: Person) -> None:
    row = VERBS["change"](sara, draft(sven))
    for actor in (sven, sara):
        with pytest.raises(NotAllowed):
            VERBS["activate"](actor, row)
    third = cast.person("tom", roles=(Role.SYSTEM_ADMINISTRATOR,))
    assert VERBS["activate"](third, row).state == "active"


@pytest.mark.parametrize("verb", ["change", "ask", "refuse", "activate", "discard"])
def test_an_older_page_does_nothing(sven: Person, sara: Person, verb: str) -> None:
    old = asked(sven)
    profiles.change_profile(actor=sven, profile_id=old.pk, revision=None, values={"name": "Newer"})
    told = everything()
    with pytest.raises(Stale):
        VERBS[verb](sara, old)
    assert everything() == told


def test_what_changes_nothing_is_no_change(sven: Person, sara: Person) -> None:
    row = asked(sven)
    told = everything()
    profiles.change_profile(actor=sara, profile_id=row.pk, revision=row.version, values=values())
    assert everything() == told
    assert not row.editors.filter(pk=sara.pk).exists()


def test_a_change_asks_anew_and_says_what_changed(sven: Person) -> None:
    row = VERBS["change"](sven, asked(sven))
    assert row.asked_at is None
    event = AuditEvent.objects.order_by("-pk")[0]
    assert event.facts["what"] == "profile-changed"
    assert event.facts["changes"] == [{"field": "name", "from": {"en": "Pattern"}, "to": {"en": "Other"}}]


def test_a_new_entry_takes_no_other_code(sven: Person) -> None:
    active(sven)
    with pytest.raises(NotPossible) as refused:
        draft(sven)
    assert refused.value.field == "code"


def test_a_type_is_changed_with_its_profiles(sven: Person) -> None:
    first, second = cast.profile("one"), cast.profile("two")
    fields = {"name": "X", "description": "x", "terms": cast.terms(), "kinds": ["employee"]}
    row = types.add_type_version(actor=sven, code="x", values=fields, profiles=[first])
    days, both = {"validity_days": 100}, [second, first]
    row = types.change_type(actor=sven, type_id=row.pk, revision=row.version, values=days, profiles=both)
    assert row.ordered_profiles() == [second, first]
    told = AuditEvent.objects.order_by("-pk")[0].facts["changes"]
    changes = {change["field"]: change["to"] for change in told}
    assert changes == {"validity_days": 100, "profiles": ["two 1", "one 1"]}
    with pytest.raises(NotPossible):
        types.change_type(actor=sven, type_id=row.pk, revision=None, values={}, profiles=[])
    assert TokenType.objects.get(pk=row.pk).ordered_profiles() == [second, first]


def test_terms_are_nobody_elses_either(sven: Person) -> None:
    document, other = cast.terms(), cast.person("other", roles=(Role.AUDITOR,))
    draft = terms.save_draft(actor=sven, document_id=document.pk, seen=Seen(0), texts=TEXTS)
    seen = terms.seen_of(document, draft)
    told = list(TermsDraft.objects.values_list("revision", "texts")), AuditEvent.objects.count()
    for change in (
        lambda: terms.save_draft(actor=other, document_id=document.pk, seen=seen, texts=TEXTS),
        lambda: terms.ask_publication(actor=other, document_id=document.pk, seen=seen),
        lambda: terms.refuse_publication(actor=other, document_id=document.pk, seen=seen, reason="x"),
        lambda: terms.discard_draft(actor=other, document_id=document.pk, seen=seen),
        lambda: terms.publish_draft(actor=other, document_id=document.pk, seen=seen, four_eyes=False),
        lambda: terms.rename_document(actor=other, document_id=document.pk, name="x"),
        lambda: connections.test(actor=other, alias="corporate"),
    ):
        with pytest.raises(NotAllowed):
            change()
    assert told == (list(TermsDraft.objects.values_list("revision", "texts")), AuditEvent.objects.count())
    assert not CaCheck.objects.exists()


def test_the_revisions_of_terms_never_begin_anew(sven: Person) -> None:
    document = cast.terms()

    def saved(seen: Seen, words: str) -> Seen:
        texts = {language: Text("Terms", f"{words} {language}") for language in TEXTS}
        draft = terms.save_draft(actor=sven, document_id=document.pk, seen=seen, texts=texts)
        document.refresh_from_db()
        return terms.seen_of(document, draft)

    first = saved(Seen(0), "One")
    terms.discard_draft(actor=sven, document_id=document.pk, seen=first)
    second = saved(Seen(first.revision + 1), "Two")
    terms.publish_draft(actor=sven, document_id=document.pk, seen=second, four_eyes=False)
    for old in (Seen(0), Seen(first.revision), Seen(second.revision)):
        with pytest.raises(Stale):
            saved(old, "Three")
    assert saved(Seen(second.revision + 1), "Three").revision > second.revision > first.revision


def test_a_draft_of_before_the_upgrade_goes_on(sven: Person) -> None:
    """A process of the former version has saved it, and counted on the draft alone."""
    document = cast.terms()
    row = TermsDraft.objects.create(document=document, revision=4, texts={})
    seen = terms.seen_of(document, row)
    draft = terms.save_draft(actor=sven, document_id=document.pk, seen=seen, texts=TEXTS)
    assert (draft.pk, draft.revision) == (row.pk, 5)
