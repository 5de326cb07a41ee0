"""Recovery decisions: what a Recovery Officer decided on a recovery, under a MAC.

The key of the MAC is outside the database: write access to rows does not suffice to forge a decision.
"""

from django.db import models

from ca_bridge.database.binary_field import BytesField
from identity_manager.models.identifiers import new_id
from identity_manager.models.requests.approval import Approval


class RecoveryDecision(models.Model):
    """One row per approval of a recovery, which is one-to-one with `Approval`.

    keep_silent: why the owner of the keys is not notified; empty: they are. seal: MAC over approval, officer
    and the digest of what was decided on (workflow/recovery/sealed_decisions.py).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    approval = models.OneToOneField(Approval, on_delete=models.PROTECT, related_name="recovery_decision")
    keep_silent = models.TextField(blank=True)
    seal = BytesField()

    def __str__(self) -> str:
        return str(self.approval_id)
