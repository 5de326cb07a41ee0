"""Step 6: a token is sealed under a fresh passphrase, which is shown to its owner and then destroyed.

One that targets alone deliver has neither: its keys are sealed for them (targets/sole_delivery.py).

Outside any transaction the containers of each certificate are built under the passphrase and re-opened by an
independent reader; the transaction that stores the containers erases the wrapped keys. Step 5 does this for
tokens whose last certificates are issued together. A token whose certificates come at different times, or
whose keys come from the archive (recovery/act.py), is sealed by a task of its own: claim, act, settle.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.state_machine import save_many
from ca_bridge.pkcs12 import passphrase
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    AuditEvent,
    Certificate,
    Container,
    OutgoingMail,
    Person,
    RequestKind,
    RequestState,
    SoftwareToken,
    TokenState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse
from identity_manager.transactions.retry_later import retry_later_on_error, retry_token_later
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import completion
from identity_manager.workflow.archive import intake
from identity_manager.workflow.archive.intake import Intake
from identity_manager.workflow.delivery import channel_separation, own_token, queueing
from identity_manager.workflow.issuance import containers, expiry
from identity_manager.workflow.issuance.containers import ContainerPart
from identity_manager.workflow.policy import eligibility, permitted_actions
from identity_manager.workflow.recovery import act
from identity_manager.workflow.targets import handover, planning, sole_delivery
from identity_manager.workflow.targets.handover import Parcel

logger = logging.getLogger(__name__)

NO_PASSPHRASE = Reason("no-passphrase", _("There is no passphrase any more: it was noted, or destroyed."))
NOT_SHOWN = Reason("not-shown", _("Show the passphrase first, and note it."))
TIME_OVER = Reason(
    "passphrase-time-over",
    _(
        "Your time to note the passphrase is over. It is not shown any more, and can be destroyed at any"
        " moment; then the certificates are revoked, and you ask anew."
    ),
)
UNREADABLE = Reason(
    "passphrase-unreadable",
    _(
        "The passphrase cannot be opened here. Nothing is lost by that; your administrators have to"
        " look at it."
    ),
)


@dataclass(frozen=True)
class Sealed:
    """Result of the act, not yet saved: containers, their passphrase, keys for the archive and for targets.

    owner: the person for whom the keys were opened. The passphrase is wrapped for that person, even if the
    row names another one when it is settled. Targets alone deliver what has no containers and no passphrase.
    at: when the passphrase's period begins.  mail: the delivery mail; None: composed when it is queued.
    """

    containers: list[Container]
    passphrase: str = field(repr=False)
    owner: uuid.UUID
    at: datetime = field(default_factory=timezone.now)
    intake: Intake = field(default_factory=Intake)
    parcels: tuple[Parcel, ...] = ()
    mail: OutgoingMail | None = field(default=None, repr=False)

    def destroy_at(self, token: SoftwareToken) -> datetime | None:
        """Time at which the passphrase is destroyed; None without one."""
        return self.at + timedelta(days=token.passphrase_days) if self.passphrase else None

    def obstacle(self, token: SoftwareToken, given: Sequence[Certificate]) -> Reason | None:
        """Why the locked token is not sealed with these containers now, or None."""
        reason = intake.obstacle(self.intake, token, given)
        if reason is None and not self.passphrase:
            return sole_delivery.obstacle(self.parcels, token, given)
        return reason


def seal(*, token_id: uuid.UUID) -> None:
    """Claim and seal a token whose certificates are all issued and that step 5 did not seal.

    Does nothing if it is not due. A certificate that has ended meanwhile is ordered anew, and the token waits
    for it. An error is stored on the token, which is retried later.
    """
    with transaction.atomic():
        whole = completion.is_to_be_sealed(token_id)
        # Not atomic with the claim: the settle checks again.
        claim_id = SoftwareToken.objects.claim(token_id, now=timezone.now()) if whole else None
    if claim_id is None:
        return
    with retry_later_on_error(partial(retry_token_later, token_id, claim_id)):
        try:
            sealed = _act(token_id)
        except act.OpeningRefusedError as refused:
            act.settle_refusal(token_id=token_id, claim_id=claim_id, failure=refused.failure)
        else:
            _settle_sealed(token_id, claim_id, sealed)


def _act(token_id: uuid.UUID) -> Sealed:
    """Build the containers: of the token's certificates, or of the archived keys of a recovery."""
    token = SoftwareToken.objects.select_related("person").get(pk=token_id)
    if token.kind == RequestKind.RECOVERY:
        return _build_containers(act.open_keys(token), owner=token.person_id)
    return build(map(containers.part_of, _to_be_given(token_id)))


