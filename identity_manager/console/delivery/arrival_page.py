"""Delivery problem: the page of a file that did not arrive."""

from typing import Any

from identity_manager.console.delivery.forms import AnswerForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import DeliveryProblem, Person
from identity_manager.queries import mail_domains
from identity_manager.workflow.delivery import arrival


def context(actor: Person, problem: DeliveryProblem, form: VerbForm) -> dict[str, Any]:
    """The facts and what can be done; who cannot decide reads why."""
    is_open = DeliveryProblem.objects.open().filter(pk=problem.pk).exists()
    obstacle = arrival.decision_obstacle(actor=actor, problem=problem)
    return {
        "tab": "open_tasks",
        "problem": problem,
        "token": problem.token,
        "obstacle": obstacle or (None if is_open else arrival.ANSWERED),
        "strips": bool(mail_domains.stripping([problem.domain])),
        "earlier": DeliveryProblem.objects.filter(token=problem.token).exclude(pk=problem.pk),
        "form": form if isinstance(form, AnswerForm) else AnswerForm(),
        "refused": form.errors and not isinstance(form, AnswerForm) and form,
    }
