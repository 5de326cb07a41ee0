"""Attacks on self-recovery: whoever asks for keys of another, or changes rows before a worker opens them."""

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import combinations

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils import timezone

from identity_manager.models import (
    ArchivedKey,
    Container,
    OutgoingMail,
    Person,
    RecoveredKey,
    Recovery,
    RecoveryCertificate,
    RecoveryKeyWrapping,
    Role,
    SignInCode,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused
from identity_manager.workflow import step1_recover, step6_passphrase
from identity_manager.workflow.recovery import policy
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.sign_in import PROOFS, PROOFS_OF, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def key(company: Company) -> ArchivedKey:
    """uma's archived key, sealed for an online recovery key."""
    recovery.online_in_force(recovery.officers())
    return recovery.archived_key(company)


def ask(actor: Person, *keys: ArchivedKey, factor: int | None = None) -> TokenRequest:
    factor = recovery.factor_of(actor) if factor is None else factor
    return step1_recover.recover(
        actor=actor, key_ids=[row.pk for row in keys], purpose="Old mail", factor=factor
    )


def opens_nothing(request: TokenRequest) -> str:
    """What the worker says of it; no file, no passphrase and no mail with a file came of it."""
    token = request.tokens.get()
    step6_passphrase.seal(token_id=token.pk)
    token = SoftwareToken.objects.get(pk=token.pk)
    assert token.passphrase_wrapped is None
    assert not Container.objects.filter(token=token).exists()
    assert not OutgoingMail.objects.filter(token=token, message="delivery").exists()
    request.refresh_from_db()
    assert request.state == "failed"
    return request.failure


def test_no_two_roles_recover_the_key_of_another(company: Company, key: ArchivedKey) -> None:
    """Also with roles that go together only where the installation allows it."""
    for number, pair in enumerate(combinations(Role, 2)):
        roles = tuple({*pair, Role.SELF_SERVICE_USER})
        mallory = cast.person(f"mallory-{number}", sid="", roles=roles)
        with pytest.raises(NotPossible) as refused:
            ask(mallory, key)
        assert (refused.value.reason.code, Recovery.objects.count()) == ("recovery-unknown-key", 0), pair


def test_after_a_used_sign_in_code_officers_alone_recover(company: Company, key: ArchivedKey) -> None:
    """Who got hold of a code for uma signs in as her, also between her click and the worker."""
    factor = recovery.factor_of(company.uma)
    request = ask(company.uma, key, factor=factor)
    code = SignInCode.objects.create(
        person=company.uma, asked_by=company.rita, needs_confirmation=False, used_at=timezone.now()
    )
    assert opens_nothing(request) == "recovery-after-sign-in-code"
    with pytest.raises(NotAllowed) as refused:
        ask(company.uma, key, factor=factor)
    assert refused.value.reason.code == "recovery-after-sign-in-code"
    SignInCode.objects.filter(pk=code.pk).update(used_at=timezone.now() - timedelta(days=7, minutes=1))
    assert policy.online_obstacle(company.uma, factor=factor, now=timezone.now()) is None


@pytest.mark.parametrize("whose", ["young", "of another", "recovery codes", "removed", "none"])
def test_a_factor_that_proves_nothing(company: Company, key: ArchivedKey, whose: str) -> None:
    """A stolen session has none; one that was added with it is young; codes stand in for one that is lost."""
    factor: int = recovery.factor_of(company.sam if whose == "of another" else company.uma)
    row = Authenticator.objects.filter(pk=factor)
    if whose == "young":
        row.update(created_at=timezone.now() - timedelta(days=6, hours=23))
    elif whose == "recovery codes":
        row.update(type=Authenticator.Type.RECOVERY_CODES)
    elif whose == "removed":
        row.delete()
    with pytest.raises(NotAllowed) as refused:
        step1_recover.recover(
            actor=company.uma, key_ids=[key.pk], purpose="x", factor=None if whose == "none" else factor
        )
    assert refused.value.reason.code == "recovery-factor-too-new"


def test_a_factor_that_is_removed_before_the_worker_comes(company: Company, key: ArchivedKey) -> None:
    request = ask(company.uma, key)
    Authenticator.objects.all().delete()
    assert opens_nothing(request) == "recovery-factor-too-new"


def test_a_key_that_is_given_to_somebody_else_opens_no_more(company: Company, key: ArchivedKey) -> None:
    """A database writer makes uma's key their own and recovers it, with a factor of theirs."""
    ArchivedKey.objects.update(owner=company.sam)
    assert opens_nothing(ask(company.sam, key)) == "archive-layer-does-not-open"


def _owner(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    ArchivedKey.objects.filter(pk=key.pk).update(owner=company.sam)


def _other_key(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    RecoveredKey.objects.update(archived_key=other)


def _other_key_by_its_print(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    RecoveredKey.objects.update(archived_key=other, public_key_sha256=other.public_key_sha256)


def _recovery_of_another(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    Recovery.objects.update(owner=company.sam)


def _beneficiary(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    TokenRequest.objects.filter(kind="recovery").update(person=company.sam)


def _who_gets_the_files(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    SoftwareToken.objects.filter(kind="recovery").update(person=company.sam)


def _by_officers(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    Recovery.objects.update(opening="officers")


def _certificate(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    ArchivedKey.objects.filter(pk=key.pk).update(certificate=other.certificate)


def _envelope(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    ArchivedKey.objects.filter(pk=key.pk).update(envelope_wrapped=other.envelope_wrapped)


def _recovery_key(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    RecoveryKeyWrapping.objects.update(content=key.envelope_wrapped)


def _confirmed_certificate(company: Company, key: ArchivedKey, other: ArchivedKey) -> None:
    RecoveryCertificate.objects.update(seal=b"\0")


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (_owner, "recovery-changed"),
        (_other_key, "recovery-changed"),
        (_other_key_by_its_print, "recovery-changed"),
        (_recovery_of_another, "recovery-changed"),
        (_beneficiary, "recovery-changed"),
        (_who_gets_the_files, "recovery-changed"),
        (_by_officers, "recovery-"),
        (_certificate, "key-of-another-certificate"),
        (_envelope, "archive-layer-does-not-open"),
        (_recovery_key, "online-recovery-key-"),
        (_confirmed_certificate, "online-recovery-key-changed"),
    ],
)
def test_rows_that_change_before_the_worker_comes(
    company: Company, key: ArchivedKey, forge: Callable[[Company, ArchivedKey, ArchivedKey], None], code: str
) -> None:
    """A database writer; other: another archived key of uma's, whose recovery nobody asked for."""
    other = recovery.archived_key(company, "second")
    request = ask(company.uma, key)
    forge(company, key, other)
    assert opens_nothing(request).startswith(code)


def test_a_click_or_a_message_that_comes_twice_does_it_once(company: Company, key: ArchivedKey) -> None:
    factor = recovery.factor_of(company.uma)
    request = ask(company.uma, key, factor=factor)
    with pytest.raises(Refused) as refused:
        ask(company.uma, key, factor=factor)
    assert refused.value.reason.code == "recovery-under-way"
    token = request.tokens.get()
    for _each in range(2):
        step6_passphrase.seal(token_id=token.pk)
    assert token.containers.count() == 2
    secret = SoftwareToken.objects.get(pk=token.pk).passphrase_wrapped
    step6_passphrase.seal(token_id=token.pk)
    assert SoftwareToken.objects.get(pk=token.pk).passphrase_wrapped == secret


def test_nobody_else_sees_the_passphrase_or_the_files(company: Company, key: ArchivedKey) -> None:
    request = ask(company.uma, key)
    step6_passphrase.seal(token_id=request.tokens.get().pk)
    token = request.tokens.get()
    for other in (company.sam, company.ada, company.paul, company.rita):
        with pytest.raises(NotAllowed):
            cast.shown(token, actor=other)


@pytest.mark.parametrize("proof", ["none", "password", "old", "of another", "young", "code"])
def test_a_stolen_session_recovers_nothing(company: Company, key: ArchivedKey, proof: str) -> None:
    """Whatever it proved: without her own factor, a week old and shown just now, no key is opened."""
    factor = recovery.factor_of(company.uma)
    now, record = time.time(), {"method": "mfa", "type": "webauthn", "id": factor}
    password = {"method": "password", "at": now}
    young = recovery.factor_of(company.uma, days=6) if proof == "young" else 0
    records = {
        "none": [],
        "password": [password],
        "old": [
            record | {"at": now - settings.RECENT_SIGN_IN_SECONDS - 1},
            {"method": "password", "at": now},
        ],
        "of another": [record | {"id": recovery.factor_of(company.sam), "at": now}],
        "young": [record | {"id": young, "at": now}],
        "code": [record | {"at": now}],
    }
    if proof == "code":
        SignInCode.objects.create(
            person=company.uma, asked_by=company.rita, needs_confirmation=False, used_at=timezone.now()
        )
    thief = signed_in(company.uma)
    session = thief.session
    session[PROOFS], session[PROOFS_OF] = records[proof], str(company.uma.account.pk)
    session.save()
    for answer in (
        thief.get("/my/recover/"),
        thief.post("/my/recover/", {"keys": [str(key.pk)], "purpose": "Old mail"}),
    ):
        asked_who = answer.status_code == 302 and "/reauthenticate/" in answer["Location"]
        assert asked_who == (proof in ("none", "password", "old"))
        if not asked_who and answer.request["REQUEST_METHOD"] == "POST":
            assert answer.status_code in (403, 422)
    assert not Recovery.objects.exists()
