"""Whoever has an address outside ASCII reads it as they write it; the mail goes to its A-label."""

import pytest
from django.core import mail

from identity_manager.models import OutgoingMail
from tests.selfservice.conftest import Visitor, page
from tests.tools import cast

pytestmark = pytest.mark.django_db
KEPT, WRITTEN = "zoe@xn--mnchen-3ya.example", "zoe@münchen.example"


def test_the_person_reads_the_address_as_they_write_it(visit: Visitor) -> None:
    company = cast.Company()
    zoe = cast.person("zoe", email=KEPT)
    request = cast.enabled(company.ada, zoe)
    assert WRITTEN in visit(zoe).get(page("terms", request.pk)).content.decode()

    cast.issued(cast.accepted(request))
    cast.delivered(request)
    (delivery,) = OutgoingMail.objects.filter(message="delivery")
    assert delivery.to_address == KEPT
    assert mail.outbox[-1].to == [f"Zoe Muster <{KEPT}>"]
    token_id = request.tokens.get().pk
    passphrase = visit(zoe).get(page("passphrase", token_id)).content.decode()
    assert f"The file is in your mailbox: {WRITTEN}." in passphrase
    token = visit(zoe).get(page("token", token_id), {"device": "windows"}).content.decode()
    assert f"These files are in your mailbox: {WRITTEN}," in token
    assert KEPT in token  # as the certificate says it
