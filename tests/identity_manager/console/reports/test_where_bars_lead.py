"""**Reports**: each bar leads to the list of exactly what it counts."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import (
    AskedApprover,
    Certificate,
    ConsentState,
    DeliveryProblem,
    MailState,
    MemberStep,
    OutgoingMail,
    RecoveryDrill,
    Role,
    StandingMember,
)
from identity_manager.workflow import step2_approve
from tests.identity_manager.console.reports.reported import ENDS, holder, page, read, recovery_certificate
from tests.identity_manager.console.visitors import officer
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


def _faults_of_every_report(company: Company) -> None:
    """Something in each bar of the reports on approvals, issuance and mails."""
    token = company.request_in("completed").tokens.get()
    Certificate.objects.filter(token=token).update(not_after=timezone.now() + ENDS)
    cast.failed(cast.accepted(cast.enabled(company.ada, cast.person("wes", sid=""), company.vpn)))
    refused = cast.enabled(company.ada, cast.person("will", sid=""), company.signature)
    step2_approve.reject(
        actor=company.paul, request_id=refused.pk, snapshot_hash=refused.snapshot_hash, reason="Not needed."
    )
    cast.approved(company.paul, cast.enabled(company.ada, cast.person("walt", sid=""), company.signature))
    now = timezone.now()
    for name, reminded_at in (("sue", None), ("sid", now)):
        waiting = cast.enabled(company.ada, cast.person(name, sid=""), company.signature)
        AskedApprover.objects.filter(request=waiting).delete()
        AskedApprover.objects.create(
            request=waiting,
            round=1,
            approver=company.paul,
            level="first",
            asked_at=now,
            waits_from=now,
            reminded_at=reminded_at,
        )
    mails = list(OutgoingMail.objects.filter(person=token.person).order_by("pk")[:3])
    for mail, state in zip(mails, (MailState.FAILED, MailState.BOUNCED, MailState.SENT), strict=True):
        OutgoingMail.objects.filter(pk=mail.pk).update(
            state=state, fault="" if state == "sent" else "refused", to_address="uma@Example.ORG"
        )
    for kind in ("stripped", "not-arrived"):
        DeliveryProblem.objects.create(
            token=token,
            mail=mails[2],
            kind=kind,
            domain="example.org",
            opened_at=now,
            ended_at=now,
        )


@pytest.mark.parametrize("name", ["approvals", "issuance", "mails", "waiting", "expiry"])
def test_each_bar_is_the_search_of_what_it_counts(company: Company, name: str) -> None:
    _faults_of_every_report(company)
    browser, units = signed_in(company.ada), ("", company.uma.organisational_unit)

    for unit in units:
        chart = browser.get(page(name), {"unit": unit}).context["chart"]
        parts = [part for bar in chart.bars for part in bar.parts if part.number]
        assert parts
        for part in parts:
            assert part.url, part
            found = browser.get(part.url).context
            counted = found["page"].paginator.count if "page" in found else found["paginator"].count
            assert counted == part.number, part


def test_who_counts_more_than_they_read_has_no_search_behind_the_bars(company: Company) -> None:
    _faults_of_every_report(company)
    olga = officer("olga", Role.SYSTEM_ADMINISTRATOR)

    for name in ("issuance", "mails"):
        chart = signed_in(olga).get(page(name)).context["chart"]
        assert not [part.url for bar in chart.bars for part in bar.parts if part.url], name


def test_persons_by_unit_lead_to_the_search_for_them(company: Company) -> None:
    for name, unit in (("wes", "North"), ("will", "North"), ("sue", "South")):
        holder(company, name, unit=unit)
    browser = signed_in(company.ada)

    bars = {bar.label: bar for bar in browser.get(page("tokens")).context["chart"].bars}

    assert {label: bar.total for label, bar in bars.items()} == {"North": 2, "South": 1}
    (part,) = bars["North"].parts
    assert browser.get(part.url).context["paginator"].count == 2
    south = officer("sonja", Role.USER_ADMINISTRATOR, unit="South")
    assert [row["unit"] for row in read("tokens", south)] == ["South"]


def test_persons_without_a_unit_lead_to_the_search_for_them(company: Company) -> None:
    for name, unit in (("wes", ""), ("will", ""), ("sue", "South")):
        holder(company, name, unit=unit)
    browser = signed_in(company.ada)

    bars = {bar.label: bar for bar in browser.get(page("tokens")).context["chart"].bars}

    (part,) = bars["without a unit"].parts
    found = browser.get(part.url)
    assert (part.number, found.context["paginator"].count) == (2, 2)
    assert "without a unit" in found.context["search"].filter_words()[0]
    words = browser.get(f"{part.url}&q=wes")
    assert words.context["paginator"].count == 1


def test_steps_of_a_standing_order_lead_to_their_members(company: Company) -> None:
    units = ("North", "North", "South")
    members = [cast.person(f"m{n}", sid="", organisational_unit=unit) for n, unit in enumerate(units)]
    order = standing.in_force(company.ada, standing.group("grp-vpn", *members))
    for person, step in zip(members[:2], (MemberStep.PLACED, MemberStep.NEW), strict=True):
        StandingMember.objects.filter(order=order, person=person).update(step=step)
    browser = signed_in(company.ada)

    for unit, total in (("", 3), ("North", 2), ("South", 1)):
        chart = browser.get(page("standing-orders"), {"unit": unit}).context["chart"]
        parts = [part for bar in chart.bars for part in bar.parts if part.number]
        assert sum(part.number for part in parts) == total
        for part in parts:
            assert browser.get(part.url).context["page"].paginator.count == part.number, part
    north = officer("nora", Role.TOKEN_ADMINISTRATOR, unit="North", sid="")
    chart = signed_in(north).get(page("standing-orders")).context["chart"]
    assert [part.url for bar in chart.bars for part in bar.parts if part.url] == []
    step = {"step": "given"}
    shown = signed_in(north).get(reverse("console:standing-order", args=[order.pk]), step)
    assert members[2].display_name not in shown.text
    nonsense = browser.get(reverse("console:standing-order", args=[order.pk]), {"step": "none"})
    assert "Members by step" not in nonsense.text


def test_drills_lead_to_the_drills_of_their_certificate(company: Company) -> None:
    now, row = timezone.now(), recovery_certificate("one")
    results = (("proved_at", 10), ("proved_at", 400), ("proved_at", 800), ("failed_at", 20))
    for moment, days in results:
        RecoveryDrill.objects.create(
            certificate=row,
            asked_by=company.ada,
            decided_by=company.paul,
            state=ConsentState.CONFIRMED,
            **{moment: now - timedelta(days=days)},
        )
    RecoveryDrill.objects.create(certificate=row, asked_by=company.ada)
    browser = signed_in(officer("olga", Role.SYSTEM_ADMINISTRATOR))

    for period, numbers in (("365", [1, 1]), ("730", [2, 1])):
        chart = browser.get(page("drills"), {"period": period}).context["chart"]
        parts = [part for bar in chart.bars for part in bar.parts]
        assert [part.number for part in parts] == numbers
        for part in parts:
            assert browser.get(part.url).context["page"].paginator.count == part.number, part
    certificate = reverse("console:recovery-certificate", args=[row.pk])
    for asked in ({}, {"result": "proved", "since": "yesterday"}, {"result": "\x00"}):
        assert browser.get(certificate, asked).context["page"].paginator.count == len(results)
