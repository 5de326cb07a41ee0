"""Archive intake: what is sealed with a token, for whom, and what makes the token wait."""

import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.keys import envelopes, keys, recovery_keys
from identity_manager.catalogue import types
from identity_manager.models import (
    ArchivedKey,
    ArchivedKeyRecipient,
    AuditEvent,
    Certificate,
    Container,
    RecoveryCertificate,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.people import erasure
from identity_manager.transactions.refusals import NotPossible
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_ring import KeyRing
from identity_manager.workflow import step5_issue, step6_passphrase
from identity_manager.workflow.archive import intake, recovery_certificates
from tests.tools import cast, one_step, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


def issuing(company: Company, token_type: TokenType) -> TokenRequest:
    return cast.accepted(cast.enabled(company.ada, company.uma, token_type))


def opened(row: ArchivedKey, number: int = 0) -> keys.PrivateKey:
    """What two officers of that ceremony open."""
    document, circle = recovery.ceremony(number)
    recovery_key = recovery_keys.open_with_shares(document, circle.texts[1:])
    return envelopes.unseal_key(envelope_of(row), recovery_key, public_key_sha256=row.public_key_sha256)


def envelope_of(row: ArchivedKey) -> bytes:
    return vault.unwrap(
        row.envelope_wrapped, purpose=vault.Purpose.ARCHIVE, record=row.pk, owner=row.owner_id
    )


def waits(token: SoftwareToken) -> str:
    """Why it is not sealed; nothing of it is there, its key is kept, and it is tried again."""
    token.refresh_from_db()
    assert (token.state, ArchivedKey.objects.count(), Container.objects.count()) == ("issuing", 0, 0)
    assert token.certificates.get().private_key_wrapped
    assert token.next_attempt_at
    return token.last_error


def seal_again(token: SoftwareToken) -> SoftwareToken:
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        step6_passphrase.seal(token_id=token.pk)
    token.refresh_from_db()
    return token


def test_the_key_is_archived_for_each_recovery_certificate_in_force(
    company: Company, staff: Officers
) -> None:
    first, second = recovery.in_force(staff), recovery.in_force(staff, 1)
    token = cast.issued(issuing(company, recovery.archiving_type())).tokens.get()
    row = ArchivedKey.objects.get()
    assert (row.owner, row.certificate, token.state) == (company.uma, token.certificates.get(), "sealed")
    assert row.public_key_sha256 == token.certificates.get().public_key_sha256
    assert set(ArchivedKeyRecipient.objects.values_list("certificate", flat=True)) == {first.pk, second.pk}
    named = envelopes.recipients_of(envelope_of(row))
    assert named == {bytes.fromhex(first.key_id), bytes.fromhex(second.key_id)}
    for number in (0, 1):
        assert keys.public_key_sha256(opened(row, number)).hex() == row.public_key_sha256
    assert AuditEvent.objects.filter(name="archive.key-archived", person=company.uma).count() == 1


@pytest.mark.needs_program("openssl")
def test_openssl_and_the_recovery_key_alone_open_it(
    company: Company, staff: Officers, tmp_path: Path
) -> None:
    recovery.in_force(staff)
    cast.issued(issuing(company, recovery.archiving_type()))
    row, (document, circle) = ArchivedKey.objects.get(), recovery.ceremony()
    recovery_key = recovery_keys.open_with_shares(document, circle.texts[:2])
    certificate = x509.load_der_x509_certificate(document.certificate)
    (tmp_path / "key.cms").write_bytes(envelope_of(row))
    (tmp_path / "recovery.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "recovery.key").write_bytes(keys.to_pkcs8(recovery_key.private))
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", "key.cms", "-binary", "-out", "key.der"]
    command += ["-recip", "recovery.pem", "-inkey", "recovery.key", "-keyform", "DER"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    key = keys.from_pkcs8((tmp_path / "key.der").read_bytes())
    assert keys.public_key_sha256(key).hex() == row.public_key_sha256


@pytest.mark.parametrize("purpose", ["authentication", "signature"])
def test_the_database_refuses_the_copy_of_a_key_that_signs(company: Company, purpose: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchivedKey.objects.create(
            owner=company.uma, purpose=purpose, public_key_sha256="0" * 64, envelope_wrapped=b"x"
        )


@pytest.mark.parametrize(
    ("purpose", "key_usage"),
    [
        ("signature", ["digitalSignature"]),
        ("authentication", ["digitalSignature"]),
        ("combined", ["digitalSignature", "nonRepudiation", "keyEncipherment"]),
    ],
)
def test_the_database_lets_no_profile_archive_it(db: None, purpose: str, key_usage: list[str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        cast.profile("other", purpose=purpose, key_usage=key_usage, archive_dual_use=True)
    assert cast.profile("dual", purpose="combined", key_usage=["digitalSignature"], archive_dual_use=True)


def test_dual_use_is_archived_where_profile_and_terms_say_so(company: Company, staff: Officers) -> None:
    recovery.in_force(staff)
    usage = ["digitalSignature", "keyAgreement"]
    cast.profile("dual", purpose="combined", key_usage=usage, archive_dual_use=True)
    request = issuing(company, recovery.archiving_type("dual", profiles=("dual",)))
    token = cast.issued(request).tokens.get()
    assert "do not say so" in waits(token)
    cast.terms().versions.update(names_archiving="dual-use")
    assert seal_again(token).state == "sealed"
    assert ArchivedKey.objects.get().purpose == "combined"


@pytest.mark.parametrize("purpose", ["authentication", "signature", "combined"])
def test_a_key_that_signs_or_authenticates_never_is(company: Company, staff: Officers, purpose: str) -> None:
    """Even where a database writer has made its type one that archives."""
    recovery.in_force(staff)
    cast.profile("other", purpose=purpose, key_usage=["digitalSignature"])
    token_type = cast.token_type("other", profiles=("other",))
    TokenType.objects.filter(pk=token_type.pk).update(archive_key=True)
    token = cast.issued(issuing(company, token_type)).tokens.get()
    assert (token.state, ArchivedKey.objects.count()) == ("sealed", 0)


def test_a_type_that_does_not_archive_asks_nothing_of_the_archive(company: Company) -> None:
    token = cast.issued(issuing(company, recovery.archiving_type("plain", archive_key=False))).tokens.get()
    assert (token.state, ArchivedKey.objects.count()) == ("sealed", 0)


def test_without_a_recovery_certificate_in_force_it_waits(company: Company, staff: Officers) -> None:
    row = recovery.in_force(staff)
    recovery_certificates.retire(actor=staff.ruth, certificate_id=row.pk)
    token = cast.issued(issuing(company, recovery.archiving_type())).tokens.get()
    assert "no recovery certificate is in force" in waits(token)
    recovery.in_force(staff, 1)
    assert seal_again(token).state == "sealed"
    assert ArchivedKey.objects.count() == 1


def test_terms_that_do_not_name_it_stop_sealing(company: Company, staff: Officers) -> None:
    """Nobody can activate such a type; this one is a database writer's."""
    recovery.in_force(staff)
    request = issuing(company, recovery.archiving_type())
    cast.terms().versions.update(names_archiving="none")
    token = cast.issued(request).tokens.get()
    assert "do not say so" in waits(token)


def test_one_that_has_ended_is_not_in_force(company: Company, staff: Officers) -> None:
    recovery.in_force(staff)
    with time_machine.travel(timezone.now() + timedelta(days=3651)):
        assert not RecoveryCertificate.objects.in_force(timezone.now()).exists()


@pytest.mark.parametrize(
    "exchange",
    [
        lambda theirs: {"certificate": theirs.certificate},
        lambda theirs: {"certificate": theirs.certificate, "fingerprint": theirs.fingerprint, "seal": b"\0"},
    ],
)
def test_an_exchanged_recovery_certificate_stops_sealing(
    company: Company, staff: Officers, exchange: Callable[..., dict[str, object]]
) -> None:
    """Whoever can write to the database puts a certificate there whose key they have."""
    recovery.in_force(staff)
    RecoveryCertificate.objects.update(**exchange(recovery.ceremony(1)[0]))
    token = cast.issued(issuing(company, recovery.archiving_type())).tokens.get()
    assert "not what was confirmed" in waits(token)


def test_one_of_their_own_beside_it_stops_sealing(company: Company, staff: Officers) -> None:
    row = recovery.in_force(staff)
    theirs = recovery_certificates.make_online(name="Theirs", bits=3072, days=10)
    RecoveryCertificate.objects.filter(pk=theirs.pk).update(
        state="in_force", first_by=staff.rene, second_by=staff.rosa, seal=row.seal
    )
    token = cast.issued(issuing(company, recovery.archiving_type())).tokens.get()
    assert "not what was confirmed" in waits(token)


def test_a_worker_without_the_ring_seals_nothing(
    company: Company, staff: Officers, settings: Settings
) -> None:
    recovery.in_force(staff)
    held = settings.VAULT_KEYS
    settings.VAULT_KEYS = {**held, "archive": KeyRing.fixed("")}
    token = cast.issued(issuing(company, recovery.archiving_type())).tokens.get()
    assert "KEYS_ARCHIVE" in waits(token)
    settings.VAULT_KEYS = held
    assert seal_again(token).state == "sealed"


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("change", ["retired", "another came into force"])
def test_what_changes_between_act_and_settle_is_noticed(
    company: Company, staff: Officers, monkeypatch: pytest.MonkeyPatch, change: str, *, apart: bool
) -> None:
    """apart: sealed by a task of its own, not with its last certificate."""
    row = recovery.in_force(staff)
    token = issuing(company, recovery.archiving_type()).tokens.get()
    certificate, prepare = token.certificates.get(), intake.seal_for_archive

    def prepared(given: list[tuple[Certificate, keys.PrivateKey]]) -> intake.Intake:
        made = prepare(given)
        if change == "retired":
            recovery_certificates.retire(actor=staff.ruth, certificate_id=row.pk)
        else:
            recovery.in_force(staff, 1)
        return made

    if apart:
        one_step.issue(certificate.pk)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(intake, "seal_for_archive", prepared)
        if apart:
            step6_passphrase.seal(token_id=token.pk)
        else:
            step5_issue.issue(certificate_id=certificate.pk)
    assert ("sealed anew" in waits(token)) == apart
    if change == "another came into force":
        assert seal_again(token).state == "sealed"
        assert ArchivedKeyRecipient.objects.count() == 2
    else:
        seal_again(token)
        assert "no recovery certificate is in force" in waits(token)


def test_one_row_for_each_public_key(company: Company, staff: Officers) -> None:
    recovery.in_force(staff)
    cast.issued(issuing(company, recovery.archiving_type()))
    row = ArchivedKey.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchivedKey.objects.create(
            owner=company.sam, public_key_sha256=row.public_key_sha256, envelope_wrapped=b"x"
        )


def test_a_row_that_is_given_to_somebody_else_opens_no_more(company: Company, staff: Officers) -> None:
    recovery.in_force(staff)
    cast.issued(issuing(company, recovery.archiving_type()))
    ArchivedKey.objects.update(owner=company.sam)
    with pytest.raises(vault.VaultError):
        envelope_of(ArchivedKey.objects.get())


def test_a_type_that_archives_is_activated_only_with_a_recovery_certificate(
    company: Company, staff: Officers
) -> None:
    token_type = recovery.archiving_type()
    TokenType.objects.filter(pk=token_type.pk).update(state="draft")
    activate = partial(types.activate_type, actor=staff.sven, type_id=token_type.pk, four_eyes=False)
    with pytest.raises(NotPossible) as caught:
        activate()
    assert (caught.value.reason.code, caught.value.field) == ("no-recovery-certificate", "archive_key")
    recovery.in_force(staff)
    cast.terms().versions.update(names_archiving="none")
    with pytest.raises(NotPossible) as caught:
        activate()
    assert (caught.value.reason.code, caught.value.field) == ("terms-do-not-name-archiving", "terms")
    cast.terms().versions.update(names_archiving="encryption")
    assert activate().state == "active"


def test_who_is_erased_leaves_no_key_in_the_archive(company: Company, staff: Officers) -> None:
    recovery.in_force(staff)
    cast.issued(issuing(company, recovery.archiving_type()))
    erasure._forget_what_was_issued(company.uma)
    assert not ArchivedKey.objects.exists()
    assert not ArchivedKeyRecipient.objects.exists()


def test_intake_takes_less_than_a_millisecond(company: Company, staff: Officers) -> None:
    """CPU of one key for one recipient; four times as much is allowed, for machines that are busy."""
    recovery.in_force(staff)
    request = issuing(company, recovery.archiving_type())
    for certificate in Certificate.objects.all():
        one_step.issue(certificate.pk)
    certificate = request.tokens.get().certificates.get()
    key, times = keys.generate(keys.KeyAlgorithm.RSA_3072), []
    intake.seal_for_archive([(certificate, key)])
    for _each in range(20):
        begun = time.process_time()
        intake.seal_for_archive([(certificate, key)])
        times.append(time.process_time() - begun)
    assert min(times) < 0.004
