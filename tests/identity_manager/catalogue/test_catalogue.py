"""Versions of profiles, types and terms: added, checked, put in force; what was said once stays."""

import hashlib
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from ca_bridge.x509.public_smime import SPONSOR_MULTIPURPOSE
from ca_bridge.x509.subject_alt_names import SID_URI_PREFIX
from identity_manager.audit import Event
from identity_manager.catalogue import profiles, terms, types, versions
from identity_manager.catalogue.terms_content import Text
from identity_manager.models import AuditEvent, CertificateProfile, Person, Role, TermsDocument, TokenType
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
TEXTS = {"en": Text("Terms", "Read."), "de": Text("Bedingungen", "Lesen.")}
PROFILE: dict[str, Any] = {
    "name": "VPN",
    "purpose": "authentication",
    "subject": [["commonName", "{display_name}"]],
    "subject_alt_names": [["email", "{email}"]],
    "key_usage": ["digitalSignature"],
    "extended_key_usage": ["1.3.6.1.5.5.7.3.2"],
    "ca": "corporate",
    "ca_profile": "vpn",
}


@pytest.fixture
def sven() -> Person:
    return person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))


@pytest.fixture
def sara() -> Person:
    return person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,))


@pytest.fixture
def document(sven: Person) -> TermsDocument:
    row = terms.add_document(actor=sven, code="terms", name="Terms of use")
    terms.publish_terms(actor=sven, document=row, texts=TEXTS)
    return row


def active_profile(sven: Person, code: str = "vpn", **values: Any) -> CertificateProfile:
    draft = profiles.add_profile_version(actor=sven, code=code, values=PROFILE | values)
    return profiles.activate_profile(actor=sven, profile_id=draft.pk, four_eyes=False)


def add_type(sven: Person, document: TermsDocument, *pinned: CertificateProfile, **values: Any) -> TokenType:
    fields = {"name": "VPN", "description": "x", "terms": document, "kinds": ["employee"]} | values
    return types.add_type_version(actor=sven, code="vpn", values=fields, profiles=pinned)


# --- Terms -----------------------------------------------------------------------------------------
def test_a_version_of_the_terms_comes_in_all_languages_and_replaces_the_former(
    sven: Person, document: TermsDocument
) -> None:
    first = document.current_version()
    second = terms.publish_terms(
        actor=sven, document=document, texts=TEXTS | {"en": Text("Terms", "Read all.")}
    )
    assert document.current_version() == second
    assert (first.number, second.number) == (1, 2)
    assert first.text_in("en").body == "Read."
    text = second.text_in("de")
    assert text.sha256 == hashlib.sha256(b"Bedingungen\n\nLesen.").hexdigest()
    event = AuditEvent.objects.filter(name=Event.CATALOGUE_CHANGED.value).last()
    assert event is not None
    assert (event.actor, event.facts["what"], event.facts["number"]) == (sven, "terms-published", 2)


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"en": TEXTS["en"]},
        TEXTS | {"fr": Text("Conditions", "Lire.")},
        TEXTS | {"de": Text("", "Lesen.")},
        TEXTS | {"de": Text("Bedingungen", " \n ")},
        TEXTS | {"de": Text("B" * 201, "Lesen.")},
        TEXTS | {"de": Text("Bedingungen", "L" * 100_001)},
    ],
)
def test_terms_that_lack_something_or_are_too_long_are_not_published(
    sven: Person, document: TermsDocument, texts: dict[str, Text]
) -> None:
    with pytest.raises(NotPossible):
        terms.publish_terms(actor=sven, document=document, texts=texts)
    assert document.versions.count() == 1


# --- Profiles --------------------------------------------------------------------------------------
def test_a_new_version_of_a_profile_retires_the_former(sven: Person) -> None:
    first = active_profile(sven)
    second = active_profile(sven, name="VPN, new")
    first.refresh_from_db()
    assert (first.number, first.state, second.number, second.state) == (1, "retired", 2, "active")
    assert str(first.name) == "VPN"


