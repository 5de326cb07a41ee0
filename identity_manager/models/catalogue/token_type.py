"""Token types: profiles, approval, validity, renewal and other rules of software tokens, in versions."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.database.prepared_queries import Statement
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.models.catalogue.certificate_profile import CertificateProfile
from identity_manager.models.catalogue.ending_rule import EndingRule
from identity_manager.models.catalogue.entry_fields import ChoiceListField, between
from identity_manager.models.catalogue.former_columns import FormerDescription, FormerName
from identity_manager.models.catalogue.key_handling import KeyHandling
from identity_manager.models.catalogue.terms import CODE_HELP, NO_NAME, TermsDocument
from identity_manager.models.catalogue.versioning import VersionedEntry, VersionedQuerySet, VersionState
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.approver_group import (
    NUMBERS_OF_APPROVERS,
    ApprovalPolicy,
    ApproverGroup,
    ManagerApproval,
    RenewalApproval,
)
from identity_manager.models.people.person import PersonKind
from identity_manager.models.prefetched import set_prefetched
from identity_manager.models.text_in_languages import TextInLanguages

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

KEY_ALGORITHMS = [
    (KeyAlgorithm.RSA_2048.value, "RSA 2048"),
    (KeyAlgorithm.RSA_3072.value, "RSA 3072"),
    (KeyAlgorithm.RSA_4096.value, "RSA 4096"),
    (KeyAlgorithm.EC_P256.value, "EC P-256"),
    (KeyAlgorithm.EC_P384.value, "EC P-384"),
]
CONTAINER_FORMATS = [
    (ContainerFormat.STANDARD.value, _("standard (AES-256)")),
    (ContainerFormat.COMPATIBLE.value, _("compatible (3DES), for older devices")),
]
# With the one that persons alone are offered, beside devices that read it.
WRITTEN_FORMATS = [*CONTAINER_FORMATS, (ContainerFormat.FIPS.value, _("FIPS (PBMAC1)"))]

LONGEST_PURPOSE = 500  # characters of what a requester says


class RenewalPolicy(models.TextChoices):
    """Rule on who starts a renewal in the renewal window of the type."""

    ASK = "ask", _("The person, who is asked")
    AUTOMATIC = "automatic", _("By itself, for Active persons")
    OFFICERS = "officers", _("Officers only")


class PurposeRule(models.TextChoices):
    """Whether the requester of a token of the type states a purpose."""

    NEVER = "never", _("Is not asked for")
    MAY = "may", _("May be said")
    MUST = "must", _("Has to be said")


class DeviceRule(models.TextChoices):
    """Whether the person states the devices of the file when accepting the terms."""

    NEVER = "never", _("Is not asked for")
    MAY = "may", _("May be said")
    MUST = "must", _("Has to be said")


class HolderChangeRule(models.TextChoices):
    """Rule for a certificate in use that has outdated data of its holder."""

    RENEW = "renew", _("It is renewed at once")
    TELL = "tell", _("A Software Token Administrator is told")
    NOTHING = "nothing", _("Nothing")


class InstallationPolicy(models.TextChoices):
    """Rule for a delivered token whose installation is not confirmed within the type's days."""

    NOTHING = "nothing", _("Nothing")
    REMIND = "remind", _("The person is reminded")
    TELL = "tell", _("The person is reminded, then a Software Token Administrator is told")
    REVOKE = "revoke", _("The person is warned, then it is revoked")


