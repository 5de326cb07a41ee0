"""Common parts of the verbs on credentials of client programs: SCIM tokens and API clients."""

import hashlib
import secrets

from django.utils import timezone

from identity_manager.models import Person, Role
from identity_manager.models.client_credential import ClientCredential
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, require

MOST_DAYS = 730


def new_token(prefix: str = "") -> tuple[str, str]:
    """A token of 256 random bits, and its SHA-256, which is all that is stored."""
    secret = prefix + secrets.token_hex(32)
    return secret, hashlib.sha256(secret.encode()).hexdigest()


def require_administrator(actor: Person, *, else_: Reason) -> None:
    """Refuse who is no System Administrator of all units. Raises NotAllowed."""
    held = actor.is_active and actor.has_role(Role.SYSTEM_ADMINISTRATOR, unit="")
    require(held, else_=else_, kind=NotAllowed)


def end(credential: ClientCredential, *, actor: Person, ended: Reason) -> None:
    """Withdraw a locked credential that waits, or revoke a usable one. Raises Stale with `ended`."""
    now = timezone.now()
    if credential.waits():
        credential.withdraw(by=actor, reason="", now=now)
    else:
        require(credential.is_usable(now), else_=ended, kind=Stale)
    credential.revoked_at = now
    credential.save()
