"""Deduplication keys of mails (`occasion`, unique in the outbox): one mail per occasion, whatever tries to
queue it.
"""

import uuid
from datetime import date, datetime

from identity_manager.models import (
    BatchOrder,
    InstallationNotice,
    Person,
    Postponement,
    SoftwareToken,
    TermsNotice,
    TokenRequest,
)


def round_of(request: TokenRequest) -> str:
    """Prefix for the request's current round; each round has its own mails."""
    return str(request.pk) if request.round == 1 else f"{request.pk}:{request.round}"


def batch(kind: str, order: BatchOrder, person: Person, key: str) -> str:
    """Key per batch order, person and further key: one mail about all requests of the order."""
    return f"{kind}:{order.pk}:{person.pk}:{key}"


def order_of_batch(occasion: str) -> uuid.UUID:
    """Which batch order such a key is about."""
    return uuid.UUID(occasion.split(":")[1])


def hour(moment: datetime) -> str:
    """Key part that allows one mail per hour."""
    return f"{moment:%Y-%m-%dT%H}"


def acceptance_reminder(request: TokenRequest, *, days: int) -> str:
    """Key per request, round and threshold."""
    return f"acceptance-reminder:{round_of(request)}:{days}"


def passphrase_reminder(token: SoftwareToken, *, days: int) -> str:
    """Key per token and threshold."""
    return f"passphrase-reminder:{token.pk}:{days}"


def approvals_back(postponed: Postponement) -> str:
    """One for each approver and moment to which they have postponed requests."""
    return f"approvals-back:{postponed.approver_id}:{postponed.until.isoformat()}"


def by_hand(reminder: str, key: uuid.UUID, day: date) -> str:
    """Key per request or token and day: an officer reminds of it at most once a day."""
    return f"{reminder}:{key}:by-hand:{day.isoformat()}"


def renewal_due(token: SoftwareToken, *, days: int) -> str:
    """One for each token and number of days that are left."""
    return f"renewal-due:{token.pk}:{days}"


def installation_due(notice: InstallationNotice, *, number: int) -> str:
    """One for each clock of a token and number; a clock that starts anew has mails of its own."""
    return f"installation-due:{notice.pk}:{number}"


def terms_again(notice: TermsNotice, *, days: int) -> str:
    """One for each person, version and number of days that are left; 0 for the first mail."""
    return f"terms-again:{notice.version_id}:{notice.person_id}:{days}"


def version_of_terms(occasion: str) -> uuid.UUID:
    """Which version of terms such a key is about."""
    return uuid.UUID(occasion.split(":")[1])
