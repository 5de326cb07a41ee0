"""The worker, for tests that look at the road between two of its steps: does what is due, when it is told."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from identity_manager import outbox
from identity_manager.workflow import (
    finishing,
    hold,
    revoke,
    step5_issue,
    step6_passphrase,
    step7_deliver,
    sweep,
)
from tests import one_step

VERBS: dict[str, Callable[[Any], object]] = {
    step5_issue.ISSUE: one_step.issue,
    finishing.SEAL: lambda pk: step6_passphrase.seal(token_id=pk),
    step5_issue.CLEAR_UP: lambda pk: step5_issue.clear_up(certificate_id=pk),
    hold.HOLD: lambda pk: hold.carry_out(certificate_id=pk),
    revoke.REVOKE: lambda pk: revoke.carry_out(certificate_id=pk),
    outbox.SEND: lambda pk: step7_deliver.send(mail_id=pk),
}


def works(*tasks: str, rounds: int = 4) -> None:
    """Do all that is due of these tasks (of every one, without), until nothing new comes up."""
    for _round in range(rounds):
        for task in tasks or tuple(VERBS):
            for pk in list(sweep.WORK[task]().due(timezone.now()).values_list("pk", flat=True)):
                VERBS[task](pk)
