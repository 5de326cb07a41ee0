"""Jobs on placements at targets: review which of them are wanted."""

from functools import partial

from identity_manager.jobs import resumable_scan
from identity_manager.models import Placement
from identity_manager.workflow.targets import planning, sole_delivery


def review() -> int:
    """Job: plan placements anew, for changes by time, lost messages, and tokens older than a target's use."""
    changed = resumable_scan.of_portions("targets.review", Placement.objects.living(), planning.review)
    for use in planning.publishing_uses():
        plan = partial(planning.plan_existing, use.pk)
        changed += resumable_scan.of_portions(f"targets.plan:{use.pk}", planning.tokens_of(use), plan)
    return changed + sole_delivery.arrive_late()
