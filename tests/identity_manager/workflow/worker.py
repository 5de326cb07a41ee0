"""The worker, for tests that look at the road between two of its steps: does what is due, when it is told."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from identity_manager import task_names
from identity_manager.jobs import sweep
from identity_manager.workflow import step5_issue, step6_passphrase, step7_deliver
from identity_manager.workflow.revocation import hold, revoke
from tests.tools import one_step

VERBS: dict[str, Callable[[Any], object]] = {
    task_names.ISSUE: one_step.issue,
    task_names.SEAL: lambda pk: step6_passphrase.seal(token_id=pk),
    task_names.RESOLVE_ORPHAN: lambda pk: step5_issue.resolve_orphaned_order(certificate_id=pk),
    task_names.HOLD: lambda pk: hold.hold_at_ca(certificate_id=pk),
    task_names.REVOKE: lambda pk: revoke.revoke_at_ca(certificate_id=pk),
    task_names.SEND_MAIL: lambda pk: step7_deliver.send(mail_id=pk),
}


def works(*tasks: str) -> None:
    """Do all that is due of these tasks (of every one, without), until nothing new comes up."""
    for _round in range(4):
        for task in tasks or tuple(VERBS):
            for pk in list(sweep.WORK[task]().due(timezone.now()).values_list("pk", flat=True)):
                VERBS[task](pk)
