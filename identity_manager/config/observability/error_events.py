"""Error events for Sentry (SENTRY_DSN): exception type and source positions, without variables and messages.

An event is rebuilt from an allow-list. Messages of exceptions and log records may contain input of users:
they stay in the log, where the event's request_id finds them.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ca_bridge import outgoing
from identity_manager.telemetry import correlation

OURS = ("identity_manager", "selfservice", "ca_bridge")
TAGS = (correlation.REQUEST_ID, "task", "row")
KEPT = (
    "event_id",
    "timestamp",
    "level",
    "platform",
    "logger",
    "transaction",
    "release",
    "environment",
    "sdk",
)
OF_FRAMES = (
    "filename",
    "module",
    "function",
    "lineno",
    "context_line",
    "pre_context",
    "post_context",
    "in_app",
)


def is_installed() -> bool:
    """Whether the package of the extra sentry is there."""
    return find_spec("sentry_sdk") is not None


def start() -> None:
    """Initialise the SDK. Does nothing without the package, which the checks report.

    Raises ImproperlyConfigured for a malformed DSN.
    """
    if settings.SENTRY_DSN and is_installed():
        import sentry_sdk
        from sentry_sdk.utils import BadDsn

        try:
            sentry_sdk.init(**options(settings.SENTRY_DSN))
        except BadDsn:
            # Without the error: the address holds a key.
            raise ImproperlyConfigured(
                "SENTRY_DSN must be the address that Sentry gave: https://KEY@HOST/NUMBER."
            ) from None


def options(dsn: str) -> dict[str, Any]:
    """Options of the SDK: errors only, and only the listed integrations."""
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    return {
        "dsn": dsn,
        "ca_certs": outgoing.ca_bundle(),
        "https_proxy": outgoing.proxy_for(dsn),  # empty: none, whatever the environment says
        "http_proxy": "",
        "before_send": scrubbed,
        "before_breadcrumb": _no_breadcrumb,
        "send_default_pii": False,
        "include_local_variables": False,
        "max_request_body_size": "never",
        "max_breadcrumbs": 0,
        "traces_sample_rate": None,
        "propagate_traces": False,
        "auto_session_tracking": False,
        "enable_metrics": False,
        "send_client_reports": False,
        "default_integrations": False,
        "auto_enabling_integrations": False,
        "integrations": [
            AtexitIntegration(),
            CeleryIntegration(propagate_traces=False),
            DjangoIntegration(transaction_style="function_name", middleware_spans=False),
            LoggingIntegration(level=None),
        ],
    }


def scrubbed(event: Mapping[str, Any], _hint: Mapping[str, Any]) -> dict[str, Any]:
    """before_send: a new event with the fields of the allow-list only."""
    kept = {name: event[name] for name in KEPT if name in event}
    facts = correlation.facts()  # without person and network, which only the log has
    kept["tags"] = {name: facts[name] for name in TAGS if name in facts}
    exceptions = (event.get("exception") or {}).get("values") or []
    if exceptions:
        kept["exception"] = {"values": [_exception(each) for each in exceptions]}
    words = _template(event)
    if words:
        kept["logentry"] = {"message": words}
    return kept


def _template(event: Mapping[str, Any]) -> str:
    """The template of a log message, without its arguments; empty if they may be formatted into it."""
    entry = event.get("logentry") or {}
    ours = str(event.get("logger")).partition(".")[0] in OURS
    return str(entry.get("message") or "") if ours or entry.get("params") else ""


def _exception(exception: Mapping[str, Any]) -> dict[str, Any]:
    frames = ((exception.get("stacktrace") or {}).get("frames")) or []
    return {
        "type": exception.get("type"),
        "module": exception.get("module"),
        "stacktrace": {
            "frames": [{name: frame[name] for name in OF_FRAMES if name in frame} for frame in frames]
        },
    }


def _no_breadcrumb(_crumb: Mapping[str, Any], _hint: Mapping[str, Any]) -> None:
    """before_breadcrumb: drop all; the log has them."""
