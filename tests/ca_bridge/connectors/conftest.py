"""One suite for every connector: each is a function that makes one, ready to issue."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from ca_bridge.contract import CertificateContent, CertificateOrder, Connector, KeyAlgorithm
from ca_bridge.issuing import Validity
from ca_bridge.keys import keys
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.x509 import csr
from tests.ca_bridge.connectors import foreign
from tests.ca_bridge.connectors.neighbours import Neighbour, unchanged
from tests.ca_bridge.connectors.servers import adcs_kerberos as domain_server
from tests.ca_bridge.connectors.servers import cfssl as cfssl_server
from tests.ca_bridge.connectors.servers import cmp as cmp_server
from tests.ca_bridge.connectors.servers import django_ca as django_ca_server
from tests.ca_bridge.connectors.servers import est as est_server
from tests.ca_bridge.connectors.servers import kdc as kdc_server
from tests.ca_bridge.connectors.servers import openbao as bao_server
from tests.ca_bridge.connectors.servers import step_ca as step_server
from tests.ca_bridge.connectors.servers import stubs
from tests.ca_bridge.connectors.servers.adcs_kerberos import Domain
from tests.ca_bridge.connectors.servers.cmp import CmpCa
from tests.ca_bridge.connectors.servers.openbao import Bao
from tests.ca_bridge.connectors.servers.step_ca import StepCa

# CAs that run beside the tests.
NEIGHBOURS = (
    "openbao",
    "est",
    "cmp",
    "cfssl",
    "nexus_cm",
    "ejbca",
    "harica",
    "sectigo",
    "adcs",
    "adcs_kerberos",
    "django_ca",
    "step_ca",
)
CONNECTORS = ("embedded_ca", *NEIGHBOURS)
# What a neighbour needs; OpenBao comes from a wheel.
PROGRAMS = {
    "est": ("estserver",),
    "cmp": ("openssl",),
    "cfssl": ("cfssl",),
    "nexus_cm": ("openssl",),
    "adcs_kerberos": kdc_server.PROGRAMS,
    "step_ca": ("go", "dpkg-query"),
}
LONG = ("cmp",)  # starts a process for each answer
NIGHTLY = ("adcs_kerberos", "django_ca", "step_ca")  # are installed first, two of them compiled


def _marks(name: str) -> Iterator[pytest.MarkDecorator]:
    if name in PROGRAMS:
        yield pytest.mark.needs_program(*PROGRAMS[name])
    if name in (*LONG, *NIGHTLY):
        yield pytest.mark.long if name in LONG else pytest.mark.nightly
        yield pytest.mark.xdist_group(name)  # it takes long to start: once for all its tests
    if name == "embedded_ca":  # the others keep their books elsewhere
        yield pytest.mark.database
        yield pytest.mark.long_on_postgresql


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


def _running(start: Any, scope: Any = "session") -> Any:
    """A fixture: what `start` yields for a CA that runs in a folder of its own."""

    @pytest.fixture(scope=scope)
    def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
        with start(tmp_path_factory.mktemp(start.__name__)) as found:
            yield found

    return running


# Pairs of the CA itself, for tests of what is peculiar to it, and the neighbour.
bao = _running(bao_server.openbao)
cmp_ca = _running(cmp_server.cmp)
step_ca_running = _running(step_server.step_ca)
est = _running(est_server.est, scope="package")  # libest's server is busy even while nobody asks it
cfssl = _running(cfssl_server.cfssl)
nexus_cm = _running(stubs.nexus_cm)
adcs = _running(stubs.adcs)
ejbca = _running(stubs.ejbca)
django_ca = _running(django_ca_server.django_ca)
harica = _running(stubs.harica)
sectigo = _running(stubs.sectigo)


@pytest.fixture(scope="session")
def openbao(bao: tuple[Bao, Neighbour]) -> Neighbour:
    return bao[1]


Arranged = Callable[[CertificateContent], CertificateContent]


@pytest.fixture
def in_turn(request: pytest.FixtureRequest) -> Neighbour | None:
    """The CA of this test; none for one that runs in this process."""
    names = {"connector", "neighbour"} & set(request.fixturenames)
    turn = request.node.callspec.params if names else {}
    made = [request.getfixturevalue(turn[name]) for name in names]
    made += [request.getfixturevalue(name) for name in NEIGHBOURS if name in request.fixturenames]
    return next((each for each in made if isinstance(each, Neighbour)), None)


@pytest.fixture
def arranged(in_turn: Neighbour | None) -> Arranged:
    """What the CA of this test makes of the order of a content."""
    return in_turn.arranged if in_turn else unchanged


@pytest.fixture
def content(content: CertificateContent, arranged: Arranged) -> CertificateContent:
    return arranged(content)


@pytest.fixture
def ordered(
    content: CertificateContent, validity: Validity, arranged: Arranged, in_turn: Neighbour | None
) -> Callable[..., CertificateOrder]:
    """An order as the bridge would put it; each call another key and request, unless they are given."""

    def make(*, key: PrivateKey | None = None, content: Any = content, **changes: Any) -> CertificateOrder:
        key, content = key or keys.generate(KeyAlgorithm.EC_P256), arranged(content)
        order = CertificateOrder(
            idempotency_key=str(uuid4()),
            csr=csr.build(content, key),
            content=content,
            ca_profile=in_turn.profile if in_turn else "person",
            not_before=validity.not_before,
            not_after=validity.not_after,
        )
        return replace(order, **changes)

    return make


@pytest.fixture(scope="session")
def cmp(cmp_ca: tuple[CmpCa, Neighbour]) -> Neighbour:
    return cmp_ca[1]


@pytest.fixture(scope="session")
def gssapi() -> Iterator[None]:
    """The package, which no lock names: had from an environment of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(foreign.packages_of(domain_server.GSSAPI))])
        yield


@pytest.fixture(scope="session")
def domain(gssapi: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """AD CS behind Kerberos, and its KDC."""
    with (
        domain_server.domain(tmp_path_factory.mktemp("domain")) as found,
        found.kdc.up(),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("KRB5_CONFIG", found.kdc.environment["KRB5_CONFIG"])
        yield found


@pytest.fixture(scope="session")
def adcs_kerberos(domain: Domain) -> Neighbour:
    return domain.pages


@pytest.fixture(scope="session")
def step_ca(step_ca_running: tuple[StepCa, Neighbour]) -> Neighbour:
    return step_ca_running[1]
