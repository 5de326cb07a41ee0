"""Template tags of both portals, built in (no {% load %}); usage: templates/ui/README.md."""

import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from html import escape
from typing import Any

import regex
from django import template
from django.core.paginator import Page
from django.db.models import Model
from django.forms import BaseForm
from django.template.context import Context
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from identity_manager.models import SoftwareToken
from identity_manager.people import email_addresses
from identity_manager.telemetry import correlation
from identity_manager.ui import dates, states, terms_text
from identity_manager.ui.bidi import isolated
from identity_manager.ui.markup import markup
from identity_manager.ui.parts import (
    MEANING_ICONS,
    Device,
    Meaning,
    Pair,
    StepperStep,
    StepState,
    Tab,
    TimelineEvent,
    pairs,
)

register = template.Library()

DIRECTED_ICONS = frozenset(
    {"arrow-left", "arrow-right", "chevron-left", "chevron-right", "external", "send", "sign-out"}
)
STEP_ICONS = {StepState.DONE: "check", StepState.WAITS: "waiting", StepState.STOPPED: "x"}
AVATAR_HUES = 6
LETTER = regex.compile(r"(?=\p{L})\X")
WITHOUT_SPACES = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
JOINT = regex.compile(r"(?<=[@.])(?=\S)")
TIME_TO_RENEW = timedelta(days=60)  # when the first reminder goes out
_WHO = '<div class="who">\n{{}}\n<span class="who-lines">{}{{}}</span>\n</div>'
_LINK = '<a class="{}" href="{}"><bdi>{}</bdi></a>'
PROGRESS = {
    StepState.DONE: ("done", Meaning.DONE),
    StepState.NOW: ("refresh", Meaning.INFORMATION),
    StepState.WAITS: ("waiting", Meaning.WAITING),
    StepState.STOPPED: ("stopped", Meaning.STOPPED),
    StepState.NEXT: ("circle", Meaning.QUIET),
}


@register.simple_tag
@lru_cache(maxsize=1024, typed=True)  # a list draws the same few over and over; safe text is not plain text
def icon(name: str, label: str = "", size: str = "") -> SafeString:
    """Draw a symbol of the sprite. With a label it is an image that is read out; without, decoration."""
    classes = ["icon", f"icon-{size}" if size else "", "icon-directed" if name in DIRECTED_ICONS else ""]
    return markup(
        '<svg class="{}" {}><use href="{}#{}"></use></svg>',
        " ".join(filter(None, classes)),
        markup('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"'),
        static("ui/icons.svg"),
        name,
    )


@register.filter
def grouped(number: int) -> str:
    """Write a whole number with the separators of the language: 2,000."""
    return formats.number_format(number, force_grouping=True)


register.filter(isolated)
register.filter("readable_address", email_addresses.readable)


@register.filter
def is_past(moment: datetime) -> bool:
    """Whether the moment is over: what ends then is ended by a job, which may run a little later."""
    return moment <= timezone.now()


@register.filter
def breakable(text: str) -> SafeString:
    """Let an address break where it has a joint, before it breaks within a word."""
    return SafeString(JOINT.sub("<wbr>", escape(str(text))))  # no escape has a joint


@register.simple_tag
def visit_number() -> str:
    """The number under which the logs have this visit; empty outside one."""
    return correlation.current()


@register.simple_tag
def badge(meaning: str, word: str, icon_name: str = "") -> SafeString:
    """Draw a state: meaning is done, waiting, stopped, information or quiet; the word says which."""
    return _badge(Meaning(meaning), str(word), icon_name)


@lru_cache(maxsize=1024, typed=True)
def _badge(known: Meaning, word: str, icon_name: str) -> SafeString:
    return markup(
        '<span class="badge means-{}">{}{}</span>', known.value, icon(icon_name or MEANING_ICONS[known]), word
    )


@register.simple_tag
def state_badge(row: Model) -> SafeString:
    """Draw the state of a person, request, token, certificate or mail, in its own word."""
    return badge(states.meaning_of(row), _label(type(row), "state", row.state))  # type: ignore[attr-defined]  # see meaning_of


@register.simple_tag
def delivery_badge(token: SoftwareToken) -> SafeString:
    """Draw how far the mail of a token is; to one that has ended nothing comes any more."""
    meaning = states.DELIVERY[token.delivery]
    if token.ended_at is not None and meaning == Meaning.WAITING:
        return badge(Meaning.QUIET, _("Not delivered"))
    return badge(meaning, _label(type(token), "delivery", token.delivery))


def _label(kind: type[Model], field: str, value: str) -> str:
    """What get_..._display says, which goes through all choices, and their words, each time."""
    return str(_labels(kind, field)[value])


@cache
def _labels(kind: type[Model], field: str) -> dict[str, str | Promise]:
    return dict(kind._meta.get_field(field).flatchoices)  # type: ignore[union-attr]  # a field of this model


@register.simple_tag
def when(moment: datetime | date | None, otherwise: str = "–") -> str:
    """Write a moment or a day in words, with the exact one behind it."""
    if moment is None:
        return otherwise
    now = timezone.now()
    if isinstance(moment, datetime):
        title, said = dates.exact(moment), dates.words(moment, now=now)
    else:
        title, said = dates.long_date(moment), dates.day_words(moment, now=now)
    return _time(moment, title=title, said=said)


