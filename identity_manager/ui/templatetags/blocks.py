"""Template tags of both portals that draw a part of a page: stepper, timeline, callout, dialog.

Built in, so no template loads them; usage: templates/ui/README.md.
"""

from collections.abc import Iterable
from typing import Any

from django import template
from django.forms import BaseForm
from django.utils.safestring import SafeString

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
from identity_manager.ui.punctuation import colon
from identity_manager.ui.templatetags.badges import icon
from identity_manager.ui.templatetags.moments import when

register = template.Library()

STEP_ICONS = {StepState.DONE: "check", StepState.WAITS: "waiting", StepState.STOPPED: "x"}
PROGRESS = {
    StepState.DONE: ("done", Meaning.DONE),
    StepState.NOW: ("refresh", Meaning.INFORMATION),
    StepState.WAITS: ("waiting", Meaning.WAITING),
    StepState.STOPPED: ("stopped", Meaning.STOPPED),
    StepState.NEXT: ("circle", Meaning.QUIET),
}


@register.inclusion_tag("ui/stepper.html")
def stepper(steps: Iterable[StepperStep]) -> dict[str, Any]:
    """Draw the steps of a request across the page."""
    return {"steps": [(step, STEP_ICONS.get(StepState(step.state), "")) for step in steps]}


@register.inclusion_tag("ui/timeline.html")
def timeline(events: Iterable[TimelineEvent], shown: int | None = None) -> dict[str, Any]:
    """Draw a history, in the order given; what comes after the number shown is folded away.

    The events in code, because their template took a tenth of a page with a long history.
    """
    drawn = list(map(_event, events))
    folded = drawn[shown:] if shown else []
    # Each is safe.
    return {
        "events": SafeString("".join(drawn[:shown])),
        "folded": SafeString("".join(folded)),
        "number": len(folded),
    }


def _event(event: TimelineEvent) -> SafeString:
    return markup(
        '<li class="event means-{}"><span class="event-mark">{}</span><div><p class="event-title">{}</p>{}'
        '<p class="event-line">{}{}</p></div></li>',
        event.meaning,
        icon(event.icon or MEANING_ICONS[Meaning(event.meaning)]),
        event.title,
        markup("<p>{}</p>", event.detail) if event.detail else "",
        markup("<bdi>{}</bdi> · ", event.actor) if event.actor else "",
        when(event.at),
    )


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


@register.inclusion_tag("ui/error_summary.html")
def error_summary(form: BaseForm) -> dict[str, Any]:
    """Draw the errors of a form as links to their fields; nothing without errors."""
    return {"lines": _error_lines(form)}


def _error_lines(form: BaseForm) -> list[tuple[str, str]]:
    """Return (address within the page, message); the address is empty where no field is to blame."""
    lines = [("", str(message)) for message in form.non_field_errors()]
    for field in form.visible_fields():
        target = field.id_for_label or (f"{field.auto_id}_0" if field.auto_id else "")
        address = f"#{target}" if target else ""
        label = str(field.label)
        if not label.endswith("?"):
            label += colon()
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
