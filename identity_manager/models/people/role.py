"""Roles of persons, with unit and validity."""

from datetime import date
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id


class Role(models.TextChoices):
    SELF_SERVICE_USER = "self-service-user", _("Self-Service User")
    TOKEN_ADMINISTRATOR = "token-administrator", _("Software Token Administrator")
    APPROVER = "approver", _("Approver")
    REGISTRATION_OFFICER = "registration-officer", _("Registration Officer")
    USER_ADMINISTRATOR = "user-administrator", _("User Administrator")
    RECOVERY_OFFICER = "recovery-officer", _("Recovery Officer")
    AUDITOR = "auditor", _("Auditor")
    SYSTEM_ADMINISTRATOR = "system-administrator", _("System Administrator")


OFFICER_ROLES = frozenset(Role) - {Role.SELF_SERVICE_USER}
OFFERED_ROLES = tuple(Role)


def today() -> date:
    """The day for validity of roles, in the installation's time zone, not the reader's."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


class RoleAssignmentQuerySet(models.QuerySet["RoleAssignment"]):
    def in_force(self, day: date) -> Self:
        """Roles that are valid on that day."""
        return self.not_ended(day).filter(Q(valid_from=None) | Q(valid_from__lte=day))

    def not_ended(self, day: date) -> Self:
        """Roles that are valid on that day or later."""
        return self.filter(Q(valid_until=None) | Q(valid_until__gte=day))

    def ended(self, day: date) -> Self:
        """Roles whose last day is over."""
        return self.filter(valid_until__lt=day)


class RoleAssignment(models.Model):
    """One role of one person, everywhere or limited to an organisational unit.

    valid_from and valid_until are its first and last day, both inclusive; empty: from now on, without end.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey("identity_manager.Person", on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=32, choices=Role)
    organisational_unit = models.CharField(max_length=200, blank=True)
    assigned_by = models.ForeignKey(
        "identity_manager.Person", null=True, on_delete=models.PROTECT, related_name="+"
    )
    assigned_at = models.DateTimeField(default=timezone.now)
    valid_from = models.DateField(_("valid from"), null=True, blank=True)
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    # The last day of a deputy's work with this role; until then their Deputy rows are read at every decision.
    deputy_until = models.DateField(null=True, editable=False)
    # Assigned because of that alone: the person has no such role of their own.
    only_as_deputy = models.BooleanField(default=False, db_default=False, editable=False)

    objects = RoleAssignmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "organisational_unit"], name="role_once_per_person_and_unit"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_known"),
            models.CheckConstraint(
                condition=Q(valid_from=None)
                | Q(valid_until=None)
                | Q(valid_until__gte=models.F("valid_from")),
                name="role_ends_after_it_begins",
            ),
        ]
        indexes = [models.Index(fields=["role"], name="role_index")]

    def __str__(self) -> str:
        return str(self.get_role_display())

    def is_in_force(self, day: date) -> bool:
        """Whether the role is valid on that day."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and self.has_not_ended(day)

    def has_not_ended(self, day: date) -> bool:
        """Whether the role is valid on that day or later."""
        return self.valid_until is None or self.valid_until >= day
