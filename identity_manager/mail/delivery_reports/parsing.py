"""Parser of delivery status notifications: multipart/report (RFC 6522), message/delivery-status (RFC 3464).

Untrusted input: anybody can send one. Nothing here raises, reads more than LARGEST octets, or authenticates
it: the caller verifies the MAC in the Message-ID (sending.is_ours).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser, Parser
from email.policy import compat32
from enum import IntEnum

from ca_bridge.errors import storable_text
from identity_manager.mail import faults

LARGEST = 128 * 1024  # octets that are parsed; the status precedes the returned message (RFC 6522 3)
MOST_PARTS = 20
MOST_RECIPIENTS = 20  # of one report that are read; our mails have one each
LONGEST_FIELD = 1000
MESSAGE_ID = re.compile(r"<([\x21-\x3b\x3d\x3f-\x7e]{1,200})>")
STATUS = re.compile(r"^\s*([245]\.\d{1,3}\.\d{1,3})\b")
STATUS_PART = "message/delivery-status"
RETURNED_PARTS = ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")


class Action(IntEnum):
    """Action field (RFC 3464 2.3.3); others (delivered, relayed, expanded) need no reaction."""

    DELAYED = 1
    FAILED = 2


@dataclass(frozen=True)
class DeliveryReport:
    """One report. message_ids: Message-ID of the returned message, and envelope ids, without brackets.

    code: groups similar reports. detail: diagnostic of the reporting server, for operators.
    """

    message_ids: tuple[str, ...]
    action: Action
    code: str
    detail: str


def parse(octets: bytes) -> DeliveryReport | None:
    """The report in this message; None if it is no report, or has no action that matters."""
    try:
        message = BytesParser(policy=compat32).parsebytes(octets[:LARGEST])
        return _report(message) if _is_report(message) else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # what the parsers of the standard library raise for malformed messages


def _is_report(message: Message) -> bool:
    """Whether it is multipart/report with report-type delivery-status (RFC 6522 3)."""
    of_deliveries = str(message.get_param("report-type", "")).lower() == "delivery-status"
    return message.get_content_type() == "multipart/report" and of_deliveries and message.is_multipart()


def _report(message: Message) -> DeliveryReport | None:
    names: list[str] = []
    worst: tuple[Action, Message] | None = None
    for part in _parts(message):
        kind = part.get_content_type()
        if kind == STATUS_PART:
            for group in _groups(part):
                names += _envelope_ids(group)
                action = _action(group)
                if action is not None and (worst is None or action > worst[0]):
                    worst = (action, group)
        elif kind in RETURNED_PARTS:
            names += _ids_of_returned(part)
    if worst is None or not names:
        return None
    action, group = worst
    status = STATUS.match(_field(group, "Status"))
    code = f"report {status[1] if status else action.name.lower()}"
    words = " ".join(filter(None, (_field(group, "Diagnostic-Code"), _field(group, "Status"))))
    return DeliveryReport(tuple(dict.fromkeys(names)), action, code, faults.detail(" ".join(words.split())))


def _parts(message: Message) -> Iterator[Message]:
    """The parts of the report itself, not those of the message that came back."""
    parts = message.get_payload()
    if isinstance(parts, list):
        yield from (part for part in parts[:MOST_PARTS] if isinstance(part, Message))


def _groups(part: Message) -> list[Message]:
    """Groups of fields: of the message, then one for each recipient; the parser makes messages of them."""
    payload = part.get_payload()
    found = payload[: MOST_RECIPIENTS + 1] if isinstance(payload, list) else []
    return [each for each in found if isinstance(each, Message)]


def _action(group: Message) -> Action | None:
    word = _field(group, "Action").strip().lower()
    return {"failed": Action.FAILED, "delayed": Action.DELAYED}.get(word)


def _envelope_ids(group: Message) -> list[str]:
    """The envelope id that a server may have been given (RFC 3461 4.4); ours would be the Message-ID."""
    found = _field(group, "Original-Envelope-Id").strip().strip("<>")
    return [found] if found else []


def _ids_of_returned(part: Message) -> list[str]:
    """The Message-ID of the message that came back, whole or its headers alone."""
    payload = part.get_payload()
    if isinstance(payload, list):
        headers = payload[0] if payload and isinstance(payload[0], Message) else Message()
    else:
        text = part.get_payload(decode=True)
        words = text.decode("ascii", errors="replace") if isinstance(text, bytes) else str(payload)
        headers = Parser(policy=compat32).parsestr(words, headersonly=True)
    return MESSAGE_ID.findall(_field(headers, "Message-ID"))[:1]


def _field(group: Message, name: str) -> str:
    return storable_text(str(group.get(name, ""))[:LONGEST_FIELD])
