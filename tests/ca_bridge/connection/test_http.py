"""Answers that drip; and what a sign-in is bound to: the server's certificate, as RFC 5929 hashes it."""

import hashlib
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connection import http
from ca_bridge.connection.faults import of_error
from ca_bridge.contract import ConnectionFault
from ca_bridge.errors import CaError, InDoubtError
from tests.tools.x509 import issued, named

pytestmark = pytest.mark.long

NAME = named("localhost")
# The last two octets of sha256WithRSAEncryption and sha1WithRSAEncryption (RFC 8017, A.2.4) tell them apart.
SHA256, SHA1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
UNHEARD = bytes.fromhex("2a864886f70d010163")


def certificate(key, algorithm) -> bytes:
    made = issued(NAME, key.public_key(), (NAME, key), since=0, until=1, serial=1, digest=algorithm)
    return made.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")],
)
def test_the_hash_is_that_of_the_signature(algorithm, expected):
    found = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert http.end_point(found) == b"tls-server-end-point:" + hashlib.new(expected, found).digest()


def test_sha_1_and_no_hash_at_all_give_way_to_sha_256():
    signed = certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048), hashes.SHA256())
    old, pure = signed.replace(SHA256, SHA1), certificate(ed25519.Ed25519PrivateKey.generate(), None)
    assert signed.count(SHA256) == 2
    for found in (old, pure):
        assert http.end_point(found) == b"tls-server-end-point:" + hashlib.sha256(found).digest()


def test_a_certificate_that_only_openssl_understands_is_bound_by_sha_256():
    """Else no CA behind it could be asked for anything, and each order would be in doubt."""
    signed = certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048), hashes.SHA256())
    for odd in (signed.replace(SHA256, UNHEARD), b"0\x00"):
        assert http.end_point(odd) == b"tls-server-end-point:" + hashlib.sha256(odd).digest()


# --- answers that take their time


@contextmanager
def server(pieces: Iterable[bytes]) -> Iterator[int]:
    """A server that reads a request and sends these pieces, one every 20 ms; its port."""

    def serve() -> None:
        with suppress(OSError), listener.accept()[0] as found:
            found.recv(1 << 16)
            for piece in pieces:
                found.sendall(piece)
                time.sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(5)


def caller(port: int, folder: Path) -> http.Http:
    chain = folder / "chain.pem"
    root = certificate(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    chain.write_bytes(x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM))
    options = http.HttpOptions(url=f"http://127.0.0.1:{port}", chain_file=str(chain), timeout=1)
    return http.Http(options)


HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "status": (b"", b"H"),
    "preliminary answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "header": (HEAD + b"X-Long: ", b"x"),
    "body": (HEAD + b"Content-Length: 999999\r\n\r\n", b"x"),
    "body without an end": (HEAD + b"\r\n", b"x"),
    "length of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
}


@pytest.mark.parametrize(
    ("part", "orders", "kind"),
    [*((part, True, InDoubtError) for part in DRIPPING), ("header", False, CaError)],
)
def test_an_answer_that_drips_ends_with_the_time_out(tmp_path, part, orders, kind):
    first, drop = DRIPPING[part]
    with server(itertools.chain([first], itertools.repeat(drop))) as port:
        began = time.monotonic()
        with pytest.raises(kind) as caught:
            caller(port, tmp_path).call("POST", "/", data=b"x", orders=orders)
        assert time.monotonic() - began < 4
        assert of_error(caught.value) == ConnectionFault.TIME_OUT


def test_an_answer_in_pieces_that_comes_in_time(tmp_path):
    chunks = [HEAD, b"Transfer-", b"Encoding: chunked\r\nX: 7\r\n", b"\r\n", b"3\r\nabc", b"\r\n0\r\n\r\n"]
    with server(chunks) as port:
        reply = caller(port, tmp_path).call("GET", "/")
    assert (reply.status, reply.body, reply.headers["X"]) == (200, b"abc", "7")
