"""What is known about somebody is taken out of rows that stay: requests, tokens, mails, certificates.

Each function works on rows that are at their end, in the caller's transaction. What stays is what an
installation answers for: that there was a request, in which state it ended, which serial was issued.
"""

from typing import Any

from django.db.models import Q, QuerySet

from ca_bridge import issuing
from ca_bridge.models import CaOrder
from identity_manager.models import Certificate, Container, OutgoingMail, SoftwareToken, TokenRequest

PERSONAL_KEYS = ("person", "delivery_address")
WITHOUT_NAMES: dict[str, Any] = {"subject": [], "subject_alt_names": [], "sid": None}


def empty_request(request: TokenRequest) -> None:
    """Take the person's data and what people wrote out of a request, its tokens and its approvals."""
    for token in request.tokens.all():
        SoftwareToken.objects.filter(pk=token.pk).update(snapshot=without_person(token.snapshot), reason="")
    request.approvals.update(reason="")
    TokenRequest.objects.filter(pk=request.pk).update(delivery_address="", reason="")


def without_person(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The snapshot without what it says about the person."""
    kept = {name: value for name, value in snapshot.items() if name not in PERSONAL_KEYS}
    certificates = [
        each | {"content": each.get("content", {}) | WITHOUT_NAMES} for each in kept.get("certificates", ())
    ]
    return kept | {"certificates": certificates}


def empty_texts(mails: QuerySet[OutgoingMail]) -> int:
    """Take the texts out of mails; to whom and when they went stays."""
    return mails.update(body_text="", body_html="")


def empty_mails(mails: QuerySet[OutgoingMail]) -> int:
    """Take everything out of mails but that there were some."""
    return mails.update(body_text="", body_html="", subject="", to_address="", last_error="")


def about(person_id: Any) -> Q:
    """Mails to the person, and mails to others about them."""
    return Q(person_id=person_id) | Q(request__person_id=person_id) | Q(token__person_id=person_id)


def empty_certificate(certificate: Certificate) -> None:
    """Let go of the certificate and of what the bridge and the CA keep of it here; issuer and serial stay."""
    Certificate.objects.filter(pk=certificate.pk).update(
        certificate=None, subject="", refusal="", last_error="", private_key_wrapped=None
    )
    for order_id in CaOrder.objects.filter(idempotency_key__in=certificate.order_keys).values_list(
        "pk", flat=True
    ):
        issuing.forget(order_id)


def remove_containers(token: SoftwareToken) -> int:
    """Remove the files of a token."""
    number, _rows = Container.objects.filter(token=token).delete()
    return number
