"""Each check of the doctor, in order and out of order; what the command prints, and its status."""

import base64
import json
import os
import re
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import requests
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from kombu import Connection
from pytest_django import Settings
from redis import Redis

from ca_bridge.connection import registry
from ca_bridge.contract_operation import DueMaintenance, MaintenanceNeed
from identity_manager import installation
from identity_manager.jobs import schedule
from identity_manager.management import doctor
from identity_manager.management.doctor import (
    addresses,
    archive,
    database,
    keys,
    machine,
    outside,
    processes,
    sign_on,
)
from identity_manager.management.doctor.check_result import Check, CheckResult, Level
from identity_manager.management.embedded import server_executable
from identity_manager.metrics import room
from identity_manager.models import JobRun, LiveProcess, Person, RecoveryCertificate
from identity_manager.models.operation.job_run import JobOutcome
from identity_manager.people.sign_in import sso_provider
from identity_manager.workflow.archive import recovery_certificates, share_rounds
from tests.architecture.source import ROOT
from tests.ca_bridge import scripted
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.outgoing_servers import web_server
from tests.tools import cast, recovery
from tests.tools.broker import PERSISTENT, running_broker
from tests.tools.x509 import issued, named

pytestmark = [pytest.mark.django_db, pytest.mark.long]
Look = Callable[[], Iterator[CheckResult]]


def levels(look: Look) -> set[str]:
    return {finding.level.value for finding in look()}


def worst(look: Look) -> CheckResult:
    order = [Level.OK, Level.WARNING, Level.FAILED]
    return max(look(), key=lambda finding: order.index(finding.level))


def ran(*, ago: timedelta, name: str = "queue.sweep", **values: Any) -> None:
    now = timezone.now()
    times = {"started_at": now - ago, "finished_at": now - ago, "next_attempt_at": now - ago}
    JobRun.objects.create(name=name, **{**times, "outcome": JobOutcome.OK, **values})


# --- The database
@pytest.mark.database
def test_the_database_answers() -> None:
    finding = worst(database.reachable)
    assert finding.level == Level.OK
    assert "SQLite" in finding.says or "PostgreSQL" in finding.says


@pytest.mark.database
def test_a_database_that_does_not_stops_no_other_check() -> None:
    def silent() -> Iterator[CheckResult]:
        raise OperationalError("no route to host\nDETAIL: more")
        yield

    found = list(doctor.examine((Check("database", silent), Check("disk", machine.disk))))
    assert found[0][1].level == Level.FAILED
    assert found[0][1].says == "The database: no route to host"
    assert found[-1][0] == "disk"


@pytest.mark.database
def test_migrations() -> None:
    assert levels(database.migrations) == {"ok"}
    recorder = MigrationRecorder(connection)
    latest = MigrationLoader(connection).graph.leaf_nodes("identity_manager")[0]
    recorder.record_unapplied(*latest)
    assert worst(database.migrations).remedy == "manage.py migrate"
    recorder.record_applied(*latest)
    recorder.record_applied("identity_manager", "9999_from_the_future")
    newer = worst(database.migrations)
    assert ("newer version" in newer.says, newer.level) == (True, Level.WARNING), "the way back is allowed"


@pytest.mark.database
def test_the_shared_cache(settings: Settings) -> None:
    assert levels(database.shared_cache) == {"ok"}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert worst(database.shared_cache).remedy == "manage.py createcachetable"


@pytest.mark.database
def test_the_clock_of_the_database() -> None:
    assert levels(database.clock) == {"ok"}


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (4, "ok"), (6, "warning"), (-3600, "warning")])
def test_clocks_that_are_apart(seconds: int, level: str) -> None:
    theirs = datetime.now(UTC) + timedelta(seconds=seconds)
    assert {finding.level for finding in database.compared("the server", theirs)} == {level}


