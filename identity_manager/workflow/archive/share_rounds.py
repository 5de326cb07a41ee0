"""Share rounds: officers give SLIP-39 shares in the web process, a worker opens them for one act.

put: the web process checks a share and encrypts it to the share-transport key; it cannot decrypt one. The
encryption binds a share to its subject (as the officer saw it), to the round and to the officer.
texts: a worker decrypts them. They are erased with the act, after half an hour, or after too many wrong
shares of one officer.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import shares
from identity_manager import audit
from identity_manager.models import (
    Person,
    RecoveryKeyWrapping,
    RecoveryShare,
    SharePurpose,
    ShareRound,
    ShareTransportKey,
    ShareTries,
    SubmittedShare,
    TokenRequest,
)
from identity_manager.models.archive.share_round import LASTS, WRONG_TRIES
from identity_manager.models.archive.share_round import ShareRoundState as S
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require
from identity_manager.vault import share_transport
from identity_manager.vault import wrapping as vault
from identity_manager.vault.share_transport import PublicHalf

NO_SHARE = Reason("holds-no-share", _("You hold no share of the recovery key that is needed here."))
NO_TRANSPORT_KEY = Reason(
    "no-share-transport-key",
    _("No worker has published a key under which shares travel. A System Administrator finds out why."),
)
OTHER_OFFICERS_SHARE = Reason(
    "share-of-another-officer", _("This is the share of another officer. Give your own.")
)
FORMER_SHARE = Reason(
    "share-retired",
    _(
        "This share is from before the officers of the recovery key changed. Give the one that you wrote"
        " down last."
    ),
)
OTHER_KEYS_SHARE = Reason("share-of-another-key", _("This share belongs to another recovery key."))
GIVEN_ALREADY = Reason("share-given-already", _("You have given your share already. Others give theirs."))
ALL_GIVEN = Reason("shares-all-given", _("As many shares as are needed were given already."))
TRIED_TOO_OFTEN = Reason(
    "share-tried-too-often",
    _("You gave a wrong share too often. The shares were erased; others give theirs, or it is asked anew."),
)
TIME_OVER = Reason(
    "share-round-over", _("The half hour was over. All shares were erased and are given anew.")
)
# A mistyped text is no share at all: it does not count as a wrong one.
SLIPS = frozenset({shares.UNKNOWN_WORD[0], shares.WRONG_LENGTH[0]})


@dataclass(frozen=True)
class Subject:
    """The act that shares are given for. digest: SHA-256 (hex) of what its officers decided on."""

    purpose: SharePurpose
    pk: uuid.UUID
    digest: str


class WrongShare(NotPossible):
    """A well-formed share of another key, officer or set; it counts as a wrong try."""


def publish_keys() -> int:
    """Publish the public half of each new epoch of the share-transport key (on workers); return how many."""
    if not vault.holds(vault.Purpose.SHARE_TRANSPORT) or not vault.holds(vault.Purpose.OTHER):
        return 0
    there = {row.key_version: row for row in ShareTransportKey.objects.all()}
    new = [half for half in share_transport.public_halves() if not _is_published(half, there)]
    for half in new:
        row = there.get(half.version) or ShareTransportKey(key_version=half.version)
        row.in_use_from = half.in_use_from
        row.public_wrapped = vault.wrap(_content(half), purpose=vault.Purpose.OTHER, record=row.pk)
        with transaction.atomic():
            row.save()
    return len(new)


def _is_published(half: PublicHalf, there: Mapping[str, ShareTransportKey]) -> bool:
    row = there.get(half.version)
    return row is not None and _published(row) == _content(half)


def _published(row: ShareTransportKey) -> bytes:
    """Unwrap the published public half; empty if the row was not written by a worker."""
    try:
        return vault.unwrap(row.public_wrapped, purpose=vault.Purpose.OTHER, record=row.pk)
    except vault.VaultError:
        return b""


def _content(half: PublicHalf) -> bytes:
    content = {"version": half.version, "public_key": half.public_key.hex()}
    return json.dumps(content, sort_keys=True).encode("ascii")


def _transport_key(now: datetime) -> PublicHalf:
    """The newest key in use that a worker published. Raises NotPossible."""
    for row in ShareTransportKey.objects.filter(in_use_from__lte=now).order_by("-in_use_from"):
        if content := _published(row):
            half = json.loads(content)
            return PublicHalf(half["version"], bytes.fromhex(half["public_key"]), row.in_use_from)
    raise NotPossible(NO_TRANSPORT_KEY)


def obstacle(
    *, actor: Person, wrapping: RecoveryKeyWrapping, subject: Subject, now: datetime
) -> Reason | None:
    """Why this officer cannot give a share for the subject now, or None."""
    if not wrapping.shares.filter(officer=actor).exists():
        return NO_SHARE
    if ShareTries.objects.filter(subject=subject.pk, officer=actor, wrong__gte=WRONG_TRIES).exists():
        return TRIED_TOO_OFTEN
    present = _alive(subject, now)
    if present is None or present.wrapping_id != wrapping.pk:
        return None
    if present.submitted.filter(officer=actor).exists():
        return GIVEN_ALREADY
    return ALL_GIVEN if present.state == S.COMPLETE else None


def put(*, actor: Person, wrapping: RecoveryKeyWrapping, subject: Subject, text: str) -> ShareRound:
    """Store the actor's share, in the caller's transaction, which has locked the subject; return its round.

    Opens a round, or completes it. Raises NotAllowed, WrongShare or NotPossible at the field share, or Stale.
    """
    now = timezone.now()
    found = obstacle(actor=actor, wrapping=wrapping, subject=subject, now=now)
    refuse(found, kind=NotAllowed if found in (NO_SHARE, TRIED_TOO_OFTEN) else Stale)
    own = wrapping.shares.get(officer=actor)
    _check(text, own)
    half = _transport_key(now)

    present = _open_round(wrapping, subject, now=now)
    sealed = share_transport.seal(text, half=half, info=_info(present, actor.pk))
    SubmittedShare.objects.create(
        round=present, officer=actor, number=own.number, share_wrapped=sealed, given_at=now
    )
    if present.submitted.count() == wrapping.needed:
        present.complete()
        present.save()
    facts = {"number": present.number, "purpose": present.purpose}
    audit.record(audit.Event.SHARE_GIVEN, actor=actor, subject=_about(present), **facts)
    return present


def _check(text: str, own: RecoveryShare) -> None:
    """Check the share's words, and that it is the one that this officer holds."""
    try:
        facts = shares.read(text)
    except KeyArchiveError as error:
        kind = NotPossible if error.code in SLIPS else WrongShare
        raise kind(Reason(error.code, error.message), field="share") from None
    wrapping = own.wrapping
    if facts.identifier != wrapping.identifier:
        former = wrapping.certificate.wrappings.exclude(erased_at=None).filter(identifier=facts.identifier)
        raise WrongShare(FORMER_SHARE if former.exists() else OTHER_KEYS_SHARE, field="share")
    require(facts.number == own.number, else_=OTHER_OFFICERS_SHARE, kind=WrongShare, field="share")
    require(facts.needed == wrapping.needed, else_=OTHER_KEYS_SHARE, kind=WrongShare, field="share")


