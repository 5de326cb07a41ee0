"""OpenTelemetry traces: spans of requests, tasks, CA calls and mails; configured by OTEL_* variables.

All spans are opened by this product's code, with attributes from an allow-list. The ready-made
instrumentations record URLs with queries, and messages of exceptions; none of them is used.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.conf import settings

from ca_bridge import outgoing
from ca_bridge.telemetry import TRACE, Note

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

SERVICE = "identity-manager"
NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
ATTRIBUTES = frozenset({"ca", "outcome", "view", "method", "status", "task", "row", "message", "request_id"})
LAST_SENDING_MILLISECONDS = 2000  # who stops a process waits ten seconds for it (management/supervisor.py)
NAME = "name"  # a fact that becomes the span's name, because it is known at the end only


class _Sending:
    """The span processor of this process, if traces are exported."""

    provider: "TracerProvider | None" = None


def is_installed() -> bool:
    """Whether the packages of the extra otel are there."""
    try:
        return all(find_spec(each) for each in NEEDED)
    except ModuleNotFoundError:
        return False


def start() -> None:
    """Send traces to OTEL_EXPORTER_OTLP_ENDPOINT. Without the packages, config/checks/ refuses by name."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or not is_installed():
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class Processor(BatchSpanProcessor):
        """A BatchSpanProcessor whose shutdown has a time-out, which the SDK's does not pass on."""

        def shutdown(self) -> None:
            self._batch_processor.shutdown(timeout_millis=LAST_SENDING_MILLISECONDS)

    provider = TracerProvider(resource=resource())
    session = outgoing.session(os.environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE", ""))
    provider.add_span_processor(Processor(OTLPSpanExporter(session=session)))
    use(provider)
    _Sending.provider = provider


def stop() -> None:
    """Flush pending spans and stop the export; spans that take longer than two seconds are lost."""
    if _Sending.provider is not None:
        _Sending.provider.shutdown()
        _Sending.provider = None


def resource() -> "Resource":
    """The Resource: our service.name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES override it."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    ours = Resource.create({"service.name": SERVICE})
    return ours.merge(OTELResourceDetector().detect())  # Resource.create has the argument win


def use(provider: "TracerProvider") -> None:
    """Use this tracer provider for all further spans."""
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    tracer, propagator = provider.get_tracer("identity_manager"), TraceContextTextMapPropagator()

    @contextmanager
    def span(name: str, labels: Mapping[str, str], parent: Mapping[str, str] | None = None) -> Iterator[Note]:
        context = propagator.extract(dict(parent)) if parent else None
        opened = tracer.start_as_current_span(
            name, context, attributes=_known(labels), record_exception=False, set_status_on_exception=False
        )
        with opened as current:
            try:
                yield lambda key, value: _note(current, key, value)
            except BaseException as error:
                current.set_attribute("error.type", type(error).__name__)
                current.set_status(trace.StatusCode.ERROR)
                raise

    def headers() -> dict[str, str]:
        carried: dict[str, str] = {}
        propagator.inject(carried)
        return carried

    TRACE.span, TRACE.headers = span, headers


def _known(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key in ATTRIBUTES}


def _note(span: "Span", key: str, value: str) -> None:
    if key == NAME:
        span.update_name(value)
    elif key in ATTRIBUTES:
        span.set_attribute(key, value)
