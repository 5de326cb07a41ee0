"""What a Recovery Officer decided on a recovery, sealed against whoever can only write to the database."""

from django.db import models

from ca_bridge.database.binary_field import BytesField
from identity_manager.models.identifiers import new_id
from identity_manager.models.requests.approval import Approval


class RecoveryDecision(models.Model):
    """Beside the approval of a Recovery Officer.

    keep_silent: why the owner of the keys is not told; empty: they are. seal: approval, officer and what was
    decided on, under a key that is not in the database (workflow/recovery/decisions.py).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    approval = models.OneToOneField(Approval, on_delete=models.PROTECT, related_name="recovery_decision")
    keep_silent = models.TextField(blank=True)
    seal = BytesField()

    def __str__(self) -> str:
        return str(self.approval_id)
