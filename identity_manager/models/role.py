"""Roles: what a person may do."""

from django.db import models
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


class RoleAssignment(models.Model):
    """One role of one person, everywhere or limited to an organisational unit."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey("identity_manager.Person", on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=32, choices=Role)
    organisational_unit = models.CharField(max_length=200, blank=True)
    assigned_by = models.ForeignKey(
        "identity_manager.Person", null=True, on_delete=models.PROTECT, related_name="+"
    )
    assigned_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "role", "organisational_unit"], name="role_once_per_person_and_unit"
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_known"),
        ]
        indexes = [models.Index(fields=["role"], name="role_index")]

    def __str__(self) -> str:
        return str(self.get_role_display())
