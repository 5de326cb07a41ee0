"""The forms of ADMIN's catalogue. Each goes to one verb; that of a draft carries the revision it shows."""

import re
import uuid
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from ca_bridge.contract import KEY_USAGES
from ca_bridge.x509.names import ATTRIBUTE_TYPES
from ca_bridge.x509.subject_alt_names import KINDS
from identity_manager.authorities import connections
from identity_manager.catalogue import types, versions
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import (
    ApprovalPolicy,
    CertificateProfile,
    CertificatePurpose,
    PersonKind,
    TermsDocument,
    TokenType,
)
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS, KEY_ALGORITHMS
from identity_manager.ui.forms import RadioCards
from identity_manager.ui.language_fields import LanguagesField
from identity_manager.ui.parts import Card
from identity_manager.ui.row_fields import OrderField, PairsField

Group = tuple[Any, tuple[str, ...]]
CODE_HELP = _("Small letters, digits and hyphens. It names the entry for programs and never changes.")
NO_NAME = {"required": _("Enter the name.")}
# RFC 5280 4.2.1.12, RFC 9336, and what Microsoft's programs ask for.
USAGES = (
    ("1.3.6.1.5.5.7.3.2", _("Client authentication (networks, websites)")),
    ("1.3.6.1.4.1.311.20.2.2", _("Sign-in to Windows")),
    ("1.3.6.1.5.5.7.3.4", _("E-mail protection")),
    ("1.3.6.1.5.5.7.3.36", _("Signing documents")),
    ("1.3.6.1.4.1.311.10.3.12", _("Signing documents (Microsoft)")),
    ("1.3.6.1.4.1.311.10.3.4", _("Encrypting files (Microsoft)")),
    ("1.3.6.1.5.5.7.3.17", _("IPsec")),
)
KEY_USAGE_WORDS = {
    "digitalSignature": _("digitalSignature: signs what proves who it is"),
    "nonRepudiation": _("nonRepudiation: signs documents in the person's name"),
    "keyEncipherment": _("keyEncipherment: receives encrypted messages (RSA keys)"),
    "dataEncipherment": _("dataEncipherment: decrypts data directly (RSA keys)"),
    "keyAgreement": _("keyAgreement: receives encrypted messages (EC keys)"),
}
PURPOSES = (
    (CertificatePurpose.AUTHENTICATION.value, Card(_("Authentication"), icon="key")),
    (CertificatePurpose.SIGNATURE.value, Card(_("Signature"), icon="pen")),
    (CertificatePurpose.ENCRYPTION.value, Card(_("Encryption"), icon="lock")),
    (CertificatePurpose.COMBINED.value, Card(_("Signature and encryption"), icon="mail")),
)
APPROVALS = (
    (ApprovalPolicy.NEVER.value, _("Never")),
    (ApprovalPolicy.SELF_REQUESTED.value, _("When the person asked for it in Self-Service")),
    (ApprovalPolicy.ALWAYS.value, _("Always")),
)


