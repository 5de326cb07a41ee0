"""One step of the road and no more, for tests that look between two of them."""

import uuid

from identity_manager.models import SoftwareToken
from identity_manager.workflow import step5_issue


def issue(certificate_id: uuid.UUID) -> None:
    """Step 5; a token that it takes to be sealed is let go, and is due as after the death of that worker."""
    taken = step5_issue.issue(certificate_id=certificate_id)
    if taken is not None:
        token = SoftwareToken.objects.filter(pk=taken.token_id, claim_id=taken.claim_id)
        assert token.update(claim_id=None, leased_until=None, attempts=0)