@pytest.mark.parametrize(
    "values",
    [
        {"subject": []},
        {"subject": [["commonName", "{salary}"]]},
        {"subject": [["favouriteColour", "{surname}"]]},
        {"subject_alt_names": [["upn", "admin@corp.example.com"]]},
        {"subject_alt_names": [["email", "ceo@example.com"]]},
        {"key_usage": []},
        {"key_usage": ["keyCertSign"]},
        {"extended_key_usage": ["clientAuth"]},
        {"ca": "elsewhere"},
    ],
)
def test_a_profile_that_cannot_be_is_refused(sven: Person, values: dict[str, Any]) -> None:
    with pytest.raises(NotPossible):
        profiles.add_profile_version(actor=sven, code="vpn", values=PROFILE | values)
    assert not CertificateProfile.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"include_sid": True}, "include_sid"),
        ({"subject_alt_names": [["uri", "https://example.com/{email}"]]}, "subject_alt_names"),
        ({"subject_alt_names": [["uri", f"{SID_URI_PREFIX}{{sid}}"]]}, "subject_alt_names"),
    ],
)
@pytest.mark.parametrize("public", ["by its policy", "by its CA"])
def test_what_only_a_private_ca_writes_is_refused_in_a_public_profile(
    sven: Person, settings: Settings, values: dict[str, Any], field: str, public: str
) -> None:
    """At the form already, not when the first certificate is ordered."""
    profiles.add_profile_version(actor=sven, code="private", values=PROFILE | values)
    if public == "by its policy":
        values = {**values, "policies": [SPONSOR_MULTIPURPOSE]}
    else:
        corporate = settings.CA_CONNECTORS["corporate"] | {"CAA": "ca.example"}
        settings.CA_CONNECTORS = settings.CA_CONNECTORS | {"corporate": corporate}
    with pytest.raises(NotPossible) as refusal:
        profiles.add_profile_version(actor=sven, code="public", values=PROFILE | values)
    assert refusal.value.field == field


def test_with_four_eyes_another_system_administrator_activates(sven: Person, sara: Person) -> None:
    draft = profiles.add_profile_version(actor=sven, code="vpn", values=PROFILE)
    with pytest.raises(NotAllowed, match="Another"):
        profiles.activate_profile(actor=sven, profile_id=draft.pk, four_eyes=True)
    assert CertificateProfile.objects.get().state == "draft"
    assert profiles.activate_profile(actor=sara, profile_id=draft.pk, four_eyes=True).state == "active"
    with pytest.raises(Stale):
        profiles.activate_profile(actor=sara, profile_id=draft.pk, four_eyes=True)


# --- Token types -----------------------------------------------------------------------------------
def test_a_type_pins_the_versions_of_its_profiles_in_their_order(
    sven: Person, document: TermsDocument
) -> None:
    pinned = [active_profile(sven, code) for code in ("z", "a")]
    draft = add_type(sven, document, *pinned)
    types.activate_type(actor=sven, type_id=draft.pk, four_eyes=False)
    active_profile(sven, "z")
    assert TokenType.objects.active().get().ordered_profiles() == pinned