class RevisionForm(VerbForm):
    """Carries which revision of a draft the page showed: what has changed meanwhile is not acted upon."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    @property
    def seen(self) -> int:
        """The revision that the page showed; one that never was, where none was sent."""
        revision: int | None = self.cleaned_data["revision"]
        return -1 if revision is None else revision


class RefuseForm(RevisionForm):
    """No, and why."""

    reason = ReasonField(
        help_text=_("Who made the version reads this."), required=lazystr(versions.NO_REASON)
    )


class RetireForm(VerbForm):
    """Why it is offered no more."""

    reason = ReasonField(help_text=_("It stays in the history."), required=lazystr(versions.NO_REASON))


class EntryForm(RevisionForm):
    """What the forms of both kinds have: the code of what is new, and fields in groups.

    next_number: of a new version, the number that it has if no other one comes first.
    """

    GROUPS: tuple[Group, ...] = ()
    next_number = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)
    code = forms.SlugField(
        label=_("Code"),
        help_text=CODE_HELP,
        max_length=40,
        error_messages={"required": _("Enter a code."), "invalid": CODE_HELP},
    )

    def __init__(self, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_new:
            del self.fields["code"]

    def made_from(self, pk: uuid.UUID) -> versions.Base:
        """The version that the page was made from; where it does not say which it showed, none that is."""
        number: int | None = self.cleaned_data["next_number"]
        return versions.Base(pk, self.seen, number or 0)

    def groups(self) -> list[tuple[Any, list[list[BoundField]]]]:
        """Title of each part of the form, and its rows: one field, or several side by side."""
        return [(title, [row for names in rows if (row := self._row(names))]) for title, rows in self.GROUPS]

    def _row(self, names: str) -> list[BoundField]:
        return [self[name] for name in names.split() if name in self.fields]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        """What the form shows of a version."""
        raise NotImplementedError(cls)

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).lower()


class TypeForm(EntryForm):
    """A version of a token type."""

    GROUPS = (
        (_("What people read"), ("code", "name", "description", "position")),
        (_("Who may have it"), ("kinds", "approval", "approvers_needed", "terms")),
        (_("Certificates"), ("profiles", "validity_days")),
        (
            _("Key and file"),
            (
                "key_algorithm",
                "container_format",
                "passphrase_days",
                "container_retention_days",
            ),
        ),
    )
    name = LanguagesField(label=_("Name"), max_length=100, error_messages=NO_NAME)
    description = LanguagesField(
        label=_("What it is for"),
        max_length=300,
        help_text=_("One sentence; people choose by it."),
        error_messages={"required": _("Write what it is for.")},
    )
    position = forms.IntegerField(
        label=_("Place in lists"),
        help_text=_("The smallest number stands first."),
        initial=0,
        error_messages={"required": _("Enter the place in lists.")},
    )
    kinds = forms.MultipleChoiceField(
        label=_("Kinds of person"),
        choices=PersonKind.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": lazystr(types.NOT_FOR_ANYBODY)},
    )
    approval = forms.ChoiceField(
        label=_("Needs approval"),
        choices=APPROVALS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose when an approval is needed.")},
        initial=ApprovalPolicy.SELF_REQUESTED.value,
        help_text=_("Who enables themselves always needs an approver."),
    )
    approvers_needed = forms.TypedChoiceField(
        label=_("Approvers"),
        choices=[(1, _("One")), (2, _("Two different ones"))],
        coerce=int,
        widget=forms.RadioSelect,
        initial=1,
        error_messages={"required": _("Choose how many approvers decide.")},
    )
    terms = forms.ModelChoiceField(
        label=_("Terms that the person accepts"),
        queryset=TermsDocument.objects.none(),
        error_messages={"required": _("Choose what the person accepts.")},
    )
    profiles = OrderField(
        label=_("Certificate profiles, in their order"),
        place_label=_("Certificate profile"),
        help_text=_("One certificate of each is issued. Only versions in force can be chosen."),
        error_messages={"required": lazystr(types.NO_PROFILE)},
    )
    validity_days = forms.IntegerField(
        label=_("Valid for, in days"),
        initial=730,
        error_messages={"required": _("Enter for how many days it is valid.")},
    )
    key_algorithm = forms.ChoiceField(
        label=_("Keys"),
        choices=KEY_ALGORITHMS,
        initial="rsa-3072",
        error_messages={"required": _("Choose the kind of keys.")},
    )
    container_format = forms.ChoiceField(
        label=_("Format of the files"),
        choices=CONTAINER_FORMATS,
        widget=forms.RadioSelect,
        initial="standard",
        help_text=_("The person can have the other one sent, too."),
        error_messages={"required": _("Choose the format of the files.")},
    )
    passphrase_days = forms.IntegerField(
        label=_("Days until an unread passphrase is destroyed"),
        help_text=_("Then the token lapses and its certificates are revoked."),
        initial=14,
        error_messages={"required": _("Enter after how many days an unread passphrase is destroyed.")},
    )
    container_retention_days = forms.IntegerField(
        label=_("Days until the files are removed"),
        help_text=_("After that, no file of the token is sent again. Empty: when the certificates expire."),
        required=False,
    )

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

    def values(self) -> dict[str, Any]:
        """What the verb takes: fields of the model. No key is archived yet, whatever a draft said before."""
        left_out = {"revision", "next_number", "code", "profiles"}
        filled = {name: value for name, value in self.cleaned_data.items() if name not in left_out}
        return filled | {"archive_key": False}

    def chosen_profiles(self) -> list[CertificateProfile]:
        """The profiles in their order."""
        return [self._offered[key] for key in self.cleaned_data["profiles"]]

    @classmethod
    def initial_of(cls, row: TokenType) -> dict[str, Any]:
        """What the form shows of a version. A profile that has a newer version in force is shown as that."""
        names = ("name", "description", "position", "kinds", "approval",
                 "approvers_needed", "terms", "validity_days", "key_algorithm", "container_format",
                 "passphrase_days", "container_retention_days")  # fmt: skip
        codes = [profile.code for profile in row.ordered_profiles()]
        in_force = {row.code: row.pk for row in CertificateProfile.objects.active().filter(code__in=codes)}
        return {
            **{name: getattr(row, name) for name in names},
            "profiles": [in_force[code] for code in codes if code in in_force],
            "revision": row.version,
        }


class ProfileForm(EntryForm):
    """A version of a certificate profile."""

    GROUPS = (
        (_("What it is"), ("code", "name", "purpose")),
        (_("What the certificate says"), ("subject", "subject_alt_names", "include_sid")),
        (_("What it may be used for"), ("key_usage", "extended_key_usage", "other_usages", "policies")),
        (_("Who issues it"), ("ca ca_profile", "longest_validity_days")),
    )
    name = LanguagesField(label=_("Name"), max_length=100, error_messages=NO_NAME)
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=PURPOSES,
        widget=RadioCards(attrs={"class": "choices-tiles"}),
        error_messages={"required": _("Choose what it is for.")},
    )
    subject = PairsField(
        label=_("Subject"),
        choices=[(name, name) for name in ATTRIBUTE_TYPES],
        kind_label=_("Attribute"),
        text_label=_("Template"),
        help_text=_("In the order of the name. What stands in braces is taken from the person."),
        error_messages={"required": _("A certificate needs at least one attribute of the subject.")},
    )
    subject_alt_names = PairsField(
        label=_("Alternative names"),
        choices=[(kind, {"email": _("E-mail"), "upn": "UPN", "uri": "URI"}[kind]) for kind in KINDS],
        kind_label=_("Kind"),
        text_label=_("Template"),
        required=False,
        help_text=_("Each needs a field of the person. A UPN is {upn} and nothing else."),
    )
    include_sid = forms.BooleanField(
        label=_("Security identifier for Windows"),
        required=False,
        help_text=_("Ties the certificate to the person's account in Active Directory (strong mapping)."),
    )
    key_usage = forms.MultipleChoiceField(
        label=_("Key usage"),
        choices=[(name, KEY_USAGE_WORDS[name]) for name in KEY_USAGES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one key usage.")},
    )
    extended_key_usage = forms.MultipleChoiceField(
        label=_("Extended key usage"), choices=USAGES, widget=forms.CheckboxSelectMultiple, required=False
    )
    other_usages = forms.CharField(
        label=_("Other extended key usages"),
        required=False,
        max_length=500,
        help_text=_("Object identifiers, separated by spaces."),
    )
    policies = forms.CharField(
        label=_("Certificate policies"),
        required=False,
        max_length=500,
        help_text=_("Object identifiers, separated by spaces."),
    )
    ca = forms.ChoiceField(
        label=_("Certificate authority"),
        error_messages={"required": _("Choose who issues the certificates.")},
    )
    ca_profile = forms.CharField(
        label=_("Profile name at the authority"),
        max_length=100,
        help_text=_("As the authority itself calls it."),
        error_messages={"required": _("Enter the profile's name at the authority.")},
    )
    longest_validity_days = forms.IntegerField(
        label=_("Longest validity, in days"),
        required=False,
        min_value=1,
        max_value=3650,
        help_text=_("Token types with this profile may not hold for longer."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        authority = self.fields["ca"]
        assert isinstance(authority, forms.ChoiceField)  # noqa: S101 narrows the declared type
        authority.choices = [(alias, alias) for alias in registry.aliases()]
        self.offered = connections.offered()
        if self.offered:
            self.fields["ca_profile"].widget.attrs |= {"list": "offered-profiles", "autocomplete": "off"}

    def values(self) -> dict[str, Any]:
        """What the verb takes: fields of the model; what is wrong by itself is left out."""
        given = {**self.cleaned_data}
        usages = [*given.get("extended_key_usage", []), *_identifiers(given.pop("other_usages", ""))]
        given["extended_key_usage"] = list(dict.fromkeys(usages))
        given["policies"] = list(dict.fromkeys(_identifiers(given.get("policies", ""))))
        for name in ("revision", "next_number", "code"):
            given.pop(name, None)
        return given

    def as_typed(self) -> CertificateProfile:
        """A profile, not saved, of what was typed so far, complete or not."""
        self.is_valid()
        rows = {name: field for name, field in self.fields.items() if isinstance(field, PairsField)}
        half = {name: field.as_typed(self[name].value()) for name, field in rows.items()}
        return CertificateProfile(code="preview", **({"key_usage": []} | half | self.values()))

    @classmethod
    def initial_of(cls, row: CertificateProfile) -> dict[str, Any]:
        """What the form shows of a version."""
        known = {oid for oid, _words in USAGES}
        names = ("name", "purpose", "subject", "subject_alt_names", "include_sid", "key_usage",
                 "ca", "ca_profile", "longest_validity_days")  # fmt: skip
        return {
            **{name: getattr(row, name) for name in names},
            "extended_key_usage": [oid for oid in row.extended_key_usage if oid in known],
            "other_usages": " ".join(oid for oid in row.extended_key_usage if oid not in known),
            "policies": " ".join(row.policies),
            "revision": row.version,
        }


def _identifiers(text: str) -> list[str]:
    return [each for each in re.split(r"[\s,;]+", text) if each]
