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
    """The id of the batch order in a key of batch()."""
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
    """Key per approver and time to which they have postponed requests."""
    return f"approvals-back:{postponed.approver_id}:{postponed.until.isoformat()}"


def by_hand(reminder: str, key: uuid.UUID, day: date) -> str:
    """Key per request or token and day: at most one manual reminder a day."""
    return f"{reminder}:{key}:by-hand:{day.isoformat()}"


def renewal_due(token: SoftwareToken, *, days: int) -> str:
    """Key per token and threshold of days left."""
    return f"renewal-due:{token.pk}:{days}"


def installation_due(notice: InstallationNotice, *, number: int) -> str:
    """Key per notice period of a token and number of the reminder; a new period has its own mails."""
    return f"installation-due:{notice.pk}:{number}"


def terms_again(notice: TermsNotice, *, days: int) -> str:
    """Key per person, version and threshold of days left; 0 for the first mail."""
    return f"terms-again:{notice.version_id}:{notice.person_id}:{days}"


def version_of_terms(occasion: str) -> uuid.UUID:
    """The id of the version of terms in a key of terms_again()."""
    return uuid.UUID(occasion.split(":")[1])
