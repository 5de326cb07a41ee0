"""Keys that leave for targets: no passphrase, container or credential of a target is found anywhere else.

With the rings of today in hand nothing of what arrived is opened from the files of the database.
"""

from pathlib import Path
from typing import Any

import pytest

from identity_manager.jobs import runner as jobs
from identity_manager.models import HoldBack, Placement, PlacementState
from identity_manager.workflow.targets import uses
from tests.journeys.office import Office
from tests.sinks import places
from tests.sinks.search import Search, Secret
from tests.sinks.walk import issue, show
from tests.sinks.watched import Watched
from tests.tools import gateways, sftp_server
from tests.tools.gateways import Gateway
from tests.tools.targets import administrator, serve

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


# The database is searched as files, with the rest of what it wrote.
SINKS = ("mails", "logs", "messages", "audit events", "audit exports", "exceptions")


def switched_on(name: str) -> None:
    asked = uses.ask(actor=administrator("sven"), target=name, type_code="mail", hold_back=HoldBack.ISSUED)
    uses.confirm(actor=administrator("nora"), use_id=asked.pk)


def test_no_sink_holds_what_went_to_a_gateway(
    office: Office, watched: Watched, settings: Any, tmp_path: Path, database_file: Path
) -> None:
    gate: Gateway = gateways.gateway(tmp_path)
    gateways.leaving_type()
    with sftp_server.running(gate.drop) as server:
        settings.TARGETS = {gateways.NAME: gate.target(secret=sftp_server.PASSWORD, **server.options())}
        switched_on(gateways.NAME)
        request = office.enable("MAIL")
        issue(office, watched, request)
        serve()
    row = Placement.objects.select_related("target").get()
    assert (row.state, row.last_error, row.target.last_error) == (PlacementState.THERE, "", "")
    sven = office.browser_of(administrator("sven"))
    sven.open("/admin/targets/")
    sven.open(f"/admin/targets/{gateways.NAME}/")
    (name,) = gate.files()
    found = gate.opened(name)
    (container,) = gateways.unzipped(found["keys.zip"]).values()
    secrets = [
        *watched.caught.secrets(),
        Secret.passphrase(found["passphrase.txt"].decode(), name="passphrase of the gateway"),
        Secret.content(sftp_server.PASSWORD.encode(), name="password of the drop"),
        Secret.content(container[200:], name="container of the gateway"),  # behind what all begin with
    ]
    search = Search(secrets)
    sinks = watched.sinks()
    for sink in SINKS:
        assert search.all_findings(sinks[sink]) == [], sink
    assert search.all_findings(watched.answers()) == []
    assert search.all_findings(places.database_files(database_file)) == []

    show(office, request.tokens.get())
    office.note_passphrase()
    watched.work()
    jobs.run(run_id=jobs.row_of("vault.erase_traces").pk)
    found_wrapped = watched.caught.search_wrapped().all_findings(places.database_files(database_file))
    assert found_wrapped == []
