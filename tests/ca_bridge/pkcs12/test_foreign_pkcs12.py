"""PKCS#12 files that other programs made, opened; and what is refused, by name."""

import base64
import tempfile
from pathlib import Path

import pytest
from asn1crypto import cms, core
from asn1crypto import pkcs12 as asn1_pkcs12

from ca_bridge.errors import ForeignFileError
from ca_bridge.pkcs12 import foreign, kdf, rc2
from ca_bridge.pkcs12 import reader as pkcs12_reader
from ca_bridge.pkcs12.reader import ContainerError
from tests.tools import foreign_files as made
from tests.tools.commands import nss_database, run
from tests.tools.foreign_files import PASSWORD, der
from tests.tools.x509 import key_pem

KEY = made.rsa_key()
CERTIFICATE = made.certificate(KEY, email="uma@example.org")


def refused(content: bytes, password: str = PASSWORD) -> str:
    with pytest.raises(ForeignFileError) as caught:
        foreign.read(content, password)
    assert PASSWORD not in f"{caught.value!r} {caught.value} {caught.value.__context__!r}"
    return caught.value.code


def opens(content: bytes, password: str = PASSWORD) -> foreign.ForeignFile:
    found = foreign.read(content, password)
    assert [each.certificates for each in found.keys] == [(der(CERTIFICATE),)]
    foreign.check_soundness(found.keys[0])
    return found


PBMAC1 = ("-pbmac1_pbkdf2", "-macalg")


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-legacy",),  # RC2-40 certificates, 3DES key, SHA-1
        ("-legacy", "-certpbe", "PBE-SHA1-RC2-128"),
        ("-legacy", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-2DES"),
        ("-certpbe", "AES-192-CBC", "-keypbe", "AES-192-CBC"),
        ("-certpbe", "DES-EDE3-CBC", "-keypbe", "DES-EDE3-CBC"),
        ("-certpbe", "NONE"),
        ("-keypbe", "NONE", "-certpbe", "NONE"),  # an unencrypted key bag
        ("-macalg", "sha384"),
        ("-macalg", "sha512"),
        (*PBMAC1, "sha256"),
        (*PBMAC1, "sha512"),
        ("-iter", "10000"),
    ],
)
def test_files_of_openssl(options: tuple[str, ...], tmp_path: Path) -> None:
    found = opens(made.openssl(tmp_path, KEY, CERTIFICATE, options=options))
    assert found.has_mac
    assert refused(made.openssl(tmp_path, KEY, CERTIFICATE, options=options), "another") == "wrong-password"


@pytest.mark.needs_program("openssl")
def test_a_file_without_mac_is_believed_where_its_key_fits(tmp_path: Path) -> None:
    content = made.openssl(tmp_path, KEY, CERTIFICATE, options=("-nomac",))
    assert not opens(content).has_mac
    assert refused(content, "another") == "wrong-password"
    other = made.openssl(tmp_path, KEY, CERTIFICATE, options=("-nomac", "-nocerts"))
    assert refused(other) == "unproven-file"


@pytest.mark.needs_program("openssl")
def test_the_empty_password(tmp_path: Path) -> None:
    opens(made.openssl(tmp_path, KEY, CERTIFICATE, password=""), "")


@pytest.mark.needs_program("openssl")
def test_a_password_with_combining_letters_is_tried_composed(tmp_path: Path) -> None:
    opens(made.openssl(tmp_path, KEY, CERTIFICATE, password="Käse"), "Ka\u0308se")


@pytest.mark.needs_program("pk12util", "certutil", "openssl")
def test_files_of_nss(tmp_path: Path) -> None:
    """It writes BER of indefinite length, and 600,000 iterations."""
    database = nss_database(tmp_path)
    empty = made.write(tmp_path, "empty", b"")
    password = made.write(tmp_path, "nss-password", PASSWORD.encode())
    source = made.write(
        tmp_path, "source.p12", made.openssl(tmp_path, KEY, CERTIFICATE, options=("-name", "uma"))
    )
    run("pk12util", "-i", source, *database, "-w", password, "-k", empty)
    target = tmp_path / "nss.p12"
    run("pk12util", "-o", target, "-n", "uma", *database, "-w", password, "-k", empty)
    assert opens(target.read_bytes()).has_mac


