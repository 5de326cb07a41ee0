"""Forms of clients of the API."""

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509 import der
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import ApiScope
from identity_manager.people.api_access.api_clients import NO_CERTIFICATE, NO_NAME, NO_SCOPE
from identity_manager.people.api_access.client_credentials import MOST_DAYS
from identity_manager.ui.forms import TOO_LONG

NOT_KNOWN = _("There is no such choice. Choose from the list.")


class ClientForm(VerbForm):
    """Form of an API client: name, scopes, units, days, and a certificate for mutual TLS."""

    name = forms.CharField(
        label=_("Client"),
        help_text=_("The program that calls, such as a personnel system."),
        max_length=60,
        error_messages={"required": lazystr(NO_NAME), "max_length": TOO_LONG},
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=ApiScope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": lazystr(NO_SCOPE), "invalid_choice": NOT_KNOWN},
    )
    units = forms.CharField(
        label=_("Organisational units"),
        help_text=_("One on each line; empty: persons of all units."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=10_000,
        required=False,
        error_messages={"max_length": TOO_LONG},
    )
    days = forms.IntegerField(
        label=_("Valid for days"),
        initial=365,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("At most 730. Make the next client in time: one that has expired is refused."),
        error_messages={"required": _("Enter for how many days the client is valid.")},
    )
    certificate = forms.CharField(
        label=_("Certificate (PEM)"),
        help_text=_("For mutual TLS through the proxy. Empty: the client gets a token, which is shown once."),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=20_000,
        required=False,
        error_messages={"max_length": TOO_LONG},
    )

    def clean_units(self) -> list[str]:
        """One unit on each line."""
        lines = self.cleaned_data["units"].splitlines()
        return [line.strip() for line in lines if line.strip()]

    def clean_certificate(self) -> bytes:
        """In DER."""
        text = self.cleaned_data["certificate"].strip()
        if not text:
            return b""
        try:
            return der.of_pem(text)
        except ValueError as error:
            raise forms.ValidationError(str(NO_CERTIFICATE.sentence)) from error
