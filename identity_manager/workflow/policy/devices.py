"""Devices of a request's files: whether the person states them, and their last choice."""

import uuid
from collections.abc import Collection, Iterable

from django.utils.translation import gettext_lazy as _

from identity_manager.mail import install
from identity_manager.models import DeviceRule, SoftwareToken, TokenRequest
from identity_manager.transactions.refusals import NotPossible, Reason

MISSING = Reason("devices-missing", _("Say for which devices the file is."))
UNKNOWN = Reason("devices-unknown", _("Choose devices of the list."))


def rule(lines: Iterable[SoftwareToken]) -> DeviceRule:
    """The strictest device rule among the types of these lines, without those that targets alone deliver."""
    types = [line.token_type for line in lines if line.token_type is not None]
    rules = {each.device_rule for each in types if not each.targets_alone}
    strictest = (each for each in (DeviceRule.MUST, DeviceRule.MAY) if each in rules)
    return next(strictest, DeviceRule.NEVER)


def cleaned(codes: Collection[str], lines: Iterable[SoftwareToken]) -> str:
    """The device codes as stored on a request; empty if no type asks for them.

    Raises NotPossible at the field `devices`: one is unknown, or one is missing where a type demands it.
    """
    asked = rule(lines)
    if asked == DeviceRule.NEVER:
        return ""
    found = install.chosen(" ".join(codes))
    if {each.code for each in found} != set(codes):
        raise NotPossible(UNKNOWN, field="devices")
    if asked == DeviceRule.MUST and not found:
        raise NotPossible(MISSING, field="devices")
    return " ".join(each.code for each in found)


def last_choice(person_id: uuid.UUID) -> str:
    """The person's last choice of devices; empty if there is none."""
    said = TokenRequest.objects.filter(person=person_id).exclude(devices="").order_by("-created_at")
    return said.values_list("devices", flat=True).first() or ""


def without_asking(lines: Collection[SoftwareToken]) -> str | None:
    """The devices for an acceptance with one click: the person's last choice.

    None if a type demands a choice and there is none, so that the page of the terms has to ask.
    """
    asked = rule(lines)
    if asked == DeviceRule.NEVER:
        return ""
    known = last_choice(next(iter(lines)).person_id)
    return None if asked == DeviceRule.MUST and not install.chosen(known) else known