@pytest.mark.needs_program("certtool")
def test_files_of_gnutls(tmp_path: Path) -> None:
    template = made.write(tmp_path, "template", b'password = "GnuTLS pass"\npkcs12_key_name = "uma"\n')
    key = made.write(tmp_path, "key.pem", key_pem(KEY))
    certificate = made.write(tmp_path, "certificate.pem", made.pem(CERTIFICATE))
    source = ("--load-privkey", key, "--load-certificate", certificate, "--template", template)
    content = run("certtool", "--to-p12", "--outder", *source)
    assert opens(content, "GnuTLS pass").has_mac


@pytest.mark.needs_program("keytool", "openssl")
def test_two_keys_of_java(tmp_path: Path) -> None:
    """pyca gives the first key alone, without a word."""
    other_key = made.rsa_key(1)
    other = made.certificate(other_key, email="uma@example.org")
    password = made.write(tmp_path, "java-password", b"java-password")
    store = tmp_path / "store.p12"
    for number, content in enumerate(
        (
            made.openssl(tmp_path, KEY, CERTIFICATE, options=("-name", "1"), password="java-password"),
            made.openssl(tmp_path, other_key, other, options=("-name", "2"), password="java-password"),
        )
    ):
        source = made.write(tmp_path, f"{number}.p12", content)
        run(
            *("keytool", "-J-XX:TieredStopAtLevel=1", "-importkeystore", "-noprompt"),
            *("-srckeystore", source, "-srcstoretype", "PKCS12", "-srcstorepass:file", password),
            *("-destkeystore", store, "-deststoretype", "PKCS12", "-deststorepass:file", password),
        )
    found = foreign.read(store.read_bytes(), "java-password")
    assert {each.certificates for each in found.keys} == {(der(CERTIFICATE),), (der(other),)}


@pytest.mark.needs_program("gpgsm", "openssl")
def test_files_of_gpgsm(tmp_path: Path) -> None:
    password = made.write(tmp_path, "password", b"gpgsm-password")
    source = made.write(
        tmp_path, "source.p12", made.openssl(tmp_path, KEY, CERTIFICATE, password="gpgsm-password")
    )
    with tempfile.TemporaryDirectory(prefix="gpgsm-") as home:  # its sockets need a short path
        Path(home, "gpg-agent.conf").write_text("s2k-count 65536\n", encoding="ascii")
        base = ("gpgsm", "--homedir", home, "--batch", "--disable-dirmngr", "--pinentry-mode", "loopback")
        try:
            run(*base, "--passphrase-fd", "0", "--import", source, stdin=password.read_bytes())
            listed = run(*base, "--list-secret-keys", "--with-colons").decode()
            fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
            content = run(
                *base, "--passphrase-fd", "0", "--export-secret-key-p12", fingerprint, stdin=b"gpgsm-password"
            )
        finally:
            run("gpgconf", "--homedir", home, "--kill", "all")
    assert opens(content, "gpgsm-password").has_mac


def test_a_file_of_gpgsm_whose_key_others_derive_differently() -> None:
    """One of 64 that gpgsm 2.4.7 writes (decision 15); OpenSSL says: maybe wrong password."""
    content = base64.b64decode(Path(__file__).with_name("gpgsm_short_number.txt").read_text())
    assert any(
        kdf.has_short_number("gpgsm-password", each, purpose=kdf.KEY)
        for each in pkcs12_reader.legacy_derivations(content)
    )
    found = foreign.read(content, "gpgsm-password")
    assert [len(each.certificates) for each in found.keys] == [1]
    foreign.check_soundness(found.keys[0])
    assert refused(content, "another") == "wrong-password"
    with pytest.raises(ContainerError):  # what is delivered opens everywhere
        pkcs12_reader.read(content, "gpgsm-password")


@pytest.mark.needs_program("openssl")
def test_one_key_of_several_certificates(tmp_path: Path) -> None:
    renewed = made.certificate(KEY, email="uma@example.org")
    found = foreign.read(made.openssl(tmp_path, KEY, CERTIFICATE, renewed), PASSWORD)
    assert [set(each.certificates) for each in found.keys] == [{der(CERTIFICATE), der(renewed)}]


@pytest.mark.needs_program("openssl")
def test_a_key_that_matches_no_certificate_is_counted(tmp_path: Path) -> None:
    found = foreign.read(made.openssl(tmp_path, KEY, CERTIFICATE, options=("-nocerts",)), PASSWORD)
    assert (found.keys, found.unmatched) == ((), 1)