# --- Broker, beat, workers, jobs
def test_the_broker(settings: Settings, broker_url: str) -> None:
    settings.BROKER_URL = broker_url
    assert levels(processes.broker) == {"ok"}
    assert re.fullmatch(r"The broker answers: Valkey \d+\.\d+\.\d+\.", worst(processes.broker).says)
    settings.BROKER_URL = "redis+socket:///nowhere/broker.sock"
    assert levels(processes.broker) == {"failed"}
    assert "program or version was changed" in worst(processes.broker).remedy


def test_data_that_bind_the_broker_to_its_program_are_named(settings: Settings) -> None:
    with running_broker(server_executable(), *PERSISTENT) as broker:
        settings.BROKER_URL = broker.url
        (finding,) = processes.broker()
    assert finding.level == "ok"
    assert finding.says.endswith("It has data on disk that other programs may not read.")


def test_a_broker_that_cannot_write_its_data_is_named(
    settings: Settings, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BROKER_URL = broker_url
    real = Redis.info
    stuck = {"aof_last_write_status": "err", "valkey_version": "", "redis_version": "8.0.2"}
    monkeypatch.setattr(Redis, "info", lambda client: {**real(client), **stuck})
    (finding,) = processes.broker()
    assert finding.level == "warning"
    assert "cannot write its data to disk: aof_last_write_status" in finding.says


def test_a_broker_that_does_not_say_what_it_is_answers_all_the_same(
    settings: Settings, broker_url: str
) -> None:
    settings.BROKER_URL = broker_url
    with Connection(broker_url) as broker:
        broker.default_channel.client.execute_command("ACL", "SETUSER", "default", "-info")
    (finding,) = processes.broker()
    assert (finding.level, finding.says) == (
        "ok",
        "The broker answers; it does not say which program it is.",
    )


def test_beat_and_workers_live_when_a_job_ran_lately() -> None:
    ran(ago=timedelta(seconds=4))
    assert levels(processes.beat_and_workers) == {"ok"}


@pytest.mark.database
def test_the_host_whose_clock_is_off_is_named() -> None:
    LiveProcess.objects.create(kind="web", host="im-1", clock_ahead=0.1)
    LiveProcess.objects.create(kind="web", host="im-3", clock_ahead=None)
    assert levels(processes.clocks_of_hosts) == {"ok"}
    for ahead in (-6.0, -312.4):
        LiveProcess.objects.create(kind="worker", host="im-2", clock_ahead=ahead)
    (finding,) = processes.clocks_of_hosts()
    assert finding.level == "warning"
    assert finding.says == "The clock of im-2 is 312 seconds behind the database server's."


def test_without_a_beat_nothing_is_asked_for(settings: Settings, broker_url: str) -> None:
    settings.BROKER_URL = broker_url
    assert "there is no beat" in worst(processes.beat_and_workers).says
    ran(ago=timedelta(minutes=5))
    assert worst(processes.beat_and_workers).says.startswith("The last job ran 5 minutes ago")


def test_without_a_worker_messages_wait(settings: Settings, broker_url: str) -> None:
    settings.BROKER_URL = broker_url
    ran(ago=timedelta(minutes=5))
    with Connection(broker_url) as broker:
        queue = broker.SimpleQueue("ca")
        queue.put({"tick": 1})
        queue.close()
    finding = worst(processes.beat_and_workers)
    assert finding.says.endswith("and 1 messages wait: there is no worker.")
    assert finding.remedy == processes.START_WORKER


def test_jobs() -> None:
    for job in schedule.JOBS:
        ran(ago=timedelta(seconds=2), name=job.name)
    assert levels(processes.periodic_work) == {"ok"}
    JobRun.objects.filter(name="queue.sweep").update(outcome=JobOutcome.FAILED, last_error="disk full")
    assert "queue.sweep failed: disk full" in worst(processes.periodic_work).says
    late = timezone.now() - timedelta(minutes=9)
    JobRun.objects.filter(name="queue.sweep").update(outcome=JobOutcome.OK, next_attempt_at=late)
    assert "is due since 9 minutes ago" in worst(processes.periodic_work).says


# --- Certificate authorities
def test_certificate_authorities(settings: Settings, tmp_path: Path) -> None:
    assert levels(outside.certificate_authorities) == {"ok"}
    options = {**settings.CA_CONNECTORS["corporate"]["OPTIONS"], "directory": str(tmp_path / "none")}
    settings.CA_CONNECTORS = {"corporate": {**settings.CA_CONNECTORS["corporate"], "OPTIONS": options}}
    assert "has not been set up yet" in worst(outside.certificate_authorities).says
    settings.CA_CONNECTORS = {}
    assert "No certificate authority" in worst(outside.certificate_authorities).says


@pytest.mark.parametrize(("ahead", "level"), [(-30, "warning"), (1, "failed")])
def test_a_ca_that_ends_soon_or_has(monkeypatch: pytest.MonkeyPatch, ahead: int, level: str) -> None:
    """The clock is moved to before or after the end of the issuing CA."""
    chain = registry.connector("corporate").chain()
    ends = outside.x509.load_der_x509_certificate(chain[0]).not_valid_after_utc

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # noqa: ARG003 datetime's signature
            return ends + timedelta(days=ahead)

    monkeypatch.setattr(outside, "datetime", Clock)
    assert level in levels(outside.certificate_authorities)


def test_what_a_ca_needs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here that its root, whose key is not at hand, has to sign a CRL."""
    monkeypatch.setattr(
        registry, "due_maintenance", lambda alias: (DueMaintenance(MaintenanceNeed.ROOT_CRL_MISSING),)
    )
    assert worst(outside.certificate_authorities).says.startswith("corporate: The root's CRL is missing")


def test_a_ca_that_no_client_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it issues would be refused, after it has issued it."""
    root = scripted.make_ca("Old root", key=ec.generate_private_key(ec.SECP224R1()))
    chain = (scripted.make_ca("Issuing CA", issuer=root).der, root.der)
    monkeypatch.setattr(type(registry.connector("corporate")), "chain", lambda self: chain)
    assert worst(outside.certificate_authorities).says == (
        "corporate: CN=Old root has a key on the curve secp224r1, which clients do not trust."
        " What it issues is refused."
    )


def ended_certificate() -> bytes:
    key, name = ec.generate_private_key(ec.SECP256R1()), named("A former issuing CA")
    made = issued(name, key.public_key(), (name, key), since=10, until=-1)
    return made.public_bytes(serialization.Encoding.DER)


def test_an_issuing_ca_of_before_may_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the one that issues, and what stands above it, are looked at."""
    newest, root = registry.connector("corporate").chain()
    former = ended_certificate()
    monkeypatch.setattr(type(registry.connector("corporate")), "chain", lambda self: (newest, former, root))
    assert levels(outside.certificate_authorities) == {"ok"}


def test_who_issues_nothing_and_has_the_keys_of_a_ca_is_told(
    settings: Settings,
) -> None:
    """As web processes had them before; what issues has them rightly."""
    registry.renew_crls()
    key = base64.b64encode(os.urandom(32)).decode()
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "private-keys": {"1": key}}
    assert levels(outside.certificate_authorities) == {"ok"}
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "private-keys": {}}
    assert "this process issues nothing" in worst(outside.certificate_authorities).says
    options = {**settings.CA_CONNECTORS["corporate"]["OPTIONS"], "passphrase_file": ""}
    settings.CA_CONNECTORS = {"corporate": {**settings.CA_CONNECTORS["corporate"], "OPTIONS": options}}
    assert levels(outside.certificate_authorities) == {"ok"}


# --- Mail
def test_the_mailbox_of_the_embedded_mode(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    assert levels(outside.mail_server) == {"ok"}


def test_an_smtp_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", listener.getsockname()[1]
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_PASSWORD = "hidden"
    assert f"127.0.0.1:{settings.EMAIL_PORT}: Nothing listens there" in worst(outside.mail_server).says

    def refuses(self: object) -> None:
        raise smtplib.SMTPAuthenticationError(535, b"hidden is wrong")

    monkeypatch.setattr(outside.SmtpBackend, "open", refuses)
    assert "refuses the user name or the password" in worst(outside.mail_server).says
    assert "hidden" not in worst(outside.mail_server).says
    monkeypatch.setattr(outside.SmtpBackend, "open", lambda self: True)
    assert levels(outside.mail_server) == {"ok"}


def test_a_provider_is_not_asked(settings: Settings) -> None:
    settings.EMBEDDED, settings.EMAIL_BACKEND = False, "anymail.backends.test.EmailBackend"
    assert "--send-test" in worst(outside.mail_server).says


def test_the_test_mail(mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert outside.send_test("uma@example.com").level == Level.OK
    assert [mail.to for mail in mailoutbox] == [["uma@example.com"]]

    def down() -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(outside.mail_connection, "connection", down)
    assert outside.send_test("uma@example.com").level == Level.FAILED


# --- Addresses and clocks over HTTP
PUBLISHED, OCSP = "http://localhost/pki", "application/ocsp-response"


class Answers:
    """Stands for the network: one answer for every page, one for all that is published."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.status, self.date, self.published = 200, datetime.now(UTC), OCSP
        self.trouble: Exception | None = None
        self.proof = installation.proof
        monkeypatch.setattr(addresses, "_get", self.get)

    def get(self, url: str, asked: dict[str, str]) -> Any:
        if self.trouble:
            raise self.trouble
        is_page = "/pki/" not in url
        headers = {
            "Date": self.date.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "Content-Type": "text/plain" if is_page else self.published,
            installation.PROOF_HEADER: self.proof(asked[installation.NONCE_HEADER]),
        }
        return SimpleNamespace(status_code=self.status, text="alive\n" if is_page else "", headers=headers)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


def test_addresses_answer(answers: Answers) -> None:
    assert levels(addresses.portals) == {"ok"}


def test_where_a_ca_publishes_is_asked_for_what_it_publishes(answers: Answers, settings: Settings) -> None:
    """The proxies of the deployments send every other address from http to https."""
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": "x", "OPTIONS": {"publication_url": PUBLISHED}}}
    assert [each.says for each in addresses.portals()][-2:] == [
        "http://localhost/pki answers.",
        "The clock agrees with that of http://localhost/pki.",
    ]
    answers.published = "text/html"
    assert worst(addresses.portals).says == "http://localhost/pki is answered by something else (status 200)."


def test_what_is_published_answers_a_question_about_nothing(client: Client) -> None:
    answer = client.get("/pki/ocsp")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, OCSP)


