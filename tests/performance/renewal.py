"""How long the expiry check takes for a wave of tokens that run out together.

An installation of its own, with so many Active persons and a token of each, whose certificates end in 20
days: half of a type that asks its persons (a mail each), half of one that renews by itself (a request and its
mail each). Timed is the job, run after run, until nothing is due; mails are not sent.
"""

import time
from typing import Any

from identity_manager.jobs import schedule
from identity_manager.models import OutgoingMail, TokenRequest, TokenType
from tests.performance import people

JOB = "renewals.expiry_check"


def measured(number: int) -> dict[str, Any]:
    codes = ("vpn", "encryption")
    TokenType.objects.filter(code=codes[1]).update(renewal_policy="automatic", approval="never")
    ids = people.make(number)
    for place_, code in enumerate(codes):
        people.give_tokens(ids[place_::2], code)
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
