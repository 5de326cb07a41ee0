"""Self-recovery: the owner's archived keys in new files under a new passphrase, and who gets none."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from identity_manager.jobs import retention
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    Certificate,
    Container,
    Opening,
    OutgoingMail,
    Person,
    Recovery,
    RecoveryCertificate,
    SignInCode,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people.sign_in import second_factors
from identity_manager.transactions.refusals import NotPossible, Refused, Stale
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import step1_recover, step1_renew, step2_approve, step6_passphrase
from identity_manager.workflow.issuance import failures, retry
from identity_manager.workflow.issuance.containers import ContainerPart
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.recovery import act, creation
from identity_manager.workflow.recovery.creation import RecoveryOrder
from identity_manager.workflow.requests import lapse, suspension
from tests.tools import cast, recovery
from tests.tools.cast import Company

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]


@pytest.fixture
def key(company: Company) -> ArchivedKey:
    """uma's archived key, sealed for an online recovery key."""
    recovery.online_in_force(recovery.officers())
    return recovery.archived_key(company)


def recovered(company: Company, *rows: ArchivedKey, factor: int | None = None) -> TokenRequest:
    return step1_recover.recover(
        actor=company.uma,
        key_ids=[row.pk for row in rows],
        purpose="I have forgotten the passphrase.",
        factor=recovery.factor_of(company.uma) if factor is None else factor,
    )


def sealed(request: TokenRequest) -> SoftwareToken:
    """As the worker does it."""
    step6_passphrase.seal(token_id=request.tokens.get().pk)
    return SoftwareToken.objects.get(request=request)


def test_from_the_click_to_the_noted_passphrase(company: Company, key: ArchivedKey) -> None:
    before = list(Container.objects.values_list("pk", "content"))
    request = recovered(company, key)
    assert request.state == "issuing"
    token = sealed(request)
    assert (token.state, token.request.state, token.token_type) == ("sealed", "issued", None)
    assert token.certificates.count() == 0, "no CA is asked"
    secret = cast.shown(token)
    for container in token.containers.all():
        bags = reader.read(container.content, secret)
        opened = [keys.from_pkcs8(bag.der) for bag in bags if bag.kind == "key"]
        assert [keys.public_key_sha256(each).hex() for each in opened] == [key.public_key_sha256]
    assert token.containers.count() == 2
    cast.delivered(request)
    cast.noted(token)
    request.refresh_from_db()
    assert request.state == "completed"
    assert ArchivedKey.objects.count() == 1, "it is not archived once more"
    assert list(Container.objects.exclude(token=token).values_list("pk", "content")) == before


def test_the_certificate_and_the_files_of_before_stay_as_they_are(company: Company, key: ArchivedKey) -> None:
    token = key.certificate and key.certificate.token
    assert token is not None
    before = (token.state, token.certificates.get().state, token.containers.count())
    sealed(recovered(company, key))
    token.refresh_from_db()
    assert (token.state, token.certificates.get().state, token.containers.count()) == before


