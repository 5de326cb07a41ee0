"""A renewal takes the place of what was published before; where it ends, that is published again."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager.jobs import schedule
from identity_manager.models import HoldBack, SoftwareToken
from identity_manager.workflow import step1_renew
from identity_manager.workflow.requests import lapse
from identity_manager.workflow.revocation import revoke
from tests.tools import targets
from tests.tools.cast import Company, accepted, delivered, issued, noted
from tests.tools.targets import placement, review, serve, switched_on, token_of

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.mark.parametrize("how", ["it lapses", "it is revoked"])
def test_the_old_one_is_published_again(
    company: Company, monkeypatch: pytest.MonkeyPatch, settings: Settings, how: str
) -> None:
    target = targets.install(monkeypatch, settings)
    switched_on(HoldBack.ISSUED)
    old = token_of(company)
    delivered(old.request)
    noted(old)
    review(old)
    serve()
    first = placement(old).certificate
    type(first).objects.filter(pk=first.pk).update(not_after=timezone.now() + timedelta(days=20))
    new = issued(accepted(step1_renew.renew(actor=company.uma, token_id=old.pk))).tokens.get()
    serve()
    assert target.holder("uma") == [placement(new).certificate.der]

    if how == "it lapses":
        SoftwareToken.objects.filter(pk=new.pk).update(passphrase_destroy_at=timezone.now())
        assert lapse.lapse_token(token_id=new.pk)
    else:
        delivered(new.request)
        noted(new)
        everything = [each.pk for each in new.certificates.all()]
        reason = RevocationReason.SUPERSEDED
        revoke.revoke_token(actor=company.uma, token_id=new.pk, reason=reason, encryption=everything)
    for _turn in range(2):  # the job may look at the old one first
        schedule.named("targets.review").run()
        serve()
    assert target.holder("uma") == [first.der]
    assert SoftwareToken.objects.get(pk=old.pk).state == "active"
