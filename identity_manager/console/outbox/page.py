"""OUTBOX: list of mails, errors by kind, page of one mail."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Max, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from identity_manager.console.access import mails, offices
from identity_manager.console.lists import counting, filtering, pagination, remembered_counts
from identity_manager.console.lists.distinct_values import Values, known_values
from identity_manager.console.outbox.forms import STUCK, TROUBLE, MailFilterForm
from identity_manager.console.outbox.mail_columns import COLUMNS, MailRow
from identity_manager.mail import sending
from identity_manager.models import (
    Container,
    DeliveryProblem,
    MailFault,
    MailState,
    OutgoingMail,
    Person,
    Role,
)
from identity_manager.models.mail.delivery_problem import SAID
from identity_manager.models.mail.outgoing_mail import IN_TROUBLE, LAST_EVENT, OutgoingMailQuerySet
from identity_manager.models.text_in_languages import languages
from identity_manager.queries.mail_domains import DOMAIN
from identity_manager.ui.context import MAIL_WATCHERS
from identity_manager.ui.parts import Pair
from identity_manager.ui.row_addresses import addresses_of
from identity_manager.workflow.delivery import outbox_actions

GROUPS_SHOWN = 10


@dataclass(frozen=True)
class ErrorGroup:
    """Mails with the same error code, and the link to them."""

    code: str
    state: str
    fault: str
    number: int
    latest: datetime
    url: str

    @property
    def state_words(self) -> str:
        return str(MailState(self.state).label)

    @property
    def fault_words(self) -> str:
        return str(MailFault(self.fault).label) if self.fault else ""


def context(request: HttpRequest, actor: Person) -> dict[str, Any]:
    """The list; empty for an invalid filter."""
    every = mails.watched_mails(actor)
    form = filter_form(request, actor)
    rows = found(every, form)
    by_key = partial(pagination.in_bulk, _reached(actor))
    paginator = pagination.CappedPaginator(_newest_first(rows, form), by_key=by_key)
    numbers = _numbers(paginator, every, actor, form)
    page = pagination.page_of(request, paginator)
    url = addresses_of("console:mail")
    rows_shown = [MailRow(mail, url(mail.pk)) for mail in page]
    return {
        "tab": "outbox",
        "form": form,
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "reads": offices.holds(actor, offices.MAIL_READERS),
        "page": page,
        "lines": rows_shown,
        "table": COLUMNS.draw(actor, rows_shown),
        **_groups(every),
        "query": request.GET.urlencode(),
        **numbers,
    }


def filter_form(request: HttpRequest, actor: Person) -> MailFilterForm:
    """The filter in the address, with its choices."""
    watched = mails.mails_within_units(actor, MAIL_WATCHERS)
    reach = offices.within_units(actor, offices.MAIL_READERS, "organisational_unit")
    columns = (
        Values(OutgoingMail, "message", watched),
        Values(OutgoingMail, "error_code", watched),
        Values(Person, "organisational_unit", reach),
    )
    read = partial(known_values, *columns)
    names, codes, units = remembered_counts.remembered(request, actor, "values of mails", read)
    return MailFilterForm(request.GET, messages=names, codes=codes, units=units)


def found(rows: OutgoingMailQuerySet, form: MailFilterForm) -> OutgoingMailQuerySet:
    """Mails matching the filter. since and until compare the last event."""
    if not form.is_valid():
        return rows.none()
    wanted = form.cleaned_data
    rows = _of_domain(_in_state(rows, wanted["state"]), wanted["domain"].strip(), wanted["state"])
    rows = rows.annotate(moment=LAST_EVENT)
    for name, lookup in (
        ("message", "message"),
        ("error", "error_code"),
        ("unit", "person__organisational_unit"),
        ("since", "moment__gte"),
        ("until", "moment__lte"),
    ):
        if wanted[name]:
            rows = rows.filter(**{lookup: wanted[name]})
    if form.is_about_persons:  # of readable mails alone: else a search would reveal whose a mail is
        rows = rows.filter(Q(is_read=True))
    return rows.filter(form.by_words) if wanted["q"].strip() else rows


def actionable(actor: Person, form: MailFilterForm, roles: frozenset[Role]) -> OutgoingMailQuerySet:
    """Mails on which the officer may act by one of the roles and something can be done."""
    return _handled(actor, form, roles).filter(_there_is_to_act())


def _handled(actor: Person, form: MailFilterForm, roles: frozenset[Role]) -> OutgoingMailQuerySet:
    return found(mails.handled_mails(actor, roles), form).order_by("created_at", "pk")


def _there_is_to_act() -> Q:
    waiting = OutgoingMail.objects.filter(state=MailState.QUEUED, next_attempt_at__gt=timezone.now())
    # A UNION of both conditions, each with its own index: an OR would scan all mails.
    keys = OutgoingMail.objects.in_trouble().order_by().values("pk").union(waiting.order_by().values("pk"))
    few = filtering.keys_if_few(keys, "pk")
    return Q(pk__in=keys) if few is None else Q(pk__in=few)


def detail(actor: Person, mail: OutgoingMail) -> dict[str, Any]:
    """The page of one mail."""
    line = MailRow(mail)
    reason = outbox_actions.obstacle(mail)
    handles = outbox_actions.may_retry(actor, mail)
    discards = outbox_actions.may_discard(actor, mail)
    not_opened = outbox_actions.opening_obstacle(actor=actor, mail=mail) if discards else None
    return {
        "tab": "outbox",
        "line": line,
        "mail": mail,
        "facts": [*_facts(mail, line), *(_reader_facts(mail) if line.is_read else ())],
        "sender": settings.DEFAULT_FROM_EMAIL,
        "html_url": reverse("console:mail-html", args=[mail.pk]),
        "attachments": _attachments(mail) if line.is_read else [],
        "events": mail.events.all(),
        "may_retry": handles and not mail.is_emptied,
        "not_by_you": outbox_actions.delivery_obstacle(actor=actor, mail=mail) if handles else None,
        "not_opened": not_opened,
        "kept": not_opened or (outbox_actions.NOTICE if mail.is_notice else None),
        "text_gone": outbox_actions.TEXT_GONE if mail.is_emptied else None,
        "may_discard": discards,
        "obstacle": reason if _acts(actor) else None,
        "nothing_to_do": reason is not None,
        "may_come_back": mail.state == MailState.SENT,
    }


def _acts(actor: Person) -> bool:
    return offices.holds(actor, offices.MAIL_HANDLERS)


def _numbers(
    paginator: pagination.CappedPaginator, every: OutgoingMailQuerySet, actor: Person, form: MailFilterForm
) -> dict[str, int]:
    """Numbers of mails held up, retryable and discardable; counted together with the list."""
    kinds = {"held_up": every.held_up()}
    if form.is_valid() and any(form.cleaned_data.values()):
        waits = _there_is_to_act()
        kinds["to_retry"] = _handled(actor, form, offices.MAIL_HANDLERS).filter(waits)
        kinds["to_discard"] = _handled(actor, form, offices.MAIL_ADMINISTRATORS).discardable().filter(waits)
    lists = [rows.order_by().values("pk") for rows in kinds.values()]
    paginator.counted, *numbers = counting.counts([paginator.to_be_counted(), *lists])
    return {"to_retry": 0, "to_discard": 0, **dict(zip(kinds, numbers, strict=True))}


def _in_state(rows: OutgoingMailQuerySet, state: str) -> OutgoingMailQuerySet:
    if state == TROUBLE:
        return rows.in_trouble()
    if state == STUCK:
        return rows.stuck()
    if state in SAID:
        problems = DeliveryProblem.objects.filter(kind=state, mail__isnull=False).order_by()
        return rows.filter(pk__in=problems.values("mail"))
    return rows.filter(state=state) if state else rows


def _of_domain(rows: OutgoingMailQuerySet, domain: str, state: str) -> OutgoingMailQuerySet:
    """Mails to the domain that have an error (by a partial index), or did not arrive, as persons say."""
    if not domain:
        return rows
    rows = rows if state in SAID else rows.with_fault()
    return rows.alias(domain=DOMAIN).filter(domain=domain.lower())


def _newest_first(rows: OutgoingMailQuerySet, form: MailFilterForm) -> OutgoingMailQuerySet:
    """Ordered by time-ordered keys, so that search results are sorted without reading mails."""
    by_words = form.is_valid() and form.cleaned_data["q"].strip()
    return rows.order_by("-pk") if by_words else rows.order_by("-created_at", "-pk")


def _reached(actor: Person) -> OutgoingMailQuerySet:
    """With the columns of the list alone."""
    return mails.watched_mails(actor).select_related("request", "token__token_type").only(*COLUMNS.fields)


def _groups(rows: OutgoingMailQuerySet) -> dict[str, Any]:
    """Failing mails by error, most frequent first; and whether there are further errors."""
    trouble = rows.with_fault().filter(state__in=(MailState.QUEUED, *IN_TROUBLE))
    trouble = trouble.exclude(last_error="").order_by()
    counted = trouble.values("error_code", "state", "fault").annotate(
        number=Count("pk"), latest=Max(F("last_error_at"))
    )
    found = [
        ErrorGroup(
            code=each["error_code"] or _("without a code"),
            state=each["state"],
            fault=each["fault"],
            number=each["number"],
            latest=each["latest"],
            url=_list_url(each["state"], each["error_code"]),
        )
        for each in counted.order_by("-number", "error_code")[: GROUPS_SHOWN + 1]
    ]
    return {"groups": found[:GROUPS_SHOWN], "more_groups": len(found) > GROUPS_SHOWN}


def _list_url(state: str, code: str) -> str:
    asked = {"state": STUCK if state == MailState.QUEUED else state, "error": code}
    return f"{reverse('console:outbox')}?{urlencode({name: value for name, value in asked.items() if value})}"


def _facts(mail: OutgoingMail, line: MailRow) -> list[Pair]:
    fault = str(MailFault(mail.fault).label) if mail.fault else ""
    return [
        Pair(_("Mail"), line.name),
        Pair(_("Written"), mail.created_at),
        Pair(_("Sent"), mail.sent_at),
        Pair(_("Attempts"), mail.attempts),
        Pair(_("Last error"), line.error, note=fault),
        Pair(_("Since"), mail.last_error_at),
        Pair(_("Next try"), mail.next_attempt_at),
        *([Pair(_("Delayed on its way"), mail.delayed_at)] if mail.delayed_at else []),
        *([Pair(_("Reported as spam"), mail.complained_at)] if mail.complained_at else []),
        *([Pair(_("Why it was discarded"), mail.discard_reason)] if mail.discard_reason else []),
    ]


def _reader_facts(mail: OutgoingMail) -> list[Pair]:
    return [
        Pair(_("Language"), dict(languages()).get(mail.language, mail.language)),
        *([Pair(_("The person's address now"), mail.person.email)] if _has_moved(mail) else []),
        Pair("Message-ID", sending.message_id_start(mail), mono=True),
        *([Pair(_("The provider calls it"), mail.provider_id, mono=True)] if mail.provider_id else []),
    ]


def _has_moved(mail: OutgoingMail) -> bool:
    """Whether a file goes to the approved address although the person has a new one."""
    return mail.delivers and mail.to_address.lower() != mail.person.email.lower()


def _attachments(mail: OutgoingMail) -> list[str]:
    """Names of the attached files; their content is the owner's alone."""
    if not mail.carries_files or mail.token_id is None:
        return []
    rows = Container.objects.filter(token_id=mail.token_id, format=mail.container_format)
    return list(rows.values_list("file_name", flat=True))
