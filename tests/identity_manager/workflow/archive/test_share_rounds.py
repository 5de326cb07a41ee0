"""Officers' shares on their way to a worker: who puts which in, what becomes of them, and what opens them."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from shamir_mnemonic import Share

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import recovery_keys
from identity_manager.jobs import key_rotation
from identity_manager.models import (
    AuditEvent,
    Person,
    RecoveryKeyWrapping,
    SharePurpose,
    ShareRound,
    ShareTransportKey,
    ShareTries,
    SubmittedShare,
)
from identity_manager.models.archive.share_round import LASTS, WRONG_TRIES
from identity_manager.transactions.refusals import Refused
from identity_manager.vault.wrapping import Purpose, VaultError
from identity_manager.workflow.archive import recovery_certificates, share_rounds
from identity_manager.workflow.archive.share_rounds import Subject
from tests.tools import recovery
from tests.tools.recovery import Officers

pytestmark = [pytest.mark.django_db, pytest.mark.long]
SEEN = hashlib.sha256(b"what they saw").hexdigest()


@pytest.fixture
def staff() -> Officers:
    return recovery.officers()


@pytest.fixture
def wrapping(staff: Officers) -> RecoveryKeyWrapping:
    share_rounds.publish_keys()
    return recovery.in_force(staff).wrappings.get()


@pytest.fixture
def subject() -> Subject:
    return Subject(SharePurpose.DRILL, uuid.uuid4(), SEEN)


def text(number: int) -> str:
    """The share of that number; from 1, for rene, rosa and ruth."""
    return recovery.ceremony()[1].texts[number - 1]


def give(actor: Person, wrapping: RecoveryKeyWrapping, subject: Subject, typed: str) -> ShareRound:
    """As a verb does it."""
    with share_rounds.counted(actor=actor, subject_id=subject.pk), transaction.atomic():
        return share_rounds.put(actor=actor, wrapping=wrapping, subject=subject, text=typed)


def refusal(call: Callable[[], object]) -> tuple[str, int]:
    before = list(SubmittedShare.objects.values().order_by("pk"))
    with pytest.raises(Refused) as caught:
        call()
    assert list(SubmittedShare.objects.values().order_by("pk")) == before
    return caught.value.reason.code, caught.value.status


def complete(staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject) -> ShareRound:
    give(staff.rene, wrapping, subject, text(1))
    return give(staff.rosa, wrapping, subject, text(2))


def left() -> int:
    return SubmittedShare.objects.exclude(share_wrapped=None).count()


def test_as_many_as_are_needed_open_the_recovery_key(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    typed = " ".join(word[:4].upper() for word in text(1).split())  # four letters say which word it is
    assert give(staff.rene, wrapping, subject, typed).state == "open"
    done = give(staff.rosa, wrapping, subject, text(2))
    assert done.state == "complete"
    opened = recovery_keys.open_with_shares(recovery.ceremony()[0], share_rounds.texts(done))
    assert opened.private.key_size >= 3072
    with transaction.atomic():
        share_rounds.use(done, now=timezone.now())
    assert left() == 0
    assert AuditEvent.objects.filter(name="recovery.share-given").count() == 2


def test_the_web_process_puts_shares_in_and_reads_none(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject, settings: Settings
) -> None:
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "share-transport": {}, "private-keys": {}, "archive": {}}
    done = complete(staff, wrapping, subject)
    with pytest.raises(VaultError, match="does not hold"):
        share_rounds.texts(done)
    for row in SubmittedShare.objects.all():
        words = text(row.number).split()
        assert not any(word.encode() in (row.share_wrapped or b"") for word in words[4:])


def test_without_a_published_key_nothing_is_taken(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    ShareTransportKey.objects.all().delete()
    assert refusal(lambda: give(staff.rene, wrapping, subject, text(1))) == ("no-share-transport-key", 422)


def test_a_transport_key_of_a_database_writer_is_not_used(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    row = ShareTransportKey.objects.get()
    ShareTransportKey.objects.create(
        key_version="9", public_wrapped=row.public_wrapped, in_use_from=timezone.now()
    )
    assert give(staff.rene, wrapping, subject, text(1)).state == "open"
    ShareTransportKey.objects.update(public_wrapped=b"\x019" + bytes(120))
    assert refusal(lambda: give(staff.rosa, wrapping, subject, text(2)))[0] == "no-share-transport-key"


@pytest.mark.parametrize(
    ("typed", "code", "wrong"),
    [
        (lambda: text(2), "share-of-another-officer", 1),
        (lambda: recovery.ceremony(1)[1].texts[0], "share-of-another-key", 1),
        (lambda: " ".join([*text(1).split()[:-1], "academic"]), "share-mistyped", 1),
        (lambda: text(1) + " academic", "share-length", 0),
        (lambda: "zzzz " * 33, "share-unknown-word", 0),
        (lambda: "", "share-length", 0),
        (lambda: "☃" * 10_000, "share-unknown-word", 0),
    ],
)
def test_what_is_no_share_of_theirs(
    staff: Officers,
    wrapping: RecoveryKeyWrapping,
    subject: Subject,
    typed: Callable[[], str],
    code: str,
    wrong: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert refusal(lambda: give(staff.rene, wrapping, subject, typed())) == (code, 422)
    assert ShareTries.objects.filter(officer=staff.rene, wrong=1).count() == wrong
    assert AuditEvent.objects.filter(name="recovery.share-wrong").count() == wrong
    assert "academic" not in caplog.text + str(list(AuditEvent.objects.values_list("facts", flat=True)))


def test_a_share_from_before_the_officers_changed(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    document, circle = recovery.ceremony()
    private = recovery_keys.open_with_shares(document, circle.texts[:2]).private
    other = recovery_keys.new_circle(document.holders, needed=2, number=2)
    newer = recovery_keys.wrap(private, document.certificate, other)
    recovery_certificates.bring_in(actor=staff.sven, content=newer.to_json())
    present = RecoveryKeyWrapping.objects.get(erased_at=None)
    assert refusal(lambda: give(staff.rene, present, subject, text(1))) == ("share-retired", 422)
    assert give(staff.rene, present, subject, other.texts[0]).wrapping == present


def test_who_holds_none_gives_none_and_nobody_twice(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    assert refusal(lambda: give(staff.sven, wrapping, subject, text(1))) == ("holds-no-share", 403)
    give(staff.rene, wrapping, subject, text(1))
    assert refusal(lambda: give(staff.rene, wrapping, subject, text(1))) == ("share-given-already", 409)
    give(staff.rosa, wrapping, subject, text(2))
    assert refusal(lambda: give(staff.ruth, wrapping, subject, text(3))) == ("shares-all-given", 409)


def test_wrong_ones_end_the_round_and_their_officer_gives_no_more(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    give(staff.rene, wrapping, subject, text(1))
    for _each in range(WRONG_TRIES - 1):
        assert refusal(lambda: give(staff.rosa, wrapping, subject, text(3)))[0] == "share-of-another-officer"
    assert left() == 1
    with pytest.raises(Refused):
        give(staff.rosa, wrapping, subject, text(3))
    assert (left(), ShareRound.objects.get().end_reason) == (0, "share-tried-too-often")
    assert refusal(lambda: give(staff.rosa, wrapping, subject, text(2))) == ("share-tried-too-often", 403)
    assert give(staff.rene, wrapping, subject, text(1)).number == 2  # for others a new round begins


def test_after_half_an_hour_they_are_gone(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    done = complete(staff, wrapping, subject)
    assert share_rounds.end_overdue() == 0
    with time_machine.travel(timezone.now() + LASTS):
        assert refusal(lambda: share_rounds.texts(done)) == ("share-round-over", 409)
        assert share_rounds.end_overdue() == 1
        assert left() == 0
        assert give(staff.rene, wrapping, subject, text(1)).number == 2


def test_a_share_opens_for_nothing_else(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    """A database writer gives the row to another recovery, another round, another form or another officer."""
    done = complete(staff, wrapping, subject)
    for change in ({"subject": uuid.uuid4()}, {"number": 2}, {"digest": "0" * 64}, {"purpose": "recovery"}):
        ShareRound.objects.filter(pk=done.pk).update(**change)
        with pytest.raises(VaultError):
            share_rounds.texts(ShareRound.objects.get(pk=done.pk))
        ShareRound.objects.filter(pk=done.pk).update(
            subject=subject.pk, number=1, digest=SEEN, purpose=SharePurpose.DRILL
        )
    first = SubmittedShare.objects.get(officer=staff.rene)
    SubmittedShare.objects.filter(pk=first.pk).update(officer=staff.ruth)
    with pytest.raises(VaultError):
        share_rounds.texts(done)
    SubmittedShare.objects.filter(pk=first.pk).update(officer=staff.rene)
    assert sorted(share_rounds.texts(done)) == sorted([text(1), text(2)])
    other = Subject(SharePurpose.DRILL, uuid.uuid4(), SEEN)
    replayed = give(staff.ruth, wrapping, other, text(3))
    SubmittedShare.objects.filter(pk=first.pk).update(round=replayed)
    ShareRound.objects.filter(pk=replayed.pk).update(state="complete")
    with pytest.raises(VaultError):
        share_rounds.texts(ShareRound.objects.get(pk=replayed.pk))


def test_another_form_begins_another_round(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    give(staff.rene, wrapping, subject, text(1))
    changed = Subject(subject.purpose, subject.pk, "1" * 64)
    assert give(staff.rosa, wrapping, changed, text(2)).number == 2
    assert left() == 1


def test_a_share_that_was_forged_opens_nothing(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject
) -> None:
    """It has the identifier, the number and a right checksum: found out when they are put together."""
    forged = replace(Share.from_mnemonic(text(1)), value=bytes(32)).mnemonic()
    give(staff.rene, wrapping, subject, forged)
    done = give(staff.rosa, wrapping, subject, text(2))
    with pytest.raises(KeyArchiveError) as caught:
        recovery_keys.open_with_shares(recovery.ceremony()[0], share_rounds.texts(done))
    assert caught.value.code == "share-forged"


def test_epochs_are_published_and_a_key_stays_while_shares_lie_under_it(
    staff: Officers, wrapping: RecoveryKeyWrapping, subject: Subject, settings: Settings
) -> None:
    done = complete(staff, wrapping, subject)
    assert key_rotation.count(Purpose.SHARE_TRANSPORT).total() == 2
    ring = dict(settings.VAULT_KEYS["share-transport"])
    (old,) = ring
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "share-transport": {**ring, "2": "A" * 43 + "="}}
    assert share_rounds.publish_keys() == 1
    key_rotation.rewrap()  # what lies under a transport key is not moved
    assert len(share_rounds.texts(done)) == 2
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "share-transport": {"2": "A" * 43 + "="}}
    share_rounds.publish_keys()
    with pytest.raises(VaultError, match=f"key {old}"):
        share_rounds.texts(done)


def test_the_round_lasts_half_an_hour() -> None:
    assert timedelta(minutes=30) == LASTS