def _to_be_given(token_id: uuid.UUID) -> Iterable[Certificate]:
    rows = Certificate.objects.filter(token=token_id, left_out_at=None)
    related = rows.select_related("order", "profile", "token__person", "token__token_type")
    return related.defer("token__snapshot", "order__content", "order__csr", "order__certificate")


def build(parts: Iterable[ContainerPart]) -> Sealed:
    """Build a token's containers under a fresh passphrase, outside any transaction."""
    parts = list(parts)
    (owner,) = {part.certificate.token.person_id for part in parts}
    is_sole = sole_delivery.is_sole(parts[0].certificate.token)
    archived = intake.seal_for_archive([(part.certificate, part.key) for part in parts])
    parcels = handover.seal_for_targets(parts, are_only_copies=is_sole)
    made = Sealed([], "", owner) if is_sole else _build_containers(parts, owner=owner)
    return replace(made, intake=archived, parcels=parcels)


def with_mail(sealed: Sealed, token: SoftwareToken) -> Sealed:
    """Compose the delivery mail outside any transaction: it takes half of the time of that which seals.

    For a token that is sealed only if nobody has changed its row since it was read. With targets the mail
    says what is planned for the keys in that transaction.
    """
    if settings.TARGETS or not sealed.containers:
        return sealed
    token.passphrase_destroy_at = sealed.destroy_at(token)  # a company's text may name it
    return replace(sealed, mail=_mail(token, sealed))


def _mail(token: SoftwareToken, sealed: Sealed) -> OutgoingMail:
    copy_is_kept = token.archives_keys and bool(sealed.intake.rows)
    return queueing.first_delivery(token, sealed.containers, copy_is_kept=copy_is_kept)


def _build_containers(parts: Iterable[ContainerPart], *, owner: uuid.UUID) -> Sealed:
    secret = passphrase.generate()
    made = [container for part in parts for container in containers.build(part, secret)]
    return Sealed(made, secret, owner)


def _settle_sealed(token_id: uuid.UUID, claim_id: uuid.UUID, sealed: Sealed) -> None:
    with transaction.atomic():
        token = locking.token(token_id)
        if token.claim_id != claim_id:
            return
        if token.request.state != RequestState.ISSUING or token.state != TokenState.ISSUING:
            token.let_go()  # a retry of the request, seconds later, finds no lease
            token.save()
            return
        if not token.person.is_active:
            token.settle_later(str(eligibility.NOT_ACTIVE[token.person.state]), now=timezone.now())
            token.save()
            return
        given = [row for row in locking.certificates_of(token) if row.left_out_at is None]
        ended = [row for row in given if row.has_ended(timezone.now())]
        for certificate in ended:  # notAfter has passed: no file is made of it
            expiry.order_anew(certificate)
        if not all(row.is_usable for row in given if row not in ended):  # held or to be revoked
            token.let_go()
            token.save()
            return
        if not ended and (reason := sealed.obstacle(token, given)):
            token.settle_later(str(reason), now=timezone.now())
            token.save()
        elif not ended:
            audit.append([*act.settle(token), *seal_all([(token, given, sealed)])])


def seal_all(made: Sequence[tuple[SoftwareToken, Sequence[Certificate], Sealed]]) -> list[AuditEvent]:
    """Seal locked tokens: store their containers, erase the keys, queue the mails, issue the requests.

    In the caller's transaction. Returns the audit events, for the caller to append.
    """
    events = intake.store((token, sealed.intake) for token, _given, sealed in made)
    events += handover.store((token, sealed.parcels) for token, _given, sealed in made)
    events += [event for token, given, sealed in made for event in _seal(token, given, sealed)]
    save_many([token for token, _given, _sealed in made])
    save_many([certificate for _token, given, _sealed in made for certificate in given])
    Container.objects.bulk_create(
        container for _token, _given, sealed in made for container in sealed.containers
    )
    planning.plan(certificate for _token, given, _sealed in made for certificate in given)
    outbox.enqueue_new(
        sealed.mail or _mail(token, sealed) for token, _given, sealed in made if sealed.containers
    )
    return [*events, *completion.issue_requests(token.request for token, _given, _sealed in made)]