def test_log_and_mails_tell_of_it_and_hold_no_secret(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    names = list(AuditEvent.objects.filter(token=token).values_list("name", flat=True))
    assert names.count("recovery.key-recovered") == 1
    assert AuditEvent.objects.filter(name="recovery.asked", request=token.request).exists()
    notice = OutgoingMail.objects.get(message="recovery_asked")
    assert notice.to_address == company.uma.email
    assert "I have forgotten" not in notice.body_text, "the reason is nobody's in the mail"


def test_it_has_no_terms_and_nobody_approves_it(company: Company, key: ArchivedKey) -> None:
    request = recovered(company, key)
    assert request.accepted_at is None
    assert not TokenRequest.objects.awaiting_decision().exists()
    assert company.uma.tokens.filter(kind="recovery").get().type_code == ""


def test_approvers_decide_nothing_on_one_that_waits_for_officers(company: Company, key: ArchivedKey) -> None:
    recovery_row = waiting_for_officers(company, key)
    request = recovery_row.request
    assert not TokenRequest.objects.undecided().exists()
    with pytest.raises(Stale):
        step2_approve.approve(actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash)
    suspension.check_all()
    request.refresh_from_db()
    assert request.state == "requested"


def waiting_for_officers(company: Company, key: ArchivedKey) -> Recovery:
    with transaction.atomic():
        return creation.open_recovery(
            RecoveryOrder(
                actor=company.ada,
                owner=company.uma,
                beneficiary=company.sam,
                keys=[key],
                purpose="The mailbox of a leaver.",
                opening=Opening.OFFICERS,
                reference="2026-17",
                expires_at=timezone.now() + timedelta(days=3),
                approvals_needed=2,
            )
        )


REFUSED: dict[str, tuple[str, Callable[[Company, ArchivedKey], object]]] = {
    "no key": ("recovery-no-keys", lambda company, _key: recovered(company)),
    "somebody else's key": (
        "recovery-unknown-key",
        lambda company, _key: recovered(company, recovery.archived_key(company, owner=company.sam)),
    ),
    "a factor of six days": (
        "recovery-factor-too-new",
        lambda company, key: recovered(company, key, factor=recovery.factor_of(company.uma, days=6)),
    ),
    "somebody else's factor": (
        "recovery-factor-too-new",
        lambda company, key: recovered(company, key, factor=recovery.factor_of(company.sam)),
    ),
    "no factor was shown": (
        "recovery-factor-too-new",
        lambda company, key: recovered(company, key, factor=0),
    ),
    "the same key twice": (
        "recovery-under-way",
        lambda company, key: (recovered(company, key), recovered(company, key)),
    ),
    "after a sign-in code": (
        "recovery-after-sign-in-code",
        lambda company, key: (signed_in_with_a_code(company.uma), recovered(company, key)),
    ),
    "after a reset of factors": (
        "recovery-factor-too-new",
        lambda company, key: recovered(company, key, factor=after_a_reset(company.uma)),
    ),
    "not Active": (
        "person-inactive",
        lambda company, key: (on_leave(company.uma), recovered(company, key)),
    ),
}


def signed_in_with_a_code(person: Person) -> None:
    now = timezone.now() - timedelta(days=6)
    SignInCode.objects.create(
        person=person, needs_confirmation=False, made_at=now, used_at=now, expires_at=now + timedelta(days=7)
    )


def after_a_reset(person: Person) -> int:
    """The office took uma's old factors away; she has registered another one since."""
    recovery.factor_of(person)
    second_factors.reset(person_id=person.pk)
    return recovery.factor_of(person, days=0)


def on_leave(person: Person) -> None:
    row = Person.objects.get(pk=person.pk)
    row.deactivate()
    row.save()


@pytest.mark.parametrize("attempt", REFUSED)
def test_refused_and_nothing_is_half_done(company: Company, key: ArchivedKey, attempt: str) -> None:
    code, attack = REFUSED[attempt]
    with pytest.raises(Refused) as refused:
        attack(company, key)
    assert refused.value.reason.code == code
    assert refused.value.reason.to_its_person.endswith(".")
    assert TokenRequest.objects.filter(kind="recovery").count() == (attempt == "the same key twice")
    assert not AuditEvent.objects.filter(name="recovery.key-recovered").exists()


def test_a_key_of_the_officers_is_not_recovered_here(company: Company) -> None:
    recovery.in_force(recovery.officers())
    key = recovery.archived_key(company)
    (choice,) = step1_recover.choices(company.uma)
    assert choice.reason is not None
    with pytest.raises(Refused, match="two Recovery Officers"):
        recovered(company, key)


def test_another_key_is_recovered_beside_one_that_is_under_way(company: Company, key: ArchivedKey) -> None:
    other = recovery.archived_key(company, "another")
    recovered(company, key)
    assert recovered(company, other).state == "issuing"


def test_a_finished_recovery_leaves_the_key_free_for_the_next(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    cast.delivered(token.request)
    cast.noted(token)
    assert sealed(recovered(company, key)).state == "sealed"


# What somebody who can only write to the database has changed, before the worker comes.
TAMPERED: dict[str, tuple[str, Callable[[Company, ArchivedKey, Recovery], object]]] = {
    "the owner of the archived key": (
        "recovery-changed",
        lambda company, key, _row: ArchivedKey.objects.filter(pk=key.pk).update(owner=company.sam),
    ),
    "owner of key and recovery": (
        "recovery-changed",
        lambda company, key, row: (
            ArchivedKey.objects.filter(pk=key.pk).update(owner=company.sam),
            Recovery.objects.filter(pk=row.pk).update(owner=company.sam),
        ),
    ),
    "the owner of the recovery": (
        "recovery-changed",
        lambda company, _key, row: Recovery.objects.filter(pk=row.pk).update(owner=company.sam),
    ),
    "the beneficiary": (
        "recovery-changed",
        lambda company, _key, row: (
            TokenRequest.objects.filter(pk=row.request_id).update(person=company.sam),
            SoftwareToken.objects.filter(request=row.request_id).update(person=company.sam),
        ),
    ),
    "who asked": (
        "recovery-not-the-owner",
        lambda company, _key, row: TokenRequest.objects.filter(pk=row.request_id).update(
            requested_by=company.ada
        ),
    ),
    "the factor": (
        "recovery-factor-too-new",
        lambda company, _key, row: Recovery.objects.filter(pk=row.pk).update(
            factor=recovery.factor_of(company.sam)
        ),
    ),
    "the factor was registered yesterday": (
        "recovery-factor-too-new",
        lambda _company, _key, row: Authenticator.objects.filter(pk=row.factor).update(
            created_at=timezone.now() - timedelta(days=1)
        ),
    ),
    "a code was used meanwhile": (
        "recovery-after-sign-in-code",
        lambda company, _key, _row: signed_in_with_a_code(company.uma),
    ),
    "another key": (
        "recovery-changed",
        lambda company, _key, row: row.keys.update(
            archived_key=recovery.archived_key(company, owner=company.sam)
        ),
    ),
    "the key was erased": ("archived-key-gone", lambda _company, key, _row: key.delete()),
    "the recovery certificate was retired": (
        "no-online-recovery-key",
        lambda _company, _key, _row: RecoveryCertificate.objects.update(state="retired"),
    ),
    "the recovery certificate was exchanged": (
        "online-recovery-key-changed",
        lambda _company, _key, _row: RecoveryCertificate.objects.update(transport="oaep-sha1"),
    ),
    "its time is over": (
        "recovery-over",
        lambda _company, _key, row: Recovery.objects.filter(pk=row.pk).update(expires_at=timezone.now()),
    ),
    "the e-mail": (
        "person-changed",
        lambda company, _key, _row: Person.objects.filter(pk=company.uma.pk).update(email="evil@example.com"),
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_worker_checks_again_before_it_opens_anything(
    company: Company, key: ArchivedKey, what: str
) -> None:
    code, tamper = TAMPERED[what]
    request = recovered(company, key)
    tamper(company, key, Recovery.objects.get())
    token = sealed(request)
    request.refresh_from_db()
    assert (request.state, request.failure, token.state) == ("failed", code, "issuing")
    assert failures.for_officers(request.failure, request.failure_facts) != str(failures.UNKNOWN)
    assert str(failures.for_the_person(request)) != str(failures.UNKNOWN)
    assert not Container.objects.filter(token=token).exists()
    assert token.passphrase_wrapped is None
    assert not AuditEvent.objects.filter(name="recovery.key-recovered").exists()


def test_both_owners_changed_the_vault_refuses(company: Company, key: ArchivedKey) -> None:
    """A whole forged recovery of sam's, over uma's key: the outer layer is bound to uma."""
    ArchivedKey.objects.filter(pk=key.pk).update(owner=company.sam)
    request = step1_recover.recover(
        actor=company.sam, key_ids=[key.pk], purpose="Mine.", factor=recovery.factor_of(company.sam)
    )
    token = sealed(request)
    request.refresh_from_db()
    assert (request.failure, token.containers.count()) == ("archive-layer-does-not-open", 0)


def test_an_officer_retries_what_failed_or_cancels_it(company: Company, key: ArchivedKey) -> None:
    request = recovered(company, key)
    RecoveryCertificate.objects.update(state="retired")
    sealed(request)
    RecoveryCertificate.objects.update(state="in_force")
    retry.retry(actor=company.ada, request_id=request.pk)
    assert sealed(request).state == "sealed"


def test_a_worker_without_the_rings_leaves_it_to_another(
    company: Company, key: ArchivedKey, settings: Settings
) -> None:
    request = recovered(company, key)
    held = settings.VAULT_KEYS
    settings.VAULT_KEYS = {**held, vault.Purpose.RECOVERY_KEYS: {}}
    with pytest.raises(vault.VaultError):
        sealed(request)
    token = request.tokens.get()
    assert (token.state, bool(token.next_attempt_at)) == ("issuing", True)
    settings.VAULT_KEYS = held
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert sealed(request).state == "sealed"


def test_a_replayed_message_and_a_second_worker_do_nothing(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    shown = cast.shown(token)
    step6_passphrase.seal(token_id=token.pk)
    token.refresh_from_db()
    assert cast.shown(token) == shown
    assert token.containers.count() == 2
    assert AuditEvent.objects.filter(name="recovery.key-recovered", token=token).count() == 1


def test_who_outlived_the_lease_settles_nothing(
    company: Company, key: ArchivedKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow worker still has the keys open when a second one has finished."""
    request = recovered(company, key)
    open_keys = act.open_keys

    def slowly(token: SoftwareToken) -> list[ContainerPart]:
        parts = open_keys(token)
        monkeypatch.setattr(act, "open_keys", open_keys)
        with time_machine.travel(timezone.now() + timedelta(hours=1)):
            sealed(request)
        return parts

    monkeypatch.setattr(act, "open_keys", slowly)
    token = sealed(request)
    assert token.containers.count() == 2
    assert AuditEvent.objects.filter(name="recovery.key-recovered", token=token).count() == 1


def test_lock_destroys_passphrase_and_files(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    leave_and_return.lock(
        actor=company.rita, person_id=company.uma.pk, reason=RevocationReason.CESSATION_OF_OPERATION
    )
    token.refresh_from_db()
    assert (token.state, token.passphrase_wrapped, token.containers.count()) == ("revoked", None, 0)


def test_a_leave_holds_it_and_the_return_brings_it_back(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="Parental leave.")
    token.refresh_from_db()
    assert token.state == "on_hold"
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    token.refresh_from_db()
    assert token.state == "sealed", "without certificates it has not expired"


def test_unnoted_it_lapses_and_nothing_is_revoked(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        assert lapse.lapse_token(token_id=token.pk)
    token.refresh_from_db()
    assert token.state == "lapsed"
    assert Certificate.objects.filter(revocation_decided_at__isnull=False).count() == 0
    lapsed = OutgoingMail.objects.get(message="token_lapsed")
    assert "revoked" not in lapsed.body_text


def test_the_files_go_after_thirty_days(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    cast.delivered(token.request)
    cast.noted(token)
    retention.remove_containers()
    assert token.containers.count() == 2
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        retention.remove_containers()
    assert token.containers.count() == 0


def test_nothing_is_handed_out_after_the_time_of_a_recovery(company: Company, key: ArchivedKey) -> None:
    token = sealed(recovered(company, key))
    Recovery.objects.update(expires_at=timezone.now())
    with pytest.raises(NotPossible, match="has ended"):
        cast.shown(token)
    cast.delivered(token.request)
    assert OutgoingMail.objects.get(message="delivery", token=token).state == "discarded"


def test_a_renewal_makes_a_new_key_every_time(company: Company, key: ArchivedKey) -> None:
    """And both stay archived: what was encrypted for the old one is still read."""
    old = key.certificate
    assert old is not None
    assert old.not_after is not None
    with time_machine.travel(old.not_after - timedelta(days=20)):
        request = step1_renew.renew(actor=company.uma, token_id=old.token_id)
        cast.issued(cast.accepted(request))
        choices = step1_recover.choices(company.uma)
    assert len({choice.key.public_key_sha256 for choice in choices}) == 2
    assert Certificate.objects.exclude(pk=old.pk).get().public_key_sha256 != old.public_key_sha256