def _alive(subject: Subject, now: datetime) -> ShareRound | None:
    """The round of this subject, with this digest, that has not ended."""
    present = ShareRound.objects.alive().filter(subject=subject.pk, digest=subject.digest).first()
    return present if present and present.may_be_used(now) else None


def _open_round(wrapping: RecoveryKeyWrapping, subject: Subject, *, now: datetime) -> ShareRound:
    """Return the round that waits for shares; end one that is over, or of another digest or wrapping."""
    present = _alive(subject, now)
    if present is not None and present.wrapping_id == wrapping.pk:
        return present
    for former in ShareRound.objects.alive().filter(subject=subject.pk):
        end(former, reason=TIME_OVER, now=now)
    last = ShareRound.objects.of(subject.pk).first()
    return ShareRound.objects.create(
        purpose=subject.purpose,
        subject=subject.pk,
        number=last.number + 1 if last else 1,
        digest=subject.digest,
        wrapping=wrapping,
        begun_at=now,
        ends_at=now + LASTS,
    )


@contextmanager
def counted(*, actor: Person, subject_id: uuid.UUID) -> Iterator[None]:
    """Count a wrong share in a transaction of its own, after the verb's transaction was rolled back."""
    try:
        yield
    except WrongShare as wrong:
        _count(actor, subject_id, wrong.reason)
        raise


def _count(actor: Person, subject_id: uuid.UUID, reason: Reason) -> None:
    with transaction.atomic():
        row, _new = ShareTries.objects.get_or_create(subject=subject_id, officer=actor)
        ShareTries.objects.filter(pk=row.pk).update(wrong=F("wrong") + 1)
        row.refresh_from_db()
        alive = ShareRound.objects.alive().filter(subject=subject_id).first()
        if alive is not None and row.wrong >= WRONG_TRIES:
            end(locking.share_round(alive.pk), reason=TRIED_TOO_OFTEN, now=timezone.now())
        about = TokenRequest.objects.filter(pk=subject_id).first()
        audit.record(audit.Event.SHARE_WRONG, actor=actor, subject=about, code=reason.code, times=row.wrong)


def texts(present: ShareRound) -> list[str]:
    """Decrypt the shares of a complete round (on workers). Raises VaultError, or Stale once it is over."""
    require(present.state == S.COMPLETE and present.may_be_used(timezone.now()), else_=TIME_OVER, kind=Stale)
    rows = present.submitted.exclude(share_wrapped=None)
    return [
        share_transport.unseal(row.share_wrapped or b"", info=_info(present, row.officer_id)) for row in rows
    ]


def use(present: ShareRound, *, now: datetime) -> None:
    """Mark the round as used and erase its shares, in the caller's transaction, which has locked it."""
    present.use(now=now)
    present.save()
    present.submitted.update(share_wrapped=None)


def end(present: ShareRound, *, reason: Reason, now: datetime) -> None:
    """Erase the shares of a round without use, in the caller's transaction."""
    present.end(reason=reason.code, now=now)
    present.save()
    present.submitted.update(share_wrapped=None)
    audit.record(
        audit.Event.SHARE_ROUND_ENDED,
        actor=None,
        subject=_about(present),
        number=present.number,
        purpose=present.purpose,
        code=reason.code,
    )


def end_overdue() -> int:
    """Job: publish share-transport keys, and erase the shares of rounds whose time is over."""
    publish_keys()
    overdue = list(ShareRound.objects.overdue(timezone.now()).values_list("pk", flat=True))
    for pk in overdue:
        with transaction.atomic():
            present = locking.share_round(pk)
            if present.state in (S.OPEN, S.COMPLETE):
                end(present, reason=TIME_OVER, now=timezone.now())
    return len(overdue)


def _info(present: ShareRound, officer_id: uuid.UUID) -> bytes:
    bound = (present.purpose, present.subject, present.number, present.pk, present.digest, officer_id)
    return "|".join(map(str, bound)).encode("ascii")


def _about(present: ShareRound) -> TokenRequest | None:
    if present.purpose != SharePurpose.RECOVERY:
        return None
    return TokenRequest.objects.filter(pk=present.subject).first()
