"""Somebody left long ago: two officers erase them, and nobody finds the name any more."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from identity_manager.audit import sealing, verification
from identity_manager.models import Person, PersonState, Role
from tests.journeys.office import Office
from tests.sinks import places
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def test_two_officers_erase_who_left(office: Office) -> None:
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    token = request.tokens.get()
    office.ada.open(f"/tokens/{token.pk}/revoke/")
    office.ada.press("Revoke the token", reason="cessationOfOperation")
    uma = Person.objects.get(pk=office.company.uma.pk)
    uma.lock()
    uma.save()
    sealing.seal()

    at = timezone.now() + timedelta(days=100)
    with time_machine.travel(at):
        rita = office.browser_of(cast.person("ruth", roles=(Role.REGISTRATION_OFFICER,), sid=""))
        rolf = office.browser_of(cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid=""))
        rita.open(f"/persons/{uma.pk}/erase/")
        rita.press("Ask for the erasure")
        rolf.open("/open-tasks/")
        rolf.follow("Decide", within=str(uma.pk))
        rolf.press("Erase for good")
        sealing.seal()

    erased = Person.objects.get(pk=uma.pk)
    assert (erased.state, erased.email) == (PersonState.LOCKED, "")
    found = {where for where, content in places.database_rows() if b"lindqvist" in content.lower()}
    assert found == set()
    assert verification.verify().findings == []
