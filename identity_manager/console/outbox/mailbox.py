"""Page context of the embedded mode's mailbox."""

from collections import Counter
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.http import content_disposition_header

from identity_manager.mail.mailbox import StoredMessage, stored_messages

PER_PAGE = 25
SHOWN_HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language")


def list_context(request: HttpRequest) -> dict[str, Any]:
    """The recipients, and the messages of the one that the address names."""
    stored = list(stored_messages())
    recipient = request.GET.get("to", "")
    counts = Counter(address for each in stored for address in each.recipients)
    shown = [each for each in stored if not recipient or recipient in each.recipients]
    return {
        "recipients": sorted(counts.items()),
        "recipient": recipient,
        "page": Paginator(shown, PER_PAGE).get_page(request.GET.get("page")),
    }


def message_context(stored: StoredMessage) -> dict[str, Any]:
    """One message: its headers, both bodies, its attachments."""
    return {
        "stored": stored,
        "subject": str(stored.message.get("Subject", "")),
        "headers": [(name, str(stored.message[name])) for name in SHOWN_HEADERS if name in stored.message],
        "text": stored.body("plain"),
        "html_url": reverse("mailbox:html", args=[stored.name]) if stored.body("html") else "",
        "attachments": [
            {
                "name": file_name,
                "line": f"{media_type}, {filesizeformat(len(content))}",
                "url": reverse("mailbox:attachment", args=[stored.name, position]),
            }
            for position, (file_name, media_type, content) in enumerate(stored.attachments())
        ],
    }


def download_headers(file_name: str) -> dict[str, str]:
    """Headers of an attachment, so that browsers save it instead of opening it."""
    return {
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=file_name)
        or "attachment"
    }