def test_where_no_ca_publishes_nothing_is_asked(answers: Answers, settings: Settings) -> None:
    settings.PKI_BASE_URL = "http://no-such-host.invalid"
    settings.CA_CONNECTORS = {"vault": {"CONNECTOR": "x", "OPTIONS": {"url": "https://vault.acme.net"}}}
    assert levels(addresses.portals) == {"ok"}


def test_addresses_that_do_not(answers: Answers, settings: Settings) -> None:
    answers.trouble = requests.ConnectionError("refused")
    assert "does not answer" in worst(addresses.portals).says
    answers.trouble, answers.status = None, 301
    assert "answered by something else (status 301)" in worst(addresses.portals).says
    settings.CONSOLE_BASE_URL = "https://no-such-host.invalid"
    assert "The name no-such-host.invalid is not known here." in [each.says for each in addresses.portals()]


def test_a_host_with_another_clock(answers: Answers) -> None:
    answers.date -= timedelta(minutes=3)
    assert worst(addresses.portals).level == Level.WARNING


def test_the_answer_of_another_installation_is_not_praised(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.proof = lambda nonce: "f" * 64
    assert "by another installation" in worst(addresses.portals).says
    answers.proof = lambda nonce: ""  # one that knows nothing of the question
    assert worst(addresses.portals).level == Level.FAILED


def test_who_asks_with_a_nonce_is_told_which_installation_it_is(client: Client, settings: Settings) -> None:
    for path in ("/health/live", "/pki/ocsp"):
        nonce = installation.nonce()
        proof = client.get(path, headers={installation.NONCE_HEADER: nonce})[installation.PROOF_HEADER]
        assert installation.is_ours(nonce, proof)
        assert not installation.is_ours(installation.nonce(), proof)
        settings.SECRET_KEY = settings.SECRET_KEY + "another"
        assert not installation.is_ours(nonce, proof)
    for odd in ("", "x" * 32, "a" * 31, "a" * 4096):
        answer = client.get("/health/live", headers={installation.NONCE_HEADER: odd})
        assert installation.PROOF_HEADER not in answer.headers
        assert not installation.is_ours(odd, "")


def test_a_portal_that_other_hosts_serve_need_not_be_reached_from_here(
    answers: Answers, settings: Settings
) -> None:
    """The host of Self-Service stands where nobody comes to the officers' one: that is as it should be."""
    settings.PORTALS = ["selfservice"]
    settings.CA_CONNECTORS = {}
    settings.CONSOLE_BASE_URL = "https://no-such-host.invalid"
    settings.SELFSERVICE_BASE_URL = "http://localhost:1"
    assert levels(addresses.portals) == {"ok", "warning"}
    answers.trouble = requests.ConnectionError("refused")
    assert levels(addresses.portals) == {"failed", "warning"}


def test_the_clock_of_a_ca_is_read_as_its_connection_reads(settings: Settings, tmp_path: Path) -> None:
    """With the ca_file of its own: a CA of the house would be a warning for ever."""
    settings.CA_CONNECTORS = {}
    assert levels(addresses.clocks_of_authorities) == {"ok"}
    ca = TestCa("Private CA", tmp_path)
    token = ca.file("token", "secret")
    with web_server({"/": b"{}"}, ca.tls()) as port:
        options = {
            "url": f"https://127.0.0.1:{port}",
            "mount": "pki",
            "token_file": token,
            "chain_file": ca.path,
            "ca_file": ca.path,
        }
        vault = "ca_bridge.connectors.vault.connector.VaultConnector"
        settings.CA_CONNECTORS = {"vault": {"CONNECTOR": vault, "OPTIONS": options}}
        assert worst(addresses.clocks_of_authorities).level == Level.OK
        others = {name: value for name, value in options.items() if name != "ca_file"}
        settings.CA_CONNECTORS = {"vault": {"CONNECTOR": vault, "OPTIONS": others}}
        assert (
            "vault: 127.0.0.1: Its TLS certificate comes from" in worst(addresses.clocks_of_authorities).says
        )


def test_a_certificate_that_this_machine_alone_does_not_trust_is_a_warning(
    settings: Settings, tmp_path: Path
) -> None:
    """A proxy with certificates of its own, as the composition has it: browsers may know it."""
    settings.CA_CONNECTORS = {}
    ca = TestCa("Private CA", tmp_path)
    with web_server({"/health/live": b"alive"}, ca.tls()) as port:
        settings.CONSOLE_BASE_URL = settings.SELFSERVICE_BASE_URL = f"https://127.0.0.1:{port}"
        assert (worst(addresses.portals).level, "TRUSTED_CA_FILE" in worst(addresses.portals).remedy) == (
            Level.WARNING,
            True,
        )
        settings.TRUSTED_CA_FILE = ca.path
        assert "another installation" in worst(addresses.portals).says


# --- Single sign-on
@contextmanager
def provider(ca: TestCa, settings: Settings, **changes: Any) -> Iterator[dict[str, bytes]]:
    """One that answers; its pages can be changed."""
    pages: dict[str, bytes] = {}
    with web_server(pages, ca.tls()) as port:
        url = f"https://127.0.0.1:{port}"
        document = {
            "issuer": url,
            "authorization_endpoint": f"{url}/ask",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/keys",
            **changes,
        }
        pages[sign_on.DISCOVERY] = json.dumps(document).encode()
        key = json.loads(
            jwt.algorithms.RSAAlgorithm.to_jwk(
                rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
            )
        )
        pages["/keys"] = json.dumps({"keys": [{**key, "kid": "1", "alg": "RS256"}]}).encode()
        given = {"name": "Login", "server_url": url, "client_id": "im", "claim": "sub", "field": "upn"}
        parsed = sso_provider.parse("corp", given, secret="hidden", roles=frozenset())
        settings.SSO_PROVIDERS = {"corp": parsed}
        yield pages


def test_single_sign_on(settings: Settings, tmp_path: Path) -> None:
    settings.SSO_PROVIDERS = {}
    assert levels(sign_on.providers) == {"ok"}
    ca = TestCa("Private CA", tmp_path)
    settings.TRUSTED_CA_FILE = ca.path
    with provider(ca, settings):
        assert worst(sign_on.providers).level == Level.OK, worst(sign_on.providers).says
        settings.TRUSTED_CA_FILE = ""
        assert "Its TLS certificate comes from nobody" in worst(sign_on.providers).says
    settings.TRUSTED_CA_FILE = ca.path
    assert "connection refused" in worst(sign_on.providers).says


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        (sign_on.DISCOVERY, None, "answers HTTP 404"),
        (sign_on.DISCOVERY, b"<html>", "something else than a JSON object"),
        (sign_on.DISCOVERY, b"[]", "something else than a JSON object"),
        (sign_on.DISCOVERY, b'{"issuer": 7}', "lacks issuer, authorization_endpoint"),
        ("/keys", None, "answers HTTP 404"),
        ("/keys", b"{}", "no key at"),
        ("/keys", b'{"keys": [{"kty": "RSA"}]}', "no key at"),
        ("/keys", b'{"keys": 7}', "no key at"),
    ],
)
def test_a_provider_that_nobody_could_sign_in_by(
    settings: Settings, tmp_path: Path, path: str, content: bytes | None, words: str
) -> None:
    ca = TestCa("Private CA", tmp_path)
    settings.TRUSTED_CA_FILE = ca.path
    with provider(ca, settings) as pages:
        pages.pop(path)
        pages.update({path: content} if content is not None else {})
        finding = worst(sign_on.providers)
    assert (finding.level, words in finding.says) == (Level.FAILED, True), finding.says


