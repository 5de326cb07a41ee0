"""The tests' own app makes the codes of the standard."""

import base64

import pytest

from tests.tools import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = {  # RFC 6238, appendix B, SHA1
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize(("moment", "code"), VECTORS.items())
def test_the_vectors_of_rfc_6238(moment: int, code: str) -> None:
    assert totp.code(SECRET, at=moment, digits=8) == code
