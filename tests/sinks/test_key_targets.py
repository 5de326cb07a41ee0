"""Keys that leave for targets: no passphrase, container or credential of a target is found anywhere else.

With the rings of today in hand nothing of what arrived is opened from the files of the database.
"""

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca_bridge.connection import registry
from ca_bridge.x509.certificates import names_itself
from identity_manager.jobs import runner as jobs
from identity_manager.models import KeyHolder, Placement, PlacementState
from tests.journeys.office import Office
from tests.sinks import places
from tests.sinks.search import Search, Secret
from tests.sinks.walk import issue, show
from tests.sinks.watched import Watched
from tests.tools import gateways, gmail_stub, graph_stub, sftp_server
from tests.tools.gmail_stub import Mailbox
from tests.tools.targets import administrator, in_use, serve

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

# The database is searched as files, with the rest of what it wrote.
SINKS = ("mails", "logs", "messages", "audit events", "audit exports", "exceptions")
BEGINNING = 200  # octets with which all containers begin


def handed_over(office: Office, watched: Watched, target: str) -> None:
    """The target is switched on, a token is issued, and its key arrives there; officers look at pages."""
    in_use(target)
    issue(office, watched, office.enable("MAIL"))
    serve()
    row = Placement.objects.select_related("target").get()
    assert (row.state, row.last_error, row.target.last_error) == (PlacementState.THERE, "", "")
    sven = office.browser_of(administrator("sven"))
    sven.open("/admin/targets/")
    sven.open(f"/admin/targets/{target}/")


def search_everything(office: Office, watched: Watched, database_file: Path, secrets: list[Secret]) -> None:
    search = Search([*watched.caught.secrets(), *secrets])
    sinks = watched.sinks()
    for sink in SINKS:
        assert search.all_findings(sinks[sink]) == [], sink
    assert search.all_findings(watched.answers()) == []
    assert search.all_findings(places.database_files(database_file)) == []

    show(office, Placement.objects.get().certificate.token)
    office.note_passphrase()
    watched.work()
    jobs.run(run_id=jobs.row_of("vault.erase_traces").pk)
    assert watched.caught.search_wrapped().all_findings(places.database_files(database_file)) == []


def test_no_sink_holds_what_went_to_a_gateway(
    office: Office, watched: Watched, settings: Any, tmp_path: Path, database_file: Path
) -> None:
    gate = gateways.gateway(tmp_path)
    gateways.leaving_type()
    with sftp_server.running(gate.drop) as server:
        settings.TARGETS = {gateways.NAME: gate.target(secret=sftp_server.PASSWORD, **server.options())}
        handed_over(office, watched, gateways.NAME)
    (name,) = gate.files()
    found = gate.opened(name)
    (container,) = gateways.unzipped(found["keys.zip"]).values()
    secrets = [
        Secret.passphrase(found["passphrase.txt"].decode(), name="passphrase of the gateway"),
        Secret.content(sftp_server.PASSWORD.encode(), name="password of the drop"),
        Secret.content(container[BEGINNING:], name="container of the gateway"),
    ]
    search_everything(office, watched, database_file, secrets)


@pytest.mark.nightly
def test_no_sink_holds_what_went_to_intune(
    office: Office, watched: Watched, settings: Any, tmp_path: Path, database_file: Path
) -> None:
    gateways.leaving_type(KeyHolder.INTUNE)
    with graph_stub.running() as graph:
        graph.users = {office.company.uma.upn: "user-of-uma"}
        settings.TARGETS = {graph_stub.NAME: graph.target(tmp_path)}
        handed_over(office, watched, graph_stub.NAME)
    (body,) = graph.held.values()
    (token,) = graph.tokens
    container = base64.b64decode(body["encryptedPfxBlob"])
    secrets = [
        Secret.passphrase(body["password"], name="passphrase of the connector"),
        Secret.content(graph_stub.SECRET.encode(), name="secret of the app"),
        Secret.content(token.encode(), name="access token"),
        Secret.content(container[BEGINNING:], name="container of Intune"),
    ]
    search_everything(office, watched, database_file, secrets)


def test_no_sink_holds_what_went_to_gmail(
    office: Office, watched: Watched, settings: Any, tmp_path: Path, database_file: Path
) -> None:
    gateways.leaving_type(KeyHolder.GMAIL)
    with gmail_stub.running() as gmail:
        gmail.trusted = [each for each in registry.connector("corporate").chain() if names_itself(each)]
        gmail.mailboxes.append(Mailbox(office.company.uma.email))
        settings.TARGETS = {gmail_stub.NAME: gmail.target(tmp_path)}
        handed_over(office, watched, gmail_stub.NAME)
    (held,) = gmail.mailboxes[-1].held
    (token,) = gmail.tokens
    key = gmail_stub.account_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    secrets = [
        Secret.passphrase(held["password"], name="passphrase of Gmail"),
        Secret.content(key, name="key of the service account"),
        Secret.content(token.encode(), name="access token"),
        Secret.content(held["container"][BEGINNING:], name="container of Gmail"),
    ]
    search_everything(office, watched, database_file, secrets)
