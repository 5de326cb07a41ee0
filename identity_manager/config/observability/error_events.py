"""Errors for Sentry, where SENTRY_DSN names one: what broke, where in the source, and nothing of the memory.

An event is built anew from a closed list of what may leave. What an exception or a log line says may quote
what somebody typed: it stays here, in the log, under the number that the event carries as request_id.
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
    """Tell of errors from now on. Without the package, the checks refuse. Raises ImproperlyConfigured."""
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
    """How the SDK is set up: errors alone, by the integrations that are named here and no others."""
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
    """The event with what may leave, and nothing else."""
    kept = {name: event[name] for name in KEPT if name in event}
    facts = correlation.facts()  # neither who visits nor from where: that is for the log alone
    kept["tags"] = {name: facts[name] for name in TAGS if name in facts}
    exceptions = (event.get("exception") or {}).get("values") or []
    if exceptions:
        kept["exception"] = {"values": [_exception(each) for each in exceptions]}
    words = _template(event)
    if words:
        kept["logentry"] = {"message": words}
    return kept


def _template(event: Mapping[str, Any]) -> str:
    """The words of the source without what was put into them. Others may have put it in before: no words."""
    told = event.get("logentry") or {}
    ours = str(event.get("logger")).partition(".")[0] in OURS
    return str(told.get("message") or "") if ours or told.get("params") else ""


def _exception(told: Mapping[str, Any]) -> dict[str, Any]:
    frames = ((told.get("stacktrace") or {}).get("frames")) or []
    return {
        "type": told.get("type"),
        "module": told.get("module"),
        "stacktrace": {
            "frames": [{name: frame[name] for name in OF_FRAMES if name in frame} for frame in frames]
        },
    }


def _no_breadcrumb(_crumb: Mapping[str, Any], _hint: Mapping[str, Any]) -> None:
    """What happened before is in the log."""
