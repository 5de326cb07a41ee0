"""Traces as they leave: OpenTelemetry's own exporter sends them, and a collector reads what arrives."""

import gzip
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery.signals import worker_process_shutdown
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ca_bridge.telemetry import TRACE
from identity_manager.config.observability import tracing
from tests.journeys.office import Office
from tests.sinks.caught import caught_secrets
from tests.tools.http_server import Handler, serving

Span = dict[str, str]  # the attributes, and beside them the trace, the name and the service


class Collector:
    """What came as OTLP over HTTP on this machine."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def spans(self) -> list[Span]:
        """Each span that has arrived."""
        return [
            {
                **{each.key: each.value.string_value for each in resource.resource.attributes},
                **{each.key: each.value.string_value for each in span.attributes},
                "trace": span.trace_id.hex(),
                "name": span.name,
            }
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Taken(Handler):
    collector: Collector

    def do_POST(self) -> None:
        body, zipped = self.body(), self.headers.get("content-encoding") == "gzip"
        if self.path == "/v1/traces":
            self.collector.bodies.append(gzip.decompress(body) if zipped else body)
        self.answer(200)


@pytest.fixture
def collector(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Where this process sends its traces, as a start with the setting has it."""
    before = TRACE.span, TRACE.headers
    collector = Collector()
    with serving(_Taken, collector=collector) as port:
        address = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        settings.OTEL_EXPORTER_OTLP_ENDPOINT = address
        tracing.start()
        yield collector
        tracing.stop()
        TRACE.span, TRACE.headers = before


@pytest.fixture
def silent(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same, where connections are taken and nobody ever answers."""
    before = TRACE.span, TRACE.headers
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        settings.OTEL_EXPORTER_OTLP_ENDPOINT = address
        tracing.start()
        yield
        tracing.stop()
        TRACE.span, TRACE.headers = before


@pytest.mark.django_db(transaction=True)
def test_a_visit_and_the_tasks_that_it_led_to_arrive(office: Office, collector: Collector) -> None:
    """Under one number and in one trace; no secret and nobody's address is in what left."""
    with caught_secrets() as caught:
        request = office.enable("VPN")
        office.accept(request)
        office.show_passphrase(request)
        search = caught.search()
    tracing.stop()
    assert caught.passphrases
    assert caught.keys
    spans = collector.spans()
    (visit,) = (span for span in spans if span["name"] == "POST selfservice:terms")
    led_to = {span["name"] for span in spans if span.get("request_id") == visit["request_id"]}
    assert led_to >= {"road.issue_certificate", "mail.send"}
    together = {span["name"] for span in spans if span["trace"] == visit["trace"]}
    assert together >= led_to
    assert {span["service.name"] for span in spans} == {"identity-manager"}
    assert search.all_findings([("OTLP", body) for body in collector.bodies]) == []
    for personal in (b"uma@", b"Lindqvist", b"/my/", b"sessionid"):
        assert not any(personal in body for body in collector.bodies)


def test_what_a_worker_did_last_leaves_as_its_process_ends(collector: Collector) -> None:
    """Such a process ends by os._exit: what Python does at its end is not done there."""
    with TRACE.span("mail.send", {}, None):
        pass
    worker_process_shutdown.send(sender=None, pid=0, exitcode=0)
    assert [span["name"] for span in collector.spans()] == ["mail.send"]


@pytest.mark.usefixtures("silent")
def test_nobody_waits_long_for_a_collector_that_is_silent() -> None:
    """Who stops a worker kills it after ten seconds."""
    with TRACE.span("mail.send", {}, None):
        pass
    started = time.monotonic()
    worker_process_shutdown.send(sender=None, pid=0, exitcode=0)
    assert time.monotonic() - started < 5
