"""The form of **Lock** and **Revoke all**."""

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    SoftwareToken,
)
from identity_manager.ui.encryption_certificates import EncryptionCertificatesField, offer
from identity_manager.ui.forms import RadioCards
from identity_manager.ui.parts import Card
from selfservice.refusals import VerbForm


class RevocationForm(VerbForm):
    """Form to revoke certificates: the reason, and which encryption certificates are among them."""

    reason = forms.ChoiceField(
        label=_("Why?"),
        choices=[
            (
                RevocationReason.KEY_COMPROMISE.value,
                Card(
                    _("The device is lost or stolen, or somebody may know the passphrase"),
                    _("Do this at once."),
                    icon="alert",
                ),
            ),
            (
                RevocationReason.CESSATION_OF_OPERATION.value,
                Card(_("I do not need it any more"), icon="trash"),
            ),
            (RevocationReason.UNSPECIFIED.value, Card(_("Another reason"), icon="more")),
        ],
        widget=RadioCards,
        error_messages={"required": _("Choose why.")},
    )
    encryption = EncryptionCertificatesField()

    def __init__(self, *args: Any, tokens: Iterable[SoftwareToken], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, tokens)

    @property
    def encryption_ids(self) -> list[uuid.UUID]:
        return list(self.cleaned_data.get("encryption", ()))

    @property
    def revocation_reason(self) -> RevocationReason:
        return RevocationReason(self.cleaned_data["reason"])
