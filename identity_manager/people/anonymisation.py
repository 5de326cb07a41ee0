"""Anonymisation: removes personal data from rows that stay (requests, tokens, mails, certificates).

Each function works on finished rows in the caller's transaction. What an installation must account for stays:
that there was a request, its final state, the issued serials.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.html import escape

from ca_bridge import issuing
from ca_bridge.models import CaOrder
from identity_manager import audit
from identity_manager.mail import deduplication
from identity_manager.models import (
    AuditEvent,
    BatchOrder,
    Certificate,
    Container,
    DeliveryProblem,
    HolderChange,
    InstallationNotice,
    MailState,
    OutgoingMail,
    Person,
    RenewalNotice,
    SoftwareToken,
    TokenRequest,
)

# Mails whose texts name an officer, by the officer's part in the request.
NAME_WHO_ASKED = ("approval_needed", "approval_reminder", "approval_back", "information", "left_undecided")
NAME_WHO_GAVE_THE_ORDER = ("batch_waits", "batch_reminder", "batch_undecided")
NAME_WHO_CANCELLED = ("request_cancelled",)
NAME_WHO_SIGNED_IN = ("break_glass_used",)
A_DAY = timedelta(days=1)
PERSONAL_KEYS = ("person", "delivery_address", "purpose")
WORDS_OF_THE_CA = "message"  # of a request's failure: why it was refused
WITHOUT_NAMES: dict[str, Any] = {"subject": [], "subject_alt_names": [], "sid": None}


def empty_request(request: TokenRequest) -> None:
    """Remove personal data and free texts from a request, its tokens and approvals."""
    for token in request.tokens.all():
        SoftwareToken.objects.filter(pk=token.pk).update(snapshot=without_person(token.snapshot), reason="")
    request.approvals.update(reason="")
    RenewalNotice.objects.filter(token__request=request).update(not_needed_reason="")
    HolderChange.objects.filter(token__request=request).update(reason="", fingerprint="")
    InstallationNotice.objects.filter(token__request=request).update(reason="")
    DeliveryProblem.objects.filter(token__request=request).update(reason="", detail="")
    facts = {name: value for name, value in request.failure_facts.items() if name != WORDS_OF_THE_CA}
    TokenRequest.objects.filter(pk=request.pk).update(
        delivery_address="", reason="", purpose="", failure_facts=facts
    )


def without_person(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The snapshot without the person's data."""
    kept = {name: value for name, value in snapshot.items() if name not in PERSONAL_KEYS}
    certificates = [
        each | {"content": each.get("content", {}) | WITHOUT_NAMES} for each in kept.get("certificates", ())
    ]
    return kept | {"certificates": certificates}


def empty_texts(mails: QuerySet[OutgoingMail]) -> int:
    """Remove mail texts; recipient and times stay."""
    return mails.update(body_text="", body_html="")


def empty_mails(mails: QuerySet[OutgoingMail]) -> int:
    """Remove everything from mails except that they existed."""
    return mails.update(
        body_text="", body_html="", subject="", to_address="", last_error="", discard_reason=""
    )


def about(person_id: Any) -> QuerySet[OutgoingMail]:
    """Mails to the person, and mails to others about the person; both by index."""
    ways = (Q(person_id=person_id), Q(request__person_id=person_id), Q(token__person_id=person_id))
    keys = {pk for way in ways for pk in OutgoingMail.objects.filter(way).values_list("pk", flat=True)}
    return OutgoingMail.objects.filter(pk__in=keys)


def unname_in_mails_to_others(officer: Person, *, instead: str) -> None:
    """Remove an officer's name from mails to others.

    Texts of sent mails are removed, as by retention. Unsent ones get `instead` in place of the name. Call
    it while the audit log still knows the officer.
    """
    for mails in _naming(officer):
        empty_texts(mails.exclude(state=MailState.QUEUED).exclude(body_text="", body_html=""))
        queued = mails.filter(state=MailState.QUEUED)
        for pk, text, html in queued.values_list("pk", "body_text", "body_html"):
            queued.filter(pk=pk).update(
                body_text=_replaced(text, officer.display_name, instead),
                body_html=_replaced(html, escape(officer.display_name), escape(instead)),
            )


def _replaced(text: str, name: str, instead: str) -> str:
    """Replaces whole words only: a name of two letters is part of many words."""
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _found: instead, text)


def _naming(officer: Person) -> Iterator[QuerySet[OutgoingMail]]:
    """Mails that name the officer, each kind by index: the outbox has millions of rows."""
    asked = TokenRequest.objects.filter(requested_by=officer)
    yield OutgoingMail.objects.filter(message__in=NAME_WHO_ASKED, request__in=asked.values("pk"))
    cancelled = AuditEvent.objects.filter(actor=officer, name=audit.Event.REQUEST_CANCELLED)
    yield OutgoingMail.objects.filter(message__in=NAME_WHO_CANCELLED, request__in=cancelled.values("request"))
    yield OutgoingMail.objects.filter(pk__in=list(_of_orders_by(officer)))
    signed_in = OutgoingMail.objects.filter(message__in=NAME_WHO_SIGNED_IN)
    yield signed_in.filter(body_text__contains=officer.display_name)


def _of_orders_by(officer: Person) -> Iterator[Any]:
    """Mails about batch orders, which are related by their deduplication key alone."""
    orders = dict(BatchOrder.objects.filter(asked_by=officer).values_list("pk", "asked_at"))
    if orders:
        since = min(orders.values()) - A_DAY  # tolerates clock differences
        mails = OutgoingMail.objects.filter(message__in=NAME_WHO_GAVE_THE_ORDER, created_at__gte=since)
        for pk, occasion in mails.values_list("pk", "occasion").iterator():
            if deduplication.order_of_batch(occasion) in orders:
                yield pk


def empty_certificate(certificate: Certificate) -> None:
    """Erase the certificate here, in the bridge and at an embedded CA; issuer and serial stay."""
    Certificate.objects.filter(pk=certificate.pk).update(
        certificate=None, subject="", refusal="", last_error="", private_key_wrapped=None
    )
    for order_id in CaOrder.objects.filter(idempotency_key__in=certificate.order_keys).values_list(
        "pk", flat=True
    ):
        issuing.forget(order_id)


def remove_containers(token: SoftwareToken) -> int:
    """Delete the containers of a token."""
    number, _rows = Container.objects.filter(token=token).delete()
    return number