def test_a_provider_that_is_another_issuer(settings: Settings, tmp_path: Path) -> None:
    ca = TestCa("Private CA", tmp_path)
    settings.TRUSTED_CA_FILE = ca.path
    with provider(ca, settings, issuer="https://login.example.org/realms/other"):
        assert "it says that it is https://login.example.org/realms/other" in worst(sign_on.providers).says


# --- Settings, secrets, keys
def test_the_settings(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.ALLOWED_HOSTS = ["localhost"]
    assert levels(keys.settings_fit) == {"ok"}
    settings.SECRET_KEY = "short"
    assert levels(keys.settings_fit) == {"failed"}


def test_secret_files(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SECRETS_DIR = tmp_path / "none"
    assert levels(keys.files) == {"ok"}
    settings.SECRETS_DIR = tmp_path
    tmp_path.chmod(0o700)
    assert levels(keys.files) == {"ok"}
    tmp_path.chmod(0o755)
    assert worst(keys.files).remedy == f"chmod 700 {tmp_path}"
    tmp_path.chmod(0o700)
    monkeypatch.setattr(keys.os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert "belongs to another user" in worst(keys.files).says


@pytest.mark.parametrize(
    ("held", "level", "words"),
    [
        ("private-keys passphrases other", "ok", "workers"),
        ("private-keys passphrases other archive", "ok", "workers"),
        ("private-keys passphrases other archive recovery-keys", "ok", "workers"),
        ("private-keys passphrases other archive recovery-keys share-transport", "ok", "workers"),
        ("other archive", "warning", "no kind of process"),
        ("passphrases other", "ok", "Self-Service"),
        ("other", "ok", "Identity Manager"),
        ("", "ok", "the beat"),
        ("private-keys", "warning", "no kind of process"),
    ],
)
def test_rings(settings: Settings, held: str, level: str, words: str) -> None:
    key = base64.b64encode(os.urandom(32)).decode()
    purposes = ("private-keys", "passphrases", "other", "archive", "recovery-keys", "share-transport")
    settings.VAULT_KEYS = {name: {"1": key} if name in held.split() else {} for name in purposes}
    finding = worst(keys.rings)
    assert (finding.level, words in finding.says, key in finding.says) == (level, True, False)


@pytest.mark.database
def test_whether_officers_can_give_shares(settings: Settings) -> None:
    assert "published" in worst(keys.share_transport).says
    share_rounds.publish_keys()
    assert levels(keys.share_transport) == {"ok"}
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "share-transport": {}}
    assert "KEYS_SHARE_TRANSPORT" in worst(keys.share_transport).says


@pytest.mark.database
def test_the_key_archive(settings: Settings) -> None:
    assert "no key is archived" in worst(archive.key_archive).says
    staff, company = recovery.officers(), cast.Company()
    token_type = recovery.archiving_type()
    finding = worst(archive.key_archive)
    assert (finding.level, "their tokens wait" in finding.says) == ("failed", True)
    row = recovery.in_force(staff)
    assert levels(archive.key_archive) == {"ok"}
    cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, token_type)))
    assert levels(archive.key_archive) == {"ok"}

    with time_machine.travel(row.not_after - timedelta(days=10)):
        assert "ends on" in worst(archive.key_archive).says
    held = settings.VAULT_KEYS
    settings.VAULT_KEYS = {**held, "archive": {}}
    assert "KEYS_ARCHIVE" in worst(archive.key_archive).says
    settings.VAULT_KEYS = {**held, "other": {"9": held["other"]["1"]}}
    assert "sealed with key 1 of KEYS_OTHER" in worst(archive.key_archive).says
    settings.VAULT_KEYS = held
    RecoveryCertificate.objects.update(transport="oaep-sha1")
    assert "not what was confirmed" in worst(archive.key_archive).says
    RecoveryCertificate.objects.update(transport=row.transport)
    recovery_certificates.retire(actor=staff.ruth, certificate_id=row.pk)
    recovery.in_force(staff, 1)
    assert "1 archived keys are sealed for no" in worst(archive.key_archive).says


