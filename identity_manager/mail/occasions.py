"""What makes a mail the same mail: one goes out for each occasion, whatever number of nodes think of it."""

from identity_manager.models import SoftwareToken, TokenRequest


def round_of(request: TokenRequest) -> str:
    """What an occasion of the request's present round begins with: each round has mails of its own."""
    return str(request.pk) if request.round == 1 else f"{request.pk}:{request.round}"


def acceptance_reminder(request: TokenRequest, *, days: int) -> str:
    """One for each request, round and threshold."""
    return f"acceptance-reminder:{round_of(request)}:{days}"


def passphrase_reminder(token: SoftwareToken, *, days: int) -> str:
    """One for each token and threshold."""
    return f"passphrase-reminder:{token.pk}:{days}"
