"""Sealed audit events as messages for a SIEM: RFC 5424 with octet counting, or JSON lines.

The text is JSON in ASCII without a byte order mark: receivers keep the mark of RFC 5424 6.4 in the text, and
their JSON parsers stumble over it.
"""

import json
import os
import socket
from datetime import UTC
from typing import Any

from identity_manager.events.siem_configuration import SinkConfiguration
from identity_manager.models import AuditEvent

PRIORITY = 13 * 8 + 6  # facility log audit, severity informational (RFC 5424 6.2.1)
APPLICATION = "identity-manager"
MOST_MSGID = 32


def message(event: AuditEvent, sink: SinkConfiguration) -> bytes:
    """The event with the frame that the sink's format has."""
    text = json.dumps(content(event, personal=sink.personal_facts), sort_keys=True, separators=(",", ":"))
    if sink.format == "json":
        return text.encode("ascii") + b"\n"
    line = f"{_header(event)} {_structured_data(event, sink.enterprise_number)} {text}".encode("ascii")
    return b"%d %s" % (len(line), line)


def content(event: AuditEvent, *, personal: bool) -> dict[str, Any]:
    """The content covered by the hash chain, with number and proof.

    personal: add the ids and names of actor and person, and the facts that are erased with them.
    """
    found = {
        **event.content,
        "number": event.number,
        "content_sha256": event.content_sha256,
        "chain": event.chain,
        "mac": event.mac,
        "mac_key": event.mac_key,
    }
    if personal:
        found["personal_facts"] = event.personal_facts
        for role, who in (("actor", event.actor), ("person", event.person)):
            found[f"{role}_id"] = str(who.pk) if who else ""
            found[f"{role}_name"] = str(who) if who else ""
    return found


def _header(event: AuditEvent) -> str:
    """RFC 5424 6.2; the message id is the event's name."""
    moment = event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    host = socket.gethostname().encode("ascii", "replace").decode()[:255] or "-"
    return f"<{PRIORITY}>1 {moment} {host} {APPLICATION} {os.getpid()} {event.name[:MOST_MSGID]}"


def _structured_data(event: AuditEvent, enterprise_number: int) -> str:
    """RFC 5424 6.3. The values are digits and hexadecimal digits, so that nothing is escaped."""
    return f'[audit@{enterprise_number} seq="{event.number}" mac="{event.mac}"]'
