"""Form field for the encryption certificates that a revocation includes: none unless it is ticked."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.forms import Form
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509.certificates import common_name
from identity_manager.models import Certificate, SoftwareToken
from identity_manager.models.archive.archived_key import with_copies
from identity_manager.ui import dates
from identity_manager.ui.forms import CardsField
from identity_manager.ui.parts import Card

OF_REPLACED = _(
    "Ticked are those of whose keys a copy is kept, so that old mail stays readable. Nobody encrypts for a"
    " revoked certificate. What is not ticked ends by its own date."
)


class EncryptionCertificatesField(CardsField):
    """Check boxes, one for each encryption certificate; the value is their ids."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            label=_("Revoke these encryption certificates, too?"),
            help_text=_(
                "Tick them if somebody else may have the key: nobody encrypts for a revoked certificate. What"
                " is not ticked ends by its own date."
            ),
            **kwargs,
        )

    def clean(self, value: Any) -> list[uuid.UUID]:
        return [uuid.UUID(each) for each in super().clean(value)]


def offer(form: Form, tokens: Iterable[SoftwareToken], *, tick_archived: bool = False) -> None:
    """Offer encryption certificates of these tokens that may outlive them; without any, remove the field.

    tick_archived: tick those with an archived key initially: revoking them makes no mail unreadable.
    """
    rows = Certificate.objects.may_outlive_token().filter(token__in=tokens)
    rows = rows.select_related("profile").only("subject", "not_after", "profile")
    found = list(with_copies(rows.order_by("not_after", "pk")))
    if not found:
        del form.fields["encryption"]
        return
    cards = [(str(row.pk), _card(row)) for row in found]
    form.fields["encryption"].choices = cards  # type: ignore[attr-defined]  # a CardsField
    if tick_archived:
        form.fields["encryption"].help_text = OF_REPLACED
        form.initial["encryption"] = [str(row.pk) for row in found if row.copy_is_kept]


def _card(certificate: Certificate) -> Card:
    """The certificate by its name, its profile and its end."""
    name, ends = common_name(certificate.subject), certificate.not_after
    until = dates.long_date(ends) if ends else ""
    title = _("%(name)s, %(profile)s, valid until %(until)s") % {
        "name": name,
        "profile": certificate.profile,
        "until": until,
    }
    return Card(title, icon="lock")
