"""The file and its passphrase never leave in one sign-in: who sits at a forgotten browser gets one at most.

SPEC.md 1, "Two channels". A window begins with the sign-in of the session (a later confirmation of the
password does not open a new one), and what counts is what any session of the person got since then.
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
    """Why no file is handed out in this window, or None."""
    shown = SoftwareToken.objects.passphrase_shown_since(person.pk, signed_in_at).exists()
    return PASSPHRASE_SHOWN if shown else None


def passphrase_obstacle(person: Person, *, signed_in_at: datetime) -> Reason | None:
    """Why no passphrase is shown in this window, or None."""
    fetched = Container.objects.fetched_since(person.pk, signed_in_at).exists()
    return FILE_FETCHED if fetched else None
