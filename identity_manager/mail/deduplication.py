"""What makes a mail the same mail: one goes out for each occasion, whatever number of nodes think of it."""

import uuid
from datetime import datetime

from identity_manager.models import BatchOrder, Person, SoftwareToken, TokenRequest


def round_of(request: TokenRequest) -> str:
    """What an occasion of the request's present round begins with: each round has mails of its own."""
    return str(request.pk) if request.round == 1 else f"{request.pk}:{request.round}"


def batch(kind: str, order: BatchOrder, person: Person, key: str) -> str:
    """One for each order, person and key: at the same key they are told of all its requests together."""
    return f"{kind}:{order.pk}:{person.pk}:{key}"


def order_of_batch(occasion: str) -> uuid.UUID:
    """Which order such an occasion is of."""
    return uuid.UUID(occasion.split(":")[1])


def hour(moment: datetime) -> str:
    """As a key: one mail an hour."""
    return f"{moment:%Y-%m-%dT%H}"


def acceptance_reminder(request: TokenRequest, *, days: int) -> str:
    """One for each request, round and threshold."""
    return f"acceptance-reminder:{round_of(request)}:{days}"


def passphrase_reminder(token: SoftwareToken, *, days: int) -> str:
    """One for each token and threshold."""
    return f"passphrase-reminder:{token.pk}:{days}"
