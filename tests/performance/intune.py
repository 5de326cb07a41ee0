"""How long containers take to Intune, whose stub answers 429 as Graph does under load; none arrives twice.

An installation of its own; the journal holds a sealed container for each person, as the sealing writes it. A
worker's own verb imports them. The stub lets 100 imports through in 20 seconds, as Graph is said to do for an
app, then answers 429 with Retry-After; and every 97th answer is lost after the import.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.utils import timezone

from identity_manager.models import Certificate, HoldBack, Person, Placement, Target, TargetUse
from identity_manager.targets import connectors
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.targets import serving
from tests.performance import people
from tests.performance.publication import CODE
from tests.performance.timing import seconds_of
from tests.tools import graph_stub
from tests.tools.key_files import key_file

LET_THROUGH, WINDOW, WAIT = 100, 20.0, 10
LOST_EACH = 97


def measured(number: int) -> dict[str, Any]:
    people.give_tokens(people.make(number), CODE)
    with TemporaryDirectory() as folder, graph_stub.running() as graph:
        graph.throttle, graph.window, graph.retry_after = LET_THROUGH, WINDOW, {"Retry-After": str(WAIT)}
        graph.lost_each = LOST_EACH
        target = switched_on(graph, Path(folder))
        seconds = seconds_of(lambda: _serve(target))
        if len(graph.held) != number or graph.twice:
            raise RuntimeError(f"{len(graph.held)} of {number} arrived, {graph.twice} were sent twice")
        figures = {"intune_1000_min": seconds / 60 * 1000 / number}
        return {"figures": figures, "throttled": graph.throttled, "lost": graph.lost}


def switched_on(graph: Any, folder: Path) -> Any:
    """The target, switched on for the type, and a sealed container for the certificate of each person."""
    settings.TARGETS = {graph.NAME: graph.target(folder)}
    connector = connectors.key_connector_of(settings.TARGETS[graph.NAME])
    now = timezone.now()
    target = Target.objects.create(name=graph.NAME, next_attempt_at=now)
    asks, confirms = Person.objects.order_by("pk")[:2]
    use = TargetUse(target=target, type_code=CODE, hold_back=HoldBack.ISSUED, asked_by=asks)
    use.confirm(by=confirms, now=now)
    use.save()
    certificates, rows = [], []
    for row in Certificate.objects.filter(profile__purpose="encryption").select_related("token__person"):
        file = key_file()
        row.certificate = file.certificate
        certificates.append(row)
        graph.users[row.token.person.upn] = str(row.token.person_id)
        placement = Placement(
            target=target, certificate=row, wanted=True, next_attempt_at=now, carries_key=True
        )
        placement.parcel_wrapped = vault.wrap(
            connector.seal(file),
            purpose=vault.Purpose.PRIVATE_KEYS,
            record=placement.pk,
            owner=row.token.person_id,
        )
        rows.append(placement)
    Certificate.objects.bulk_update(certificates, ["certificate"], batch_size=500)
    Placement.objects.bulk_create(rows, batch_size=500)
    return target


def _serve(target: Any) -> None:
    """As often as a worker's time is over, and as the sweep does where the target waits."""
    while Placement.objects.filter(next_attempt_at__isnull=False).exists():
        serving.serve(target_id=target.pk)
        due = Placement.objects.filter(next_attempt_at__gt=timezone.now())
        if due.exists() and not Placement.objects.due(timezone.now()).exists():
            time.sleep(1)
