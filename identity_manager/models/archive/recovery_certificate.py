"""Recovery certificates: recipients of archived keys, their wrapped private keys, and share holders."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from ca_bridge.keys.envelopes import TRANSPORTS, Recipient
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


class RecoveryKeyKind(models.TextChoices):
    OFFICERS = "officers", _("split among officers")
    HSM = "hsm", _("in an HSM, whose PIN is split among officers")
    ONLINE = "online", _("online, in the workers")


class RecoveryCertificateState(models.TextChoices):
    IMPORTED = "imported", _("Waits for confirmation")
    IN_FORCE = "in_force", _("In force")
    RETIRED = "retired", _("Retired")


S = RecoveryCertificateState


class RecoveryCertificateQuerySet(models.QuerySet["RecoveryCertificate"]):
    def in_force(self, now: datetime) -> Self:
        """Certificates for which keys are sealed now, in a fixed order."""
        return self.filter(state=S.IN_FORCE, not_after__gt=now).order_by("pk")

    def waiting_for(self, officer: Person) -> Self:
        """Certificates whose fingerprint this Recovery Officer may confirm.

        In Python: workflow.archive.recovery_certificate_policy.confirmation_obstacle.
        """
        waiting = self.filter(state=S.IMPORTED)
        return waiting.exclude(imported_by=officer).exclude(first_by=officer)


class RecoveryCertificate(Stateful):
    """A certificate whose private key decrypts archived keys. Two Recovery Officers confirm its fingerprint.

    imported_by is null where an operator imported it by a command. seal: MAC over what they confirmed, under
    a key outside the database (workflow/archive/recovery_certificates.py), so that write access to rows does
    not suffice to exchange the certificate. transport: key transport algorithm that its key supports.
    keys_when_retired: number of keys encrypted to it then; workflow/archive/readdressing.py encrypts them to
    others.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(_("kind"), max_length=16, choices=RecoveryKeyKind)
    name = models.CharField(_("name"), max_length=100)
    certificate = BytesField()
    fingerprint = models.CharField(_("fingerprint (SHA-256)"), max_length=64, unique=True)
    key_id = models.CharField(max_length=64)
    transport = models.CharField(max_length=16, choices=[(each, each) for each in TRANSPORTS])
    not_after = models.DateTimeField(_("valid until"))
    state = StateField(max_length=16, choices=S.choices, default=S.IMPORTED, protected=True)
    imported_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(default=timezone.now)
    first_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField(null=True)
    second_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    second_at = models.DateTimeField(null=True)
    seal = BytesField(null=True)
    retired_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True)
    keys_when_retired = models.PositiveIntegerField(null=True)

    wrappings: "RelatedManager[RecoveryKeyWrapping]"

    objects = RecoveryCertificateQuerySet.as_manager()

    class Meta:
        ordering = ["-imported_at"]
        constraints = [
            state_constraint(S, "recovery_certificate_state"),
            models.CheckConstraint(
                condition=Q(kind__in=RecoveryKeyKind.values), name="recovery_certificate_kind"
            ),
            models.CheckConstraint(
                condition=Q(transport__in=TRANSPORTS), name="recovery_certificate_transport"
            ),
            models.CheckConstraint(
                condition=~Q(state=S.IN_FORCE)
                | Q(first_by__isnull=False, second_by__isnull=False, seal__isnull=False),
                name="recovery_certificate_confirmed_twice",
            ),
            models.CheckConstraint(
                condition=~Q(first_by=F("second_by"))
                & ~Q(first_by=F("imported_by"))
                & ~Q(second_by=F("imported_by")),
                name="recovery_certificate_three_persons",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_in_force(self, now: datetime) -> bool:
        """Whether keys are sealed for it now."""
        return self.state == S.IN_FORCE and self.not_after > now

    @property
    def asked_by(self) -> Person | None:
        """The importer, under the name that lists of second-officer decisions use."""
        return self.imported_by

    @property
    def asked_at(self) -> datetime:
        return self.imported_at

    @property
    def recipient(self) -> Recipient:
        """The recipient as envelopes name it."""
        return Recipient(self.certificate, self.transport)

    @property
    def spaced_fingerprint(self) -> str:
        """The fingerprint in groups of four, for comparison by eye."""
        return " ".join(self.fingerprint[start : start + 4] for start in range(0, 64, 4)).upper()

    @transition(field=state, source=S.IMPORTED, target=S.IN_FORCE)
    def put_in_force(self, *, by: Person, seal: bytes, now: datetime) -> None:
        """A second officer has confirmed the fingerprint."""
        self.second_by, self.second_at, self.seal = by, now, seal

    @transition(field=state, source=[S.IN_FORCE, S.RETIRED], target=S.IMPORTED)
    def confirm_anew(self) -> None:
        """The key that sealed the confirmation is lost; the old seal stays until two have confirmed anew."""
        self.first_by = self.first_at = self.second_by = self.second_at = None
        self.retired_by = self.retired_at = self.keys_when_retired = None

    @transition(field=state, source=[S.IMPORTED, S.IN_FORCE], target=S.RETIRED)
    def retire(self, *, by: Person, keys: int, now: datetime) -> None:
        """No key is sealed for it any more. keys: number of archived keys that its key still opens."""
        self.retired_by, self.retired_at, self.keys_when_retired = by, now, keys


class RecoveryKeyWrapping(models.Model):
    """The wrapped private key of a recovery certificate; a change of officers makes a new one.

    content: the ceremony's signed document (officers), or the key wrapped by the vault (online); null once a
    newer wrapping replaced it. identifier and needed: of the set of SLIP-39 shares.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    certificate = models.ForeignKey(RecoveryCertificate, on_delete=models.PROTECT, related_name="wrappings")
    number = models.PositiveIntegerField(default=1)
    content = BytesField(null=True)
    identifier = models.PositiveIntegerField(null=True)
    needed = models.PositiveSmallIntegerField(null=True)
    made_at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True)

    shares: "RelatedManager[RecoveryShare]"

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["certificate", "number"], name="recovery_wrapping_number_once"),
            models.UniqueConstraint(
                fields=["certificate"], condition=Q(erased_at=None), name="recovery_wrapping_one_present"
            ),
            models.CheckConstraint(
                condition=Q(erased_at=None, content__isnull=False) | Q(erased_at__isnull=False, content=None),
                name="recovery_wrapping_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate}, {self.number}"


class RecoveryShare(models.Model):
    """An officer's share: its number in the set, without its content."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wrapping = models.ForeignKey(RecoveryKeyWrapping, on_delete=models.CASCADE, related_name="shares")
    officer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="recovery_shares")
    number = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["wrapping", "number"], name="recovery_share_number_once"),
            models.UniqueConstraint(fields=["wrapping", "officer"], name="recovery_share_officer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.officer}"
