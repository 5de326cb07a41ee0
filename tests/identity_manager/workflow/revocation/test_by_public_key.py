"""**Revoke by public key**: all that has it, at every CA, and nobody's but the administrator's."""

import uuid
from unittest import mock

import pytest
from django.db import connection
from django.utils import timezone

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import Answer, CertificateOrder, RevocationReason
from ca_bridge.errors import CaError
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
    TokenRequest,
    TokenState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step5_issue
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation.by_public_key import revoke_by_public_key, use_of
from identity_manager.workflow.token_imports import dry_run
from tests.tools import cast, one_step
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


def one_of_two_issued(company: Company) -> Certificate:
    """Issued in a token whose other certificate is still ordered."""
    pair = cast.token_type("pair", profiles=("client", "second"))
    cast.profile("second")
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair))
    first = request.tokens.get().certificates.first()
    assert first is not None
    one_step.issue(first.pk)
    return Certificate.objects.select_related("token").get(pk=first.pk)


def test_what_is_issued_and_not_handed_out_yet_is_revoked_and_never_handed_out(company: Company) -> None:
    issued = one_of_two_issued(company)
    assert (issued.state, issued.token.state) == (CertificateState.VALID, TokenState.ISSUING)
    act(company.ada, key_of(issued))

    rows = {row.pk: row for row in Certificate.objects.select_related("token__request")}
    now = rows.pop(issued.pk)
    assert (now.revocation_reason, now.private_key_wrapped) == ("keyCompromise", None)
    assert (now.token.state, now.token.request.state) == (TokenState.CANCELLED, "cancelled")
    assert [row.state for row in rows.values()] == [CertificateState.REFUSED]
    assert OutgoingMail.objects.filter(message="request_cancelled", person=company.uma).exists()


def test_what_was_cancelled_before_is_revoked_as_compromised(company: Company) -> None:
    """Its CA has been told nothing yet, or another reason."""
    issued = one_of_two_issued(company)
    cancellation.cancel(actor=company.ada, request_id=issued.token.request_id, reason="not needed")
    Certificate.objects.filter(pk=issued.pk).update(revocation_reason="superseded")
    act(company.ada, key_of(issued))

    assert Certificate.objects.get(pk=issued.pk).revocation_reason == "keyCompromise"


def test_what_a_worker_seals_meanwhile_makes_the_list_a_stale_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL the verb waits for the worker's locks, and then finds another list."""
    request = company.request_in("issuing")
    with mock.patch.object(EmbeddedConnector, "issue", side_effect=CaError("down")):
        step5_issue.issue(certificate_id=Certificate.objects.get().pk)
    key = key_of(Certificate.objects.get(state=CertificateState.ORDERED))
    seen = use_of(actor=company.ada, public_key=key).digest
    lock = locking.request

    def after_the_worker(pk: uuid.UUID) -> TokenRequest:
        monkeypatch.setattr(locking, "request", lock)
        Certificate.objects.update(next_attempt_at=timezone.now())
        connection.atomic_blocks[-1]._from_testcase = True  # the worker has a connection of its own
        cast.issued(request)
        return lock(pk)

    monkeypatch.setattr(locking, "request", after_the_worker)
    with pytest.raises(Stale) as stale:
        act(company.ada, key, seen=seen)
    assert stale.value.reason.code == "key-changed"
    assert untouched()


def test_every_imported_certificate_with_the_key_of_several_persons(company: Company) -> None:
    """Other systems certify one key more than once."""
    first = company.request_in("completed").tokens.get()
    other = cast.person("nina", sid="")
    request = cast.issued(cast.accepted(cast.enabled(company.ada, other, company.vpn)))
    second = cast.delivered(request).tokens.get()
    shared = "ef" * 32
    imported = dry_run.begin(name="old", types=["vpn"])
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
