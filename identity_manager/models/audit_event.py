"""The audit log: plain appends, in the transaction of what they tell."""

from django.db import models
from django.utils import timezone

from identity_manager.models.identifiers import new_id
from identity_manager.models.person import Person
from identity_manager.models.software_token import SoftwareToken
from identity_manager.models.token_request import TokenRequest


class AuditEvent(models.Model):
    """That something happened: who, what, to whom, when. actor is empty for the system itself."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60)
    at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="events")
    request = models.ForeignKey(TokenRequest, null=True, on_delete=models.PROTECT, related_name="events")
    token = models.ForeignKey(SoftwareToken, null=True, on_delete=models.PROTECT, related_name="events")
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["name", "at"], name="audit_event_name")]

    def __str__(self) -> str:
        return self.name
