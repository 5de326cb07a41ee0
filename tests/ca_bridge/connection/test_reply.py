"""What becomes of a CA's answer that is not as it should be."""

import pytest

from ca_bridge.connection.faults import of_error
from ca_bridge.connection.reply import Reply
from ca_bridge.contract import ConnectionFault
from ca_bridge.errors import CaError, InDoubtError


def reply(body: bytes, *, status: int = 200, in_doubt: bool = False) -> Reply:
    return Reply(status, {}, body, in_doubt)


@pytest.mark.parametrize("body", [b"", b"\xff", b"<html>", b"[]", b"7", b"[" * 100_000])
def test_what_is_no_json_object(body):
    with pytest.raises(CaError) as fault:
        reply(body).fields()
    assert (fault.value.permanent, fault.value.detail[:12]) == (False, "HTTP 200: no")
    with pytest.raises(InDoubtError, match="HTTP 200: no JSON"):
        reply(body, in_doubt=True).fields()
    assert reply(body, in_doubt=True).fields_if_any() == {}


@pytest.mark.parametrize(
    "read",
    [
        lambda fields: fields["nothing"],
        lambda fields: fields["list"][9],
        lambda fields: fields["number"]["name"],
        lambda fields: fields["number"].encode(),
        lambda fields: int(fields["text"]),
        lambda fields: int(fields["endless"]),
    ],
)
def test_what_it_does_not_hold_leaves_doubt_or_passes(read):
    body = b'{"list": [], "number": 7, "text": "x", "endless": Infinity}'
    for kind, in_doubt in ((CaError, False), (InDoubtError, True)):
        answer = reply(body, in_doubt=in_doubt)
        with pytest.raises(kind), answer.reading("such field"):
            read(answer.fields())


def test_an_error_of_ours_is_no_answer_that_cannot_be_read():
    with pytest.raises(ZeroDivisionError), reply(b"{}").reading("anything"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, ConnectionFault.CREDENTIALS),
        (403, ConnectionFault.CREDENTIALS),
        (429, ConnectionFault.BUSY),
        (503, ConnectionFault.BUSY),
    ],
)
def test_why_it_does_not_take_a_request(status, fault):
    error = reply(b"its words", status=status).not_taken()
    assert (error.permanent, error.detail, of_error(error)) == (False, f"HTTP {status} its words", fault)
    assert reply(b"", status=status).not_taken("told").detail == "told"
