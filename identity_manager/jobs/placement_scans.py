"""Jobs on placements at targets: review which of them are wanted."""

from functools import partial

from identity_manager.jobs import resumable_scan
from identity_manager.models import Placement, TargetUse
from identity_manager.transactions.retry_later import for_all_or_each
from identity_manager.workflow.targets import planning, sole_delivery


def review() -> int:
    """Job: plan placements anew, for changes by time, lost messages, and tokens older than a target's use."""
    return resumable_scan.in_turn(
        _review_all,
        *(partial(_plan_existing, use) for use in planning.publishing_uses()),
        sole_delivery.arrive_late,
    )


def _review_all() -> int:
    review = partial(for_all_or_each, verb=planning.review)
    return resumable_scan.of_portions("targets.review", Placement.objects.living(), review)


def _plan_existing(use: TargetUse) -> int:
    plan = partial(for_all_or_each, verb=partial(planning.plan_existing, use.pk))
    return resumable_scan.of_portions(f"targets.plan:{use.pk}", planning.tokens_of(use), plan)
