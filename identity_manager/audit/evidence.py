"""Evidence files: the sealed events of one request or token, with the signed heads that cover them.

The verbs that export one are audited.
"""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, audit_proof
from identity_manager.models import AuditEvent, AuditHead, Person, Role
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, require

FORMAT = "identity-manager-evidence/2"
NOT_AUDITOR = Reason("not-auditor", _("Only an Auditor takes a check file."))


def export_for_request(*, actor: Person, request_id: uuid.UUID) -> dict[str, Any]:
    """The evidence file of a request and its tokens. Raises NotAllowed."""
    with transaction.atomic():
        require(actor.has_role(Role.AUDITOR), else_=NOT_AUDITOR, kind=NotAllowed)
        request = locking.request(request_id)

        found = of(AuditEvent.objects.filter(request=request), subject=f"request {request.reference}")
        audit.record(audit.Event.EVIDENCE_TAKEN, actor=actor, subject=request, rows=len(found["events"]))
        return found


def export_for_token(*, actor: Person, token_id: uuid.UUID) -> dict[str, Any]:
    """The evidence file of a token. Raises NotAllowed."""
    with transaction.atomic():
        require(actor.has_role(Role.AUDITOR), else_=NOT_AUDITOR, kind=NotAllowed)
        token = locking.token(token_id)

        subject = f"token {token.pk} of request {token.request.reference}"
        found = of(AuditEvent.objects.filter(token=token), subject=subject)
        audit.record(audit.Event.EVIDENCE_TAKEN, actor=actor, subject=token, rows=len(found["events"]))
        return found


def of(events: QuerySet[AuditEvent], *, subject: str) -> dict[str, Any]:
    """An evidence file about these events, as plain values, for `python -m identity_manager.audit_proof`.

    `not_covered_yet` counts events after the last signed head.
    """
    covered = list(
        _covered(events.filter(number__isnull=False).order_by("number").select_related("actor", "person"))
    )
    heads = {head.number: head for _event, head in covered}
    return {
        "format": FORMAT,
        "installation": settings.CONSOLE_BASE_URL,
        "subject": subject,
        "made_at": timezone.now().isoformat(timespec="seconds"),
        "events": [_as_json(event, head) for event, head in covered],
        "heads": [head.as_json for _number, head in sorted(heads.items())],
        "not_covered_yet": events.count() - len(covered),
    }


def _covered(events: Iterable[AuditEvent]) -> Iterator[tuple[AuditEvent, AuditHead]]:
    for event in events:
        head = AuditHead.objects.covering(event.number or 0)
        if head is not None:
            yield event, head


def _as_json(event: AuditEvent, head: AuditHead) -> dict[str, Any]:
    """The event with the hashes between it and the head, which suffice to compute the head's link."""
    between = AuditEvent.objects.sealed().filter(number__gt=event.number, number__lte=head.number)
    return as_sealed(event) | {
        "actor": str(event.actor) if event.actor else "",
        "person": str(event.person) if event.person else "",
        "previous": event.previous,
        "path": list(between.values_list("content_sha256", flat=True)),
        "covered_by": head.number,
    }


def rows(*, first: int | None = None, last: int | None = None) -> Iterator[dict[str, Any]]:
    """The sealed log in order, as `manage.py audit export` writes it."""
    events = AuditEvent.objects.sealed()
    if first is not None:
        events = events.filter(number__gte=first)
    if last is not None:
        events = events.filter(number__lte=last)
    for event in events.iterator(chunk_size=500):
        links = {name: getattr(event, name) for name in ("content_sha256", "previous", "chain")}
        yield as_sealed(event) | links | {"mac": event.mac, "mac_key": event.mac_key}


def as_sealed(event: AuditEvent) -> dict[str, Any]:
    """The input of the event's content hash, and its personal facts."""
    return {
        "number": event.number,
        "form": event.form,
        "content": event.content,
        "body_sha256": event.body_sha256,
        "personal_facts": event.personal_facts,
        "facts_salt": event.facts_salt,
    }


def public_key_pem() -> str:
    """Public key of the newest signed head as PEM; empty before the first one."""
    head = AuditHead.objects.newest()
    return audit_proof.pem_of(head.public_key) if head else ""
