"""Visual meaning (colour, icon) of each state of each model: the table behind all state badges."""

from django.db.models import Model

from ca_bridge.models import CaOrder
from identity_manager.models import (
    BatchOrder,
    BatchState,
    Certificate,
    CertificateState,
    ConsentState,
    DeliveryState,
    IdentityChange,
    ImportState,
    MailState,
    OutgoingMail,
    Person,
    PersonImport,
    PersonState,
    RecoveryCertificate,
    RecoveryCertificateState,
    RequestState,
    SoftwareToken,
    TokenImport,
    TokenImportState,
    TokenRequest,
    TokenState,
)
from identity_manager.ui.parts import Meaning

DONE, WAITING, STOPPED = Meaning.DONE, Meaning.WAITING, Meaning.STOPPED
INFORMATION, QUIET = Meaning.INFORMATION, Meaning.QUIET
Meanings = dict[str, Meaning]

PERSON: Meanings = {
    PersonState.REGISTERED: INFORMATION,
    PersonState.ACTIVE: DONE,
    PersonState.INACTIVE: QUIET,
    PersonState.LOCKED: STOPPED,
}
REQUEST: Meanings = {
    RequestState.REQUESTED: WAITING,
    RequestState.APPROVED: INFORMATION,
    RequestState.REJECTED: STOPPED,
    RequestState.AWAITING_ACCEPTANCE: WAITING,
    RequestState.DECLINED: STOPPED,
    RequestState.LAPSED: QUIET,
    RequestState.ISSUING: INFORMATION,
    RequestState.FAILED: STOPPED,
    RequestState.ISSUED: INFORMATION,
    RequestState.COMPLETED: DONE,
    RequestState.CANCELLED: QUIET,
}
TOKEN: Meanings = {
    TokenState.ORDERED: WAITING,
    TokenState.ISSUING: INFORMATION,
    TokenState.SEALED: WAITING,
    TokenState.ACTIVE: DONE,
    TokenState.LAPSED: QUIET,
    TokenState.ON_HOLD: WAITING,
    TokenState.REVOKED: STOPPED,
    TokenState.EXPIRED: QUIET,
    TokenState.REPLACED: QUIET,
    TokenState.CANCELLED: QUIET,
}
CERTIFICATE: Meanings = {
    CertificateState.ORDERED: WAITING,
    CertificateState.VALID: DONE,
    CertificateState.ON_HOLD: WAITING,
    CertificateState.REVOKED: STOPPED,
    CertificateState.EXPIRED: QUIET,
    CertificateState.REFUSED: STOPPED,
}
MAIL: Meanings = {
    MailState.QUEUED: WAITING,
    MailState.SENT: DONE,
    MailState.FAILED: STOPPED,
    MailState.BOUNCED: STOPPED,
    MailState.DISCARDED: QUIET,
}
ORDER: Meanings = {
    CaOrder.State.PREPARED: QUIET,
    CaOrder.State.ASKED: INFORMATION,
    CaOrder.State.ISSUED: DONE,
    CaOrder.State.PENDING: WAITING,
    CaOrder.State.REFUSED: STOPPED,
    CaOrder.State.UNKNOWN: WAITING,
}
DELIVERY: Meanings = {
    DeliveryState.NONE: QUIET,
    DeliveryState.QUEUED: WAITING,
    DeliveryState.SENT: DONE,
    DeliveryState.BOUNCED: STOPPED,
    DeliveryState.OFFERED: WAITING,
    DeliveryState.FETCHED: DONE,
    DeliveryState.TO_TARGETS: WAITING,
    DeliveryState.AT_TARGETS: DONE,
}
IDENTITY_CHANGE: Meanings = {
    ConsentState.WAITING: WAITING,
    ConsentState.CONFIRMED: DONE,
    ConsentState.REFUSED: STOPPED,
    ConsentState.WITHDRAWN: QUIET,
}
RECOVERY_CERTIFICATE: Meanings = {
    RecoveryCertificateState.IMPORTED: WAITING,
    RecoveryCertificateState.IN_FORCE: DONE,
    RecoveryCertificateState.RETIRED: QUIET,
}
BATCH: Meanings = {
    BatchState.CHECKING: INFORMATION,
    BatchState.CHECKED: WAITING,
    BatchState.WAITING: WAITING,
    BatchState.RUNNING: INFORMATION,
    BatchState.PAUSED: WAITING,
    BatchState.FINISHED: DONE,
    BatchState.CANCELLED: STOPPED,
}
PERSON_IMPORT: Meanings = {
    ImportState.UPLOADED: INFORMATION,
    ImportState.WAITING: WAITING,
    ImportState.DONE: DONE,
    ImportState.REFUSED: STOPPED,
    ImportState.WITHDRAWN: STOPPED,
}
TOKEN_IMPORT: Meanings = {
    TokenImportState.READING: INFORMATION,
    TokenImportState.LOOKED_THROUGH: WAITING,
    TokenImportState.WAITING: WAITING,
    TokenImportState.CONFIRMED: INFORMATION,
    TokenImportState.DONE: DONE,
    TokenImportState.REFUSED: STOPPED,
    TokenImportState.WITHDRAWN: STOPPED,
}
STATES: dict[type[Model], Meanings] = {
    BatchOrder: BATCH,
    IdentityChange: IDENTITY_CHANGE,
    Person: PERSON,
    TokenRequest: REQUEST,
    SoftwareToken: TOKEN,
    Certificate: CERTIFICATE,
    OutgoingMail: MAIL,
    CaOrder: ORDER,
    RecoveryCertificate: RECOVERY_CERTIFICATE,
    PersonImport: PERSON_IMPORT,
    TokenImport: TOKEN_IMPORT,
}


def meaning_of(row: Model) -> Meaning:
    """Return the meaning of the row's state. Raises KeyError for a model that is not in the table."""
    state: str = row.state  # type: ignore[attr-defined]  # each model of the table has a state
    return STATES[type(row)][state]
