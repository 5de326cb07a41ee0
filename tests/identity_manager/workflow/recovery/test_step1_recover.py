"""Self-recovery: the owner's archived keys in new files under a new passphrase, and who gets none."""

import pytest

from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from identity_manager.models import (
    ArchivedKey,
    Container,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow import step1_recover, step6_passphrase
from tests.tools import cast, recovery
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def key(company: Company) -> ArchivedKey:
    """uma's archived key, sealed for an online recovery key."""
    recovery.online_in_force(recovery.officers())
    return recovery.archived_key(company)


def recovered(company: Company, *rows: ArchivedKey, factor: int | None = None) -> TokenRequest:
    return step1_recover.recover(
        actor=company.uma,
        key_ids=[row.pk for row in rows],
        purpose="I have forgotten the passphrase.",
        factor=recovery.factor_of(company.uma) if factor is None else factor,
    )


def sealed(request: TokenRequest) -> SoftwareToken:
    """As the worker does it."""
    step6_passphrase.seal(token_id=request.tokens.get().pk)
    return SoftwareToken.objects.get(request=request)


def test_from_the_click_to_the_noted_passphrase(company: Company, key: ArchivedKey) -> None:
    before = list(Container.objects.values_list("pk", "content"))
    request = recovered(company, key)
    assert request.state == "issuing"
    token = sealed(request)
    assert (token.state, token.request.state, token.token_type) == ("sealed", "issued", None)
    assert token.certificates.count() == 0, "no CA is asked"
    secret = cast.shown(token)
    for container in token.containers.all():
        bags = reader.read(container.content, secret)
        opened = [keys.from_pkcs8(bag.der) for bag in bags if bag.kind == "key"]
        assert [keys.public_key_sha256(each).hex() for each in opened] == [key.public_key_sha256]
    assert token.containers.count() == 2
    cast.delivered(request)
    cast.noted(token)
    request.refresh_from_db()
    assert request.state == "completed"
    assert ArchivedKey.objects.count() == 1, "it is not archived once more"
    assert list(Container.objects.exclude(token=token).values_list("pk", "content")) == before
