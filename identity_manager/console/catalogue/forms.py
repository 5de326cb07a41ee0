"""The forms of ADMIN's catalogue. Each goes to one verb; that of a draft carries the revision it shows."""

import re
import uuid
from typing import Any, TypeVar

from django import forms
from django.db import models
from django.forms import BoundField
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from ca_bridge.x509.names import ATTRIBUTE_TYPES
from ca_bridge.x509.subject_alt_names import KINDS
from identity_manager.authorities import connections
from identity_manager.catalogue import versions
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import CertificateProfile, CertificatePurpose, TermsDocument, TokenType
from identity_manager.models.catalogue.certificate_profile import (
    EXTENDED_KEY_USAGES,
    IDENTIFIERS_HELP,
    LONGEST_IDENTIFIERS,
)
from identity_manager.models.catalogue.entry_fields import content_fields, own_messages
from identity_manager.models.catalogue.terms import CODE_HELP
from identity_manager.models.text_in_languages import TextInLanguages
from identity_manager.ui.certificate_labels import label_of
from identity_manager.ui.forms import RadioCards
from identity_manager.ui.language_fields import LanguagesField
from identity_manager.ui.parts import Card
from identity_manager.ui.row_fields import OrderField, PairsField

Group = tuple[Any, tuple[str, ...]]
ICONS = {
    CertificatePurpose.AUTHENTICATION: "key",
    CertificatePurpose.SIGNATURE: "pen",
    CertificatePurpose.ENCRYPTION: "lock",
    CertificatePurpose.COMBINED: "mail",
}


def of_model(model: type[models.Model], name: str, kind: type[forms.Field], **options: Any) -> Any:
    """A form field of that kind, with label, help and messages of the model's field."""
    field = content_fields(model)[name]
    of_field = {
        "label": field.verbose_name,
        "help_text": field.help_text,
        "required": not field.blank,
        "error_messages": own_messages(field),
    }
    return kind(**(of_field | options))


def form_field(field: "models.Field[Any, Any]", **options: Any) -> forms.Field | None:
    """The form field of a column: an input for each language of a text, radio buttons for a choice."""
    if isinstance(field, TextInLanguages):
        options.setdefault("form_class", LanguagesField)
    elif field.choices:
        options.setdefault("widget", forms.RadioSelect)
    return field.formfield(**options)


def columns_of(model: type[models.Model]) -> list[str]:
    """Names of the content fields that are columns of the entry itself."""
    return [name for name, field in content_fields(model).items() if not field.many_to_many]


class RevisionForm(VerbForm):
    """Carries the revision of the draft that the page showed, for optimistic locking."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def clean_revision(self) -> int:
        """The revision that the page showed; an impossible one if none was sent."""
        revision: int | None = self.cleaned_data["revision"]
        return -1 if revision is None else revision


class RefuseForm(RevisionForm):
    """Refusal with a reason."""

    reason = ReasonField(
        help_text=_("Who made the version reads this."), required=lazystr(versions.NO_REASON)
    )


class RetireForm(VerbForm):
    """Form to retire a version, with the reason."""

    reason = ReasonField(help_text=_("It stays in the history."), required=lazystr(versions.NO_REASON))


Form = TypeVar("Form", bound="type[forms.ModelForm[Any]]")


def in_own_words(form: Form) -> Form:
    """Use the model fields' error messages in the form."""
    model: type[models.Model] = form.Meta.model  # type: ignore[attr-defined]  # of each heir
    for name, field in content_fields(model).items():
        if name in form.base_fields:
            form.base_fields[name].error_messages |= own_messages(field)
    return form


class CodedForm(forms.ModelForm):  # type: ignore[type-arg]  # each of its heirs is of another model
    """A form of the catalogue: labels, help, limits and choices are those of the model; a verb saves.

    The code is asked for of what is new.
    """

    def __init__(self, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        model = self._meta.model
        if is_new:
            self.fields["code"] = code = model._meta.get_field("code").formfield()
            code.error_messages |= {"required": _("Enter a code."), "invalid": CODE_HELP}
            self.order_fields(["code"])

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).lower()


class EntryForm(RevisionForm, CodedForm):
    """Base of the forms of both kinds: the code of a new entry, and fields in groups.

    next_number: of a new version, the number that it has if no other one comes first.
    """

    GROUPS: tuple[Group, ...] = ()
    next_number = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def made_from(self, pk: uuid.UUID) -> versions.Base:
        """The base version that the page showed; an impossible one if the form does not say which."""
        number: int | None = self.cleaned_data["next_number"]
        return versions.Base(pk, self.cleaned_data["revision"], number or 0)

    def groups(self) -> list[tuple[Any, list[list[BoundField]]]]:
        """Title of each part of the form, and its rows: one field, or several side by side."""
        return [(title, [row for names in rows if (row := self._row(names))]) for title, rows in self.GROUPS]

    def _row(self, names: str) -> list[BoundField]:
        return [self[name] for name in names.split() if name in self.fields]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        """Initial values of the form, from a version."""
        return {name: getattr(row, name) for name in cls._meta.fields or ()} | {"revision": row.version}

    def values(self) -> dict[str, Any]:
        """Field values for the verb; a field that is invalid by itself is left out."""
        names = self._meta.fields or ()
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


_RENEWAL = (
    *("renewal_days", "renewal_policy", "renewal_approval"),
    *("replaced_after_days", "on_holder_change"),
)


