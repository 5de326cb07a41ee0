"""Roads beside the seven steps: cancel, lapse, retry, send again."""

import uuid
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from ca_bridge.pkcs12 import ContainerFormat
from identity_manager import audit, outbox, queue
from identity_manager.mail import messages
from identity_manager.models import (
    CertificateState,
    DeliveryState,
    Ending,
    MailState,
    OutgoingMail,
    Person,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.token_request import BEFORE_ISSUED
from identity_manager.workflow import (
    finishing,
    locking,
    mails,
    policy,
    revoke,
    snapshot,
    step5_issue,
    step7_deliver,
    unforeseen,
)
from identity_manager.workflow.errors import NO_REASON, NotAllowed, NotPossible, Reason, Stale, refuse

NOT_OPEN = Reason("not-open", _("This request is issued or has ended; it cannot be cancelled any more."))
NOT_WITHDRAWABLE = Reason(
    "not-withdrawable", _("This request does not wait any more, so it cannot be withdrawn.")
)
NOT_FAILED = Reason("not-failed", _("This request has not failed, or was retried meanwhile."))
PERSON_CHANGED = Reason(
    "person-changed-so-no-retry",
    _(
        "The person's data have changed, so trying again would fail again. Start it again with new data, "
        "or cancel it."
    ),
)
NOT_SENDABLE = Reason("not-sendable", _("This token is not in use, so its file is not sent."))
ON_ITS_WAY = Reason("on-its-way", _("The file is on its way already. Look into the mailbox in a moment."))
KEPT_NO_LONGER = Reason("kept-no-longer", _("The files of this token are kept no longer."))
MOST_MAILS_A_DAY = 10  # of one token's files: whoever clicks on and on fills a mailbox with keys
SENT_OFTEN = Reason(
    "sent-often",
    _(
        "The file was mailed ten times within 24 hours. Look among the junk mail, too, or whether the address"
        " is right. By this time tomorrow it can be sent again."
    ),
)
NO_SUCH_FORMAT = Reason("no-such-format", _("There is no file in this format."))


def cancelling_obstacle(request: TokenRequest) -> Reason | None:
    """Why the request cannot be cancelled, whoever asks, or None."""
    return None if request.state in BEFORE_ISSUED else NOT_OPEN


def cancel(*, actor: Person, request_id: uuid.UUID, reason: str) -> TokenRequest:
    """An administrator ends a request that is not issued yet. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        request = locking.request(request_id)
        refuse(
            None if policy.administers(actor, request.person) else policy.NOT_ADMINISTRATOR, kind=NotAllowed
        )
        refuse(cancelling_obstacle(request), kind=Stale)
        refuse(None if reason.strip() else NO_REASON, field="reason")

        end_request(request, actor=actor, reason=reason.strip())
        tell_of_cancellation(request, by=actor)
        return request


def tell_of_cancellation(request: TokenRequest, *, by: Person) -> None:
    """The person, and who asked for them; not who does it."""
    for person in dict.fromkeys((request.person, request.requested_by)):
        if person != by:
            outbox.enqueue(messages.request_cancelled(request, person, by=by))


def withdraw(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """The person takes back a request that waits for somebody's word. Raises NotAllowed or Stale."""
    with transaction.atomic():
        request = locking.request(request_id)
        refuse(policy.NOT_YOURS if request.person_id != actor.pk else None, kind=NotAllowed)
        refuse(None if policy.can_be_withdrawn(request) else NOT_WITHDRAWABLE, kind=Stale)

        return end_request(request, actor=actor, reason=Ending.WITHDRAWN)


def end_request(
    request: TokenRequest,
    *,
    actor: Person | None,
    reason: str,
    revocation: RevocationReason = RevocationReason.CESSATION_OF_OPERATION,
) -> TokenRequest:
    """Cancel a locked request in the caller's transaction; what a CA issued for it is revoked."""
    now = timezone.now()
    request.cancel(reason=reason, now=now)
    request.save()
    for token in locking.tokens_of(request):
        if token.state in (TokenState.ORDERED, TokenState.ISSUING):
            token.cancel(reason=reason[:300], now=now)
            token.save()
            end_certificates(token, actor=actor, reason=reason, revocation=revocation)
        elif not token.is_finished:
            revoke.end_token(token, reason=revocation, actor=actor)
    audit.record(audit.Event.REQUEST_CANCELLED, actor=actor, subject=request, reason=reason)
    return request


def end_certificates(
    token: SoftwareToken, *, actor: Person | None, reason: str, revocation: RevocationReason
) -> None:
    """End the certificates of a locked and cancelled token, in the caller's transaction.

    Not asked for: refused, the key erased. At the CA now: settled (and revoked) when the answer comes.
    """
    for certificate in locking.certificates_of(token):
        if certificate.state == CertificateState.ORDERED and certificate.order_id is None:
            certificate.refuse(reason=reason)
            certificate.settle_lease()
            certificate.save()
        elif certificate.state == CertificateState.ORDERED:
            certificate.private_key_wrapped = None
            certificate.save()
        elif certificate.state in (CertificateState.VALID, CertificateState.ON_HOLD):
            revoke.decide(certificate, reason=revocation, actor=actor)


def retry(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """An administrator has a failed request tried again: refused certificates get a new key and order.

    What a CA may have issued already keeps both, and is looked up.
    """
    with transaction.atomic():
        request = locking.request(request_id)
        refuse(
            None if policy.administers(actor, request.person) else policy.NOT_ADMINISTRATOR, kind=NotAllowed
        )
        refuse(None if request.state == RequestState.FAILED else NOT_FAILED, kind=Stale)
        refuse(policy.person_obstacle(request.person))
        lines = locking.lines_of(request)
        refuse(PERSON_CHANGED if snapshot.differences(lines) else None, kind=Stale)

        request.retry()
        request.save()
        for token in lines:
            if token.state == TokenState.ISSUING:
                _order_again(token)
        for token in lines[:1]:
            audit.append(finishing.issue_request(token))  # where nothing is left that could be tried
        audit.record(audit.Event.REQUEST_RETRIED, actor=actor, subject=request)
        return request


def _order_again(token: SoftwareToken) -> None:
    now = timezone.now()
    for certificate in locking.certificates_of(token):
        if certificate.is_to_be_retried:
            certificate.order_again(now=now)
        elif certificate.state == CertificateState.ORDERED:
            certificate.work_is_due(now)
        else:
            continue
        certificate.save()
        queue.after_commit(step5_issue.ISSUE, certificate.pk)
    finishing.seal_when_complete(token)


def retry_now(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """An administrator does not want to wait for the next try: what is due later is due now.

    Raises NotAllowed, or Stale where all of it waits for the person to return.
    """
    with transaction.atomic():
        request = locking.request(request_id)
        refuse(
            None if policy.administers(actor, request.person) else policy.NOT_ADMINISTRATOR, kind=NotAllowed
        )
        tokens = locking.tokens_of(request)
        work: list[policy.Work] = [*tokens]
        work += [certificate for token in tokens for certificate in locking.certificates_of(token)]
        work += locking.mails_of(request)
        refuse(policy.next_try_obstacle(request.person, work), kind=Stale)

        now = timezone.now()
        for each in work:
            if each.next_attempt_at is not None:
                each.next_attempt_at = now
                each.nudged_at = None
                each.save()
        audit.record(audit.Event.REQUEST_RETRIED, actor=actor, subject=request)
        return request


def sender_obstacle(*, actor: Person, person: Person) -> Reason | None:
    """Why this officer has no file sent again to the person: they made a sign-in code for them; or None."""
    return mails.GAVE_CODE if policy.code_obstacle(actor, person) else None


def sending_obstacle(token: SoftwareToken) -> Reason | None:
    """Why the token's files are not mailed again, whoever asks and whatever the format, or None."""
    if not (policy.can_be_sent(token) and token.person.is_active):
        return NOT_SENDABLE
    return policy.delivery_obstacle(token) or (None if token.has_files else KEPT_NO_LONGER)


def often_obstacle(token: SoftwareToken) -> Reason | None:
    """Why the token's files are not mailed once more today, or None."""
    since = timezone.now() - timedelta(days=1)
    mails = token.mails.filter(message="delivery", created_at__gt=since).exclude(state=MailState.DISCARDED)
    return SENT_OFTEN if mails.count() >= MOST_MAILS_A_DAY else None


def send_again(*, actor: Person, token_id: uuid.UUID, container_format: str) -> OutgoingMail:
    """Mail the token's containers again, in the format for the person's device. No secret is needed.

    For its owner and administrators, MOST_MAILS_A_DAY. Raises NotAllowed, NotPossible (format) or Stale.
    """
    with transaction.atomic():
        token = locking.token(token_id)
        allowed = token.person_id == actor.pk or policy.administers(actor, token.person)
        refuse(None if allowed else policy.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(sender_obstacle(actor=actor, person=token.person), kind=NotAllowed)
        refuse(None if policy.can_be_sent(token) and token.person.is_active else NOT_SENDABLE, kind=Stale)
        refuse(policy.delivery_obstacle(token))
        known = container_format in [choice.value for choice in ContainerFormat]
        refuse(None if token.containers.exists() else KEPT_NO_LONGER, kind=Stale)
        refuse(None if known else NO_SUCH_FORMAT, field="container_format")
        waiting = token.mails.filter(state=MailState.QUEUED, container_format=container_format).exists()
        refuse(ON_ITS_WAY if waiting else None, kind=NotPossible)
        refuse(often_obstacle(token))

        mail = step7_deliver.queue_delivery(token, container_format=container_format)
        if token.delivery not in step7_deliver.DELIVERED:
            token.delivery = DeliveryState.QUEUED
            token.save()
        audit.record(audit.Event.TOKEN_SENT_AGAIN, actor=actor, subject=token, format=container_format)
        return mail


def lapse_request(*, request_id: uuid.UUID) -> bool:
    """The terms were not accepted in time; False, and nothing done, where they were meanwhile."""
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        if not TokenRequest.objects.overdue(now).filter(pk=request_id).exists():
            return False
        request.lapse(now=now)
        request.save()
        for token in locking.lines_of(request):
            token.cancel(reason=Ending.NOT_ACCEPTED, now=now)
            token.save()
        outbox.enqueue(messages.request_lapsed(request), by_sweep=True)
        audit.record(audit.Event.REQUEST_LAPSED, actor=None, subject=request)
        return True


def lapse_token(*, token_id: uuid.UUID) -> bool:
    """The passphrase was not noted in time: it is destroyed, the certificates are revoked. False: it was."""
    with transaction.atomic():
        token = locking.token(token_id)
        if not SoftwareToken.objects.overdue(timezone.now()).filter(pk=token_id).exists():
            return False
        lapse_locked_token(token, actor=None, reason=Ending.NOT_NOTED)
        return True


def lapse_locked_token(token: SoftwareToken, *, actor: Person | None, reason: str) -> None:
    """End a sealed token whose passphrase nobody noted, in the caller's transaction, its parents locked."""
    token.lapse(reason=reason, now=timezone.now())
    token.save()
    revoke.revoke_certificates(token, reason=RevocationReason.CESSATION_OF_OPERATION, actor=actor)
    outbox.enqueue(messages.token_lapsed(token), by_sweep=True)
    audit.record(audit.Event.PASSPHRASE_DESTROYED, actor=actor, subject=token)
    audit.record(audit.Event.TOKEN_LAPSED, actor=actor, subject=token, reason=reason)
    finishing.complete_request(token)


def lapse_overdue() -> int:
    """Lapse what is overdue, each in its own transaction, the longest overdue first; returns how many."""
    now = timezone.now()
    tokens = SoftwareToken.objects.overdue(now).order_by("passphrase_destroy_at", "pk")
    requests = TokenRequest.objects.overdue(now).order_by("accept_before", "pk")
    verbs = {pk: partial(lapse_token, token_id=pk) for pk in tokens.values_list("pk", flat=True)}
    verbs |= {pk: partial(lapse_request, request_id=pk) for pk in requests.values_list("pk", flat=True)}
    return unforeseen.one_by_one(verbs, lambda pk: verbs[pk]())
