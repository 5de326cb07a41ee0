"""Changes of e-mail, UPN or SID that wait for a second officer (SPEC.md 2)."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class IdentityChangeState(models.TextChoices):
    WAITING = "waiting", _("Waits for confirmation")
    CONFIRMED = "confirmed", _("Confirmed")
    REFUSED = "refused", _("Not confirmed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


S = IdentityChangeState
IDENTITY_FIELDS: "dict[str, StrOrPromise]" = {
    "email": _("e-mail"),
    "upn": _("user principal name"),
    "sid": _("security identifier"),
}


class IdentityChangeQuerySet(models.QuerySet["IdentityChange"]):
    def waiting(self) -> Self:
        """Changes on which nobody has decided."""
        return self.filter(state=S.WAITING)

    def listed(self) -> Self:
        """Those that are decided on one by one: new persons of a file are confirmed on the file's page."""
        return self.exclude(is_entry=True, person_import__isnull=False)

    def confirmed(self) -> Self:
        """Changes to which a second officer has agreed."""
        return self.filter(state=S.CONFIRMED)


class IdentityChange(Stateful):
    """What is to become of a person's e-mail, UPN or SID once a second officer agrees.

    old, new: value by field, of those fields that change. As long as it waits, nothing is delivered to the
    person and no passphrase is shown. asked_by is null where it was who operates the machine.
    is_entry: the first identity of a person who was entered by hand or by a file. person_import: that file.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="identity_changes")
    old = models.JSONField()
    new = models.JSONField()
    source = models.CharField(max_length=16)
    state = StateField(max_length=16, choices=IdentityChangeState.choices, default=S.WAITING, protected=True)
    asked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, help_text="why it was not confirmed, or withdrawn")
    is_entry = models.BooleanField(default=False, db_default=False)
    person_import = models.ForeignKey(
        "identity_manager.PersonImport", null=True, on_delete=models.PROTECT, related_name="identity_changes"
    )

    objects = IdentityChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            state_constraint(IdentityChangeState, "identity_change_state"),
            models.UniqueConstraint(
                fields=["person"], condition=Q(state="waiting"), name="identity_change_one_waiting"
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed")
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("person")) & Q(asked_by=None))
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("person")) & ~Q(decided_by=F("asked_by"))),
                name="identity_change_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return ", ".join(str(label) for label, _old, _new in self.lines)

    @property
    def lines(self) -> "list[tuple[StrOrPromise, str, str]]":
        """What each field is called, was and is to become."""
        return [(IDENTITY_FIELDS[name], self.old[name], value) for name, value in self.new.items()]

    @transition(field=state, source=S.WAITING, target=S.CONFIRMED)
    def confirm(self, *, by: Person, now: datetime) -> None:
        """A second officer agrees."""
        self.decided_by = by
        self.decided_at = now

    @transition(field=state, source=S.WAITING, target=S.REFUSED)
    def refuse(self, *, by: Person, reason: str, now: datetime) -> None:
        """A second officer does not agree."""
        self.decided_by = by
        self.decided_at = now
        self.reason = reason

    @transition(field=state, source=S.WAITING, target=S.WITHDRAWN)
    def withdraw(self, *, by: Person | None, reason: str, now: datetime) -> None:
        """Who asked takes it back, or what it was about has ended."""
        self.decided_by = by
        self.decided_at = now
        self.reason = reason
