"""Forms of batch orders: what is wanted, by kind; its start with reason and pacing."""

import uuid
from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import BatchKind, ReplacementCause, TokenType
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS
from identity_manager.models.identifiers import new_id
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.ui.forms import CardsField, PurposeField
from identity_manager.ui.parts import Card, type_icon
from identity_manager.workflow.batch.kinds.kind import OrderKind
from identity_manager.workflow.batch.kinds.replace import NO_REPLACEMENT_CAUSE
from identity_manager.workflow.batch.kinds.revoke import NO_REVOCATION_REASON
from identity_manager.workflow.batch.pacing import Pacing
from identity_manager.workflow.policy import eligibility


class OrderForm(VerbForm):
    """Any kind without options. key: the order's id, so that a double submit places one order.

    of_file: whether the persons are those of a file.
    """

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("Personnel numbers, one in each line; of several columns, the one with that name."),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, of_file: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["key"] = new_id()
        if not of_file:
            del self.fields["file"]

    def clean(self) -> dict[str, Any] | None:
        """Any other error loses the file too, as browsers do not keep file fields."""
        typed = super().clean()
        if self.errors and "file" in self.fields and "file" not in self.errors:
            self.add_error("file", _("Choose the file again: your browser does not keep it."))
        return typed

    @property
    def type_ids(self) -> list[uuid.UUID]:
        return []

    @property
    def options(self) -> dict[str, Any]:
        """Options of this kind of order, as they are stored with it."""
        return {}


class EnableForm(OrderForm):
    """Form of an order to enable: types, purpose, and whether persons get the others if one is impossible."""

    types = CardsField(
        label=_("Software token types"), error_messages={"required": lazystr(eligibility.NO_TYPE)}
    )
    purpose = PurposeField()
    accept_partial = forms.BooleanField(
        label=_("Who cannot have all of these types gets the others"),
        help_text=_("Otherwise who cannot have one of them gets none."),
        required=False,
    )
    field_order = ("file", "types", "purpose", "accept_partial", "key")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["types"]
        assert isinstance(field, CardsField)  # noqa: S101 narrows the declared type
        types = list(TokenType.objects.active())
        field.choices = [(str(each.pk), _card(each)) for each in types]
        PurposeField.add_to(self, types)

    @property
    def type_ids(self) -> list[uuid.UUID]:
        return [uuid.UUID(value) for value in self.cleaned_data["types"]]


class RevokeForm(OrderForm):
    """Form of an order to revoke: reason for the revocation lists; encryption certificates, too, or not."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=REVOCATION_REASONS,
        widget=forms.RadioSelect,
        help_text=_("The certificate authority publishes it with the serial numbers."),
        error_messages={"required": lazystr(NO_REVOCATION_REASON)},
    )
    encryption = forms.BooleanField(
        label=_("Encryption certificates, too"),
        help_text=_(
            "Nobody encrypts to them afterwards, and without an archived copy of the key, the file and its"
            " passphrase nobody reads what was encrypted. Otherwise they stay valid until their own date."
        ),
        required=False,
    )
    field_order = ("file", "reason", "encryption", "key")

    @property
    def options(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("reason", "encryption")}


class ReplaceForm(OrderForm):
    """Form of an order to replace tokens, with the cause."""

    cause = forms.ChoiceField(
        label=_("Reason"),
        choices=ReplacementCause.choices,
        widget=forms.RadioSelect,
        error_messages={"required": lazystr(NO_REPLACEMENT_CAUSE)},
    )
    field_order = ("file", "cause", "key")

    @property
    def options(self) -> dict[str, Any]:
        return {"cause": self.cleaned_data["cause"]}


class ResendForm(OrderForm):
    """In which format the files go out again."""

    container_format = forms.ChoiceField(
        label=_("Format"),
        choices=CONTAINER_FORMATS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a format.")},
    )
    field_order = ("file", "container_format", "key")

    @property
    def options(self) -> dict[str, Any]:
        return {"container_format": self.cleaned_data["container_format"]}


OPTIONS: dict[BatchKind, type[OrderForm]] = {
    BatchKind.ENABLE: EnableForm,
    BatchKind.REVOKE: RevokeForm,
    BatchKind.REPLACE: ReplaceForm,
    BatchKind.RESEND: ResendForm,
}


def form_of(kind: OrderKind) -> type[OrderForm]:
    """The form of the kind."""
    return OPTIONS.get(kind.kind, OrderForm)


class StartForm(VerbForm):
    """Form to start an order: reason, lines an hour, and time of day."""

    note = ReasonField(
        help_text=_("It stands on the order's page and in the audit log."), required=lazystr(NO_REASON)
    )
    rate = forms.IntegerField(
        label=_("At most so many an hour"),
        help_text=_("Without a number, as fast as it goes."),
        min_value=1,
        max_value=1_000_000,
        required=False,
    )
    window_from = forms.TimeField(
        label=_("Only from"),
        help_text=_("For example 22:00"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        required=False,
    )
    window_to = forms.TimeField(
        label=_("to"),
        help_text=_("For example 05:00"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        required=False,
    )

    def __init__(self, *args: Any, wants_note: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["note"].required = wants_note

    @property
    def pacing(self) -> Pacing:
        typed = self.cleaned_data
        return Pacing(typed["rate"], typed["window_from"], typed["window_to"])


class RejectForm(VerbForm):
    """Form with the reason why the second officer rejects an order."""

    reason = ReasonField(help_text=_("Who gave the order reads it."), required=lazystr(NO_REASON))


def _card(token_type: TokenType) -> Card:
    return Card(str(token_type), token_type.description, icon=type_icon(token_type.code))
