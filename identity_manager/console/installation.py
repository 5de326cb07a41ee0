"""ADMIN: the catalogue, the certificate authorities and the jobs of this installation, to be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.utils.functional import Promise
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from ca_bridge import registry
from ca_bridge.contract import Health
from identity_manager.console import access
from identity_manager.models import (
    OFFICER_ROLES,
    CertificateProfile,
    Person,
    RoleAssignment,
    TermsDocument,
    TermsVersion,
    TokenType,
    TokenTypeProfile,
    VersionState,
)
from identity_manager.ui.parts import Pair

JOBS: dict[str, str | Promise] = {
    "queue.sweep": _("Takes up what is due and was left: certificates, tokens, mails"),
    "vault.erase_traces": _("Overwrites what erased secrets left behind in the database's files"),
    "ca.revoke_surplus": _("Revokes what a certificate authority issued beside what is used"),
    "ca.renew_crls": _("Renews the revocation lists that are due"),
    "road.lapse_overdue": _("Ends requests and passphrases whose time has run out"),
}


@dataclass(frozen=True)
class Authority:
    """A CA connection: its name, the connector behind it, whether it answers."""

    alias: str
    connector: str
    health: Health


@dataclass(frozen=True)
class Job:
    """A job on schedule: its name, what it does, how often."""

    name: str
    words: str | Promise
    schedule: str


def context(actor: Person) -> dict[str, Any]:
    """Each part only for who may read it."""
    reads_catalogue = access.holds(actor, access.CATALOGUE_READERS)
    reads_offices = access.holds(actor, access.OFFICE_READERS)
    found: dict[str, Any] = {
        "tab": "admin",
        "reads_catalogue": reads_catalogue,
        "reads_offices": reads_offices,
    }
    if reads_catalogue:
        found |= {
            "token_types": _token_types(),
            "profiles": CertificateProfile.objects.order_by("code", "-number"),
            "documents": _documents(),
            "authorities": list(_authorities()),
            "jobs": list(_jobs()),
        }
    if reads_offices:
        found["officers"] = _officers()
    return found


def token_type_context(found: TokenType) -> dict[str, Any]:
    """One version of a token type, with the profiles that it pins."""
    return {
        "tab": "admin",
        "row": found,
        "rules": _rules(found),
        "profiles": [(profile, _content(profile)) for profile in found.ordered_profiles()],
        "versions": TokenType.objects.filter(code=found.code).order_by("-number"),
    }


def terms_context(found: TermsVersion) -> dict[str, Any]:
    """One version of a terms document, in each language."""
    texts = sorted(found.texts.all(), key=lambda text: text.language != (get_language() or "")[:2])
    return {
        "tab": "admin",
        "row": found,
        "texts": texts,
        "versions": found.document.versions.order_by("-number"),
    }


def _token_types() -> QuerySet[TokenType]:
    links = TokenTypeProfile.objects.select_related("profile")
    rows = TokenType.objects.exclude(state=VersionState.DRAFT).select_related("terms")
    return rows.prefetch_related(Prefetch("token_type_profiles", links)).order_by(
        "position", "code", "-number"
    )


def _documents() -> QuerySet[TermsDocument]:
    versions = TermsVersion.objects.order_by("-number").prefetch_related("texts")
    return TermsDocument.objects.order_by("name").prefetch_related(Prefetch("versions", versions))


def _officers() -> QuerySet[RoleAssignment]:
    rows = RoleAssignment.objects.filter(role__in=OFFICER_ROLES).select_related("person", "assigned_by")
    return rows.order_by("role", "person__surname", "person__given_name")


def _authorities() -> Iterator[Authority]:
    for alias in registry.aliases():
        connector = str(settings.CA_CONNECTORS[alias]["CONNECTOR"]).rsplit(".", 1)[-1]
        yield Authority(alias, connector, registry.health(alias))


def _jobs() -> Iterator[Job]:
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        task = str(entry["task"])
        yield Job(task, JOBS.get(task, ""), str(_schedule(entry["schedule"])))


def _schedule(schedule: Any) -> str | Promise:
    if isinstance(schedule, int | float):
        minutes, seconds = divmod(int(schedule), 60)
        if seconds:
            return ngettext("every %(count)d second", "every %(count)d seconds", int(schedule)) % {
                "count": int(schedule)
            }
        return ngettext("every minute", "every %(count)d minutes", minutes) % {"count": minutes}
    return _("each hour, at minute %(minute)s") % {
        "minute": ", ".join(str(each) for each in sorted(schedule.minute))
    }


def _rules(found: TokenType) -> list[Pair | tuple[str | Promise, object]]:
    return [
        (_("Needs approval"), found.get_approval_display()),
        (_("Approvers"), found.approvers_needed),
        (_("Terms"), found.terms),
        (_("Valid for"), _("%(days)d days") % {"days": found.validity_days}),
        (_("Keys"), found.get_key_algorithm_display()),
        (_("Container format"), found.get_container_format_display()),
        (_("Keys are archived"), _("yes") if found.archive_key else _("no")),
        (_("Renewal begins"), _("%(days)d days before the end") % {"days": found.renewal_days}),
        (_("Passphrase is destroyed after"), _("%(days)d days") % {"days": found.passphrase_days}),
    ]


def _content(profile: CertificateProfile) -> list[Pair]:
    return [
        Pair(_("Subject"), ", ".join(f"{name}={template}" for name, template in profile.subject), mono=True),
        Pair(
            _("Alternative names"),
            ", ".join(f"{kind}:{template}" for kind, template in profile.subject_alt_names),
            mono=True,
        ),
        Pair(_("Key usage"), ", ".join(profile.key_usage)),
        Pair(_("Extended key usage"), ", ".join(profile.extended_key_usage), mono=True),
        Pair(_("Certificate authority"), profile.ca, note=profile.ca_profile),
        Pair(_("Security identifier for Windows"), _("yes") if profile.include_sid else _("no")),
    ]