@register.simple_tag
def age(since: datetime) -> SafeString:
    """Write how long something has waited, with the exact moment behind it."""
    return _time(since, title=dates.exact(since), said=dates.age(since, now=timezone.now()))


def _time(moment: datetime | date, *, title: str, said: str) -> SafeString:
    words = f'title="{escape(title)}">{escape(said)}'
    return SafeString(f'<time datetime="{moment.isoformat()}" {words}</time>')


@register.simple_tag
def avatar(name: str, size: str = "") -> SafeString:
    """Draw the initials of a name; the same name has the same tint everywhere."""
    hue = zlib.crc32(name.encode()) % AVATAR_HUES
    classes = f"avatar avatar-{hue}{f' avatar-{size}' if size else ''}"
    return markup('<span class="{}" aria-hidden="true">{}</span>', classes, initials(name))


@register.simple_tag
def who(name: str, line: str = "", url: str = "", row: bool = False, size: str = "") -> SafeString:  # noqa: FBT001, FBT002 a tag's
    """Draw a person: their initials, the name, and a line below it. row: the whole table row leads there."""
    below = markup('\n<span class="who-line">{}</span>', line) if line else ""
    if not url:
        return markup(_WHO.format('<bdi class="who-name">{}</bdi>'), avatar(name, size), name, below)
    classes = "who-name row-link" if row else "who-name"
    return markup(_WHO.format(_LINK), avatar(name, size), classes, url, name, below)


@register.simple_tag
def choose_row(checkbox: str, pk: object, name: object, *, ticked: bool = False) -> SafeString:
    """Draw the cell with the check box by which a row of a list is chosen; name says which."""
    label = _("Choose %(name)s") % {"name": name}
    return markup(
        '<td><input type="checkbox" class="row-select" name="{}" value="{}" aria-label="{}"{}></td>',
        *(checkbox, str(pk), label, SafeString(" checked") if ticked else ""),
    )


def initials(name: str) -> str:
    """Return the first letter of the first and of the last word; one for scripts that do not use spaces."""
    parts: list[str] = [found[0] for word in name.split() if (found := LETTER.search(word))]
    if not parts:
        return "?"
    if len(parts) == 1 or WITHOUT_SPACES.match(parts[0]):
        return parts[0].upper()
    return (parts[0] + parts[-1]).upper()


@register.inclusion_tag("ui/stepper.html")
def stepper(steps: Iterable[StepperStep]) -> dict[str, Any]:
    """Draw the steps of a request across the page."""
    return {"steps": [(step, STEP_ICONS.get(StepState(step.state), "")) for step in steps]}


@register.inclusion_tag("ui/timeline.html")
def timeline(events: Iterable[TimelineEvent], shown: int | None = None) -> dict[str, Any]:
    """Draw a history, in the order given; what comes after the number shown is folded away."""
    drawn = [(event, event.icon or MEANING_ICONS[Meaning(event.meaning)]) for event in events]
    return {"events": drawn[:shown], "folded": drawn[shown:] if shown else []}


@register.inclusion_tag("ui/keyvalues.html")
def keyvalues(lines: Iterable[Pair | tuple[Any, object]]) -> dict[str, Any]:
    """Draw a key-value list of Pairs or of plain (label, value)."""
    return {"pairs": pairs(lines)}


@register.inclusion_tag("ui/tabs.html")
def tabs(items: Iterable[Tab], label: str) -> dict[str, Any]:
    """Draw tabs within a page; the label names them to a screen reader."""
    return {"tabs": items, "label": label}


@register.inclusion_tag("ui/devices.html")
def device_picker(devices: Iterable[Device], label: str) -> dict[str, Any]:
    """Draw the devices to choose from, as links."""
    return {"devices": devices, "label": label}


@register.inclusion_tag("ui/breadcrumb.html")
def breadcrumb(*parts: str) -> dict[str, Any]:
    """Draw the way to this page: label, address, label, address, ..., label of this page."""
    return {"links": list(zip(parts[:-1:2], parts[1::2], strict=False)), "here": parts[-1]}


@register.inclusion_tag("ui/pagination.html", takes_context=True)
def pagination(
    context: Context, page: Page[Any], parameter: str = "page", of: str = "", anchor: str = ""
) -> dict[str, Any]:
    """Draw the pages of a list, keeping the other parameters of the address; nothing for a single page.

    of, anchor: of several lists, this one's title and where it begins. keeps_selection: by the form.
    """
    if not page.has_other_pages():
        return {}

    def address(number: int | str) -> str:
        return _query(context, **{parameter: number}) + (f"#{anchor}" if anchor else "")

    elided = page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return {
        "page": page,
        "of": of,
        "links": [(number, address(number)) for number in elided],
        "ellipsis": page.paginator.ELLIPSIS,
        "previous": address(page.number - 1) if page.has_previous() else "",
        "next": address(page.number + 1) if page.has_next() else "",
        "keeps_selection": context.get("keeps_selection"),
    }


