"""Delivery reports (RFC 3464) as mail servers write them, and as somebody writes them who means harm."""

import pytest

from identity_manager.mail.delivery_reports.parsing import LARGEST, Action, parse

ID = "01a2267e-67ba-7ac9-9b2f-e4d79884b986.0123456789abcdef0123456789abcdef@example.com"
POSTFIX = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: identity-manager@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4Xk1.1700000000/mx.example.com"

This is a MIME-encapsulated message.

--4Xk1.1700000000/mx.example.com
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--4Xk1.1700000000/mx.example.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
{envelope}X-Postfix-Queue-ID: 4Xk1

Final-Recipient: rfc822; uma@example.com
Original-Recipient: rfc822;uma@example.com
Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.net
Diagnostic-Code: smtp; {diagnostic}

--4Xk1.1700000000/mx.example.com
Content-Description: Undelivered Message
Content-Type: {returned}

Return-Path: <identity-manager@example.com>
Message-ID: <{name}>
Subject: Your software token

--4Xk1.1700000000/mx.example.com--
"""

NESTED = b"Content-Type: multipart/report; report-type=delivery-status; boundary=%d\r\n\r\n--%d\r\n"


def report(
    name: str = ID,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "550 5.1.1 No such user",
    returned: str = "message/rfc822",
    envelope: str = "",
) -> bytes:
    text = POSTFIX.format(
        name=name,
        action=action,
        status=status,
        diagnostic=diagnostic,
        returned=returned,
        envelope=f"Original-Envelope-Id: {envelope}\n" if envelope else "",
    )
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_failure(returned: str) -> None:
    found = parse(report(returned=returned))
    assert found is not None
    assert (found.message_ids, found.action, found.code) == ((ID,), Action.FAILED, "report 5.1.1")
    assert "No such user" in found.detail


def test_a_delay() -> None:
    found = parse(report(action="Delayed", status="4.4.1"))
    assert found is not None
    assert (found.action, found.code) == (Action.DELAYED, "report 4.4.1")


def test_the_worst_of_several_recipients() -> None:
    two = report(action="delayed", status="4.4.1").replace(
        b"\r\n\r\n--4Xk1.1700000000/mx.example.com\r\nContent-Description: Undelivered",
        b"\r\n\r\nFinal-Recipient: rfc822; x@example.com\r\nAction: failed\r\nStatus: 5.2.2\r\n"
        b"\r\n--4Xk1.1700000000/mx.example.com\r\nContent-Description: Undelivered",
    )
    found = parse(two)
    assert found is not None
    assert (found.action, found.code) == (Action.FAILED, "report 5.2.2")


def test_the_envelope_id_counts_too() -> None:
    found = parse(report("another@example.com", envelope=f"<{ID}>"))
    assert found is not None
    assert found.message_ids == (ID, "another@example.com")


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "", "FAILED\x00"])
def test_what_says_nothing_that_matters(action: str) -> None:
    assert parse(report(action=action)) is None


def test_what_came_back_does_not_stand_in_the_detail() -> None:
    found = parse(report(diagnostic="550 " + "MIIJqQIBAzCCCW8GCSqGSIb3DQEHAaCC" * 4))
    assert found is not None
    assert "MIIJqQIBAz" not in found.detail


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00" * 1000,
        b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\nno boundary",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=\r\n\r\n--\r\n",
        b"Content-Type: multipart/report; report-type*0*=x''%ff; boundary=b\r\n\r\n--b\r\n\r\n--b--",
        report().replace(b"delivery-status;", b"disposition-notification;"),
        report().replace(b"multipart/report", b"multipart/mixed"),
        report().replace(b"Message-ID: <", b"Message-ID: "),
        report(name="\udcff".encode("utf-8", "surrogatepass").decode("latin-1") * 300),
        b"".join(NESTED % (number, number) for number in range(5000)),
        report()[:400],
        b"A: " + b"b" * (LARGEST * 3),
    ],
)
def test_hostile_messages_are_no_reports(octets: bytes) -> None:
    assert parse(octets) is None


def test_a_large_message_is_read_from_its_beginning() -> None:
    octets = report().replace(b"Subject: Your", b"X: " + b"a" * LARGEST + b"\r\nSubject: Your")
    found = parse(octets)
    assert found is not None
    assert found.message_ids == (ID,)
