"""Bodies of webhooks: JSON of Standard Webhooks, an Adaptive Card for Teams, blocks or variables for Slack.

Ids and references, no names: names and words about persons stand only in messages of webhooks that were made
and confirmed with them.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.urls import reverse

from identity_manager.models import AuditEvent, WebhookFormat

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~])")
MOST_FACT = 500
Data = dict[str, Any]


def of_event(event: AuditEvent, *, with_persons: bool) -> Data:
    """The message of an audit event, as plain values."""
    data: Data = {
        "id": str(event.pk),
        "number": event.number,
        "actor": str(event.actor_id or ""),
        "person": str(event.person_id or ""),
        "request": str(event.request_id or ""),
        "reference": event.request.reference if event.request else "",
        "token": str(event.token_id or ""),
        "facts": event.plain_facts,
    }
    if with_persons:
        data["personal_facts"] = event.personal_facts
        data["actor_name"] = str(event.actor or "")
        data["person_name"] = str(event.person or "")
    return {"type": event.name, "timestamp": event.at.astimezone(UTC).isoformat(), "data": data}


def of_test(kind: str, now: datetime) -> Data:
    """The message of *Send a test*."""
    data: Data = {"id": "", "number": None, "facts": {}, "installation": settings.CONSOLE_BASE_URL}
    return {"type": kind, "timestamp": now.astimezone(UTC).isoformat(), "data": data}


def body(message: Data, *, form: str, address: str) -> bytes:
    """The octets to be posted."""
    shape = {WebhookFormat.TEAMS: _teams, WebhookFormat.SLACK: _slack_of(address)}.get(WebhookFormat(form))
    return json.dumps(shape(message) if shape else message, separators=(",", ":")).encode("ascii")


def _facts(message: Data) -> dict[str, str]:
    """Facts of the message for people: a few lines of label and value."""
    data: Data = message["data"]
    found = {
        "Event": message["type"],
        "Time": message["timestamp"],
        "Number": data["number"],
        "Request": data.get("reference"),
        "By": data.get("actor_name"),
        "Person": data.get("person_name"),
    }
    found |= {name: value for name, value in data.get("personal_facts", {}).items() if name not in found}
    return {name: str(value)[:MOST_FACT] for name, value in found.items() if value not in ("", None)}


def _link(message: Data) -> str:
    """The page of the request, or the console."""
    request = message["data"].get("request")
    urlconf = settings.PORTAL_URLCONFS["console"]
    path = reverse("console:request", urlconf=urlconf, args=[request]) if request else "/"
    return urljoin(settings.CONSOLE_BASE_URL, path)


def _teams(message: Data) -> Data:
    """A message for a workflow of Teams. Text blocks take Markdown, so values are escaped."""
    facts = [
        {"title": name, "value": MARKDOWN.sub(r"\\\1", value)} for name, value in _facts(message).items()
    ]
    title = {"type": "TextBlock", "text": "Identity Manager", "weight": "Bolder", "wrap": True}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, {"type": "FactSet", "facts": facts}],
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": _link(message)}],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


def _slack_of(address: str) -> Callable[[Data], Data]:
    """Workflow triggers take a flat object of strings, incoming webhooks take blocks."""
    return _slack_trigger if urlsplit(address).path.startswith("/triggers/") else _slack_blocks


def _slack_trigger(message: Data) -> Data:
    names: Mapping[str, str] = {"Event": "event", "Time": "time", "Number": "number", "Request": "request"}
    facts = _facts(message)
    return {**{key: facts.get(name, "") for name, key in names.items()}, "link": _link(message)}


def _slack_blocks(message: Data) -> Data:
    """`&`, `<` and `>` are escaped: `<!channel>` would call everybody."""
    lines = "\n".join(f"{name}: {_escaped(value)}" for name, value in _facts(message).items())[:2900]
    text = {"type": "mrkdwn", "text": f"{lines}\n<{_link(message)}|Open>"}
    return {
        "text": _escaped(f"Identity Manager: {message['type']}"),
        "blocks": [{"type": "section", "text": text}],
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