def test_a_new_version_of_a_type_retires_the_former(
    sven: Person, sara: Person, document: TermsDocument
) -> None:
    pinned = active_profile(sven)
    for _version in (1, 2):
        draft = add_type(sven, document, pinned)
        with pytest.raises(NotAllowed, match="Another"):
            types.activate_type(actor=sven, type_id=draft.pk, four_eyes=True)
        types.activate_type(actor=sara, type_id=draft.pk, four_eyes=True)
    assert list(TokenType.objects.order_by("number").values_list("number", "state")) == [
        (1, "retired"),
        (2, "active"),
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": ["robot"]}, "kinds"),
        ({"archive_key": True}, "archive_key"),
        ({"approval": "perhaps"}, "approval"),
        ({"key_algorithm": "ed25519"}, "key_algorithm"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"validity_days": -1}, "validity_days"),
    ],
)
def test_a_type_that_cannot_be_is_refused_by_field(
    sven: Person, document: TermsDocument, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(NotPossible) as refused:
        add_type(sven, document, active_profile(sven), **values)
    assert refused.value.field == field
    assert not TokenType.objects.exists()


def test_a_type_takes_active_profiles_and_at_least_one(sven: Person, document: TermsDocument) -> None:
    with pytest.raises(NotPossible, match="at least one"):
        add_type(sven, document)
    draft = profiles.add_profile_version(actor=sven, code="vpn", values=PROFILE)
    with pytest.raises(NotPossible, match="active versions"):
        add_type(sven, document, draft)


def test_only_keys_that_encrypt_are_archived(sven: Person, document: TermsDocument) -> None:
    encryption = active_profile(sven, "encryption", purpose="encryption", key_usage=["keyEncipherment"])
    draft = add_type(sven, document, encryption, archive_key=True)
    assert draft.archive_key
    versions.discard(actor=sven, kind=TokenType, entry_id=draft.pk, revision=None)
    for other in ("signature", "authentication", "combined"):
        signing = active_profile(sven, other, purpose=other)
        with pytest.raises(NotPossible, match="archived"):
            add_type(sven, document, signing, archive_key=True)
    both = add_type(sven, document, encryption, signing, archive_key=True)
    assert [profile.may_be_archived for profile in both.ordered_profiles()] == [True, False]


@pytest.mark.parametrize(
    ("purpose", "key_usage"),
    [
        ("signature", ["digitalSignature"]),
        ("authentication", ["digitalSignature"]),
        ("combined", ["digitalSignature", "nonRepudiation", "keyEncipherment"]),
    ],
)
def test_dual_use_is_for_what_signs_and_encrypts_alone(
    sven: Person, purpose: str, key_usage: list[str]
) -> None:
    values = {"purpose": purpose, "key_usage": key_usage, "archive_dual_use": True}
    with pytest.raises(NotPossible) as refused:
        active_profile(sven, purpose, **values)
    assert (refused.value.reason.code, refused.value.field) == ("never-archived", "archive_dual_use")
    both = values | {"purpose": "combined", "key_usage": ["digitalSignature", "keyEncipherment"]}
    assert active_profile(sven, "dual", **both).may_be_archived


def test_terms_of_a_type_that_archives_go_on_saying_so(sven: Person, document: TermsDocument) -> None:
    encryption = active_profile(sven, "encryption", purpose="encryption", key_usage=["keyEncipherment"])
    draft = add_type(sven, document, encryption, archive_key=True)
    TokenType.objects.filter(pk=draft.pk).update(state="active")
    with pytest.raises(NotPossible) as refused:
        terms.publish_terms(actor=sven, document=document, texts=TEXTS)
    assert (refused.value.reason.code, refused.value.field) == ("type-archives", "names_archiving")
    said = terms.publish_terms(actor=sven, document=document, texts=TEXTS, names_archiving="encryption")
    assert (said.number, said.names_archiving) == (2, "encryption")


# --- Who ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM_ADMINISTRATOR])
def test_nobody_else_changes_the_catalogue(sven: Person, document: TermsDocument, role: Role) -> None:
    other, pinned = person("other", roles=(role,)), active_profile(sven)
    draft = add_type(sven, document, pinned)
    before = AuditEvent.objects.count()
    for change in (
        lambda: terms.add_document(actor=other, code="x", name="x"),
        lambda: terms.publish_terms(actor=other, document=document, texts=TEXTS),
        lambda: profiles.add_profile_version(actor=other, code="x", values=PROFILE),
        lambda: profiles.activate_profile(actor=other, profile_id=pinned.pk, four_eyes=False),
        lambda: add_type(other, document, pinned),
        lambda: types.activate_type(actor=other, type_id=draft.pk, four_eyes=False),
    ):
        with pytest.raises(NotAllowed):
            change()
    assert AuditEvent.objects.count() == before


def test_the_database_keeps_one_version_in_force(sven: Person) -> None:
    first = active_profile(sven)
    second = CertificateProfile(code=first.code, number=2, **PROFILE)
    second.activate()
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save()
