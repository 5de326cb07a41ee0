"""Certificate profiles: what a certificate says and what it is for."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from ca_bridge.x509.profiles import Profile
from identity_manager.models.catalogue.former_columns import FormerName
from identity_manager.models.catalogue.versioning import VersionedEntry, VersionedQuerySet, VersionState
from identity_manager.models.identifiers import new_id
from identity_manager.models.text_in_languages import TextInLanguages


class CertificatePurpose(models.TextChoices):
    AUTHENTICATION = "authentication", _("Authentication")
    SIGNATURE = "signature", _("Signature")
    ENCRYPTION = "encryption", _("Encryption")
    COMBINED = "combined", _("Signature and encryption")


class CertificateProfile(FormerName, Stateful, VersionedEntry):
    """One version of a profile. An active version never changes; a change is a new version."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(max_length=40)
    number = models.PositiveIntegerField(_("version"), default=1)
    name = TextInLanguages(_("name"), db_column="names", max_length=100)
    purpose = models.CharField(_("purpose"), max_length=16, choices=CertificatePurpose)
    subject = models.JSONField(_("subject"), help_text=_("attribute and template, in the order of the name"))
    subject_alt_names = models.JSONField(_("alternative names"), default=list, blank=True)
    key_usage = models.JSONField(_("key usage"))
    extended_key_usage = models.JSONField(_("extended key usage"), default=list, blank=True)
    policies = models.JSONField(_("certificate policies"), default=list, blank=True)
    include_sid = models.BooleanField(_("security identifier for Windows"), default=False)
    ca = models.CharField(_("certificate authority"), max_length=40)
    ca_profile = models.CharField(_("profile name at the CA"), max_length=100)
    longest_validity_days = models.PositiveIntegerField(_("longest validity in days"), null=True, blank=True)
    state = StateField(
        max_length=16, choices=VersionState.choices, default=VersionState.DRAFT, protected=True
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = VersionedQuerySet["CertificateProfile"].as_manager()

    class Meta:
        constraints = [
            state_constraint(VersionState, "certificate_profile_state"),
            models.CheckConstraint(
                condition=Q(purpose__in=CertificatePurpose.values), name="profile_purpose"
            ),
            models.UniqueConstraint(fields=["code", "number"], name="profile_version_once"),
            models.UniqueConstraint(fields=["code"], condition=Q(state="active"), name="profile_one_active"),
            models.UniqueConstraint(fields=["code"], condition=Q(state="draft"), name="profile_one_draft"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    @property
    def decrypts(self) -> bool:
        """Whether others encrypt for its certificates, so that a key is needed as long as what it opens."""
        return self.purpose in {CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED}

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
