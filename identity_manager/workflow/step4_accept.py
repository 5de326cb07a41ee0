"""Step 4: the person accepts the terms, and issuance starts; or declines.

PstmProcSubStartSoftwareTokenRequest of the original.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.models import (
    Certificate,
    Person,
    RequestState,
    SoftwareToken,
    TermsAcceptance,
    TermsText,
    TermsVersion,
    TokenRequest,
)
from identity_manager.workflow import locking, policy, snapshot
from identity_manager.workflow.errors import NotAllowed, Reason, Stale, refuse
from identity_manager.workflow.step5_issue import ISSUE

NOT_AWAITED = Reason("not-awaited", _("This request does not wait for your acceptance any more."))
ANOTHER_SNAPSHOT = Reason("another-snapshot", _("The request has changed since you opened the page."))
OTHER_TERMS = Reason("other-terms", _("The terms have changed since you opened the page. Read them again."))
PERSON_CHANGED = Reason(
    "person-changed",
    _("Your data have changed since the request was made. Ask the office for a new request."),
)


def terms_of(request: TokenRequest) -> list[TermsVersion]:
    """The current version of each terms document that the request's types want, each once."""
    documents = {token.token_type.terms_id: token.token_type.terms for token in request.tokens.all()}
    return [documents[pk].current_version() for pk in sorted(documents)]


def accept(
    *, actor: Person, request_id: uuid.UUID, snapshot_hash: str, text_ids: Sequence[uuid.UUID]
) -> TokenRequest:
    """Record that the actor accepts exactly these texts for exactly this snapshot, and start issuance.

    Raises NotAllowed (not the person), Stale (moved on, or newer terms), NotPossible (not Active).
    """
    with transaction.atomic():
        request = _fetch(actor, request_id)
        refuse(policy.person_obstacle(request.person))
        refuse(ANOTHER_SNAPSHOT if snapshot_hash != request.snapshot_hash else None, kind=Stale)
        texts = list(TermsText.objects.filter(pk__in=text_ids))
        current = {version.pk for version in terms_of(request)}
        refuse(OTHER_TERMS if {text.version_id for text in texts} != current else None, kind=Stale)
        tokens = locking.tokens_of(request)
        refuse(PERSON_CHANGED if snapshot.differences(tokens) else None, kind=Stale)

        for text in texts:
            TermsAcceptance.objects.create(request=request, person=actor, text=text, sha256=text.sha256)
        request.accept(now=timezone.now())
        request.save()
        for token in tokens:
            _start(token)
        terms = [text.sha256 for text in texts]
        audit.record(audit.Event.REQUEST_ACCEPTED, actor=actor, subject=request, terms=terms)
        return request


def decline(*, actor: Person, request_id: uuid.UUID, reason: str) -> TokenRequest:
    """End the request, because the person does not accept the terms. Raises NotAllowed or Stale."""
    with transaction.atomic():
        request = _fetch(actor, request_id)

        now = timezone.now()
        request.decline(reason=reason.strip(), now=now)
        request.save()
        for token in locking.tokens_of(request):
            token.cancel(reason=str(_("The terms were declined.")), now=now)
            token.save()
        audit.record(audit.Event.REQUEST_DECLINED, actor=actor, subject=request)
        return request


def _fetch(actor: Person, request_id: uuid.UUID) -> TokenRequest:
    request = locking.request(request_id)
    refuse(policy.NOT_YOURS if request.person_id != actor.pk else None, kind=NotAllowed)
    refuse(NOT_AWAITED if request.state != RequestState.AWAITING_ACCEPTANCE else None, kind=Stale)
    return request


def _start(token: SoftwareToken) -> None:
    """One certificate for each profile of the token's type, due now; no key yet."""
    token.start()
    token.save()
    for position, profile in enumerate(token.token_type.ordered_profiles()):
        certificate = Certificate(token=token, profile=profile, position=position)
        certificate.work_is_due(timezone.now())
        certificate.save()
        queue.after_commit(ISSUE, certificate.pk)
