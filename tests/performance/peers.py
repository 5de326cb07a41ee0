"""Certificates a second of other CAs, asked through our connectors, one after the other.

Each server runs on the one core that the road has with one worker process, and so do we who ask. The keys
are made before. So the figures say what a bare CA costs, and road_per_s beside them what the whole road adds.
"""

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ca_bridge.contract import CertificateContent, CertificateOrder, Issued, KeyAlgorithm, Pending
from ca_bridge.keys import keys
from ca_bridge.x509 import csr
from tests.ca_bridge.connectors.servers.cfssl import cfssl
from tests.ca_bridge.connectors.servers.django_ca import django_ca
from tests.ca_bridge.connectors.servers.openbao import openbao
from tests.performance import processes

WARM_UP = 5
DAYS = 30


def measured(number: int) -> dict[str, dict[str, float]]:
    """Certificates a second of each, over so many of them."""
    processes.pin([os.getpid()], processes.cores()[:1])
    return {"figures": {f"{name}_per_s": per_second(peer, number) for name, peer in peers().items()}}


def peers() -> dict[str, Callable[[Path], AbstractContextManager[Any]]]:
    """How each is started, as a Neighbour."""

    @contextmanager
    def bao(folder: Path) -> Iterator[Any]:
        with openbao(folder) as (_server, neighbour):
            yield neighbour

    return {"openbao": bao, "cfssl": cfssl, "django_ca": django_ca}


def per_second(peer: Callable[[Path], AbstractContextManager[Any]], number: int) -> float:
    with tempfile.TemporaryDirectory(prefix="im-peer-") as folder, peer(Path(folder)) as neighbour:
        connector = neighbour.make()
        orders = [_order(neighbour) for _number in range(WARM_UP + number)]
        for order in orders[:WARM_UP]:
            _issued(connector, order)
        began = time.perf_counter()
        for order in orders[WARM_UP:]:
            _issued(connector, order)
        return number / (time.perf_counter() - began)


def _order(neighbour: Any) -> Any:
    content = neighbour.arranged(
        CertificateContent(
            subject=(("commonName", "Ada Lovelace"), ("organizationName", "Example Corporation")),
            subject_alt_names=(("email", "ada.lovelace@example.com"),),
            key_usage=("digitalSignature",),
            extended_key_usage=("1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"),
        )
    )
    now = datetime.now(UTC).replace(microsecond=0)
    return CertificateOrder(
        idempotency_key=str(uuid.uuid4()),
        csr=csr.build(content, keys.generate(KeyAlgorithm.EC_P256)),
        content=content,
        ca_profile=neighbour.profile,
        not_before=now,
        not_after=now + timedelta(days=DAYS),
    )


def _issued(connector: Any, order: Any) -> None:
    """Some CAs answer that they will decide soon; then they are asked again at once."""
    answer = connector.issue(order)
    while isinstance(answer, Pending):
        time.sleep(0.005)
        answer = connector.fetch(order, answer.handle)
    assert isinstance(answer, Issued), answer