@in_own_words
class TypeForm(EntryForm):
    """A version of a token type."""

    GROUPS = (
        (_("What people read"), ("code", "name", "description", "position")),
        (_("Who may have it"), ("kinds", "purpose_rule", "terms")),
        (_("Who approves"), ("approval", "approvers_needed", "approver_group", "manager_approval")),
        (_("Certificates"), ("profiles", "validity_days")),
        (_("Renewal"), _RENEWAL),
        (_("When its holder leaves"), ("on_leave", "on_lock")),
        (
            _("Key and file"),
            (
                "key_algorithm",
                "archive_key",
                *("keys_leave", "targets_alone"),
                "container_format",
                "device_rule",
                "apple_mail_account",
                "passphrase_days",
                "installation_policy",
                "installation_days",
                "container_retention_days",
            ),
        ),
    )
    profiles = of_model(TokenType, "profiles", OrderField, place_label=_("Certificate profile"))

    class Meta:
        model = TokenType
        fields = columns_of(TokenType)
        formfield_callback = form_field
        widgets = {"key_algorithm": forms.Select}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        documents = self.fields["terms"]
        assert isinstance(documents, forms.ModelChoiceField)  # noqa: S101 narrows the declared type
        documents.queryset = TermsDocument.objects.order_by("code")
        offered = CertificateProfile.objects.active().order_by("code")
        self._offered = {str(profile.pk): profile for profile in offered}
        order = self.fields["profiles"]
        assert isinstance(order, OrderField)  # noqa: S101 narrows the declared type
        order.offer((key, f"{row.name} · {row.code} {row.number}") for key, row in self._offered.items())

    def chosen_profiles(self) -> list[CertificateProfile]:
        """The profiles in their order."""
        return [self._offered[key] for key in self.cleaned_data["profiles"]]

    @classmethod
    def initial_of(cls, row: TokenType) -> dict[str, Any]:
        """Initial values, from a version. A profile that has a newer version in force is shown as that."""
        codes = [profile.code for profile in row.ordered_profiles()]
        in_force = {row.code: row.pk for row in CertificateProfile.objects.active().filter(code__in=codes)}
        return super().initial_of(row) | {"profiles": [in_force[code] for code in codes if code in in_force]}


@in_own_words
class ProfileForm(EntryForm):
    """A version of a certificate profile."""

    GROUPS = (
        (_("What it is"), ("code", "name", "purpose")),
        (_("What the certificate says"), ("subject", "subject_alt_names", "include_sid")),
        (
            _("What it may be used for"),
            ("key_usage", "extended_key_usage", "other_usages", "policies", "archive_dual_use"),
        ),
        (_("Who issues it"), ("ca ca_profile", "longest_validity_days")),
    )
    purpose = of_model(
        CertificateProfile,
        "purpose",
        forms.ChoiceField,
        choices=[(each.value, Card(each.label, icon=ICONS[each])) for each in CertificatePurpose],
        widget=RadioCards(attrs={"class": "choices-tiles"}),
    )
    subject = of_model(
        CertificateProfile,
        "subject",
        PairsField,
        choices=[(name, name) for name in ATTRIBUTE_TYPES],
        kind_label=_("Attribute"),
        text_label=_("Template"),
    )
    subject_alt_names = of_model(
        CertificateProfile,
        "subject_alt_names",
        PairsField,
        choices=[(kind, label_of(kind)) for kind in KINDS],
        kind_label=_("Kind"),
        text_label=_("Template"),
    )
    other_usages = forms.CharField(
        label=_("Other extended key usages"),
        required=False,
        max_length=LONGEST_IDENTIFIERS,
        help_text=IDENTIFIERS_HELP,
    )
    policies = of_model(CertificateProfile, "policies", forms.CharField, max_length=LONGEST_IDENTIFIERS)
    ca = of_model(CertificateProfile, "ca", forms.ChoiceField)

    class Meta:
        model = CertificateProfile
        fields = columns_of(CertificateProfile)
        formfield_callback = form_field

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        authority = self.fields["ca"]
        assert isinstance(authority, forms.ChoiceField)  # noqa: S101 narrows the declared type
        authority.choices = [(alias, alias) for alias in registry.aliases()]
        self.offered = connections.offered()
        if self.offered:
            self.fields["ca_profile"].widget.attrs |= {"list": "offered-profiles", "autocomplete": "off"}

    def values(self) -> dict[str, Any]:
        """Field values for the verb, with other usages among the usages."""
        given = super().values()
        others = _identifiers(self.cleaned_data.get("other_usages", ""))
        usages = [*given.get("extended_key_usage", []), *others]
        return given | {"extended_key_usage": list(dict.fromkeys(usages))}

    def clean_policies(self) -> list[str]:
        return list(dict.fromkeys(_identifiers(self.cleaned_data["policies"])))

    def as_typed(self) -> CertificateProfile:
        """A profile, not saved, of what was typed so far, complete or not."""
        self.is_valid()
        rows = {name: field for name, field in self.fields.items() if isinstance(field, PairsField)}
        half = {name: field.as_typed(self[name].value()) for name, field in rows.items()}
        return CertificateProfile(code="preview", **({"key_usage": []} | half | self.values()))

    @classmethod
    def initial_of(cls, row: CertificateProfile) -> dict[str, Any]:
        """Initial values of the form, from a version; usages without a name go to the field of others."""
        known = EXTENDED_KEY_USAGES
        return super().initial_of(row) | {
            "extended_key_usage": [oid for oid in row.extended_key_usage if oid in known],
            "other_usages": " ".join(oid for oid in row.extended_key_usage if oid not in known),
            "policies": " ".join(row.policies),
        }


def _identifiers(text: str) -> list[str]:
    return [each for each in re.split(r"[\s,;]+", text) if each]
