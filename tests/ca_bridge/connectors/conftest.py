"""One suite for every connector: each is a function that makes one, ready to issue."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from ca_bridge import certification_request, keys
from ca_bridge.contract import CertificateContent, CertificateOrder, Connector, KeyAlgorithm
from ca_bridge.issuing import Validity
from ca_bridge.keys import PrivateKey

CONNECTORS = ("embedded_ca",)


@pytest.fixture(params=CONNECTORS)
def connector(request: pytest.FixtureRequest) -> Connector:
    """Each connector in turn; a parameter is the name of the fixture that makes it."""
    made: Connector = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def ordered(content: CertificateContent, validity: Validity) -> Callable[..., CertificateOrder]:
    """An order as the bridge would put it; each call another key and request, unless they are given."""

    def make(*, key: PrivateKey | None = None, content: Any = content, **changes: Any) -> CertificateOrder:
        key = key or keys.generate(KeyAlgorithm.EC_P256)
        order = CertificateOrder(
            idempotency_key=str(uuid4()),
            csr=certification_request.build(content, key),
            content=content,
            ca_profile="person",
            not_before=validity.not_before,
            not_after=validity.not_after,
        )
        return replace(order, **changes)

    return make