class TokenType(KeyHandling, FormerName, FormerDescription, Stateful, VersionedEntry):
    """One version of a token type. It pins the exact versions of its certificate profiles."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("Code"), max_length=40, help_text=CODE_HELP)
    number = models.PositiveIntegerField(_("version"), default=1, editable=False)
    name = TextInLanguages(_("Name"), db_column="names", max_length=100, error_messages=NO_NAME)
    description = TextInLanguages(
        _("What it is for"),
        db_column="descriptions",
        max_length=300,
        help_text=_("One sentence; people choose by it."),
        error_messages={"required": _("Write what it is for.")},
    )
    kinds = ChoiceListField(
        _("Kinds of person"),
        default=list,
        item_choices=PersonKind.choices,
        error_messages={"required": _("Say which kinds of person may have it.")},
    )
    approval = models.CharField(
        _("Needs approval"),
        max_length=16,
        choices=ApprovalPolicy,
        default=ApprovalPolicy.SELF_REQUESTED,
        help_text=_("Who enables themselves always needs an approver."),
        error_messages={"required": _("Choose when an approval is needed.")},
    )
    approvers_needed = models.PositiveSmallIntegerField(
        _("Approvers"),
        default=1,
        choices=NUMBERS_OF_APPROVERS,
        error_messages={"required": _("Choose how many approvers decide.")},
    )
    approver_group = models.ForeignKey(
        ApproverGroup,
        verbose_name=_("Approver group"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_(
            "Its members decide, as far as they are Approvers of the person's unit."
            " None: every Approver does."
        ),
    )
    manager_approval = models.CharField(
        _("The manager of the person"),
        max_length=16,
        choices=ManagerApproval,
        default=ManagerApproval.NO,
        db_default=ManagerApproval.NO.value,
        help_text=_("As the directory says, and if they are an Approver of the person's unit."),
        error_messages={"required": _("Choose what the manager has to do with it.")},
    )
    purpose_rule = models.CharField(
        _("Purpose of a request"),
        max_length=16,
        choices=PurposeRule,
        default=PurposeRule.MAY,
        db_default=PurposeRule.MAY.value,
        help_text=_("Who asks for a token says what it is for; approvers read it first."),
        error_messages={"required": _("Choose whether a request says what it is for.")},
    )
    terms = models.ForeignKey(
        TermsDocument,
        verbose_name=_("Terms that the person accepts"),
        on_delete=models.PROTECT,
        error_messages={"required": _("Choose what the person accepts.")},
    )
    validity_days = models.PositiveIntegerField(
        _("Valid for, in days"),
        default=730,
        **between(1, 3650, required=_("Enter for how many days it is valid.")),
    )
    renewal_days = models.PositiveIntegerField(
        _("Renewal window, in days before the end"),
        default=60,
        help_text=_("From then on a token can have a successor while it is valid."),
        **between(1, 365, required=_("Enter how many days before the end a renewal may begin.")),
    )
    renewal_policy = models.CharField(
        _("Who starts a renewal"),
        max_length=16,
        choices=RenewalPolicy,
        default=RenewalPolicy.ASK,
        db_default=RenewalPolicy.ASK.value,
        help_text=_("The person accepts changed terms and notes the passphrase in each case."),
        error_messages={"required": _("Choose who starts a renewal.")},
    )
    renewal_approval = models.CharField(
        _("A renewal needs approval"),
        max_length=16,
        choices=RenewalApproval,
        default=RenewalApproval.CHANGED,
        db_default=RenewalApproval.CHANGED.value,
        help_text=_("Where a first issue needs one, too. Data are those of the person and of the profiles."),
        error_messages={"required": _("Choose when a renewal needs approval.")},
    )
    replaced_after_days = models.PositiveIntegerField(
        _("Days until the renewed token ends"),
        default=7,
        db_default=7,
        help_text=_("Counted from when the new one is delivered and its passphrase noted."),
        **between(0, 90, required=_("Enter after how many days the renewed token ends.")),
    )
    on_holder_change = models.CharField(
        _("When its holder changes"),
        max_length=16,
        choices=HolderChangeRule,
        default=HolderChangeRule.TELL,
        db_default=HolderChangeRule.TELL.value,
        help_text=_("Name, e-mail, UPN or SID, where a certificate in use says them."),
        error_messages={"required": _("Choose what happens when its holder changes.")},
    )
    on_leave = models.CharField(
        _("When its holder becomes Inactive"),
        max_length=16,
        choices=EndingRule,
        default=EndingRule.HOLD,
        db_default=EndingRule.HOLD.value,
        help_text=_(
            "What is on hold comes back when the person is activated. It holds for older tokens, too."
        ),
        error_messages={"required": _("Choose what happens when its holder becomes Inactive.")},
    )
    on_lock = models.CharField(
        _("When its holder is locked"),
        max_length=16,
        choices=EndingRule,
        default=EndingRule.REVOKE,
        db_default=EndingRule.REVOKE.value,
        help_text=_(
            "Locked is for good, so what is on hold stays so until its end. After a key compromise, and where"
            " the passphrase was not noted, it is revoked all the same."
        ),
        error_messages={"required": _("Choose what happens when its holder is locked.")},
    )
    key_algorithm = models.CharField(
        _("Keys"),
        max_length=16,
        choices=KEY_ALGORITHMS,
        default=KeyAlgorithm.RSA_3072.value,
        error_messages={"required": _("Choose the kind of keys.")},
    )
    container_format = models.CharField(
        _("Format of the files"),
        max_length=16,
        choices=CONTAINER_FORMATS,
        default=ContainerFormat.STANDARD.value,
        help_text=_("The person can have the other one sent, too."),
        error_messages={"required": _("Choose the format of the files.")},
    )
    device_rule = models.CharField(
        _("Devices"),
        max_length=16,
        choices=DeviceRule,
        default=DeviceRule.MAY,
        db_default=DeviceRule.MAY.value,
        help_text=_("The person says it with the terms. The mail then brings a file that all of them read."),
        error_messages={"required": _("Choose whether the person says for which devices it is.")},
    )
    apple_mail_account = models.BooleanField(
        _("Mail account on iPhone and iPad"),
        default=False,
        db_default=False,
        help_text=_(
            "The profile for these devices creates a mail account with S/MIME switched on, at the mail"
            " servers of the settings. Who has the account already does not want this: there would be two."
        ),
    )
    passphrase_days = models.PositiveIntegerField(
        _("Days until an unread passphrase is destroyed"),
        default=14,
        help_text=_("Then the token lapses and its certificates are revoked."),
        **between(1, 90, required=_("Enter after how many days an unread passphrase is destroyed.")),
    )
    installation_policy = models.CharField(
        _("When nobody says that it is installed"),
        max_length=16,
        choices=InstallationPolicy,
        default=InstallationPolicy.NOTHING,
        db_default=InstallationPolicy.NOTHING.value,
        help_text=_("The person says so in Self-Service. It holds for tokens from before, too, from now on."),
        error_messages={"required": _("Choose what happens when nobody says that it is installed.")},
    )
    installation_days = models.PositiveIntegerField(
        _("Days until it is to be installed"),
        default=14,
        db_default=14,
        help_text=_("Counted from when it is delivered and its passphrase noted; a hold stops them."),
        **between(7, 365, required=_("Enter within how many days it is to be installed.")),
    )
    container_retention_days = models.PositiveIntegerField(
        _("Days until the files are removed"),
        null=True,
        blank=True,
        help_text=_("After that, no file of the token is sent again. Empty: when the certificates expire."),
        **between(1, 3650),
    )
    position = models.PositiveSmallIntegerField(
        _("Place in lists"),
        default=0,
        help_text=_("The smallest number stands first."),
        **between(0, 9999, required=_("Enter the place in lists.")),
    )
    profiles: "models.ManyToManyField[CertificateProfile, TokenTypeProfile]" = models.ManyToManyField(
        CertificateProfile,
        through="TokenTypeProfile",
        related_name="token_types",
        verbose_name=_("Certificate profiles, in their order"),
        help_text=_("One certificate of each is issued. Only versions in force can be chosen."),
        error_messages={"required": _("A token type needs at least one certificate profile.")},
    )
    state = StateField(
        max_length=16,
        choices=VersionState.choices,
        default=VersionState.DRAFT,
        protected=True,
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    token_type_profiles: "RelatedManager[TokenTypeProfile]"
    objects = VersionedQuerySet["TokenType"].as_manager()

    class Meta:
        ordering = ["position", "code"]
        constraints = [
            state_constraint(VersionState, "token_type_state"),
            models.CheckConstraint(
                condition=Q(approval__in=ApprovalPolicy.values), name="token_type_approval"
            ),
            models.CheckConstraint(condition=Q(approvers_needed__range=(1, 5)), name="token_type_approvers"),
            models.CheckConstraint(
                condition=Q(manager_approval__in=ManagerApproval.values), name="token_type_manager_approval"
            ),
            models.UniqueConstraint(fields=["code", "number"], name="token_type_version_once"),
            models.UniqueConstraint(
                fields=["code"], condition=Q(state="active"), name="token_type_one_active"
            ),
            models.UniqueConstraint(fields=["code"], condition=Q(state="draft"), name="token_type_one_draft"),
        ]

    def __str__(self) -> str:
        return str(self.name)

    def ordered_profiles(self) -> list[CertificateProfile]:
        """The profiles in their order; each becomes one certificate."""
        return [link.profile for link in _LINKS.rows(token_type=self.pk)]

    @transition(field=state, source=[VersionState.DRAFT, VersionState.RETIRED], target=VersionState.ACTIVE)
    def activate(self) -> None:
        """The version is offered."""

    @transition(field=state, source=[VersionState.ACTIVE, VersionState.DRAFT], target=VersionState.RETIRED)
    def retire(self) -> None:
        """The version is no longer offered; what was requested under it goes on."""


class TokenTypeProfile(models.Model):
    """A profile's place in a token type."""

    token_type = models.ForeignKey(TokenType, on_delete=models.CASCADE, related_name="token_type_profiles")
    profile = models.ForeignKey(CertificateProfile, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["token_type", "profile"], name="profile_once_per_type")
        ]


_LINKS = Statement[TokenTypeProfile](
    lambda token_type: TokenTypeProfile.objects.filter(token_type=token_type).select_related("profile"),
    token_type=models.UUIDField(),
)
_OFFERED = Statement[TokenType](lambda: TokenType.objects.active().select_related("terms"))
_OFFERED_LINKS = Statement[TokenTypeProfile](
    lambda: (
        TokenTypeProfile.objects.filter(token_type__in=TokenType.objects.active().order_by().values("pk"))
        .select_related("profile")
        .order_by("position")
    )
)


def offered_types() -> list[TokenType]:
    """The types in force, with their terms and their profiles."""
    types, links = _OFFERED.rows(), _OFFERED_LINKS.rows()
    for each in types:
        mine = [link for link in links if link.token_type_id == each.pk]
        if mine:  # else it was retired since it was read, and is asked for its own
            set_prefetched(each, "token_type_profiles", mine)
    return types
