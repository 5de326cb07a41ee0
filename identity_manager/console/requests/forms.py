"""Forms on the page of a request: cancel, submit again, give up an order, revoke, hold, send again."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import SoftwareToken
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.ui.encryption_certificates import EncryptionCertificatesField, offer


class ResubmissionForm(VerbForm):
    """Carries a hash of the changes that the officer saw, so that an outdated page starts no new round."""

    changes_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class CancelForm(VerbForm):
    """Form to cancel a request, with the reason."""

    reason = ReasonField(help_text=_("It stays on the request's page."), required=lazystr(NO_REASON))


class GiveUpForm(VerbForm):
    """Reason for giving an order up: what the officer saw at the CA."""

    reason = ReasonField(
        help_text=_("What you saw at the certificate authority. It stays on the request's page."),
        required=lazystr(NO_REASON),
    )


class RevokeForm(VerbForm):
    """Form to revoke tokens: reason for the CA's revocation list; encryption certificates, too, or not."""

    reason = forms.TypedChoiceField(
        label=_("Reason"),
        choices=REVOCATION_REASONS,
        coerce=RevocationReason,
        widget=forms.RadioSelect,
        help_text=_("The certificate authority publishes it with the serial numbers."),
        error_messages={"required": _("Choose why it is revoked.")},
    )
    encryption = EncryptionCertificatesField()

    def __init__(self, *args: Any, tokens: Iterable[SoftwareToken], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, tokens)


class SendAgainForm(VerbForm):
    """In which format the files go out again."""

    container_format = forms.ChoiceField(
        label=_("Format"),
        choices=CONTAINER_FORMATS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a format.")},
    )


class HoldForm(VerbForm):
    """Form to put a token on hold, with the reason."""

    reason = ReasonField(
        help_text=_("It stays on the token's card."),
        required=lazystr(NO_REASON),
        longest=LONGEST_REASON,
    )
