"""Certificate profiles: templates of content, key usage and CA, in versions."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast
from django.db.models.lookups import Contains
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.contract import KEY_USAGES
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from ca_bridge.x509.profiles import Profile
from identity_manager.models.catalogue.entry_fields import ChoiceListField, between
from identity_manager.models.catalogue.former_columns import FormerName
from identity_manager.models.catalogue.terms import CODE_HELP, NO_NAME
from identity_manager.models.catalogue.versioning import VersionedEntry, VersionedQuerySet, VersionState
from identity_manager.models.identifiers import new_id
from identity_manager.models.text_in_languages import TextInLanguages
from identity_manager.models.words import Vocabulary


class CertificatePurpose(models.TextChoices):
    AUTHENTICATION = "authentication", _("Authentication")
    SIGNATURE = "signature", _("Signature")
    ENCRYPTION = "encryption", _("Encryption")
    COMBINED = "combined", _("Signature and encryption")


# RFC 5280 4.2.1.12, RFC 9336, and what Microsoft's programs ask for.
EXTENDED_KEY_USAGES = Vocabulary(
    "extended key usages",
    {
        "1.3.6.1.5.5.7.3.2": _("Client authentication (networks, websites)"),
        "1.3.6.1.4.1.311.20.2.2": _("Sign-in to Windows"),
        "1.3.6.1.5.5.7.3.4": _("E-mail protection"),
        "1.3.6.1.5.5.7.3.36": _("Signing documents"),
        "1.3.6.1.4.1.311.10.3.12": _("Signing documents (Microsoft)"),
        "1.3.6.1.4.1.311.10.3.4": _("Encrypting files (Microsoft)"),
        "1.3.6.1.5.5.7.3.17": _("IPsec"),
    },
)
KEY_USAGE_WORDS = Vocabulary(
    "key usages",
    {
        "digitalSignature": _("digitalSignature: signs what proves who it is"),
        "nonRepudiation": _("nonRepudiation: signs documents in the person's name"),
        "keyEncipherment": _("keyEncipherment: receives encrypted messages (RSA keys)"),
        "dataEncipherment": _("dataEncipherment: decrypts data directly (RSA keys)"),
        "keyAgreement": _("keyAgreement: receives encrypted messages (EC keys)"),
    },
)


IDENTIFIERS_HELP = _("Object identifiers, separated by spaces.")
LONGEST_IDENTIFIERS = 500  # characters of such a list


class CertificateProfile(FormerName, Stateful, VersionedEntry):
    """One version of a profile. An active version never changes; a change is a new version."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("Code"), max_length=40, help_text=CODE_HELP)
    number = models.PositiveIntegerField(_("version"), default=1, editable=False)
    name = TextInLanguages(_("Name"), db_column="names", max_length=100, error_messages=NO_NAME)
    purpose = models.CharField(
        _("Purpose"),
        max_length=16,
        choices=CertificatePurpose,
        error_messages={"required": _("Choose what it is for.")},
    )
    subject = models.JSONField(
        _("Subject"),
        help_text=_("In the order of the name. What stands in braces is taken from the person."),
        error_messages={"required": _("A certificate needs at least one attribute of the subject.")},
    )
    subject_alt_names = models.JSONField(
        _("Alternative names"),
        default=list,
        blank=True,
        help_text=_(
            "Each needs a field of the person. A UPN is {upn} and nothing else. The security identifier for"
            " Windows can stand here as a URI, in place of the extension:"
            " tag:microsoft.com,2022-09-14:sid:{sid}"
        ),
    )
    include_sid = models.BooleanField(
        _("Security identifier for Windows"),
        default=False,
        help_text=_("Ties the certificate to the person's account in Active Directory (strong mapping)."),
    )
    key_usage = ChoiceListField(
        _("Key usage"),
        item_choices=[(name, KEY_USAGE_WORDS[name]) for name in KEY_USAGES],
        error_messages={"required": _("Choose at least one key usage.")},
    )
    extended_key_usage = ChoiceListField(
        _("Extended key usage"), default=list, blank=True, item_choices=tuple(EXTENDED_KEY_USAGES.items())
    )
    archive_dual_use = models.BooleanField(
        _("The key may be archived although it signs, too"),
        default=False,
        db_default=False,
        help_text=_(
            "For one certificate that signs and encrypts, never with nonRepudiation. Whoever opens the copy"
            " can sign as the person; the terms have to say so. Keys that serve encryption alone need no"
            " permission here, and keys that only sign or authenticate are never archived."
        ),
    )
    policies = models.JSONField(
        _("Certificate policies"),
        default=list,
        blank=True,
        help_text=IDENTIFIERS_HELP,
    )
    ca = models.CharField(
        _("Certificate authority"),
        max_length=40,
        error_messages={"required": _("Choose who issues the certificates.")},
    )
    ca_profile = models.CharField(
        _("Profile name at the authority"),
        max_length=100,
        help_text=_("As the authority itself calls it."),
        error_messages={"required": _("Enter the profile's name at the authority.")},
    )
    longest_validity_days = models.PositiveIntegerField(
        _("Longest validity, in days"),
        null=True,
        blank=True,
        help_text=_("Token types with this profile may not hold for longer."),
        **between(1, 3650),
    )
    state = StateField(
        max_length=16,
        choices=VersionState.choices,
        default=VersionState.DRAFT,
        protected=True,
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = VersionedQuerySet["CertificateProfile"].as_manager()

    class Meta:
        constraints = [
            state_constraint(VersionState, "certificate_profile_state"),
            models.CheckConstraint(
                condition=Q(purpose__in=CertificatePurpose.values), name="profile_purpose"
            ),
            models.CheckConstraint(  # as may_be_archived says
                condition=Q(archive_dual_use=False)
                | Q(purpose=CertificatePurpose.COMBINED)
                & ~Q(Contains(Cast("key_usage", models.TextField()), "nonRepudiation")),
                name="profile_archive_dual_use",
            ),
            models.UniqueConstraint(fields=["code", "number"], name="profile_version_once"),
            models.UniqueConstraint(fields=["code"], condition=Q(state="active"), name="profile_one_active"),
            models.UniqueConstraint(fields=["code"], condition=Q(state="draft"), name="profile_one_draft"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    @property
    def decrypts(self) -> bool:
        """Whether its certificates are used for encryption, so that keys are needed to read old data."""
        return self.purpose in {CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED}

    @property
    def may_be_archived(self) -> bool:
        """Whether its keys may be archived, if the token type says so. Signature keys never are."""
        if self.purpose == CertificatePurpose.COMBINED:
            return self.archive_dual_use and "nonRepudiation" not in self.key_usage
        return self.purpose == CertificatePurpose.ENCRYPTION

    def as_profile(self) -> Profile:
        """Return the profile as the bridge knows it."""
        return Profile(
            code=self.code,
            version=self.number,
            name=self.name.default,
            purpose=self.purpose,
            subject=tuple((name, template) for name, template in self.subject),
            subject_alt_names=tuple((kind, template) for kind, template in self.subject_alt_names),
            key_usage=tuple(self.key_usage),
            extended_key_usage=tuple(self.extended_key_usage),
            policies=tuple(self.policies),
            include_sid=self.include_sid,
            ca=self.ca,
            ca_profile=self.ca_profile,
        )

    @transition(field=state, source=[VersionState.DRAFT, VersionState.RETIRED], target=VersionState.ACTIVE)
    def activate(self) -> None:
        """The version is in force."""

    @transition(field=state, source=[VersionState.ACTIVE, VersionState.DRAFT], target=VersionState.RETIRED)
    def retire(self) -> None:
        """The version is no longer offered; what was issued under it stays."""
