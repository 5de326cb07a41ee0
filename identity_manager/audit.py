"""Records what happened, in the caller's transaction, as its last statement. An event that cannot be
written stops the verb."""

from enum import StrEnum
from typing import Any

from identity_manager.models import AuditEvent, Person, SoftwareToken, TokenRequest


class Event(StrEnum):
    """The closed list of what is audited."""

    PERSON_CREATED = "person.created"
    PERSON_CHANGED = "person.changed"
    PERSON_ACTIVATED = "person.activated"
    PERSON_DEACTIVATED = "person.deactivated"
    PERSON_LOCKED = "person.locked"
    PERSONS_IMPORTED = "persons.imported"
    ROLE_ASSIGNED = "role.assigned"
    ROLE_WITHDRAWN = "role.withdrawn"
    SIGNED_IN = "account.signed-in"
    SIGN_IN_FAILED = "account.sign-in-failed"
    ACCOUNT_CREATED = "account.created"
    PASSWORD_SET = "account.password-set"  # noqa: S105 the name of an event
    SIGN_IN_CODE_ASKED = "sign-in-code.asked"
    SIGN_IN_CODE_CONFIRMED = "sign-in-code.confirmed"
    SIGN_IN_CODE_MADE = "sign-in-code.made"
    SIGN_IN_CODE_WITHDRAWN = "sign-in-code.withdrawn"
    SIGN_IN_CODE_USED = "sign-in-code.used"
    REQUEST_CREATED = "request.created"
    REQUEST_APPROVED = "request.approved"
    REQUEST_REJECTED = "request.rejected"
    REQUEST_POSTPONED = "request.postponed"
    REQUEST_INVITED = "request.invited"
    REQUEST_ACCEPTED = "request.accepted"
    REQUEST_DECLINED = "request.declined"
    REQUEST_LAPSED = "request.lapsed"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_FAILED = "request.failed"
    REQUEST_RETRIED = "request.retried"
    REQUEST_ISSUED = "request.issued"
    REQUEST_COMPLETED = "request.completed"
    KEY_BOUND = "certificate.key-bound"
    KEY_ERASED = "certificate.key-erased"
    CERTIFICATE_ISSUED = "certificate.issued"
    CERTIFICATE_REFUSED = "certificate.refused"
    CERTIFICATE_REVOCATION_DECIDED = "certificate.revocation-decided"
    CERTIFICATE_REVOKED = "certificate.revoked"
    TOKEN_SEALED = "token.sealed"  # noqa: S105 the name of an event
    TOKEN_DELIVERED = "token.delivered"  # noqa: S105 the name of an event
    TOKEN_DELIVERY_FAILED = "token.delivery-failed"  # noqa: S105 the name of an event
    TOKEN_SENT_AGAIN = "token.sent-again"  # noqa: S105 the name of an event
    TOKEN_LAPSED = "token.lapsed"  # noqa: S105 the name of an event
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 the name of an event
    PASSPHRASE_SHOWN = "passphrase.shown"  # noqa: S105 the name of an event
    PASSPHRASE_ACKNOWLEDGED = "passphrase.acknowledged"  # noqa: S105 the name of an event
    PASSPHRASE_DESTROYED = "passphrase.destroyed"  # noqa: S105 the name of an event
    CATALOGUE_CHANGED = "catalogue.changed"


Subject = TokenRequest | SoftwareToken | Person | None


def record(event: Event, *, actor: Person | None, subject: Subject, **facts: Any) -> AuditEvent:
    """Append one event about a request, a token, a person or (None) the system.

    facts are plain values: identifiers, states, counts, reasons; never a secret, never a mail's body.
    """
    request = token = person = None
    if isinstance(subject, SoftwareToken):
        token, request, person = subject, subject.request, subject.person
    elif isinstance(subject, TokenRequest):
        request, person = subject, subject.person
    else:
        person = subject
    return AuditEvent.objects.create(
        name=event.value, actor=actor, person=person, request=request, token=token, facts=facts
    )
