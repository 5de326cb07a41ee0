"""What a call of the API costs beside its verb: processor time of POST /api/v1/requests and of Enable.

In one process and in turns, each for persons of its own: the verb as the console calls it, types and actor
read anew, and the whole call through every middleware, with its token, idempotency key and answer.
"""

import uuid
from collections.abc import Callable
from typing import Any

from django.test import Client

from identity_manager.models import ApiScope, Person, Role
from identity_manager.people.api_access import api_clients
from identity_manager.people.officers import roles
from identity_manager.workflow import step1_enable
from identity_manager.workflow.policy import eligibility
from tests.performance import people
from tests.performance.timing import in_turns, percentile

WARM_UP = 10
TYPE = "vpn"  # no approval, one certificate


def measured(number: int = 60) -> dict[str, Any]:
    """Milliseconds of the processor of each verb and of each call."""
    api_clients.MOST_CALLS = 1_000_000
    call = caller()
    ids = iter(people.make(2 * (number + WARM_UP)))
    works = {"verb": lambda: enabled(next(ids)), "call": lambda: call(next(ids))}
    samples = in_turns(works, warm_up=WARM_UP, rounds=number)
    ratio = percentile(samples["call"], 50) / percentile(samples["verb"], 50)
    return {"figures": {"api_call_ratio": ratio}, **samples}


def enabled(person_id: str) -> None:
    """The verb, as a view of the console calls it."""
    step1_enable.enable(
        actor=people.officer(), person_id=uuid.UUID(person_id), type_ids=eligibility.types_of_codes([TYPE])
    )


def caller() -> Callable[[str], None]:
    """A client of the API that asks for a person."""
    first, second = people.make(2)
    for each in (first, second):
        roles.establish(person_id=uuid.UUID(each), role=Role.SYSTEM_ADMINISTRATOR)
    wanted = api_clients.ApiClientInput(name="Bench", days=1, scopes=[ApiScope.REQUESTS_WRITE])
    row, secret = api_clients.make(actor=Person.objects.get(pk=first), wanted=wanted)
    api_clients.confirm(actor=Person.objects.get(pk=second), client_id=row.pk)
    browser, known = Client(HTTP_HOST="localhost"), {"Authorization": f"Bearer {secret}"}

    def call(person_id: str) -> None:
        body = {"person": person_id, "types": [TYPE]}
        headers = {**known, "Idempotency-Key": uuid.uuid4().hex}
        answer = browser.post("/api/v1/requests", body, content_type="application/json", headers=headers)
        assert answer.status_code == 201, answer.content

    return call