@pytest.mark.database
def test_kept_secrets_are_opened(settings: Settings) -> None:
    assert "No passphrases are kept just now." in [each.says for each in keys.opened()]
    company = cast.Company()
    company.request_in("issued")
    assert "The keys here open passphrases (1 tried)." in [each.says for each in keys.opened()]
    other = {name: {"1": base64.b64encode(os.urandom(32)).decode()} for name in settings.VAULT_KEYS}
    settings.VAULT_KEYS = other
    assert worst(keys.opened).level == Level.FAILED
    settings.VAULT_KEYS = {name: {} for name in other}
    assert "holds no keys" in worst(keys.opened).says


# --- The machine
@pytest.mark.parametrize(("free", "level"), [(2**40, "ok"), (2**29, "warning"), (2**20, "failed")])
def test_disk(monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda place: SimpleNamespace(free=free))
    assert levels(machine.disk) == {level}


def test_time_zones() -> None:
    uma = cast.person("uma")
    assert levels(machine.time_zones) == {"ok"}
    Person.objects.filter(pk=uma.pk).update(time_zone="Mars/Olympus")
    assert "Mars/Olympus" in worst(machine.time_zones).says


def test_static_files(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    assert worst(machine.static_files).remedy == "manage.py collectstatic"
    (tmp_path / "staticfiles.json").write_text(json.dumps({"paths": {"ui/base.css": "base.1.css"}}))
    assert levels(machine.static_files) == {"failed"}, "named, and not there"
    (tmp_path / "base.1.css").touch()
    assert levels(machine.static_files) == {"ok"}


def test_translations(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").touch()
    settings.LOCALE_PATHS = [tmp_path]
    assert worst(machine.translations).says == "Translations are not compiled: de."
    (folder / "django.mo").touch()
    assert levels(machine.translations) == {"ok"}


# --- The command
def run(*arguments: str, checks: tuple[Check, ...], monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setattr(doctor.examine, "__defaults__", (checks,))
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def in_order() -> Iterator[CheckResult]:
    yield CheckResult(Level.OK, "It is there.")


def out_of_order() -> Iterator[CheckResult]:
    yield CheckResult(Level.WARNING, "It is nearly gone.", "Fetch more.")
    yield CheckResult(Level.FAILED, "It is gone.", "Fetch it.")


def test_it_says_what_to_do_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = (Check("one", in_order), Check("two", out_of_order))
    out, error = run(checks=checks, monkeypatch=monkeypatch)
    assert out.splitlines() == [
        "ok       one: It is there.",
        "warning  two: It is nearly gone.",
        "         -> Fetch more.",
        "FAILED   two: It is gone.",
        "         -> Fetch it.",
    ]
    assert error == "1 of 3 findings need you."


def test_it_is_glad_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    out, error = run(checks=(Check("one", in_order),), monkeypatch=monkeypatch)
    assert out.endswith("Everything that is needed is there.\n")
    assert error == ""


def test_programs_read_json(monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]) -> None:
    checks = (Check("two", out_of_order),)
    out, error = run("--json", "--send-test", "uma@example.com", checks=checks, monkeypatch=monkeypatch)
    report = json.loads(out)
    assert report["ok"] is False
    assert report["findings"][1] == {
        "check": "two",
        "level": "failed",
        "says": "It is gone.",
        "remedy": "Fetch it.",
    }
    assert report["findings"][-1]["check"] == "test mail"
    assert error
    assert len(mailoutbox) == 1


def test_a_test_mail_needs_an_address(monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]) -> None:
    _out, error = run("--send-test", "nobody", checks=(), monkeypatch=monkeypatch)
    assert error == "nobody is not an e-mail address."
    assert mailoutbox == []


def test_a_check_that_breaks_stops_no_other_and_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[CheckResult]:
        yield CheckResult(Level.OK, "So far.")
        raise KeyError("a secret word")

    checks = (Check("one", broken), Check("two", in_order))
    out, error = run("--json", checks=checks, monkeypatch=monkeypatch)
    report = json.loads(out)
    assert [(line["check"], line["level"]) for line in report["findings"]] == [
        ("one", "ok"),
        ("one", "failed"),
        ("two", "ok"),
    ]
    assert "KeyError" in report["findings"][1]["says"]
    assert "secret word" not in out
    assert error


def test_programs_read_json_where_the_address_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = (Check("one", in_order),)
    out, error = run("--json", "--send-test", "nobody", checks=checks, monkeypatch=monkeypatch)
    assert json.loads(out)["findings"][-1]["says"] == "nobody is not an e-mail address."
    assert error


SPOILED: dict[str, dict[str, str]] = {
    "settings that cannot be read": {"HTTP_PORT": "none"},
    "a secret that is missing": {"SECRET_KEY_FILE": "/nowhere/secret-key"},
    "a database that is away": {
        "DATABASE_URL": "postgresql://us:hidden@127.0.0.1:1/im",
        "DATABASE_POOL_WAIT": "1",
    },
    "a trusted CA that is none": {"TRUSTED_CA_FILE": __file__},
    "a proxy that is none": {"HTTPS_PROXY_URL": "socks5://us:hidden@proxy"},
}


@pytest.mark.parametrize("name", SPOILED)
def test_programs_read_one_json_document_whatever_happens(name: str, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(tmp_path),
        "SECRET_KEY": "s" * 60,
        **{f"KEYS_{ring}": "" for ring in ("PRIVATE_KEYS", "PASSPHRASES", "OTHER")},
        "AUDIT_KEYS": "",
        "AUDIT_SIGNING_KEYS": "",
        **SPOILED[name],
    }
    if "SECRET_KEY_FILE" in environment:
        del environment["SECRET_KEY"]
    command = [sys.executable, "manage.py", "doctor", "--json"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["ok"]) == (1, False), ended.stderr
    assert any(line["level"] == "failed" for line in report["findings"])
    assert "hidden" not in ended.stdout + ended.stderr


def test_names_are_given_once() -> None:
    names = [check.name for check in doctor.CHECKS]
    assert len(names) == len(set(names))


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()
