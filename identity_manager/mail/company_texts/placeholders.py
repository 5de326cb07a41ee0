"""Placeholders of the company's mail texts: a closed list of plain strings.

A mail has the placeholders whose source is in its context (mail.composing). None has a secret: no passphrase,
code, key or sign-in link.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from identity_manager.models import LatePolicy
from identity_manager.models.words import Words

Context = Mapping[str, Any]
YES = "yes"  # value of a true condition; a false one is empty
LONGEST = 4000  # characters of one value, so that several fit into the longest mail

# Names in the context of mails without a placeholder: they are used in parts of a mail that a company's text
# does not replace, or another placeholder has what is needed of them.
NOT_GIVEN = frozenset(
    {"looks", "logo_address", "action_url", "fetch_url", "devices", "others", "older", "problem", "lines"}
)


@dataclass(frozen=True)
class Placeholder:
    """A placeholder. of: its source's name in the context. is_condition: its value is YES, or empty.

    may_be_empty: only some mails of the kind have a value, so texts put a condition around it.
    """

    name: str
    of: str
    meaning: Words
    read: Callable[[Context], object]
    is_condition: bool = False
    may_be_empty: bool = False


def offered(context: Context) -> list[Placeholder]:
    """The placeholders that a mail with this context has."""
    return [each for each in PLACEHOLDERS if context.get(each.of) is not None]


def values(context: Context, names: Collection[str]) -> dict[str, str]:
    """Values of these placeholders, in the active language and time zone; empty if there is none.

    A placeholder whose source is not in the context is left out.
    """
    return {
        each.name: _as_text(each.read(context)) if context[each.of] is not None else ""
        for each in PLACEHOLDERS
        if each.name in names and each.of in context
    }


def _as_text(value: object) -> str:
    if value is None or value is False:
        return ""
    return YES if value is True else str(value)[:LONGEST]


def _day(value: date | datetime | None) -> str:
    moment = timezone.localtime(value) if isinstance(value, datetime) else value
    return date_format(moment, "DATE_FORMAT") if moment else ""


def _moment(value: datetime | None) -> str:
    return date_format(timezone.localtime(value), "DATETIME_FORMAT") if value else ""


def _listed(rows: Iterable[object]) -> str:
    return "\n".join(f"- {row}" for row in rows)


def _name(person: Any) -> str:
    return str(person.display_name) if person else ""


def _certificates(rows: Iterable[Any]) -> str:
    return render_to_string("emails/certificates.txt", {"rows": rows})


def _files(rows: Iterable[Any]) -> str:
    return _listed(f"{row.file_name} ({row.certificate.profile.name})" for row in rows)


def _changes(context: Context) -> str:
    return render_to_string("emails/changes.txt", {"lines": context["lines"]}).strip()


def _is_own(context: Context) -> bool:
    return bool(context["person"].pk == context["request"].person_id)


def _is_asked(context: Context) -> bool:
    return bool(context["person"].pk == context["request"].requested_by_id)


def _number(name: str) -> Callable[[Context], object]:
    """Empty for 0, so that a condition can ask for it."""
    return lambda context: context[name] or None


def _said(name: str) -> Callable[[Context], object]:
    return lambda context: context[name]


_WHOSE = _("whose software tokens they are")
_READERS_OWN = _("whether who gets the mail is the person whose tokens they are")
_WHY, _PURPOSE = _("why"), _("what it is for, in the words of who asked")

P, FLAG = Placeholder, True
MAYBE = (False, True)  # no condition, but it may be empty
PLACEHOLDERS = (
    P("person.name", "person", _("who gets the mail"), lambda c: _name(c["person"])),
    P("files", "files", _("the files, a list"), lambda c: _files(c["files"])),
    P("is_attached", "attached", _("whether the files are attached"), _said("attached"), FLAG),
    P("is_archived", "copy_is_kept", _("whether a copy of a key is kept"), _said("copy_is_kept"), FLAG),
    P("file", "file", _("the name of the file"), _said("file")),
    P("moment", "moment", _("when it happened"), lambda c: _moment(c["moment"])),
    P("fetched_at", "container", _("when it was fetched"), lambda c: _moment(c["container"].downloaded_at)),
    P("types", "types", _("the software tokens, a list"), lambda c: _listed(c["types"])),
    P("places", "places", _("where the keys are, a list"), lambda c: _listed(c["places"])),
    P("found", "found", _("what is new, a list"), lambda c: _listed(c["found"])),
    P("error", "error", _("why it did not come to its end"), _said("error")),
    P("tokens", "tokens", _("the software tokens, a list"), lambda c: _listed(c["tokens"])),
    P("new_tokens", "replacements", _("what replaces them, a list"), lambda c: _listed(c["replacements"])),
    P("taken_out", "taken_out", _("what was taken out, a list"), lambda c: _listed(c["taken_out"])),
    P("taken_out_reason", "taken_out", _WHY, lambda c: c["taken_out"][0].reason),
    P("given", "given", _("the certificates that are issued, a list"), lambda c: _certificates(c["given"])),
    P(
        "left_out",
        "left_out",
        _("the certificates that are not, a list"),
        lambda c: _certificates(c["left_out"]),
    ),
    P("cause", "cause", _WHY, _said("cause")),
    P("why", "why", _WHY, _said("why")),
    P("reason", "reason", _WHY, _said("reason")),
    P("officer", "by", _("the officer who did it"), lambda c: _name(c["by"])),
    P("officer", "officer", _("who signed in"), lambda c: _name(c["officer"])),
    P(
        "beneficiary",
        "beneficiary",
        _("who is to read with the keys; empty: their owner"),
        _said("beneficiary"),
        *MAYBE,
    ),
    P("since", "since", _("since when it waits"), lambda c: _day(c["since"])),
    P("until", "until", _("until when"), lambda c: _day(c["until"])),
    P("ends_on", "ends_at", _("when the token ends"), lambda c: _day(c["ends_at"])),
    P(
        "losses",
        "losses",
        _("what becomes of its encryption keys"),
        lambda c: "\n\n".join(map(str, c["losses"])),
        *MAYBE,
    ),
    P(
        "revoked_at",
        "revoke_at",
        _("when it is revoked otherwise"),
        lambda c: _moment(c["revoke_at"]),
        *MAYBE,
    ),
    P(
        "revoked_on",
        "revoke_at",
        _("the day on which it is revoked otherwise"),
        lambda c: _day(c["revoke_at"]),
        *MAYBE,
    ),
    P("can_be_decided", "possible", _("whether somebody can decide"), _said("possible"), FLAG),
    P("gives_codes", "gives_codes", _("whether there are sign-in codes"), _said("gives_codes"), FLAG),
    P("is_reminder", "again", _("whether it is a reminder"), _said("again"), FLAG),
    P("changes", "change", _("what changes, a list"), _changes),
    P("terms.name", "notice", _("the name of the terms"), lambda c: c["notice"].document),
    P("terms.until", "notice", _("until when to accept"), lambda c: _day(c["notice"].due_at)),
    P(
        "terms.holds",
        "notice",
        _("whether tokens are put on hold afterwards"),
        lambda c: c["notice"].version.late_policy == LatePolicy.HOLD,
        FLAG,
    ),
    P("is_monthly", "monthly", _("whether it comes each month"), _said("monthly"), FLAG),
    P("name", "name", _("what it is called"), _said("name")),
    P("factor", "factor", _("which second factor"), _said("factor")),
    P("provider", "provider", _("the name of the sign-in service"), _said("provider")),
    P("left", "left", _("how many codes are left"), lambda c: str(c["left"])),
    P("held", "held", _("how many tokens are on hold"), _number("held"), *MAYBE),
    P("revoked", "revoked", _("how many tokens are revoked"), _number("revoked"), *MAYBE),
    P("reinstated", "reinstated", _("how many tokens are back"), _number("reinstated"), *MAYBE),
    P("waiting", "waiting", _("how many requests wait"), _number("waiting"), *MAYBE),
    P("number", "number", _("how many roles wait"), _number("number")),
    P("unanswered", "unanswered", _("how many roles nobody answered for"), _number("unanswered"), *MAYBE),
    P("order.reference", "order", _("the number of the batch order"), lambda c: c["order"].reference),
    P("order.requester", "order", _("who gave the batch order"), lambda c: _name(c["order"].asked_by)),
    P("order.purpose", "order", _PURPOSE, lambda c: c["order"].purpose, *MAYBE),
    P("request.reference", "request", _("the number of the request"), lambda c: c["request"].reference),
    P("request.person", "request", _WHOSE, lambda c: _name(c["request"].person)),
    P("request.requester", "request", _("who asked"), lambda c: _name(c["request"].requested_by)),
    P("request.lines", "request", _("what is asked for, a list"), lambda c: _listed(c["request"].lines)),
    P("request.purpose", "request", _PURPOSE, lambda c: c["request"].purpose, *MAYBE),
    P(
        "request.until",
        "request",
        _("until when to accept"),
        lambda c: _day(c["request"].accept_before),
        *MAYBE,
    ),
    P("request.reason", "request", _("why it ended"), lambda c: c["request"].reason_words),
    P("request.is_own", "request", _READERS_OWN, _is_own, FLAG),
    P("request.is_asked_by_reader", "request", _("whether who gets the mail asked"), _is_asked, FLAG),
    P(
        "request.is_new_round",
        "request",
        _("whether it was made anew"),
        lambda c: c["request"].round > 1,
        FLAG,
    ),
    P("token.type", "token", _("what the software token is called"), lambda c: c["token"]),
    P(
        "token.until",
        "token",
        _("when the passphrase is destroyed"),
        lambda c: _day(c["token"].passphrase_destroy_at),
    ),
    P(
        "token.shown_at",
        "token",
        _("when the passphrase was shown"),
        lambda c: _moment(c["token"].passphrase_shown_at),
    ),
    P("token.reason", "token", _("why it ended"), lambda c: c["token"].reason_words),
    P(
        "token.is_recovery",
        "token",
        _("whether it has recovered keys"),
        lambda c: not c["token"].token_type,
        FLAG,
    ),
    P(
        "token.is_noted",
        "token",
        _("whether the passphrase was noted"),
        lambda c: c["token"].acknowledged_at is not None,
        FLAG,
    ),
)
