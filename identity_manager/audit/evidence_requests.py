"""Verbs that export evidence files; each export is audited."""

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.audit import evidence
from identity_manager.models import AuditEvent, Person, Role
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, require

NOT_AUDITOR = Reason("not-auditor", _("Only an Auditor takes a check file."))


def export_for_request(*, actor: Person, request_id: uuid.UUID) -> dict[str, Any]:
    """The evidence file of a request and its tokens. Raises NotAllowed."""
    with transaction.atomic():
        require(actor.has_role(Role.AUDITOR), else_=NOT_AUDITOR, kind=NotAllowed)
        request = locking.request(request_id)

        found = evidence.of(
            AuditEvent.objects.filter(request=request), subject=f"request {request.reference}"
        )
        audit.record(audit.Event.EVIDENCE_TAKEN, actor=actor, subject=request, rows=len(found["events"]))
        return found


def export_for_token(*, actor: Person, token_id: uuid.UUID) -> dict[str, Any]:
    """The evidence file of a token. Raises NotAllowed."""
    with transaction.atomic():
        require(actor.has_role(Role.AUDITOR), else_=NOT_AUDITOR, kind=NotAllowed)
        token = locking.token(token_id)

        subject = f"token {token.pk} of request {token.request.reference}"
        found = evidence.of(AuditEvent.objects.filter(token=token), subject=subject)
        audit.record(audit.Event.EVIDENCE_TAKEN, actor=actor, subject=token, rows=len(found["events"]))
        return found
