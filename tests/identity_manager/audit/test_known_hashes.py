"""What release 1.0 has hashed and signed still verifies: these values were computed with its code."""

from identity_manager import audit_proof

CONTENT = {
    "id": "01a2",
    "name": "token.revoked",
    "at": "2026-11-24T10:00:00.000001+00:00",
    "actor": "r1",
    "facts": {"reason": "lost", "ä": [1, None, True]},
    "personal": "p",
}
LINK, KEY, SALT = "a" * 64, b"k" * 32, "s" * 32
SIGNED = "RrRo6tB5G0wzdV4fPWHxHOd/1Q7KOCpodRBnU5//yz/5dB6Mp2M7VEF84d+LMnv+JyyAr9WDRCTacJm1cZxuCw=="


def test_hashes_of_events_and_their_links() -> None:
    assert [audit_proof.content_hash(CONTENT, form=form) for form in (1, 2)] == [
        "20f69cf88b56e5c58b072f5ea1696a0406adb4bdd54ea94fb2bcd493794d9abd",
        "9bc7fc452f726fe2bb7a7a89d7375107418138fec94178616d1ae9fa0f8c173c",
    ]
    assert audit_proof.link(LINK, "b" * 64) == (
        "dfb484fa87938837327c83b4a7e3483a33a3dcd868655a1495e63b0886ae0b76"
    )
    assert audit_proof.reference(SALT, "01a2") == (
        "929af5fb3d1ce4477d15394f30227e77e5eca1138ab12ee6571dc67c1135dd23"
    )
    assert audit_proof.personal_hash(SALT, {"reason": "gone"}) == (
        "84393d0d4c81e9007b541c83571f33d92d8eaa64d15f3dbebb62557a316c7615"
    )


def test_macs_and_signed_heads() -> None:
    assert audit_proof.mac(KEY, LINK) == "de0e03c5bf2fe5aab7eb9ed8594a09d91c3ef3795ddf3d4ee80d0238180b5c11"
    assert audit_proof.mac_of_note(KEY, {"a": 1}) == (
        "6b7ab3beb6bda29fcac429e474f676446e2b48ac6ea4a0e5167e35eb78313114"
    )
    statement = {"number": 1, "chain": LINK}
    assert audit_proof.sign(b"p" * 32, statement) == SIGNED
    assert audit_proof.is_signed(statement, SIGNED, audit_proof.public_key_of(b"p" * 32))
