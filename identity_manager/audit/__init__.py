"""Audit events, recorded as the last statement of the verb's transaction; a failing INSERT fails the verb."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

from identity_manager import audit_proof
from identity_manager.audit import person_references
from identity_manager.models import AuditEvent, Person, SoftwareToken, TokenRequest


class Event(StrEnum):
    """All audit events."""

    PERSON_CREATED = "person.created"
    PERSON_CHANGED = "person.changed"
    PERSON_ACTIVATED = "person.activated"
    PERSON_DEACTIVATED = "person.deactivated"
    PERSON_LOCKED = "person.locked"
    IDENTITY_CHANGE_ASKED = "identity-change.asked"
    IDENTITY_CHANGE_CONFIRMED = "identity-change.confirmed"
    IDENTITY_CHANGE_REFUSED = "identity-change.refused"
    IDENTITY_CHANGE_WITHDRAWN = "identity-change.withdrawn"
    PERSONS_IMPORTED = "persons.imported"
    IMPORT_ASKED = "import.asked"
    IMPORT_CONFIRMED = "import.confirmed"
    IMPORT_REFUSED = "import.refused"
    IMPORT_WITHDRAWN = "import.withdrawn"
    DIRECTORY_RUN_ASKED = "directory-run.asked"
    DIRECTORY_RUN_STOPPED = "directory-run.stopped"
    DIRECTORY_RUN_LET_GO_ON = "directory-run.let-go-on"
    DIRECTORY_RUN_CONFIRMED = "directory-run.confirmed"
    DIRECTORY_RUN_DROPPED = "directory-run.dropped"
    DIRECTORY_RUN_DONE = "directory-run.done"
    DIRECTORY_LINK_CUT = "directory-link.cut"
    STANDING_ORDER_MADE = "standing-order.made"
    STANDING_ORDER_CONFIRMED = "standing-order.confirmed"
    STANDING_ORDER_REFUSED = "standing-order.refused"
    STANDING_ORDER_PLANNED = "standing-order.planned"
    STANDING_ORDER_STOPPED = "standing-order.stopped"
    STANDING_ORDER_ASKED = "standing-order.asked"
    STANDING_ORDER_PAUSED = "standing-order.paused"
    STANDING_ORDER_RESUMED = "standing-order.resumed"
    STANDING_ORDER_ENDED = "standing-order.ended"
    GROUP_MADE = "group.made"
    GROUP_MEMBER_ADDED = "group.member-added"
    GROUP_MEMBER_REMOVED = "group.member-removed"
    GROUP_ENDED = "group.ended"
    BATCH_CREATED = "batch.created"
    BATCH_ASKED = "batch.asked"
    BATCH_CONFIRMED = "batch.confirmed"
    BATCH_REFUSED = "batch.refused"
    BATCH_STARTED = "batch.started"
    BATCH_PAUSED = "batch.paused"
    BATCH_RESUMED = "batch.resumed"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_FINISHED = "batch.finished"
    ROLE_ASSIGNED = "role.assigned"
    ROLE_REFUSED = "role.refused"
    ROLE_WITHDRAWN = "role.withdrawn"
    ROLE_ENDED = "role.ended"
    ROLE_CONFIRMED = "role.confirmed"
    ROLE_NOT_CONFIRMED = "role.not-confirmed"
    RECERTIFICATION_OPENED = "recertification.opened"
    RECERTIFICATION_ENDED = "recertification.ended"
    SIGNED_IN = "account.signed-in"
    SIGN_IN_FAILED = "account.sign-in-failed"
    ACCOUNT_CREATED = "account.created"
    PASSWORD_SET = "account.password-set"  # noqa: S105 the name of an event
    ACCOUNT_LINKED = "account.linked"
    BREAK_GLASS_SIGNED_IN = "account.break-glass-signed-in"
    SESSIONS_ENDED = "account.sessions-ended"
    SECOND_FACTOR_ADDED = "second-factor.added"
    SECOND_FACTOR_RENAMED = "second-factor.renamed"
    SECOND_FACTOR_REMOVED = "second-factor.removed"
    SECOND_FACTORS_RESET = "second-factors.reset"
    RECOVERY_CODES_MADE = "recovery-codes.made"
    RECOVERY_CODE_USED = "recovery-code.used"
    SIGN_IN_CODE_ASKED = "sign-in-code.asked"
    SIGN_IN_CODE_CONFIRMED = "sign-in-code.confirmed"
    SIGN_IN_CODE_MADE = "sign-in-code.made"
    SIGN_IN_CODE_WITHDRAWN = "sign-in-code.withdrawn"
    SIGN_IN_CODE_USED = "sign-in-code.used"
    REQUEST_CREATED = "request.created"
    REQUEST_APPROVED = "request.approved"
    REQUEST_REJECTED = "request.rejected"
    REQUEST_REDUCED = "request.reduced"
    REQUEST_POSTPONED = "request.postponed"
    REQUEST_RETURNED = "request.returned"
    REQUEST_ESCALATED = "request.escalated"
    REQUEST_LEFT_UNDECIDED = "request.left-undecided"
    REQUEST_STOPPED = "request.stopped"
    REQUEST_RESUMED = "request.resumed"
    REQUEST_APPROVAL_LOST = "request.approval-lost"
    REQUEST_SENT_ROUND = "request.sent-round"
    REQUEST_INVITED = "request.invited"
    REQUEST_ACCEPTED = "request.accepted"
    REQUEST_MANAGER_PASSED_OVER = "request.manager-passed-over"
    REQUEST_APPROVERS_REMINDED = "request.approvers-reminded"
    REQUEST_REMINDED = "request.reminded"
    REQUEST_DECLINED = "request.declined"
    REQUEST_LAPSED = "request.lapsed"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_FAILED = "request.failed"
    REQUEST_RETRIED = "request.retried"
    REQUEST_REST_GIVEN = "request.rest-given"
    REQUEST_REST_REVOKED = "request.rest-revoked"
    REQUEST_ISSUED = "request.issued"
    REQUEST_COMPLETED = "request.completed"
    KEY_BOUND = "certificate.key-bound"
    ORDER_ASKED_AGAIN = "certificate.asked-again"
    ORDER_GIVEN_UP = "certificate.given-up"
    KEY_ERASED = "certificate.key-erased"
    CERTIFICATE_ISSUED = "certificate.issued"
    CERTIFICATE_SHORTER = "certificate.shorter-than-ordered"
    CERTIFICATE_REFUSED = "certificate.refused"
    CERTIFICATE_REVOCATION_DECIDED = "certificate.revocation-decided"
    CERTIFICATE_REVOKED = "certificate.revoked"
    REVOCATION_LEFT_TO_HANDS = "certificate.revocation-left-to-hands"
    REVOKED_BY_PUBLIC_KEY = "certificate.revoked-by-public-key"
    KEY_BLOCKED = "key.blocked"
    CERTIFICATE_REVOKED_BY_HAND = "certificate.revoked-by-hand"
    SURPLUS_FOUND = "certificate.surplus-found"
    SURPLUS_REVOKED = "certificate.surplus-revoked"
    SURPLUS_LEFT_TO_HANDS = "certificate.surplus-left-to-hands"
    SURPLUS_REVOKED_BY_HAND = "certificate.surplus-revoked-by-hand"
    CERTIFICATE_HELD = "certificate.held"
    CERTIFICATE_RELEASED = "certificate.released"
    CERTIFICATE_EXPIRED = "certificate.expired"
    TOKEN_SEALED = "token.sealed"  # noqa: S105 the name of an event
    TOKEN_SEALED_FOR_TARGETS = "token.sealed-for-targets"  # noqa: S105 the name of an event
    TOKEN_AT_TARGETS = "token.at-targets"  # noqa: S105 the name of an event
    TOKEN_DELIVERED = "token.delivered"  # noqa: S105 the name of an event
    TOKEN_DELIVERY_FAILED = "token.delivery-failed"  # noqa: S105 the name of an event
    TOKEN_OFFERED = "token.offered"  # noqa: S105 the name of an event
    TOKEN_FILE_FETCHED = "token.file-fetched"  # noqa: S105 the name of an event
    TOKEN_SENT_AGAIN = "token.sent-again"  # noqa: S105 the name of an event
    TOKEN_LAPSED = "token.lapsed"  # noqa: S105 the name of an event
    TOKEN_HELD = "token.held"  # noqa: S105 the name of an event
    TOKEN_REINSTATED = "token.reinstated"  # noqa: S105 the name of an event
    TOKEN_EXPIRED = "token.expired"  # noqa: S105 the name of an event
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 the name of an event
    TOKEN_REPLACED = "token.replaced"  # noqa: S105 the name of an event
    FILE_NOT_ARRIVED = "token.file-not-arrived"
    FILE_ARRIVED = "token.file-arrived"
    DOWNLOAD_OPENED = "token.download-opened"
    ARRIVAL_ANSWERED = "token.arrival-answered"
    MAIL_DELAYED = "mail.delayed"
    TOKEN_INSTALLED = "token.installed"  # noqa: S105 the name of an event
    INSTALLATION_TAKEN_BACK = "token.installation-taken-back"
    INSTALLATION_TOLD = "token.installation-told"
    INSTALLATION_LEFT = "token.installation-left"
    NOT_INSTALLED = "token.not-installed"
    TERMS_ACCEPTED_AGAIN = "terms.accepted-again"
    HOLDER_CHANGED = "token.holder-changed"
    HOLDER_CHANGE_UNDONE = "token.holder-change-undone"
    HOLDER_CHANGE_LEFT = "token.holder-change-left"
    RENEWAL_NOT_NEEDED = "renewal.not-needed"
    REPLACEMENT_ASKED = "replacement.asked"
    MAIL_BOUNCED = "mail.bounced"
    MAIL_COMPLAINED = "mail.complained"
    MAIL_RETRIED = "mail.retried"
    MAIL_DISCARDED = "mail.discarded"
    PASSPHRASE_SHOWN = "passphrase.shown"  # noqa: S105 the name of an event
    PASSPHRASE_ACKNOWLEDGED = "passphrase.acknowledged"  # noqa: S105 the name of an event
    PASSPHRASE_DESTROYED = "passphrase.destroyed"  # noqa: S105 the name of an event
    CATALOGUE_CHANGED = "catalogue.changed"
    CONFIGURATION_IMPORTED = "configuration.imported"
    ACCESS_DENIED = "access.denied"
    EVIDENCE_TAKEN = "audit.evidence-taken"
    LOG_CHECKED = "audit.checked"
    LOG_CUT = "audit.cut"
    EVENTS_FORGOTTEN = "audit.events-forgotten"
    FORGOTTEN = "audit.forgotten"
    KEY_ARCHIVED = "archive.key-archived"
    RECOVERY_ASKED = "recovery.asked"
    RECOVERY_BEGUN = "recovery.begun"
    KEY_RECOVERED = "recovery.key-recovered"
    ARCHIVED_KEY_REMOVED = "retention.archived-key-removed"
    SIEM_RESENT = "siem.resent"
    TARGET_USE_ASKED = "target-use.asked"
    TARGET_USE_CONFIRMED = "target-use.confirmed"
    TARGET_USE_REFUSED = "target-use.refused"
    TARGET_USE_WITHDRAWN = "target-use.withdrawn"
    TARGET_USE_ENDED = "target-use.ended"
    TARGET_TESTED = "target.tested"
    TARGET_SURVEYED = "target.surveyed"
    KEY_SEALED_FOR_TARGET = "placement.key-sealed"
    KEY_HANDED_OVER = "placement.key-handed-over"
    PLACEMENT_ADDED = "placement.added"
    PLACEMENT_NOT_OURS = "placement.not-ours"
    PLACEMENT_REFUSED = "placement.refused"
    PLACEMENT_PARKED = "placement.parked"
    PLACEMENT_TAKEN_BACK = "placement.taken-back"
    PLACEMENT_VANISHED = "placement.vanished"
    PLACEMENT_REPEATED = "placement.repeated"
    PLACEMENT_GIVEN_UP = "placement.given-up"
    API_CLIENT_MADE = "api-client.made"
    API_CLIENT_CONFIRMED = "api-client.confirmed"
    API_CLIENT_REVOKED = "api-client.revoked"
    WEBHOOK_MADE = "webhook.made"
    WEBHOOK_CONFIRMED = "webhook.confirmed"
    WEBHOOK_STOPPED = "webhook.stopped"
    WEBHOOK_KEY_CHANGED = "webhook.key-changed"
    WEBHOOK_TESTED = "webhook.tested"
    WEBHOOK_REPLAYED = "webhook.replayed"
    WEBHOOK_GONE = "webhook.gone"
    DEPUTY_ASSIGNED = "deputy.assigned"
    DEPUTY_ENDED = "deputy.ended"
    APPROVER_GROUP_CHANGED = "approver-group.changed"
    SCIM_CLIENT_MADE = "scim-client.made"
    SCIM_CLIENT_CONFIRMED = "scim-client.confirmed"
    SCIM_CLIENT_REVOKED = "scim-client.revoked"
    ARCHIVE_EXPORT_ASKED = "archive.export-asked"
    ARCHIVE_EXPORT_CONFIRMED = "archive.export-confirmed"
    ARCHIVE_EXPORT_WITHDRAWN = "archive.export-withdrawn"
    ARCHIVE_EXPORTED = "archive.exported"
    RECOVERY_CERTIFICATE_BROUGHT_IN = "archive.certificate-brought-in"
    RECOVERY_CERTIFICATE_CONFIRMED = "archive.certificate-confirmed"
    RECOVERY_CERTIFICATE_IN_FORCE = "archive.certificate-in-force"
    RECOVERY_CERTIFICATE_RETIRED = "archive.certificate-retired"
    KEYS_READDRESSED = "archive.keys-readdressed"
    RECOVERY_KEY_DESTROYED = "archive.recovery-key-destroyed"
    RECOVERY_OFFICERS_CHANGED = "archive.officers-changed"
    RECOVERY_APPROVED = "recovery.approved"
    RECOVERY_REJECTED = "recovery.rejected"
    RECOVERY_CONSENT_GIVEN = "recovery.consent-given"
    RECOVERY_CONSENT_REFUSED = "recovery.consent-refused"
    DRILL_BEGUN = "archive.drill-begun"
    DRILL_CONFIRMED = "archive.drill-confirmed"
    DRILL_PROVED = "archive.drill-proved"
    DRILL_FAILED = "archive.drill-failed"
    SHARE_GIVEN = "recovery.share-given"
    SHARE_WRONG = "recovery.share-wrong"
    SHARE_ROUND_ENDED = "recovery.shares-ended"
    TOKEN_IMPORT_ASKED = "token-import.asked"  # noqa: S105 the name of an event
    TOKEN_IMPORT_CONFIRMED = "token-import.confirmed"  # noqa: S105 the name of an event
    TOKEN_IMPORT_REFUSED = "token-import.refused"  # noqa: S105 the name of an event
    TOKEN_IMPORT_WITHDRAWN = "token-import.withdrawn"  # noqa: S105 the name of an event
    TOKEN_IMPORT_FINISHED = "token-import.finished"  # noqa: S105 the name of an event
    TOKEN_IMPORTED = "token.imported"  # noqa: S105 the name of an event
    KEYS_ROTATED = "keys.rotated"
    KEY_DESTROYED = "keys.destroyed"
    SECRETS_REWRAPPED = "keys.secrets-rewrapped"
    CONTAINERS_REMOVED = "retention.containers-removed"
    MAILS_EMPTIED = "retention.mails-emptied"
    REQUESTS_EMPTIED = "retention.requests-emptied"
    PERSON_DATA_TAKEN = "person.data-taken"
    ERASURE_ASKED = "person.erasure-asked"
    ERASURE_WITHDRAWN = "person.erasure-withdrawn"
    PERSON_ERASED = "person.erased"
    LIST_EXPORTED = "list.exported"
    JOB_STARTED = "job.started"
    SYSTEM_RESTORED = "system.restored"
    CA_MADE = "ca.made"
    ISSUING_CA_REQUESTED = "ca.issuing-ca-requested"
    ISSUING_CA_ROLLED = "ca.issuing-ca-rolled"
    ISSUING_CA_REVOKED = "ca.issuing-ca-revoked"
    ROOT_CRL_SIGNED = "ca.root-crl-signed"
    ROOT_TAKEN_OFFLINE = "ca.root-taken-offline"
    CA_PASSPHRASE_ADDED = "ca.passphrase-added"  # noqa: S105 the name of an event
    CA_PASSPHRASE_CHANGED = "ca.passphrase-changed"  # noqa: S105 the name of an event
    CA_TESTED = "ca.tested"
    CA_COMPARED = "ca.compared"
    CA_NOT_COMPARED = "ca.not-compared"
    FOUND_ADOPTED = "ca.found-adopted"
    FOUND_REVOCATION_DECIDED = "ca.found-revocation-decided"
    FOUND_REVOKED = "ca.found-revoked"
    FOUND_LEFT_TO_HANDS = "ca.found-left-to-hands"
    FOUND_REVOKED_BY_HAND = "ca.found-revoked-by-hand"
    FOUND_LEFT = "ca.found-left"
    CA_SILENT = "ca.silent"
    CA_ANSWERS_AGAIN = "ca.answers-again"


# Facts that caused_by() adds to every event.
_cause: ContextVar[dict[str, str]] = ContextVar("cause", default={})  # noqa: B039 replaced, never changed

Subject = TokenRequest | SoftwareToken | Person | None


@contextmanager
def caused_by(**facts: str) -> Iterator[None]:
    """Context that adds these facts, identifiers of the cause, to every event created inside."""
    before = _cause.set(_cause.get() | facts)
    try:
        yield
    finally:
        _cause.reset(before)


def record(event: Event, *, actor: Person | None, subject: Subject, **facts: Any) -> AuditEvent:
    """Append one event about a request, a token, a person or (None) the system.

    facts: plain values (identifiers, states, counts, reasons); never a secret or a mail's text. Facts
    that models.audit_event.PLAIN_FACTS does not name may hold personal data: they are erased with the
    person.
    """
    row = event_about(event, actor=actor, subject=subject, **facts)
    append([row])
    return row


def event_about(event: Event, *, actor: Person | None, subject: Subject, **facts: Any) -> AuditEvent:
    """The unsaved event that `record` would insert, for verbs that insert many at once with append()."""
    request = token = person = None
    if isinstance(subject, SoftwareToken):
        token, request, person = subject, subject.request, subject.person
    elif isinstance(subject, TokenRequest):
        request, person = subject, subject.person
    else:
        person = subject
    facts = {**_cause.get(), **facts}
    row = AuditEvent(name=event.value, actor=actor, person=person, request=request, token=token, facts=facts)
    if row.personal_facts:
        row.facts_salt = secrets.token_hex(16)
        row.personal_sha256 = audit_proof.personal_hash(row.facts_salt, row.personal_facts)
    return row


def append(events: Sequence[AuditEvent]) -> None:
    """Insert these events, as the last statement of the caller's transaction; no query if there are none."""
    if not events:
        return
    person_references.name_persons(events)
    AuditEvent.objects.bulk_create(events)
