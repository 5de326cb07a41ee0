"""The steps of the road as a person takes them on the screen, page by page."""

from pathlib import Path

from playwright.sync_api import expect

from identity_manager.demo.opening import OpenedContainer, open_container
from identity_manager.jobs import sweep
from tests.browser.desk import Desk
from tests.journeys.office import links_in, mails_to, worker

ACCEPTS = "I accept the Terms and Conditions"
HAS_NOTED = "I have noted the passphrase"


def search(administrator: Desk, words: str) -> None:
    """Step 1: the tab SEARCH, words, the button Search."""
    administrator.follow("SEARCH")
    administrator.page.get_by_label("Name, number, e-mail or department").fill(words)
    administrator.press("Search")


def enable(administrator: Desk, *types: str) -> None:
    """Step 1: Enable, the types, Next; leads to the request."""
    administrator.follow("Enable")
    for each in types:
        administrator.check(each)
    administrator.press("Next")


def ask(person: Desk, *types: str) -> None:
    """Step 1, option: Request softtoken, the types, Next."""
    person.open("/my/")
    person.follow("Request softtoken")
    for each in types:
        person.check(each)
    person.press("Next")


def open_the_link_of_the_mail(person: Desk, address: str) -> None:
    """Step 4: the newest mail leads to Open Tasks."""
    mail = mails_to(address)[0]
    (link,) = {each for each in links_in(mail) if each.endswith("/my/open-tasks/")}
    person.open(link)


def accept(person: Desk) -> None:
    """Step 4: the first task is to read the terms; the box, Accept."""
    person.follow("Read and accept")
    person.sees_heading("Terms and Conditions")
    person.check(ACCEPTS)
    person.press("Accept")


def accept_while_the_worker_is_away(person: Desk) -> None:
    """Steps 4 to 6: the page says that it moves by itself, and once the worker is back it does."""
    with worker(at_once=False):
        accept(person)
    person.sees("Keys are made")
    sweep.sweep()
    expect(person.page.get_by_role("button", name="Show passphrase")).to_be_visible()
    person.look()


def show_passphrase(person: Desk) -> str:
    """Step 6: Show passphrase; returns what the screen shows."""
    person.press("Show passphrase")
    passphrase = person.page.locator("output").inner_text().strip()
    assert len(passphrase) == 29
    return passphrase


def note_passphrase(person: Desk) -> None:
    """Step 6: the box, Confirm."""
    person.check(HAS_NOTED)
    person.press("Confirm")


def fetch_file(person: Desk, address: str, folder: Path) -> Path:
    """Step 7: the file of the newest mail that brought one, from the mailbox of this machine."""
    person.open(f"/mailbox/?to={address}")
    person.follow("Your file")
    return person.download(".p12", folder)


def open_file(person: Desk, file: Path, passphrase: str) -> OpenedContainer:
    """Step 7: openssl opens the file with what the screen showed, up to the root that is published."""
    root = person.page.request.get("/pki/corporate-root.pem").body()
    return open_container(file.read_bytes(), file_name=file.name, passphrase=passphrase, root=root)


def sign_in(desk: Desk, username: str, password: str, *, status: int = 200) -> None:
    """The sign-in page, its two fields, Sign in."""
    desk.open("/account/login/")
    desk.page.get_by_label("User name").fill(username)
    desk.page.get_by_label("Password").fill(password)
    desk.press("Sign in", status=status)
