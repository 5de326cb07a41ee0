"""One suite for every connector: each is a function that makes one, ready to issue."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from ca_bridge import certification_request, keys
from ca_bridge.contract import CertificateContent, CertificateOrder, Connector, KeyAlgorithm
from ca_bridge.issuing import Validity
from ca_bridge.keys import PrivateKey
from tests.ca_bridge.connectors.neighbours import Neighbour, unchanged
from tests.ca_bridge.connectors.servers import adcs as adcs_server
from tests.ca_bridge.connectors.servers import cfssl as cfssl_server
from tests.ca_bridge.connectors.servers import cmp as cmp_server
from tests.ca_bridge.connectors.servers import django_ca as django_ca_server
from tests.ca_bridge.connectors.servers import ejbca as ejbca_server
from tests.ca_bridge.connectors.servers import est as est_server
from tests.ca_bridge.connectors.servers import nexus_cm as nexus_server
from tests.ca_bridge.connectors.servers import openbao as bao_server
from tests.ca_bridge.connectors.servers import step_ca as step_server
from tests.ca_bridge.connectors.servers.cmp import CmpCa
from tests.ca_bridge.connectors.servers.openbao import Bao
from tests.ca_bridge.connectors.servers.step_ca import StepCa

# CAs that run beside the tests.
NEIGHBOURS = ("openbao", "est", "cmp", "cfssl", "nexus_cm", "ejbca", "adcs", "django_ca", "step_ca")
CONNECTORS = ("embedded_ca", *NEIGHBOURS)
# What a neighbour needs; OpenBao comes from a wheel.
PROGRAMS = {
    "est": ("estserver",),
    "cmp": ("openssl",),
    "cfssl": ("cfssl",),
    "nexus_cm": ("openssl",),
    "step_ca": ("go", "dpkg-query"),
}
# Those that have to be built or installed first, or start a process for each answer.
LONG = ("cmp", "django_ca", "step_ca")


def _marks(name: str) -> Iterator[pytest.MarkDecorator]:
    if name in PROGRAMS:
        yield pytest.mark.needs_program(*PROGRAMS[name])
    if name in LONG:
        yield pytest.mark.long
    if name == "embedded_ca":  # the others keep their books elsewhere
        yield pytest.mark.database


PARAMETERS = [pytest.param(name, marks=list(_marks(name))) for name in CONNECTORS]


@pytest.fixture(params=PARAMETERS)
def connector(request: pytest.FixtureRequest) -> Connector:
    """Each connector in turn; a parameter is the name of the fixture that makes it, or its neighbour."""
    made: Any = request.getfixturevalue(request.param)
    return made.make() if isinstance(made, Neighbour) else made


@pytest.fixture(params=PARAMETERS[1:])
def neighbour(request: pytest.FixtureRequest) -> Neighbour:
    """Each CA beside the tests in turn."""
    made: Neighbour = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bao, Neighbour]]:
    with bao_server.openbao(tmp_path_factory.mktemp("openbao")) as running:
        yield running


@pytest.fixture(scope="session")
def openbao(bao: tuple[Bao, Neighbour]) -> Neighbour:
    return bao[1]


Arranged = Callable[[CertificateContent], CertificateContent]


@pytest.fixture
def arranged(request: pytest.FixtureRequest) -> Arranged:
    """What the CA of this test makes of the order of a content."""
    names = {"connector", "neighbour"} & set(request.fixturenames)
    turn = request.node.callspec.params if names else {}
    made = [request.getfixturevalue(turn[name]) for name in names]
    made += [request.getfixturevalue(name) for name in NEIGHBOURS if name in request.fixturenames]
    return next((each.arranged for each in made if isinstance(each, Neighbour)), unchanged)


@pytest.fixture
def content(content: CertificateContent, arranged: Arranged) -> CertificateContent:
    return arranged(content)


@pytest.fixture
def ordered(
    content: CertificateContent, validity: Validity, arranged: Arranged
) -> Callable[..., CertificateOrder]:
    """An order as the bridge would put it; each call another key and request, unless they are given."""

    def make(*, key: PrivateKey | None = None, content: Any = content, **changes: Any) -> CertificateOrder:
        key, content = key or keys.generate(KeyAlgorithm.EC_P256), arranged(content)
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


@pytest.fixture(scope="package")  # libest's server is busy even while nobody asks it
def est(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    with est_server.est(tmp_path_factory.mktemp("est")) as running:
        yield running


@pytest.fixture(scope="session")
def cmp_ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CmpCa, Neighbour]]:
    with cmp_server.cmp(tmp_path_factory.mktemp("cmp")) as running:
        yield running


@pytest.fixture(scope="session")
def cmp(cmp_ca: tuple[CmpCa, Neighbour]) -> Neighbour:
    return cmp_ca[1]


@pytest.fixture(scope="session")
def cfssl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    with cfssl_server.cfssl(tmp_path_factory.mktemp("cfssl")) as running:
        yield running


@pytest.fixture(scope="session")
def nexus_cm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    with nexus_server.nexus_cm(tmp_path_factory.mktemp("nexus_cm")) as running:
        yield running


@pytest.fixture(scope="session")
def adcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    with adcs_server.adcs(tmp_path_factory.mktemp("adcs")) as running:
        yield running


@pytest.fixture(scope="session")
def ejbca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    with ejbca_server.ejbca(tmp_path_factory.mktemp("ejbca")) as running:
        yield running


@pytest.fixture(scope="session")
def django_ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    with django_ca_server.django_ca(tmp_path_factory.mktemp("django_ca")) as running:
        yield running


@pytest.fixture(scope="session")
def step_ca_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StepCa, Neighbour]]:
    with step_server.step_ca(tmp_path_factory.mktemp("step-ca")) as running:
        yield running


@pytest.fixture(scope="session")
def step_ca(step_ca_running: tuple[StepCa, Neighbour]) -> Neighbour:
    return step_ca_running[1]
