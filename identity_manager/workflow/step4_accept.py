"""Step 4: the person accepts the terms, and issuance starts; or declines.

PstmProcSubStartSoftwareTokenRequest of Nexus.
"""

import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache

from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.prepared_queries import ForKeys
from identity_manager import audit
from identity_manager.models import (
    Certificate,
    EndReason,
    Person,
    RequestState,
    SoftwareToken,
    TermsAcceptance,
    TermsHold,
    TermsText,
    TermsVersion,
    TokenRequest,
    TokenTypeProfile,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse
from identity_manager.workflow.issuance import claims
from identity_manager.workflow.policy import devices as device_policy
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import approver_escalation, suspension
from identity_manager.workflow.terms import holds

NOT_AWAITED = Reason("not-awaited", _("This request does not wait for your acceptance any more."))
OTHER_TERMS = Reason("other-terms", _("The terms have changed since you opened the page. Read them again."))
PERSON_CHANGED = Reason(
    "own-data-changed",
    _("Your data have changed since the request was made. An administrator decides how it goes on."),
)
APPROVAL_LOST = Reason(
    "approval-lost",
    _("Who approved this request could not approve it any more. It waits for another approver now."),
)
_CURRENT_TERMS = ForKeys[TermsVersion](
    lambda documents: TermsVersion.objects.filter(document__id__in=documents, is_current=True).order_by(
        "document"
    ),
    models.UUIDField(),
    sizes=(3,),
)
_CURRENT_TEXTS = ForKeys[TermsText](  # an acceptance refers to its text by SHA-256
    lambda documents: (
        TermsText.objects.filter(version__document__id__in=documents, version__is_current=True)
        .select_related("version")
        .only("sha256", "version__document")
        .annotate(some_are_held=Exists(TermsHold.objects.of_document(OuterRef("version__document"))))
    ),
    models.UUIDField(),
    sizes=(3,),
)


def terms_of(request: TokenRequest) -> list[TermsVersion]:
    """The current version of each terms document that the request's types want, each once."""
    return _CURRENT_TERMS.rows(token.required_type.terms_id for token in request.lines)


def _texts_of(lines: Iterable[SoftwareToken], text_ids: Sequence[uuid.UUID]) -> list[TermsText] | None:
    """Return the accepted texts; None unless they are exactly the current versions for these lines."""
    documents = {token.required_type.terms_id for token in lines}
    texts = [text for text in _CURRENT_TEXTS.rows(documents) if text.pk in text_ids]
    is_all = {text.version.document_id for text in texts} == documents and len(texts) == len({*text_ids})
    return texts if is_all else None


def accept(
    *,
    actor: Person,
    request_id: uuid.UUID,
    snapshot_hash: str,
    text_ids: Sequence[uuid.UUID],
    devices: Sequence[str] = (),
) -> TokenRequest:
    """Record that the actor accepts exactly these texts for exactly this snapshot, and start issuance.

    devices: codes of mail.install, for which the files are.

    Raises NotAllowed (another person), Stale (another state, or newer terms), NotPossible (not Active, or at
    the field `devices`). If the person's data have changed, the request is suspended, and Stale is raised.
    If an approval no longer counts, the request goes back to the approvers, and Stale is raised.
    """
    with transaction.atomic():
        request = _fetch(actor, request_id)
        refuse(eligibility.person_obstacle(request.person))
        refuse(eligibility.ANOTHER_SNAPSHOT if snapshot_hash != request.snapshot_hash else None, kind=Stale)
        lines = locking.lines_of(request)
        texts = _texts_of(lines, text_ids)
        refuse(OTHER_TERMS if texts is None else None, kind=Stale)
        said = device_policy.cleaned(devices, lines)
        stopped = suspension.suspends(request, lines)
        waits = not stopped and approver_escalation.sends_back(request)
        if not stopped and not waits:
            request.devices = said
            begin(request, lines, texts or ())
            # It counts for all tokens under the document; hardly ever is one on hold for lack of it.
            if lacking := {text.version.document_id for text in texts or () if vars(text)["some_are_held"]}:
                holds.release(request.person, lacking)
    refuse(PERSON_CHANGED if stopped else None, kind=Stale)
    refuse(APPROVAL_LOST if waits else None, kind=Stale)
    return request


def begin(request: TokenRequest, lines: Iterable[SoftwareToken], texts: Iterable[TermsText]) -> None:
    """Record the acceptance of these texts and start issuance, in the caller's transaction."""
    TermsAcceptance.objects.bulk_create(
        TermsAcceptance(
            request=request, round=request.round, person=request.person, text=text, sha256=text.sha256
        )
        for text in texts
    )
    request.accept(now=timezone.now())
    request.save()
    for token in lines:
        _start(token)
    terms = [text.sha256 for text in texts]
    audit.record(audit.Event.REQUEST_ACCEPTED, actor=request.person, subject=request, terms=terms)


def decline(*, actor: Person, request_id: uuid.UUID, reason: str) -> TokenRequest:
    """End the request, because the person does not accept the terms. Raises NotAllowed or Stale."""
    with transaction.atomic():
        request = _fetch(actor, request_id)

        now = timezone.now()
        request.decline(reason=reason.strip(), now=now)
        request.save()
        for token in locking.lines_of(request):
            token.cancel(reason=EndReason.DECLINED, now=now)
            token.save()
        audit.record(audit.Event.REQUEST_DECLINED, actor=actor, subject=request)
        return request


def _fetch(actor: Person, request_id: uuid.UUID) -> TokenRequest:
    request = locking.request(request_id)
    refuse(eligibility.NOT_YOURS if request.person_id != actor.pk else None, kind=NotAllowed)
    refuse(NOT_AWAITED if request.state != RequestState.AWAITING_ACCEPTANCE else None, kind=Stale)
    return request


@lru_cache(maxsize=1000)
def _profiles_of(type_id: uuid.UUID) -> tuple[uuid.UUID, ...]:
    """Profile ids of one version of a token type, in order. Cached: a version in force never changes."""
    rows = TokenTypeProfile.objects.filter(token_type=type_id).order_by("position")
    return tuple(rows.values_list("profile_id", flat=True))


def _start(token: SoftwareToken) -> None:
    """Insert one due certificate, still without a key, for each profile of the token's type."""
    token.start()
    token.save()
    certificates = [
        Certificate(token=token, profile_id=profile_id, position=position)
        for position, profile_id in enumerate(_profiles_of(token.token_type_id))
    ]
    claims.wake(certificates)
