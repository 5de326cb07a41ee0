"""The rows of the long lists, built in: a tag draws all rows of a page.

A template looks up each value of each row by its name: a thousand times, which was a third of such a page.
What is put in is escaped as it would be there.
"""

import uuid
from collections.abc import Callable, Container, Iterable
from typing import Any

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from identity_manager.console.audit import log as audit_log
from identity_manager.console.outbox import page as outbox_page
from identity_manager.console.search import certificates as certificate_list
from identity_manager.console.search import persons as person_list
from identity_manager.models import OutgoingMail, RequestState, TokenRequest
from identity_manager.people import email_addresses
from identity_manager.ui.markup import markup
from identity_manager.ui.row_addresses import addresses_of
from identity_manager.ui.templatetags import ui

register = template.Library()
Page = Callable[[uuid.UUID], str]

PERSON = """<tr>
{}
<th scope="row">{}</th>
<td data-label="{}">{}</td>
<td class="address" data-label="{}">{}</td>
<td data-label="{}">{}</td>
{}
{}
</tr>
"""
REQUEST = """<tr>
{}
<th scope="row">{}</th>
<td data-label="{}">{}</td>
<td data-label="{}"><bdi>{}</bdi></td>
<td data-label="{}">{}</td>
<td data-label="{}">{}{}</td>
{}
</tr>
"""
CERTIFICATE = """<tr>
{}
<th scope="row">{}</th>
<td data-label="{}"><span>{}</span>{}</td>
<td data-label="{}">{}{}</td>
<td data-label="{}">{}</td>
<td data-label="{}">{}</td>
</tr>
"""
MAIL = """<tr>
<th scope="row">{}{}</th>
<td data-label="{}">{}</td>
<td data-label="{}">{}</td>
<td data-label="{}">{}</td>
<td class="numeric" data-label="{}">{}</td>
<td data-label="{}">{}</td>
</tr>
"""
EVENT = """<tr>
<th scope="row">{}{}</th>
<td data-label="{}">{}{}</td>
<td data-label="{}"><bdi>{}</bdi></td>
<td data-label="{}">{}</td>
<td data-label="{}">{}</td>
</tr>
"""
DECIDE = """<td class="row-actions">
<a class="button button-compact" href="{}" data-dialog="decide" hx-get="{}" hx-target="#decide-body" \
hx-swap="outerHTML" hx-sync="closest table:replace">{}<span class="visually-hidden"> <bdi>{}</bdi></span></a>
</td>"""
ENABLE = (
    """<a class="button button-compact" href="{}">{}<span class="visually-hidden"> <bdi>{}</bdi></span></a>"""
)


@register.simple_tag
def person_rows(rows: Iterable[person_list.PersonRow], checkbox: str, enables: bool) -> SafeString:  # noqa: FBT001 a tag's
    """Draw the persons who were found; enables: with what enables them, or why it cannot."""
    words = [_("Department"), _("E-mail"), _("State")]
    page, enabling = addresses_of("console:person"), addresses_of("console:enable")
    drawn = (
        markup(
            PERSON,
            ui.choose_row(checkbox, row.person.pk, row.person.display_name),
            ui.who(row.person.display_name, row.person.personnel_number, page(row.person.pk), row=True),
            *(words[0], row.person.department),
            *(words[1], _mailbox(row.person.email)),
            *(words[2], ui.state_badge(row.person)),
            _tokens(row.token_types),
            _enabling(row, enabling(row.person.pk)) if enables else "",
        )
        for row in rows
    )
    return SafeString("".join(drawn))  # each is safe


def _mailbox(email: str) -> SafeString:
    if email:
        return ui.breakable(email_addresses.readable(email))
    return markup('<span class="quiet">{}</span>', _("none"))


def _tokens(names: list[str]) -> SafeString:
    if not names:
        return SafeString("<td></td>")
    return markup('<td data-label="{}">{}</td>', _("Tokens"), ui.badges(names))


def _enabling(row: person_list.PersonRow, url: str) -> SafeString:
    if row.obstacle:
        shown = markup('<span class="quiet small">{}</span>', row.obstacle)
    else:
        shown = markup(ENABLE, url, _("Enable"), row.person.display_name)
    return markup('<td class="row-actions">{}</td>', shown)


@register.simple_tag
def request_rows(
    rows: Iterable[TokenRequest],
    checkbox: str = "",
    age_label: str = "",
    decides: bool = False,  # noqa: FBT001, FBT002 a tag's
) -> SafeString:
    """Draw requests; checkbox: to choose among them; age_label: how long they wait, instead of since when."""
    words = [_("Tokens"), _("Asked by"), age_label or _("Asked"), _("State")]
    page, decision = addresses_of("console:request"), addresses_of("console:request-decide")
    drawn = (
        markup(
            REQUEST,
            ui.choose_row(checkbox, row.pk, row.reference) if checkbox else "",
            ui.who(row.person.display_name, row.reference, page(row.pk), row=True),
            *(words[0], request_title(row)),
            *(words[1], row.requested_by),
            *(words[2], ui.age(row.created_at) if age_label else ui.when(row.created_at)),
            *(words[3], ui.state_badge(row), _comes_back(row)),
            markup(DECIDE, page(row.pk), decision(row.pk), _("Decide"), row.person.display_name)
            if decides
            else "",
        )
        for row in rows
    )
    return SafeString("".join(drawn))  # each is safe


