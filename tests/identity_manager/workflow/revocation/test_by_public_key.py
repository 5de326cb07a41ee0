"""**Revoke by public key**: all that has it, at every CA, and nobody's but the administrator's."""

import pytest

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import Answer, CertificateOrder, RevocationReason
from identity_manager.models import (
    AuditEvent,
    BlockedKey,
    Certificate,
    CertificateProfile,
    CertificateState,
    ImportedCertificate,
    OutgoingMail,
    Person,
    Role,
    SoftwareToken,
    TokenState,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step5_issue
from identity_manager.workflow.revocation.by_public_key import revoke_by_public_key, use_of
from identity_manager.workflow.token_imports import looking_through
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
LOST, REPLACED = RevocationReason.KEY_COMPROMISE, RevocationReason.SUPERSEDED


@pytest.fixture
def certificate(company: Company) -> Certificate:
    return company.request_in("completed").tokens.get().certificates.get()


def key_of(certificate: Certificate) -> str:
    assert certificate.public_key_sha256
    return certificate.public_key_sha256


def act(actor: Person, key: str, *, reason: RevocationReason = LOST, **more: object) -> object:
    values = {"seen": use_of(actor=actor, public_key=key).digest, "note": "a stolen laptop", **more}
    return revoke_by_public_key(actor=actor, public_key=key, reason=reason, **values)


def unit_administrator(unit: str = "Sued") -> Person:
    south = cast.person("anna", sid="", roles=())
    south.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit=unit)
    return Person.objects.get(pk=south.pk)


def untouched() -> bool:
    return not (
        Certificate.objects.exclude(revocation_decided_at=None).exists()
        or BlockedKey.objects.exists()
        or AuditEvent.objects.filter(name="certificate.revoked-by-public-key").exists()
    )


def test_the_token_ends_its_person_is_told_and_the_key_is_blocked(
    company: Company, certificate: Certificate
) -> None:
    act(company.ada, key_of(certificate))

    row = Certificate.objects.get()
    assert (row.revocation_reason, row.token.state) == ("keyCompromise", TokenState.REVOKED)
    assert OutgoingMail.objects.get(message="tokens_revoked").person == company.uma
    block = BlockedKey.objects.get()
    assert (block.pk, block.blocked_by, block.note) == (key_of(row), company.ada, "a stolen laptop")
    event = AuditEvent.objects.get(name="certificate.revoked-by-public-key")
    assert event.actor == company.ada
    assert (event.facts["public_key"], event.facts["tokens"]) == (key_of(row), 1)


def test_another_reason_blocks_no_key(company: Company, certificate: Certificate) -> None:
    act(company.ada, key_of(certificate), reason=REPLACED)
    assert Certificate.objects.get().revocation_reason == "superseded"
    assert not BlockedKey.objects.exists()


def test_a_person_revokes_nothing_by_the_key_even_their_own(
    company: Company, certificate: Certificate
) -> None:
    for actor in (company.uma, company.rita, company.paul, cast.person("nina", sid="")):
        with pytest.raises(NotAllowed):
            act(actor, key_of(certificate))
    assert untouched()


def test_an_administrator_of_another_unit_finds_and_blocks_nothing(
    company: Company, certificate: Certificate
) -> None:
    south = unit_administrator()
    use = use_of(actor=south, public_key=key_of(certificate))
    assert (list(use.certificates), use.elsewhere) == ([], 1)
    with pytest.raises(Stale):
        act(south, key_of(certificate))
    with pytest.raises(Stale):
        act(south, "ab" * 32)
    assert untouched()


def test_who_has_no_limit_blocks_a_key_of_which_nothing_is_known(company: Company) -> None:
    act(company.ada, "ab" * 32)
    assert BlockedKey.objects.get().pk == "ab" * 32
    with pytest.raises(Stale):
        act(company.ada, "ab" * 32)
    with pytest.raises(Stale):
        act(company.ada, "cd" * 32, reason=REPLACED)


def test_a_stale_list_and_a_replay_revoke_nothing(company: Company, certificate: Certificate) -> None:
    key = key_of(certificate)
    seen = use_of(actor=company.ada, public_key=key).digest
    SoftwareToken.objects.update(state=TokenState.SEALED)
    with pytest.raises(Stale) as stale:
        act(company.ada, key, seen=seen)
    assert stale.value.reason.code == "key-changed"
    assert untouched()

    seen = use_of(actor=company.ada, public_key=key).digest
    act(company.ada, key, seen=seen)
    with pytest.raises(Stale):
        act(company.ada, key, seen=seen)
    assert AuditEvent.objects.filter(name="certificate.revoked-by-public-key").count() == 1


def test_a_note_is_wanted(company: Company, certificate: Certificate) -> None:
    with pytest.raises(NotPossible) as refused:
        act(company.ada, key_of(certificate), note="  ")
    assert refused.value.field == "note"
    assert untouched()


def test_an_encryption_certificate_is_revoked_only_where_its_box_is_ticked(
    company: Company, certificate: Certificate
) -> None:
    CertificateProfile.objects.update(purpose="encryption")
    with pytest.raises(NotPossible) as refused:
        act(company.ada, key_of(certificate), reason=REPLACED)
    assert refused.value.field == "encryption"
    assert untouched()
    act(company.ada, key_of(certificate), reason=REPLACED, encryption=[certificate.pk])
    assert Certificate.objects.get().revocation_decided_at


def test_what_is_being_issued_for_the_key_is_cancelled_and_revoked_when_it_comes(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    original = EmbeddedConnector.issue

    def compromised_meanwhile(self: EmbeddedConnector, order: CertificateOrder) -> Answer:
        key = key_of(Certificate.objects.get())
        with pytest.raises(Stale):
            act(company.ada, key, reason=REPLACED)
        act(company.ada, key)
        return original(self, order)

    monkeypatch.setattr(EmbeddedConnector, "issue", compromised_meanwhile)
    step5_issue.issue(certificate_id=Certificate.objects.get().pk)

    came = Certificate.objects.get()
    assert (came.state, came.revocation_reason) == (CertificateState.VALID, "keyCompromise")
    assert came.revocation_decided_at is not None
    request.refresh_from_db()
    assert request.state == "cancelled"


def test_every_imported_certificate_with_the_key_of_several_persons(company: Company) -> None:
    """Other systems certify one key more than once."""
    first = company.request_in("completed").tokens.get()
    other = cast.person("nina", sid="")
    request = cast.issued(cast.accepted(cast.enabled(company.ada, other, company.vpn)))
    second = cast.delivered(request).tokens.get()
    shared = "ef" * 32
    imported = looking_through.begin(name="old", types=["vpn"])
    for row in Certificate.objects.filter(token__in=[first, second]):
        ImportedCertificate.objects.create(
            certificate=row, token_import=imported, public_key_sha256=shared, ca="corporate"
        )
    Certificate.objects.filter(token=first).update(public_key_sha256=None)

    assert len(use_of(actor=company.ada, public_key=shared).tokens) == 2
    act(company.ada, shared)
    assert set(
        SoftwareToken.objects.filter(pk__in=[first.pk, second.pk]).values_list("state", flat=True)
    ) == {"revoked"}
    told = OutgoingMail.objects.filter(message="tokens_revoked").values_list("person", flat=True)
    assert set(told) == {company.uma.pk, other.pk}
