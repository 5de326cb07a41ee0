"""The road for the sinks: everything that handles a secret, through the pages, with a real broker."""

import re

from identity_manager.models import ApprovalPolicy, SoftwareToken, TokenRequest
from tests.journeys.office import Office
from tests.sinks.watched import Watched
from tests.tools import cast


def walk(office: Office, watched: Watched) -> None:
    """Two tokens noted, one revoked, one that lapses unseen, one whose request is declined; many pages."""
    cast.token_type("pair", profiles=("signing", "encryption"), key_algorithm="rsa-2048")
    cast.token_type("desk", approval=ApprovalPolicy.SELF_REQUESTED)
    sign_in_by_code(office)
    request = office.enable("VPN", "PAIR")
    issue(office, watched, request)
    look_around(office, request)
    for token in request.tokens.all():
        note(office, token)
    watched.work()
    send_again_and_revoke(office, request)
    asked = office.ask("DESK")
    watched.work()
    office.approve(asked)
    issue(office, watched, asked)
    show(office, asked.tokens.get())
    revoke(office, asked.tokens.get())
    watched.work()
    look_around(office, request)
    read_the_mailbox(office)


def issue(office: Office, watched: Watched, request: TokenRequest) -> None:
    watched.work()
    office.accept(request)
    watched.work()


def show(office: Office, token: SoftwareToken) -> str:
    """The passphrase, shown twice."""
    office.uma.open(f"/my/tokens/{token.pk}/passphrase/")
    office.uma.press("Show passphrase")
    office.uma.open(f"/my/tokens/{token.pk}/passphrase/")
    office.uma.press("Show passphrase")
    return office.uma.page.outputs[0]


def note(office: Office, token: SoftwareToken) -> None:
    show(office, token)
    office.uma.press("Confirm")  # the box is not ticked: the same page once more
    office.uma.open(f"/my/tokens/{token.pk}/passphrase/")
    office.uma.press("Show passphrase")
    office.note_passphrase()
    office.uma.open(f"/my/tokens/{token.pk}/passphrase/")


def send_again_and_revoke(office: Office, request: TokenRequest) -> None:
    first, second = request.tokens.all()
    office.uma.open(f"/my/certificates/{first.pk}/?device=android-old")
    office.uma.press("Send the file again")
    office.uma.open(f"/my/certificates/{second.pk}/lock/")
    office.uma.press("Revoke certificates", reason="keyCompromise")


def revoke(office: Office, token: SoftwareToken) -> None:
    office.ada.open(f"/tokens/{token.pk}/revoke/")
    office.ada.press("Revoke the token", reason="keyCompromise")


def sign_in_by_code(office: Office) -> None:
    eve = cast.person("eve", roles=())
    office.enable("VPN", person=eve)
    office.rita.open(f"/persons/{eve.pk}/sign-in-code/")
    office.rita.press("Next")
    office.rita.press("Make and show the code")
    visitor = office.visitor()
    visitor.open("/account/first-sign-in/")
    form = visitor.page.form("Set password and sign in")
    values = iter((eve.personnel_number, office.rita.page.outputs[0], *["a long enough password"] * 2))
    for control in form.controls:
        if control.kind != "hidden":
            control.value = next(values)
    visitor.send(form)


def look_around(office: Office, request: TokenRequest) -> None:
    """Every page that says something of the request and its tokens, to whoever may see it."""
    for path in ("/", "/requests/", "/open-tasks/", f"/requests/{request.pk}/"):
        office.ada.open(path)
        office.paul.open(path)
    for path in ("/my/", "/my/open-tasks/", "/my/requests/", "/my/certificates/"):
        office.uma.open(path)
    office.ada.open(f"/persons/{request.person.pk}/")
    office.uma.open(f"/my/requests/{request.pk}/progress/")
    office.uma.open(f"/my/requests/{request.pk}/progress/lines/")
    for token in request.tokens.all():
        office.uma.open(f"/my/certificates/{token.pk}/")
        office.sam.open(f"/my/tokens/{token.pk}/passphrase/")


def read_the_mailbox(office: Office) -> None:
    """Each message and each attachment, as the embedded mode shows them."""
    reader = office.visitor()
    listing = reader.open("/mailbox/").html
    for message in sorted(set(re.findall(r'"(/mailbox/[^"/]+\.eml/)"', listing))):
        page = reader.open(message).html
        for address in sorted(set(re.findall(rf'"({re.escape(message)}[^"]+)"', page))):
            reader.open(address)