@register.simple_tag
def request_title(row: TokenRequest) -> SafeString:
    """Say what a request is about: "Encryption, Signature and VPN"."""
    *first, last = [str(conditional_escape(str(token.token_type))) for token in row.lines] or [""]
    return SafeString(f"{', '.join(first)} {_('and')} {last}" if first else last)  # each is safe


def _comes_back(row: TokenRequest) -> str:
    if row.postponed_until is None or row.state != RequestState.REQUESTED:
        return ""
    return markup('\n<div class="who-line">{} {}</div>', _("comes back"), ui.when(row.postponed_until))


@register.simple_tag
def certificate_rows(rows: Iterable[certificate_list.CertificateRow], checkbox: str) -> SafeString:
    """Draw the certificates that were found."""
    words = [_("Certificate"), _("State"), _("Ordered"), _("Expires")]
    drawn = (
        markup(
            CERTIFICATE,
            ui.choose_row(checkbox, row.certificate.pk, row.certificate),
            ui.who(row.person.display_name, row.person.personnel_number, row.url, row=True),
            *(words[0], row.name, _line(row.serial, "who-line mono") if row.certificate.serial else ""),
            *(words[1], ui.state_badge(row.certificate)),
            _line(row.reason_words) if row.certificate.revocation_reason else "",
            *(words[2], ui.when(row.certificate.created_at)),
            *(words[3], ui.when(row.certificate.not_after)),
        )
        for row in rows
    )
    return SafeString("".join(drawn))  # each is safe


def _line(text: object, classes: str = "who-line") -> SafeString:
    return markup('\n<div class="{}">{}</div>', classes, text)


def _span(text: object) -> SafeString:
    return markup('\n<span class="who-line">{}</span>', text)


@register.simple_tag
def mail_rows(lines: Iterable[outbox_page.MailLine]) -> SafeString:
    """Draw mails: of those that the officer may not read, neither whose they are nor what they say."""
    words = [pgettext("mail", "About"), _("State"), _("When"), _("Attempts"), _("Next try")]
    page = addresses_of("console:mail")
    drawn = (
        markup(
            MAIL,
            _named(line, page(line.mail.pk)),
            _span(line.error) if line.error else "",
            *(words[0], _about_of(line)),
            *(words[1], ui.state_badge(line.mail)),
            *(words[2], ui.when(_last_of(line.mail))),
            *(words[3], line.mail.attempts),
            *(words[4], _("now") if line.is_due else ui.when(line.mail.next_attempt_at)),
        )
        for line in lines
    )
    return SafeString("".join(drawn))  # each is safe


def _named(line: outbox_page.MailLine, url: str) -> SafeString:
    if line.is_read:
        return ui.who(line.mail.to_address, line.name, url, row=True)
    return markup('<a class="row-link" href="{}">{}</a>', url, line.name)


def _about_of(line: outbox_page.MailLine) -> str:
    if not (line.is_read and line.mail.request):
        return "–"
    token = _span(line.mail.token) if line.mail.token else ""
    return markup("{}{}", line.mail.request.reference, token)


def _last_of(mail: OutgoingMail) -> Any:
    return mail.last_error_at or mail.sent_at or mail.created_at


@register.simple_tag
def event_rows(
    lines: Iterable[audit_log.AuditLogLine], persons: Container[uuid.UUID], requests: Container[uuid.UUID]
) -> SafeString:
    """Draw events of the audit log; persons, requests: which of them the officer may open."""
    words = [_("About"), _("Who"), _("When"), _("Signature")]
    person, request = addresses_of("console:person"), addresses_of("console:request")
    drawn = (
        markup(
            EVENT,
            line.event_words.title,
            markup('\n<span class="who-line"><bdi>{}</bdi></span>', line.event_words.detail)
            if line.event_words.detail
            else "",
            *(words[0], _person_of(line, persons, person), _request_of(line, requests, request)),
            *(words[1], line.event_words.actor),
            *(words[2], ui.when(line.event.at)),
            *(words[3], _seal_of(line)),
        )
        for line in lines
    )
    return SafeString("".join(drawn))  # each is safe


def _person_of(line: audit_log.AuditLogLine, persons: Container[uuid.UUID], page: Page) -> SafeString:
    key = line.event.person_id
    if key is None or key not in persons:
        return markup("<bdi>{}</bdi>", line.about)
    return markup('<a href="{}"><bdi>{}</bdi></a>', page(key), line.about)


def _request_of(line: audit_log.AuditLogLine, requests: Container[uuid.UUID], page: Page) -> str:
    key, request = line.event.request_id, line.event.request
    if key is None or request is None:
        return ""
    if key not in requests:
        return _span(request.reference)
    return _span(markup('<a href="{}">{}</a>', page(key), request.reference))


def _seal_of(line: audit_log.AuditLogLine) -> SafeString:
    if not line.event.is_sealed:
        return markup('<span class="quiet">{}</span>', _("waits to be linked"))
    covered = (
        markup("{} {}", _("signed"), ui.when(line.head_signed_at))
        if line.head_signed_at
        else _("the next signature covers it")
    )
    number = ui.grouped(line.event.number or 0)
    return markup('<span class="numeric">#{}</span>{}', number, _span(covered))
