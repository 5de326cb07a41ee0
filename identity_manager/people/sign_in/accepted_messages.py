"""Replay protection: a signed message of an identity provider is accepted once."""

import hashlib
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import AcceptedMessage
from identity_manager.transactions.refusals import Reason, Refused

REPLAYED = Reason("sign-in-replayed", _("This answer was used already. Sign in once more."))


def accept_once(*parts: str, until: datetime) -> None:
    """Note the message by what identifies it (kind, issuer, id). Raises Refused where it was noted before.

    until: when the message itself expires, clock skew included; it may be forgotten then.
    """
    digest = digest_of(*parts)
    try:
        with transaction.atomic():
            AcceptedMessage(digest=digest, expires_at=until).save(force_insert=True)
    except IntegrityError as known:
        raise Refused(REPLAYED) from known


def note(*parts: str, until: datetime) -> None:
    """Note a message, or that it came once more; never for a shorter time than before."""
    digest = digest_of(*parts)
    AcceptedMessage.objects.get_or_create(digest=digest, defaults={"expires_at": until})
    AcceptedMessage.objects.filter(digest=digest, expires_at__lt=until).update(expires_at=until)


def is_noted(*parts: str, beyond: datetime | None = None) -> bool:
    """Whether the message was noted, and is not forgotten yet. beyond: at least until then."""
    rows = AcceptedMessage.objects.filter(digest=digest_of(*parts), expires_at__gt=timezone.now())
    return (rows.filter(expires_at__gte=beyond) if beyond else rows).exists()


def forget_expired() -> None:
    """Delete messages that their own dates refuse by now."""
    AcceptedMessage.objects.over(timezone.now()).delete()


def digest_of(*parts: str) -> str:
    """SHA-256; the lengths of the parts are hashed too, so that no two lists of parts are the same."""
    framed = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(framed.encode("utf-8", "surrogatepass")).hexdigest()