@register.inclusion_tag("ui/sort_header.html", takes_context=True)
def sort_header(context: Context, name: str, label: str, current: str = "") -> dict[str, Any]:
    """Draw the head of a column that sorts by name; current is the present order, "-name" for downwards."""
    direction = {name: "ascending", f"-{name}": "descending"}.get(current, "")
    return {
        "label": label,
        "direction": direction,
        "href": _query(context, sort=f"-{name}" if direction == "ascending" else name, page=None),
        "icon_name": {"ascending": "sort-up", "descending": "sort-down"}.get(direction, "sort"),
        "keeps_selection": context.get("keeps_selection"),
    }


def _query(context: Context, **changes: object) -> str:
    """The query of the present address with the changes; None takes a parameter out."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.inclusion_tag("ui/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """Draw what is wrong with a form, each line leading to its field; nothing when nothing is."""
    return {"lines": _error_lines(form)}


def _error_lines(form: BaseForm) -> list[tuple[str, str]]:
    """Return (address within the page, message); the address is empty where no field is to blame."""
    lines = [("", str(message)) for message in form.non_field_errors()]
    for field in form.visible_fields():
        target = field.id_for_label or (f"{field.auto_id}_0" if field.auto_id else "")
        address = f"#{target}" if target else ""
        label = str(field.label)
        if not label.endswith("?"):
            label += ":"
        lines += [(address, f"{label} {message}") for message in field.errors]
    for hidden in form.hidden_fields():
        lines += [("", str(message)) for message in hidden.errors]
    return lines


@register.inclusion_tag("ui/progress_line.html")
def progress_line(
    words: str, state: str, done: int | None = None, total: int | None = None
) -> dict[str, Any]:
    """Draw one line of progress; without numbers the bar of a line that is under way (now) moves."""
    icon_name, meaning = PROGRESS[StepState(state)]
    return {
        "words": words,
        "state": state,
        "icon_name": icon_name,
        "meaning": meaning,
        "done": done,
        "total": total,
    }


@register.inclusion_tag("ui/validity.html")
def validity(begins: datetime, ends: datetime) -> dict[str, Any]:
    """Draw how much of a validity remains, as a bar with words; amber when it is time to renew."""
    remains = ends - timezone.now()
    over = remains <= timedelta()
    percent = 0 if over else min(round(100 * remains / (ends - begins)), 100)
    meaning = Meaning.WAITING if remains < TIME_TO_RENEW else Meaning.DONE
    return {"ends": ends, "over": over, "percent": percent, "meaning": meaning}


@register.inclusion_tag("ui/secret.html")
def secret(value: str, seconds: int = 120, element_id: str = "secret", after: str = "") -> dict[str, Any]:
    """Draw a passphrase in its groups, with a copy button; scripts hide it after the seconds.

    after is what stands there then, where it cannot be shown again.
    """
    return {"groups": value.split("-"), "seconds": seconds, "element_id": element_id, "after": after}


@register.simple_block_tag
def callout(content: str, meaning: str, title: str = "") -> SafeString:
    """Draw a framed remark. meaning as in badge."""
    known = Meaning(meaning)
    return markup(
        '<div class="callout means-{}">{}<div class="callout-body">{}{}</div></div>',
        known.value,
        icon(MEANING_ICONS[known]),
        markup('<p class="callout-title">{}</p>', title) if title else "",
        content,
    )


@register.simple_block_tag
def dialog(content: str, element_id: str, title: str) -> SafeString:
    """Draw a dialog that an element with data-dialog of the same id opens."""
    return markup(
        '<dialog class="dialog" id="{0}" aria-labelledby="{0}-title"><div class="dialog-inside">'
        '<h2 id="{0}-title">{1}</h2>{2}</div></dialog>',
        element_id,
        title,
        content,
    )


@register.simple_block_tag
def menu(content: str, element_id: str, label: str, icon_name: str = "more") -> SafeString:
    """Draw a button with an icon that opens a menu; the content is menu items."""
    return markup(
        '<button class="button button-quiet button-icon" type="button" popovertarget="{0}" aria-label="{1}">'
        '{2}</button><div class="menu" id="{0}" popover>{3}</div>',
        element_id,
        label,
        icon(icon_name),
        content,
    )


@register.simple_tag
def code_block(text: str) -> SafeString:
    """Draw text as it is, in a frame that scrolls and can be reached by keyboard."""
    return markup('<pre class="code" tabindex="0"><code>{}</code></pre>', text)


@register.simple_tag
def badges(words: Sequence[str], meaning: str = "quiet", icon_name: str = "token") -> SafeString:
    """Draw several small badges in a row."""
    drawn = "".join(badge(meaning, word, icon_name) for word in words)
    return SafeString(f'<span class="badges">{drawn}</span>')  # each is safe


@register.inclusion_tag("ui/terms_text.html", name="terms_text")
def draw_terms_text(body: str) -> dict[str, Any]:
    """Draw the text of terms: its headings and paragraphs. Goes into <article class="reading">."""
    return {"blocks": terms_text.blocks(body)}
