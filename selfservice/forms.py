"""Forms of Self-Service."""

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager.mail import install
from identity_manager.models import (
    Container,
    DeviceKind,
    Person,
    ReplacementCause,
    SoftwareToken,
    TermsText,
)
from identity_manager.models.mail.delivery_problem import SAID
from identity_manager.ui.encryption_certificates import EncryptionCertificatesField, offer
from identity_manager.ui.forms import TOO_LONG, CardsField, PurposeField, RadioCards
from identity_manager.ui.parts import Card
from identity_manager.workflow import step4_accept
from identity_manager.workflow.delivery import arrival, installation
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import policy
from identity_manager.workflow.replacement import policy as replacement
from identity_manager.workflow.step1_replace import ReplacementOrder
from selfservice import recovery_choices
from selfservice.refusals import VerbForm, in_words
from selfservice.type_choices import cards


class RequestForm(VerbForm):
    """Which software token types the person asks for."""

    types = CardsField(
        label=_("Which software tokens do you want?"),
        error_messages={"required": in_words(eligibility.NO_TYPE)},
    )
    purpose = PurposeField()

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = eligibility.type_choices(person, own=True)
        self.fields["types"].choices = cards(person, choices)  # type: ignore[attr-defined]  # a CardsField
        PurposeField.add_to(self, (choice.token_type for choice in choices))

    @property
    def type_ids(self) -> list[uuid.UUID]:
        return [uuid.UUID(value) for value in self.cleaned_data["types"]]

    @property
    def purpose_said(self) -> str:
        """The purpose; empty if no type asks for one."""
        return str(self.cleaned_data.get("purpose", ""))


CAUSE_ICONS = {
    ReplacementCause.LOST: "help",
    ReplacementCause.STOLEN: "alert",
    ReplacementCause.COMPROMISED: "eye",
    ReplacementCause.FORGOTTEN: "key",
}


class ConsentForm(VerbForm):
    """Whether the owner agrees that somebody else gets their archived keys: one of two buttons."""

    agrees = forms.ChoiceField(
        choices=(("yes", _("I agree")), ("no", _("I do not agree"))),
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Say whether you agree.")),
    )


class RenewForm(VerbForm):
    """A click on **Renew**. texts: the terms that the page named as accepted before."""

    texts = forms.ModelMultipleChoiceField(
        TermsText.objects.all(),
        widget=forms.MultipleHiddenInput,
        required=False,
        error_messages=dict.fromkeys(
            ("invalid_list", "invalid_choice", "invalid_pk_value"), in_words(step4_accept.OTHER_TERMS)
        ),
    )

    @property
    def text_ids(self) -> list[uuid.UUID]:
        return [text.pk for text in self.cleaned_data["texts"]]


class NotNeededForm(VerbForm):
    """Why the person does not need the token any longer."""

    reason = forms.CharField(
        label=_("Why do you not need it any longer?"),
        help_text=_("The Software Token Administrators read this."),
        max_length=300,
        error_messages={"max_length": TOO_LONG, "required": _("Say why you do not need it.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class RecoverForm(VerbForm):
    """Which archived keys the person recovers, and why."""

    keys = CardsField(
        label=_("Which keys do you want to recover?"),
        error_messages={"required": in_words(policy.NO_KEYS)},
    )
    purpose = forms.CharField(
        label=_("Why do you need them?"),
        help_text=_("It stands in the audit log, and the Software Token Administrators read it."),
        max_length=300,
        error_messages={"max_length": TOO_LONG, "required": in_words(policy.NO_PURPOSE)},
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["keys"].choices = recovery_choices.cards(person)  # type: ignore[attr-defined]  # a CardsField

    @property
    def key_ids(self) -> list[uuid.UUID]:
        return [uuid.UUID(value) for value in self.cleaned_data["keys"]]


class DeclineForm(VerbForm):
    """Why the person does not accept, if they want to say it."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The Software Token Administrators read this."),
        required=False,
        max_length=1000,
        error_messages={"max_length": TOO_LONG},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ShowForm(VerbForm):
    """A click on **Show passphrase**."""


class NotedForm(VerbForm):
    """That the person has noted the passphrase."""

    noted = forms.BooleanField(
        label=_("I have noted the passphrase"),
        help_text=_("Install the file first, then confirm: nobody can show the passphrase again afterwards."),
        error_messages={
            "required": _("Note the passphrase first, then check the box: it is destroyed afterwards.")
        },
    )


class RevocationForm(VerbForm):
    """Why certificates are revoked, and which encryption certificates are among them."""

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


class ReplaceForm(VerbForm):
    """Why tokens are replaced. tokens, texts: those that the page has named.

    of_one: whether one token alone is replaced, whose passphrase may be forgotten.
    """

    cause = forms.ChoiceField(
        label=_("What has happened?"),
        widget=RadioCards,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose what has happened.")),
    )
    encryption = EncryptionCertificatesField()
    tokens = forms.ModelMultipleChoiceField(
        SoftwareToken.objects.none(),
        widget=forms.MultipleHiddenInput,
        required=False,
        error_messages=dict.fromkeys(
            ("invalid_list", "invalid_choice", "invalid_pk_value"), in_words(replacement.OTHER_TOKENS)
        ),
    )
    texts = forms.ModelMultipleChoiceField(
        TermsText.objects.all(),
        widget=forms.MultipleHiddenInput,
        required=False,
        error_messages=dict.fromkeys(
            ("invalid_list", "invalid_choice", "invalid_pk_value"), in_words(step4_accept.OTHER_TERMS)
        ),
    )

    def __init__(
        self, *args: Any, person: Person, tokens: Iterable[SoftwareToken], of_one: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cause"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (cause.value, Card(cause.label, icon=CAUSE_ICONS[cause]))
            for cause in ReplacementCause
            if of_one or cause != ReplacementCause.FORGOTTEN
        ]
        rows = SoftwareToken.objects.filter(person=person)
        self.fields["tokens"].queryset = rows  # type: ignore[attr-defined]  # a ModelMultipleChoiceField
        offer(self, tokens, tick_archived=True)

    def order(self, only: uuid.UUID | None) -> ReplacementOrder:
        """The order in the valid form."""
        content = self.cleaned_data
        return ReplacementOrder(
            cause=ReplacementCause(content["cause"]),
            only=only,
            shown={row.pk for row in content["tokens"]},
            encryption=content.get("encryption", ()),
            terms_shown={text.pk for text in content["texts"]},
        )


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
        error_messages=dict.fromkeys(("required", "invalid_choice"), in_words(installation.NO_SUCH_DEVICE)),
    )


class TakeBackForm(InstalledForm):
    """A click on **Take back**; the page with a refusal offers to name a device, as before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["device"].required = False


class NotArrivedForm(VerbForm):
    """What happened to a file that was mailed."""

    kind = forms.ChoiceField(
        label=_("What happened?"),
        choices=[(kind.value, kind.label) for kind in SAID],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), in_words(arrival.NO_KIND)),
    )


class ArrivedForm(NotArrivedForm):
    """A click on **It has arrived**; the page with a refusal offers to say what happened, as before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].required = False


class FetchForm(VerbForm):
    """Which file of the token is fetched."""

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


class WithdrawForm(VerbForm):
    """A click on **Withdraw the request**."""