def _seal(token: SoftwareToken, given: Sequence[Certificate], sealed: Sealed) -> list[AuditEvent]:
    """Transition one token and clear its wrapped keys, without saving; return the audit events."""
    has_one = bool(sealed.passphrase)
    token.seal(
        passphrase_wrapped=_wrapped(token, sealed) if has_one else None,
        destroy_at=sealed.destroy_at(token),
        now=sealed.at,
    )
    token.settle_lease()
    events = []
    for certificate in given:
        certificate.erase_key()
        key = certificate.public_key_sha256
        events.append(audit.event_about(audit.Event.KEY_ERASED, actor=None, subject=token, public_key=key))
    copies = len(sealed.intake.rows)
    sealed_event = audit.event_about(
        audit.Event.TOKEN_SEALED if has_one else audit.Event.TOKEN_SEALED_FOR_TARGETS,
        actor=None,
        subject=token,
        keys_archived=copies,
    )
    return [*events, sealed_event]


def _wrapped(token: SoftwareToken, sealed: Sealed) -> bytes:
    return vault.wrap(
        sealed.passphrase.encode("ascii"),
        purpose=vault.Purpose.PASSPHRASES,
        record=token.pk,
        owner=sealed.owner,
    )


def show(*, actor: Person, token_id: uuid.UUID, signed_in_at: datetime) -> str:
    """Return the passphrase to its owner; count and audit each showing, and send a mail about the first.

    The caller has checked that the sign-in is recent; signed_in_at is when the session's window began.
    Raises NotAllowed (also if a file was fetched in this window), Stale if the passphrase was destroyed, or
    NotPossible if its period is over or this process lacks its key-encryption key.
    """
    with transaction.atomic():
        token = _fetch_with_passphrase(actor, token_id)
        refuse(time_obstacle(token, now=timezone.now()), kind=NotPossible)
        refuse(
            channel_separation.passphrase_obstacle(token.person, signed_in_at=signed_in_at), kind=NotAllowed
        )
        refuse(permitted_actions.delivery_obstacle(token), kind=NotPossible)
        secret = _opened(token)

        token.passphrase_shown += 1
        token.passphrase_shown_at = timezone.now()
        token.save()
        if token.passphrase_shown == 1:
            outbox.enqueue(token_messages.passphrase_shown(token))
        audit.record(audit.Event.PASSPHRASE_SHOWN, actor=actor, subject=token, times=token.passphrase_shown)
        return secret


def time_obstacle(token: SoftwareToken, *, now: datetime) -> Reason | None:
    """TIME_OVER once the passphrase's period has ended, also before the job has destroyed it; else None."""
    until = token.passphrase_destroy_at
    return TIME_OVER if until is not None and until <= now else None


def _opened(token: SoftwareToken) -> str:
    """Unwrap the passphrase. Raises NotPossible if this process lacks its key-encryption key."""
    try:
        return containers.open_passphrase(token)
    except vault.VaultError as error:
        logger.error("The passphrase of token %s cannot be opened: %s", token.pk, error)
        raise NotPossible(UNREADABLE) from error


def acknowledge(*, actor: Person, token_id: uuid.UUID) -> SoftwareToken:
    """Destroy the passphrase, because its owner has noted it; a delivered token becomes active.

    Raises NotAllowed, Stale, or NotPossible if it was never shown.
    """
    with transaction.atomic():
        token = _fetch_with_passphrase(actor, token_id)
        refuse(NOT_SHOWN if token.passphrase_shown == 0 else None, kind=NotPossible)

        token.passphrase_wrapped = None
        token.acknowledged_at = timezone.now()
        token.save()
        audit.record(audit.Event.PASSPHRASE_ACKNOWLEDGED, actor=actor, subject=token)
        audit.record(audit.Event.PASSPHRASE_DESTROYED, actor=actor, subject=token)
        completion.activate_if_delivered_and_noted(token)
        planning.review_later(token.pk)
        return token


def _fetch_with_passphrase(actor: Person, token_id: uuid.UUID) -> SoftwareToken:
    token = own_token.locked(actor=actor, token_id=token_id)
    if token.passphrase_wrapped is None:
        raise Stale(NO_PASSPHRASE)
    return token
