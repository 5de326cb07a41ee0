"""Imports of tokens of another system: import, rows and marks of imported certificates."""

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.archive.archived_key import ArchivedKey
from identity_manager.models.catalogue.certificate_profile import CertificateProfile, CertificatePurpose
from identity_manager.models.catalogue.token_type import TokenType
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.people.role import Role
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_states import TokenState
from identity_manager.models.second_officer import SecondOfficerDecision, SecondOfficerQuerySet, four_eyes

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


class TokenImportState(models.TextChoices):
    READING = "reading", _("Is being looked through")
    LOOKED_THROUGH = "looked_through", _("Looked through")
    WAITING = "waiting", _("Waits for a second officer")
    CONFIRMED = "confirmed", _("Confirmed")
    DONE = "done", _("Imported")
    REFUSED = "refused", _("Not confirmed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


S = TokenImportState
DECRYPTING = (CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED)
WITHDRAWABLE = (S.READING, S.LOOKED_THROUGH, S.WAITING, S.CONFIRMED)


class RowOutcome(models.TextChoices):
    """Outcome of a row: the certificate is imported, only its key is, or it is left out."""

    NEW = "new", _("To be imported")
    KEY = "key", _("Only the key is new")
    KNOWN = "known", _("Known already")
    REFUSED = "refused", _("Left out")
    DONE = "done", _("Imported")


class TokenImport(Stateful, SecondOfficerDecision):
    """A folder of files, or one file of certificates, with the persons to whom they belong.

    asked_by: the officer who has looked at the matching and asks the second one; null before. types: the
    codes of the token types, in the order in which they are tried. tells_persons: by one mail each, once it
    is imported. digest: the SHA-256 over the matching.
    seal: what the second officer confirmed, under a key that is not in the database.
    """

    DECIDER: ClassVar[Role] = Role.TOKEN_ADMINISTRATOR  # for all units: files of any person

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    types = models.JSONField(default=list)
    has_keys = models.BooleanField(default=True)
    tells_persons = models.BooleanField(_("tell the persons by mail"), default=False, db_default=False)
    digest = models.CharField(max_length=64, blank=True)
    seal = BytesField(null=True)
    state = StateField(max_length=16, choices=S.choices, default=S.READING, protected=True)
    ended_at = models.DateTimeField(null=True)

    rows: "RelatedManager[TokenImportRow]"
    objects = SecondOfficerQuerySet["TokenImport"].as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(S, "token_import_state"),
            four_eyes("token_import_four_eyes", state__in=[S.CONFIRMED, S.DONE]),
            models.CheckConstraint(
                condition=~Q(state__in=[S.WAITING, S.CONFIRMED, S.DONE]) | Q(asked_by__isnull=False),
                name="token_import_asked",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def waiting_condition(cls, _now: datetime) -> Q:
        return Q(state=S.WAITING)

    def waits(self, _now: datetime | None = None) -> bool:
        return bool(self.state == S.WAITING)

    @transition(field=state, source=S.READING, target=S.LOOKED_THROUGH)
    def look_through(self, *, digest: str) -> None:
        """The dry run has read and matched every file."""
        self.digest = digest

    @transition(field=state, source=S.LOOKED_THROUGH, target=S.WAITING)
    def ask(self, *, by: Person, now: datetime) -> None:
        """An officer asks a second one to confirm the matching."""
        self.asked_by, self.asked_at = by, now

    @transition(field=state, source=S.WAITING, target=S.CONFIRMED)
    def confirm(self, *, by: Person, seal: bytes, now: datetime) -> None:
        """A second officer confirms the same matching."""
        self.decided_by, self.decided_at, self.seal = by, now, seal

    @transition(field=state, source=S.CONFIRMED, target=S.DONE)
    def finish(self, *, now: datetime) -> None:
        """No row is left to execute."""
        self.ended_at = now

    @transition(field=state, source=S.WAITING, target=S.REFUSED)
    def refuse(self, *, by: Person, reason: str, now: datetime) -> None:
        """A second officer rejects it."""
        self.decided_by, self.decided_at, self.reason = by, now, reason
        self.ended_at = now

    @transition(field=state, source=list(WITHDRAWABLE), target=S.WITHDRAWN)
    def withdraw(self, *, now: datetime) -> None:
        """The import is withdrawn; rows that were imported stay."""
        self.ended_at = now


class TokenImportRow(models.Model):
    """One certificate of a file, or a file that cannot be read (without a certificate then).

    code: why it is left out.  matched_by: the name in the certificate by which its person was found.
    archives: whether a copy of its key is to be kept.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token_import = models.ForeignKey(TokenImport, on_delete=models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    file_name = models.CharField(max_length=255)
    file_sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16, choices=RowOutcome)
    code = models.CharField(max_length=40, blank=True)
    certificate = BytesField(null=True)
    fingerprint_sha256 = models.CharField(max_length=64, blank=True)
    public_key_sha256 = models.CharField(max_length=64, blank=True)
    issuer = models.CharField(max_length=500, blank=True)
    serial = models.CharField(max_length=40, blank=True)
    subject = models.CharField(max_length=1000, blank=True)
    not_after = models.DateTimeField(null=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    matched_by = models.CharField(max_length=16, blank=True)
    token_type = models.ForeignKey(TokenType, null=True, on_delete=models.PROTECT, related_name="+")
    profile = models.ForeignKey(CertificateProfile, null=True, on_delete=models.PROTECT, related_name="+")
    has_key = models.BooleanField(default=False)
    archives = models.BooleanField(default=False)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["token_import", "position"], name="token_import_row_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=RowOutcome.values), name="token_import_row_outcome"
            ),
        ]
        indexes = [models.Index(fields=["file_sha256"], name="token_import_row_file")]

    def __str__(self) -> str:
        return self.file_name


class Imported(models.TextChoices):
    """Filters of lists by imported certificates."""

    ANY = "any", _("from another system")
    WATCHED = "watched", _("from another system, not renewed here yet")
    KEY_MISSING = "key-missing", _("from another system, its key is not archived")
    NOT_CONNECTED = "not-connected", _("from another system, its CA is not connected")


class ImportedCertificateQuerySet(models.QuerySet["ImportedCertificate"]):
    def of(self, kind: Imported) -> Self:
        """Imported certificates that the filter matches."""
        living = Q(certificate__state__in=NOT_ENDED)
        archived = ArchivedKey.objects.filter(public_key_sha256=OuterRef("public_key_sha256"))
        successor = SoftwareToken.objects.in_use().filter(predecessor=OuterRef("certificate__token"))
        match kind:
            case Imported.WATCHED:
                used = (TokenState.ACTIVE, TokenState.ON_HOLD)
                return self.filter(living, ~Exists(successor), certificate__token__state__in=used)
            case Imported.KEY_MISSING:
                decrypting = Q(certificate__profile__purpose__in=DECRYPTING)
                return self.filter(decrypting, ~Exists(archived))
            case Imported.NOT_CONNECTED:
                return self.filter(living, ca="")
        return self.all()


class ImportedCertificate(models.Model):
    """Marks a certificate as imported from another system, with the fields that only imported ones have.

    Its public key is stored here, not on the certificate, where it is unique: other systems certify a key
    more than once. ca: alias of the connection to the CA that issued it; empty if that is not connected.
    """

    certificate = models.OneToOneField(
        Certificate, primary_key=True, on_delete=models.CASCADE, related_name="imported"
    )
    token_import = models.ForeignKey(TokenImport, on_delete=models.PROTECT, related_name="certificates")
    public_key_sha256 = models.CharField(max_length=64, db_index=True)
    ca = models.CharField(max_length=40, blank=True)
    imported_at = models.DateTimeField(default=timezone.now)

    objects = ImportedCertificateQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.certificate)
