"""Traces follow the road from the page to the mail, and hold no secret and nobody's address."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ca_bridge.telemetry import TRACE
from identity_manager.config.observability import tracing
from identity_manager.mail.mailbox import MailboxBackend
from tests.journeys.office import Office
from tests.sinks.caught import caught_secrets
from tests.sinks.search import Search, Secret

PLANTED = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    before = TRACE.span, TRACE.headers
    provider = TracerProvider()
    tracing.use(provider)
    yield provider
    TRACE.span, TRACE.headers = before
    provider.shutdown()


@pytest.fixture
def exporter(provider: TracerProvider) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def exported(exporter: InMemorySpanExporter) -> list[tuple[str, bytes]]:
    """Each span in the form in which it leaves."""
    return [(span.name, span.to_json().encode()) for span in exporter.get_finished_spans()]


def named(exporter: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = (each for each in exporter.get_finished_spans() if each.name == name)
    return span


@pytest.mark.django_db(transaction=True)
def test_one_trace_from_the_page_to_the_mail(office: Office, exporter: InMemorySpanExporter) -> None:
    with caught_secrets() as caught:
        request = office.enable("VPN")
        exporter.clear()
        office.accept(request)
        office.show_passphrase(request)
        search = caught.search()
    assert caught.passphrases
    assert caught.keys

    visit = named(exporter, "POST selfservice:terms")
    spans = exporter.get_finished_spans()
    led_to = {span.name for span in spans if span.context.trace_id == visit.context.trace_id}
    assert led_to >= {"road.issue_certificate", "CA ask", "mail.send", "send mail"}
    assert "POST selfservice:passphrase" not in led_to
    issuing = named(exporter, "road.issue_certificate")
    assert named(exporter, "CA ask").parent.span_id == issuing.context.span_id
    assert dict(named(exporter, "CA ask").attributes or {}) == {"ca": "corporate", "outcome": "issued"}
    assert search.all_findings(exported(exporter)) == []
    everything = b"".join(content for _name, content in exported(exporter))
    for personal in (b"uma@", b"Lindqvist", b"/my/", b"sessionid"):
        assert personal not in everything


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_is_not_sent_says_in_its_trace_why(
    office: Office, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(self: Any, messages: Any) -> None:
        raise ConnectionRefusedError("mail server down")

    monkeypatch.setattr(MailboxBackend, "send_messages", down)
    office.enable("VPN")
    noted = dict(named(exporter, "send mail").attributes or {})
    assert noted == {"message": "information", "outcome": "passing"}


def test_the_sink_would_show_a_secret(provider: TracerProvider, exporter: InMemorySpanExporter) -> None:
    """Through OpenTelemetry itself it comes out; through what the product uses it does not."""
    search = Search([Secret.passphrase(PLANTED)])
    with provider.get_tracer("loose").start_as_current_span("loose", attributes={"q": PLANTED}):
        pass
    assert search.all_findings(exported(exporter))
    exporter.clear()
    with pytest.raises(ValueError, match=PLANTED):
        _broken()
    assert search.all_findings(exported(exporter)) == []
    noted = {"outcome": "broken", "error.type": "ValueError"}
    assert dict(named(exporter, "tight").attributes or {}) == noted


def _broken() -> None:
    with TRACE.span("tight", {"q": PLANTED}, None) as note:
        note("password", PLANTED)
        note("outcome", "broken")
        raise ValueError(PLANTED)
