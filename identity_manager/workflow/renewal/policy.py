"""Renewal policy: what has changed since the last issue; whether approval and terms are needed again."""

from collections.abc import Iterable

from django.db.models import Q, prefetch_related_objects
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    ApprovalPolicy,
    RenewalApproval,
    RequestKind,
    SoftwareToken,
    TermsAcceptance,
    TermsText,
    TokenType,
)
from identity_manager.models.people.person import field_name
from identity_manager.workflow.snapshot import Difference, Snapshot

PROFILE = _("certificate profile")
DELIVERY = _("delivery")
WITH_FILE, BY_TARGETS_ALONE = _("file and passphrase for the person"), _("to its targets alone")


def types_to_approve(lines: Iterable[SoftwareToken]) -> list[TokenType]:
    """The types whose approval policy counts: of all lines but renewals that need no approval again."""
    renewals = [line for line in lines if line.kind == RequestKind.RENEWAL]
    prefetch_related_objects([line for line in renewals if _depends_on_changes(line)], "predecessor")
    return [line.required_type for line in lines if line not in renewals or _needs_approval(line)]


def _depends_on_changes(line: SoftwareToken) -> bool:
    asks = line.required_type.approval != ApprovalPolicy.NEVER
    return asks and line.required_type.renewal_approval == RenewalApproval.CHANGED


def _needs_approval(line: SoftwareToken) -> bool:
    """NEVER: no. ALWAYS: as a first issue does. CHANGED: so where the line says something new."""
    policy = line.required_type.renewal_approval
    if policy == RenewalApproval.CHANGED:
        return _depends_on_changes(line) and has_changed(line)
    return policy == RenewalApproval.ALWAYS


def has_changed(line: SoftwareToken) -> bool:
    """Whether the line says something else than the token that it renews."""
    return bool(changes(line))


def changes(line: SoftwareToken) -> list[Difference]:
    """Changes since the last issue: of the person, of certificate profiles, of the delivery."""
    return [*person_changes(line), *profile_changes(line), *delivery_changes(line)]


def person_changes(line: SoftwareToken) -> list[Difference]:
    """Differences of the person's data between the line and its predecessor; empty for a first issue.

    A predecessor whose snapshot was emptied counts as changed in every field.
    """
    if line.predecessor is None:
        return []
    before: Snapshot = line.predecessor.snapshot.get("person", {})
    return [
        Difference(field, field_name(field), before.get(field, ""), now)
        for field, now in line.snapshot.get("person", {}).items()
        if before.get(field) != now
    ]


def profile_changes(line: SoftwareToken) -> list[Difference]:
    """Differences of the certificate profiles' versions to the predecessor's; empty for a first issue."""
    if line.predecessor is None:
        return []
    before, now = _versions(line.predecessor.snapshot), _versions(line.snapshot)
    return [
        Difference(code, format_lazy("{} {}", PROFILE, code), before.get(code, ""), now.get(code, ""))
        for code in sorted(before.keys() | now.keys())
        if before.get(code) != now.get(code)
    ]


def delivery_changes(line: SoftwareToken) -> list[Difference]:
    """Whether targets alone deliver what the person had as a file, or the other way round."""
    if line.predecessor is None:
        return []
    before, now = line.predecessor.is_by_targets, line.required_type.targets_alone
    words = {False: str(WITH_FILE), True: str(BY_TARGETS_ALONE)}
    return [] if before == now else [Difference("delivery", DELIVERY, words[before], words[now])]


def _versions(snapshot: Snapshot) -> dict[str, str]:
    return {each["profile"]: str(each["version"]) for each in snapshot["certificates"]}


def terms_that_stand(lines: Iterable[SoftwareToken]) -> list[TermsText]:
    """The texts that the person accepted for the predecessors, or again since, if they are all that count.

    Empty where one of the documents has another version in force, or a line renews nothing.
    """
    lines = list(lines)
    wanted = {line.required_type.terms_id for line in lines}
    requests = [line.predecessor.request_id for line in lines if line.predecessor is not None]
    accepted = TermsAcceptance.objects.filter(
        Q(request__in=requests) | Q(request=None),
        person__in={line.person_id for line in lines},
        text__version__is_current=True,
    )
    accepted = accepted.select_related("text__version").order_by("accepted_at")
    texts = {each.text.version.document_id: each.text for each in accepted}
    return list(texts.values()) if texts.keys() == wanted and requests else []
