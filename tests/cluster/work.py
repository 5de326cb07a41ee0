"""What the tests of this folder do and count in a process of the installation.

    python -m tests.cluster.work FUNCTION ARGUMENTS-AS-JSON

The last line of the output is the answer, as JSON.
"""

import json
import sys
import time
from collections import Counter
from typing import Any

import django

NOTE_CLAIMS = {
    "postgresql": """
        CREATE TABLE claims (name text, due timestamptz, claim uuid);
        CREATE FUNCTION note_claim() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO claims VALUES (NEW.name, NEW.next_attempt_at, NEW.claim_id); RETURN NULL; END $$;
        CREATE TRIGGER note_claim AFTER UPDATE ON identity_manager_jobrun FOR EACH ROW
        WHEN (NEW.claim_id IS NOT NULL AND NEW.claim_id IS DISTINCT FROM OLD.claim_id)
        EXECUTE FUNCTION note_claim()
    """,
    "sqlite": """
        CREATE TABLE claims (name text, due text, claim text);
        CREATE TRIGGER note_claim AFTER UPDATE OF claim_id ON identity_manager_jobrun
        WHEN NEW.claim_id IS NOT NULL AND NEW.claim_id IS NOT OLD.claim_id
        BEGIN INSERT INTO claims VALUES (NEW.name, NEW.next_attempt_at, NEW.claim_id); END
    """,
}


def prepare(*, pages: bool) -> None:
    """Database, CA, the cast, a note of each claim of a job; and what pages need besides."""
    from django.core.management import call_command
    from django.db import connection

    if pages:
        call_command("collectstatic", interactive=False, verbosity=0)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("init_embedded_ca", verbosity=0, stdout=sys.stderr)
    from tests.tools.cast import Company

    Company()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executescript(NOTE_CLAIMS["sqlite"])
        else:
            cursor.execute(NOTE_CLAIMS["postgresql"])


def order(numbers: list[int]) -> list[str]:
    """Persons of these numbers have a token each that they have accepted; the requests."""
    from identity_manager.models import Person, TokenType
    from tests.tools import cast

    ada = Person.objects.get(personnel_number="P-ada")
    kind = TokenType.objects.active().get(code="vpn")
    persons = [cast.person(f"n{number}", sid=f"S-1-5-21-9-9-9-{number}") for number in numbers]
    return [str(cast.accepted(cast.enabled(ada, person, kind)).pk) for person in persons]


def nudge() -> None:
    """A message about a certificate, as the sweep sends it; nothing is written."""
    from identity_manager import queue
    from identity_manager.models import Certificate
    from identity_manager.task_names import ISSUE

    queue.publish(ISSUE, Certificate.objects.latest("created_at").pk)


def standing() -> dict[str, Any]:
    """What there is, and what is there twice."""
    from django.db.models import Count

    from ca_bridge.models import CaOrder
    from identity_manager.mail import mailbox
    from identity_manager.models import Certificate, OutgoingMail, SoftwareToken

    tokens = SoftwareToken.objects.annotate(number=Count("certificates"))
    rows = {
        "requests": dict(Counter(SoftwareToken.objects.values_list("request__state", flat=True))),
        "tokens": dict(Counter(tokens.values_list("state", flat=True))),
        "certificates": dict(Counter(Certificate.objects.values_list("state", flat=True))),
        "orders": dict(Counter(CaOrder.objects.values_list("state", flat=True))),
        "issued_by_ca": _issued_by_the_ca(),
        "mails": dict(Counter(OutgoingMail.objects.values_list("state", flat=True))),
    }
    # After the mails: what is said to be sent by then is there.
    messages = Counter(str(stored.message["Message-ID"]) for stored in mailbox.stored_messages())
    return rows | {
        "messages": sum(messages.values()),
        "messages_twice": sorted(each for each, times in messages.items() if times > 1),
        "runs": len(_claims()),
        "runs_twice": sorted(str(each) for each, times in Counter(_claims()).items() if times > 1),
    }


def finished(number: int, runs: int = 0, seconds: int = 150) -> dict[str, Any]:
    """Wait until so many tokens are sealed, no mail waits, and so many jobs ran; what there is then."""
    deadline = time.monotonic() + seconds
    while True:
        found = standing()
        done = found["tokens"] == {"sealed": number} and set(found["mails"]) == {"sent"}
        if (done and found["runs"] >= runs) or time.monotonic() > deadline:
            return found
        time.sleep(1)


def _issued_by_the_ca() -> int:
    """By the CA's own books."""
    from ca_bridge.connectors.embedded.models import IssuedCertificate

    return IssuedCertificate.objects.count()


def _claims() -> list[tuple[str, str]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT name, due FROM claims")
        return [(name, str(due)) for name, due in cursor.fetchall()]


if __name__ == "__main__":
    django.setup()
    answer = globals()[sys.argv[1]](**json.loads(sys.argv[2]))
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
