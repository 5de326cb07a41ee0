"""A person says where a token is installed: for each device, theirs alone, and they can take it back."""

import pytest

from identity_manager.models import AuditEvent, Installation, SoftwareToken
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.delivery import installation
from identity_manager.workflow.people import leave_and_return
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def fresh(token: SoftwareToken) -> SoftwareToken:
    return SoftwareToken.objects.get(pk=token.pk)


def say(token: SoftwareToken, device: str = "windows") -> Installation:
    return installation.confirm(actor=token.person, token_id=token.pk, device=device)


def test_said_for_each_device_and_taken_back(company: Company, token: SoftwareToken) -> None:
    first, second = say(token, "windows"), say(token, "windows")
    assert fresh(token).installed_at == first.said_at, "since the first one"
    installation.take_back(actor=company.uma, token_id=token.pk, installation_id=first.pk)
    assert fresh(token).installed_at == second.said_at
    installation.take_back(actor=company.uma, token_id=token.pk, installation_id=second.pk)
    assert fresh(token).installed_at is None
    with pytest.raises(Stale) as refused:
        installation.take_back(actor=company.uma, token_id=token.pk, installation_id=second.pk)
    assert refused.value.reason == installation.TAKEN_BACK
    names = AuditEvent.objects.filter(token=token, name__contains="install").values_list("name", flat=True)
    assert sorted(names) == ["token.installation-taken-back"] * 2 + ["token.installed"] * 2


def test_nobody_says_it_for_somebody_else(company: Company, token: SoftwareToken) -> None:
    row = say(token)
    for actor in (company.sam, company.ada):
        with pytest.raises(NotAllowed):
            installation.confirm(actor=actor, token_id=token.pk, device="linux")
        with pytest.raises(NotAllowed):
            installation.take_back(actor=actor, token_id=token.pk, installation_id=row.pk)
    assert Installation.objects.get().taken_back_at is None


def test_a_row_of_another_token_is_not_taken_back(company: Company, token: SoftwareToken) -> None:
    theirs = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, cast.token_type("wlan"))))
    cast.delivered(theirs)
    row = say(cast.noted(theirs.tokens.get()))
    with pytest.raises(Stale):
        installation.take_back(actor=company.uma, token_id=token.pk, installation_id=row.pk)
    assert fresh(row.token).installed_at is not None


@pytest.mark.parametrize("device", ["", "toaster", "windows\x00", "windows-old"])
def test_a_device_of_the_list(token: SoftwareToken, device: str) -> None:
    with pytest.raises(NotPossible) as refused:
        say(token, device)
    assert refused.value.field == "device"
    assert not Installation.objects.exists()


def test_at_most_twenty(token: SoftwareToken) -> None:
    for _number in range(installation.MOST_DEVICES):
        say(token)
    with pytest.raises(NotPossible) as refused:
        say(token)
    assert refused.value.reason == installation.TOO_MANY_DEVICES


def test_not_before_the_passphrase_is_noted_nor_on_hold(company: Company) -> None:
    request = company.request_in("issued")
    cast.delivered(request)
    token = request.tokens.get()
    with pytest.raises(Refused):
        say(token)
    say(cast.noted(fresh(token)))
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="away")
    with pytest.raises(Refused):
        say(fresh(token))
