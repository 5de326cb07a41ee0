"""The part of a token's page about whether its file arrived."""

from typing import Any

from identity_manager.models import DeliveryProblem, SoftwareToken
from identity_manager.workflow.delivery import arrival
from selfservice.certificates.forms import NotArrivedForm


def of_token(token: SoftwareToken, refused: NotArrivedForm | None) -> dict[str, Any]:
    """The person's last report with its outcome, and the form."""
    return {
        "problem": DeliveryProblem.objects.filter(token=token).order_by("opened_at").last(),
        "mailed": arrival.saying_obstacle(token) is None,
        "arrival_form": refused or NotArrivedForm(),
    }
