"""How long the expiry check takes for a wave of tokens that run out together.

An installation of its own, with so many Active persons and a token of each, whose certificates end in 20
days: half of a type that asks its persons (a mail each), half of one that renews by itself (a request and its
mail each). Timed is the job, run after run, until nothing is due; mails are not sent.
"""

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from identity_manager.jobs import schedule
from identity_manager.models import Certificate, OutgoingMail, Person, SoftwareToken, TokenRequest, TokenType
from identity_manager.workflow import snapshot
from tests.performance import enable

ENDS_IN = timedelta(days=20)
JOB = "renewals.expiry_check"


def measured(number: int) -> dict[str, Any]:
    codes = ("vpn", "encryption")
    TokenType.objects.filter(code=codes[1]).update(renewal_policy="automatic", approval="never")
    ids = enable.persons(number)
    for place_, code in enumerate(codes):
        tokens_of(ids[place_::2], code)
    job = schedule.named(JOB)
    assert job is not None
    began, done = time.perf_counter(), 0
    while some := int(job.run()):
        done += some
    seconds = time.perf_counter() - began
    started = TokenRequest.objects.filter(kind="renewal").count()
    told = OutgoingMail.objects.filter(message="renewal_due").count()
    if (done, started, told) != (number, number // 2, number - number // 2):
        raise RuntimeError(f"{started} were started and {told} told of {number}")
    return {"figures": {"renewal_10000_s": seconds * 10_000 / number}, "tokens": number}


def tokens_of(person_ids: list[str], code: str) -> None:
    """Give each of them an active token of the type, as rows alone."""
    token_type = TokenType.objects.active().get(code=code)
    frame, profiles = snapshot.frame(token_type), token_type.ordered_profiles()
    persons = Person.objects.in_bulk(person_ids).values()
    requests = [
        TokenRequest(
            person=each, requested_by=each, origin="administrator", snapshot_hash="0" * 64, state="completed"
        )
        for each in persons
    ]
    tokens = [
        SoftwareToken(
            request=each,
            person=each.person,
            token_type=token_type,
            type_code=code,
            kind="initial",
            is_open=False,
            snapshot=frame.filled(each.person),
            state="active",
        )
        for each in requests
    ]
    ends = timezone.now() + ENDS_IN
    certificates = [
        Certificate(token=each, profile=profile, position=position, state="valid", not_after=ends)
        for each in tokens
        for position, profile in enumerate(profiles)
    ]
    for model, rows in ((TokenRequest, requests), (SoftwareToken, tokens), (Certificate, certificates)):
        model._default_manager.bulk_create(rows, batch_size=500)
