"""Step 3: the role and the information mail."""

from datetime import timedelta

import pytest
from django.utils import timezone

from identity_manager.models import AuditEvent, OutgoingMail, Person, Role
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def test_the_person_becomes_a_self_service_user(company: Company) -> None:
    eve = cast.person("eve", roles=())

    cast.enabled(company.ada, eve, company.vpn)

    assert Person.objects.get(pk=eve.pk).has_role(Role.SELF_SERVICE_USER)
    assert AuditEvent.objects.filter(name="role.assigned", person=eve).count() == 1


def test_who_has_the_role_keeps_it_once(company: Company) -> None:
    cast.enabled(company.ada, company.uma, company.vpn)

    assert company.uma.roles.filter(role=Role.SELF_SERVICE_USER).count() == 1
    assert not AuditEvent.objects.filter(name="role.assigned").exists()


def test_the_information_mail_speaks_the_persons_language(company: Company) -> None:
    hans = cast.person("hans", language="de")

    cast.enabled(company.ada, hans, company.vpn)

    mail = OutgoingMail.objects.get(message="information")
    assert (mail.language, mail.to_address) == ("de", "hans@example.com")
    assert "/my/open-tasks/" in mail.body_text


def test_the_terms_are_to_be_accepted_within_thirty_days(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.vpn)

    assert request.accept_before is not None
    assert timedelta(days=29) < request.accept_before - timezone.now() <= timedelta(days=30)