# --- what is no PKCS#12 file, or a bad one


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no-pkcs12"),
        (b"garbage", "no-pkcs12"),
        (b"0\x80" * 5000, "no-pkcs12"),  # nesting without an end
        (b"\0" * (1024 * 1024 + 1), "file-too-large"),
        (b"\xfe\xed\xfe\xed\0\0\0\2", "java-keystore"),
        (made.pem(CERTIFICATE), "pem-file"),
        (b"-----BEGIN PKCS7-----\nMII=\n", "recovery-blob"),
        (key_pem(KEY), "pem-file"),
        (der(CERTIFICATE), "no-pkcs12"),
    ],
)
def test_what_is_no_pkcs12(content: bytes, code: str) -> None:
    assert refused(content) == code


def test_a_recovery_blob_of_adcs_names_certutil() -> None:
    blob = cms.ContentInfo(
        {
            "content_type": "signed_data",
            "content": cms.SignedData(
                {
                    "version": "v1",
                    "digest_algorithms": [],
                    "encap_content_info": {"content_type": "data", "content": b"key"},
                    "signer_infos": [],
                }
            ),
        }
    ).dump()
    with pytest.raises(ForeignFileError, match="certutil -recoverkey") as caught:
        foreign.read(blob, PASSWORD)
    assert caught.value.code == "recovery-blob"


@pytest.mark.needs_program("openssl")
def test_a_file_that_was_cut_or_changed(tmp_path: Path) -> None:
    content = made.openssl(tmp_path, KEY, CERTIFICATE)
    assert refused(content[:-1]) == "no-pkcs12"
    assert refused(content + b"\0") == "no-pkcs12"
    middle = len(content) // 2
    assert (
        refused(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]) == "wrong-password"
    )


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("iterations", [0, foreign.MOST_ITERATIONS + 1, 2**31 - 1])
def test_too_many_iterations_of_the_mac(iterations: int, tmp_path: Path) -> None:
    """It is refused before anything is derived: with 2^31 iterations the test would not end."""
    pfx = asn1_pkcs12.Pfx.load(made.openssl(tmp_path, KEY, CERTIFICATE))
    pfx["mac_data"]["iterations"] = core.Integer(iterations)
    assert refused(pfx.dump(force=True)) == "too-many-iterations"


@pytest.mark.needs_program("openssl")
def test_too_many_iterations_of_a_key_inside_an_encrypted_part(tmp_path: Path) -> None:
    """Nobody sees them before the outer part is decrypted, which costs its author one iteration."""
    pfx = asn1_pkcs12.Pfx.load(
        made.openssl(tmp_path, KEY, CERTIFICATE, options=("-nomac", "-certpbe", "NONE"))
    )
    infos = asn1_pkcs12.AuthenticatedSafe.load(pfx["auth_safe"]["content"].native)
    shrouded = next(
        bag["bag_value"]["encryption_algorithm"]
        for info in infos
        for bag in asn1_pkcs12.SafeContents.load(info["content"].native)
        if bag["bag_id"].native == "pkcs8_shrouded_key_bag"
    )
    shrouded["parameters"]["key_derivation_func"]["parameters"]["iteration_count"] = core.Integer(2**31 - 1)
    bag = asn1_pkcs12.SafeBag(
        {
            "bag_id": "pkcs8_shrouded_key_bag",
            "bag_value": {"encryption_algorithm": shrouded, "encrypted_data": b"\0" * 16},
        }
    )
    with pytest.raises(ForeignFileError) as caught:
        list(foreign._bag(bag, PASSWORD, foreign._Budget(), is_counted=False))
    assert caught.value.code == "too-many-iterations"


@pytest.mark.parametrize(
    ("key", "text", "cipher"),
    [  # RFC 2268 section 5, where the effective key is as long as the key
        ("88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"),
        ("ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"),
        ("3000000000000000", "1000000000000001", "30649edf9be7d2c2"),
    ],
)
def test_rc2(key: str, text: str, cipher: str) -> None:
    assert rc2.decrypt(bytes.fromhex(key), bytes.fromhex(cipher), bytes(8)) == bytes.fromhex(text)


def test_rc2_of_a_part_block() -> None:
    with pytest.raises(ValueError, match="whole blocks"):
        rc2.decrypt(b"12345", b"1234567", bytes(8))
