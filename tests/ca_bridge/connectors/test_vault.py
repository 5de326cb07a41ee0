"""What is peculiar to Vault and OpenBao: tokens, sealing, roles, and what its options must say."""

import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone, translation

from ca_bridge import health_findings
from ca_bridge.connectors.vault import wire
from ca_bridge.connectors.vault.options import VaultOptions
from ca_bridge.contract import ConnectionFault, Issued, Refused
from ca_bridge.errors import CaError
from ca_bridge.x509 import verification
from ca_bridge.x509.certificates import describe

pytestmark = pytest.mark.long


def test_a_token_that_was_revoked_is_fetched_anew(bao, openbao, ordered):
    server, connector = bao[0], openbao.make()
    assert connector.health().ok
    server.ask("sys/leases/revoke-force/auth/approle/login", {})
    assert isinstance(connector.issue(ordered()), Issued)


def test_a_token_is_fetched_anew_before_it_ends(openbao, monkeypatch):
    """Its life is 30 seconds; after two thirds of it another one is there."""
    now = 0.0
    monkeypatch.setattr("ca_bridge.connectors.vault.wire.time.monotonic", lambda: now)
    connector = openbao.make()
    assert connector.health().ok
    first = connector._vault._token.value
    now = 15.0
    assert connector.health().ok
    assert connector._vault._token.value == first
    now = 25.0
    assert connector.health().ok
    assert connector._vault._token.value != first


def test_a_token_from_a_file_is_renewed(bao, openbao, ordered):
    server, _neighbour = bao
    made = server.ask("auth/token/create", {"policies": ["officer"], "ttl": "1h", "period": "1h"})
    token = made["auth"]["client_token"]
    file = server.file("token", token)
    connector = openbao.make(role_id="", secret_id_file="", token_file=file)
    assert isinstance(connector.issue(ordered()), Issued)
    state = server.ask("auth/token/lookup", {"token": token})["data"]
    assert state["last_renewal_time"]


def test_a_token_file_that_was_replaced_is_read_once_the_old_token_does_not_count(bao, openbao, ordered):
    server, _neighbour = bao
    tokens = [server.ask("auth/token/create", {"policies": ["officer"], "ttl": "1h"}) for _each in range(2)]
    first, second = (each["auth"]["client_token"] for each in tokens)
    file = server.file("replaced", first)
    connector = openbao.make(role_id="", secret_id_file="", token_file=file)
    assert isinstance(connector.issue(ordered()), Issued)
    server.ask("auth/token/revoke", {"token": first})
    server.file("replaced", second)
    assert isinstance(connector.issue(ordered()), Issued)


def test_a_token_that_no_header_can_hold_passes_and_is_told_to_nobody(bao, openbao, ordered):
    """Nothing was sent, so there is no doubt either."""
    server, _neighbour = bao
    file = server.file("two-lines", "first-line\nsecond-line")
    connector = openbao.make(role_id="", secret_id_file="", token_file=file)
    with pytest.raises(CaError, match="credentials") as fault:
        connector.issue(ordered())
    assert not fault.value.permanent
    told = "".join(traceback.format_exception(fault.value))
    assert "first-line" not in told


def test_a_token_file_may_begin_with_a_byte_order_mark(bao, openbao, ordered):
    """As editors of Windows write them."""
    server, _neighbour = bao
    made = server.ask("auth/token/create", {"policies": ["officer"], "ttl": "1h"})
    file = server.file("marked", f"\ufeff{made['auth']['client_token']}\n")
    connector = openbao.make(role_id="", secret_id_file="", token_file=file)
    assert isinstance(connector.issue(ordered()), Issued)


@pytest.mark.parametrize("name", ["the person", "Persönlich", "person?x"])
def test_a_role_is_one_part_of_the_path_whatever_it_is_called(openbao, ordered, name):
    """The engine says that our policy names no such role; no other path of it is asked."""
    with pytest.raises(CaError, match="does not take our credentials"):
        openbao.make().issue(ordered(ca_profile=name))


def test_sealed_passes(openbao, ordered, monkeypatch):
    """Sealing it would end the server for the other tests: its answer of then (HTTP 503) is played."""
    connector = openbao.make()
    assert connector.health().ok

    def sealed(*_args, **_options):
        from ca_bridge.connection.reply import Reply

        return Reply(503, {}, b'{"errors":["Vault is sealed"]}', in_doubt=True)

    monkeypatch.setattr(connector._vault._http, "call", sealed)
    with pytest.raises(CaError) as fault:
        connector.issue(ordered())
    assert (fault.value.permanent, fault.value.detail) == (False, "HTTP 503: Vault is sealed")
    health = connector.health()
    assert (health.detail, health.fault) == ("It is sealed.", ConnectionFault.SEALED)
    with translation.override("de"):
        assert health_findings.in_words(*health.found) == "Sie ist versiegelt."


def test_a_role_says_what_is_in_the_certificate(openbao, ordered, content):
    """Without verbatim: the role's usages, the names as approved; what the role lacks is noticed."""
    simple = replace(
        content,
        subject=(("commonName", "Jane Doe"),),
        policies=(),
        sid=None,
    )
    connector = openbao.make(verbatim=False)
    order = ordered(ca_profile="ruled", content=simple)
    answer = connector.issue(order)
    assert isinstance(answer, Issued)
    assert verification.faults(order, answer, connector.chain()) == ()
    order = ordered(ca_profile="ruled", content=replace(simple, policies=content.policies))
    assert "a certificate policy is missing" in verification.faults(
        order, connector.issue(order), connector.chain()
    )


