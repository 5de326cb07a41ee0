"""Forms of a token's page: its files, whether they arrived, where they are installed."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from identity_manager.mail import install
from identity_manager.models import (
    Container,
    DeviceKind,
    SoftwareToken,
)
from identity_manager.models.mail.delivery_problem import SAID
from identity_manager.workflow.delivery import arrival, installation
from selfservice.refusals import VerbForm, error_message


class SendAgainForm(VerbForm):
    """For which device the file is sent again."""

    device = forms.ChoiceField(
        choices=[(device.code, device.name) for device in install.DEVICES],
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose a device from the list.")),
    )

    fips = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Only a device that reads the FIPS format gets it."""
        values: dict[str, Any] = super().clean() or {}
        device = install.device(values.get("device", ""))
        if values.get("fips") and device is not None and not device.fips_program:
            self.add_error("device", self.fields["device"].error_messages["invalid_choice"])
        return values

    @property
    def container_format(self) -> str:
        device = install.device(self.cleaned_data["device"])
        if self.cleaned_data["fips"]:
            return install.FIPS.value
        return device.container_format.value if device else ""


class InstalledForm(VerbForm):
    """On which device the person has installed the token."""

    device = forms.ChoiceField(
        label=_("On which device?"),
        choices=DeviceKind.choices,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), error_message(installation.NO_SUCH_DEVICE)
        ),
    )


class TakeBackForm(InstalledForm):
    """A click on **Take back**; the page with a refusal offers to name a device, as before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["device"].required = False


class NotArrivedForm(VerbForm):
    """Form to report that a mailed file did not arrive: what happened."""

    kind = forms.ChoiceField(
        label=_("What happened?"),
        choices=[(kind.value, kind.label) for kind in SAID],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), error_message(arrival.NO_KIND)),
    )


class ArrivedForm(NotArrivedForm):
    """A click on **It has arrived**; the page with a refusal offers to say what happened, as before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].required = False


class FetchForm(VerbForm):
    """Form to fetch one file of the token."""

    container = forms.ModelChoiceField(
        Container.objects.none(),
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), _("Choose one of the files that this page offers.")
        ),
    )

    def __init__(self, *args: Any, token: SoftwareToken, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Container.objects.filter(token=token).defer("content")
        self.fields["container"].queryset = rows  # type: ignore[attr-defined]  # a ModelChoiceField

    @property
    def container_id(self) -> uuid.UUID:
        container: Container = self.cleaned_data["container"]
        return container.pk


class FetchProfileForm(VerbForm):
    """For which device the token's configuration profile is fetched."""

    device = forms.ChoiceField(
        choices=[(device.code, device.name) for device in install.DEVICES if device.profile_steps],
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose a device from the list.")),
    )

    @property
    def chosen(self) -> install.Device:
        device = install.device(self.cleaned_data["device"])
        assert device is not None  # noqa: S101 narrows: it is one of the choices
        return device
