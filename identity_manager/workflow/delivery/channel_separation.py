"""Separation of the two channels: no session gets both file and passphrase.

Whoever finds an unlocked browser gets one at most. The window begins with the session's sign-in
(re-authentication does not begin a new one) and counts what any session of the person got since.
"""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from identity_manager.models import Container, Person, SoftwareToken
from identity_manager.transactions.refusals import Reason

PASSPHRASE_SHOWN = Reason(
    "passphrase-shown-since-sign-in",
    _("A passphrase was shown since you signed in. Sign out, sign in again, and then fetch the file."),
)
FILE_FETCHED = Reason(
    "file-fetched-since-sign-in",
    _("A file was fetched since you signed in. Sign out, sign in again, and then see the passphrase."),
)


def file_obstacle(person: Person, *, signed_in_at: datetime) -> Reason | None:
    """Why no file may be fetched after this sign-in (a passphrase was shown), or None."""
    shown = SoftwareToken.objects.passphrase_shown_since(person.pk, signed_in_at).exists()
    return PASSPHRASE_SHOWN if shown else None


def passphrase_obstacle(person: Person, *, signed_in_at: datetime) -> Reason | None:
    """Why no passphrase may be shown after this sign-in (a file was fetched), or None."""
    fetched = Container.objects.fetched_since(person.pk, signed_in_at).exists()
    return FILE_FETCHED if fetched else None