def test_a_role_that_takes_no_names_from_the_request_takes_them_as_approved(bao, openbao, content, ordered):
    """One name may hold a comma, as the URI of a security identifier does: it stays one."""
    server, _neighbour = bao
    ruled = server.ask("pki/roles/ruled")["data"]
    server.ask("pki/roles/told", ruled | {"use_csr_sans": False})
    file = server.file("root-of-told", server.ask("auth/token/create", {"ttl": "1h"})["auth"]["client_token"])
    sid = ("uri", "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-1104")
    names = (("email", "Jane.Doe@example.com"), ("upn", "doe,jane@corp.example.com"), sid)
    simple = replace(
        content, subject=(("commonName", "Jane Doe"),), subject_alt_names=names, policies=(), sid=None
    )
    connector = openbao.make(role_id="", secret_id_file="", token_file=file, verbatim=False)
    order = ordered(ca_profile="told", content=simple)
    answer = connector.issue(order)
    assert isinstance(answer, Issued)
    assert verification.faults(order, answer, connector.chain()) == ()


def test_the_end_is_exact_and_no_later_than_the_cas(openbao, ordered):
    """The engine refuses an end after its own. A role's longest validity does not count for an exact end."""
    connector = openbao.make()
    order = ordered(not_after=ordered().not_before + timedelta(days=365 * 11))
    assert isinstance(connector.issue(order), Refused)


def test_a_namespace_is_asked_in(openbao, ordered):
    """This server has none of that name, and says so."""
    with pytest.raises(CaError):
        openbao.make(namespace="nowhere").issue(ordered())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "http://vault.example.com"}, "url must be https"),
        ({"url": "https://vault.example.com/"}, "url must be an https URL"),
        ({"url": "https://user:word@vault.example.com"}, "url must have no user"),
        ({"chain_file": "/nowhere/chain.pem"}, "chain_file: /nowhere/chain.pem cannot be read"),
        ({"chain_file": __file__}, "chain_file must hold certificates"),
        ({"mount": "../sys"}, "mount must be a path"),
        ({"role_id": ""}, "role_id and secret_id_file go together"),
        ({"token_file": __file__}, "Give either token_file"),
        ({"timeout": 0}, "timeout must be"),
        ({"client_key_file": __file__}, "client_certificate_file and client_key_file go together"),
    ],
)
def test_options_say_what_is_wrong(openbao, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        VaultOptions(**{**openbao.options, **changes})


def test_no_secret_in_a_representation(openbao):
    options = VaultOptions(**openbao.options)
    assert Path(options.secret_id_file).read_text(encoding="utf-8") not in repr(options)


def test_the_roles_are_its_profiles(bao, openbao):
    assert set(openbao.make().profiles()) >= {"person", "ruled"}


def test_what_our_policy_does_not_let_us_list_is_a_fault(bao, openbao):
    server, _neighbour = bao
    made = server.ask("auth/token/create", {"policies": ["default"], "ttl": "1h"})
    file = server.file("poor", made["auth"]["client_token"])
    with pytest.raises(CaError, match="credentials"):
        openbao.make(role_id="", secret_id_file="", token_file=file).profiles()


def test_an_engine_without_roles_has_no_profiles(bao, openbao):
    server, _neighbour = bao
    server.ask("sys/mounts/empty", {"type": "pki"})
    made = server.ask("auth/token/create", {"ttl": "1h"})
    file = server.file("root-token", made["auth"]["client_token"])
    connector = openbao.make(role_id="", secret_id_file="", token_file=file, mount="empty")
    assert connector.profiles() == ()


def all_of(connector, since):
    """The serial numbers of every part of the list, and how many parts there were."""
    found, cursor, parts = [], "", 0
    while True:
        page = connector.list_issued(since, cursor)
        found, cursor, parts = [*found, *page.serials], page.cursor, parts + 1
        if not cursor:
            return found, parts


def test_the_list_goes_on_part_by_part(bao, openbao, ordered, monkeypatch):
    """As OpenBao gives it, and as HashiCorp Vault does, which gives all of it each time."""
    connector = openbao.make()
    made = {describe(connector.issue(ordered()).certificate).serial for _each in range(5)}
    whole, _parts = all_of(connector, timezone.now())
    monkeypatch.setattr(wire, "PAGE", 2)
    found, parts = all_of(connector, timezone.now())
    assert (sorted(found), len(set(found))) == (sorted(whole), len(found)), "each once"
    assert made <= set(found)
    assert parts > 2
    call = connector._lists.call

    def everything(method, path, **options):
        return call(method, path.partition("?")[0], **options)

    monkeypatch.setattr(connector._lists, "call", everything)
    assert all_of(connector, timezone.now()) == (found, parts)


def test_an_engine_that_we_may_not_list_is_a_fault_that_passes(bao, openbao):
    server, _neighbour = bao
    made = server.ask("auth/token/create", {"policies": ["default"], "ttl": "1h"})
    file = server.file("unlisted", made["auth"]["client_token"])
    with pytest.raises(CaError, match="credentials") as fault:
        openbao.make(role_id="", secret_id_file="", token_file=file).list_issued(timezone.now(), "")
    assert not fault.value.permanent
