"""Which pictures are taken: every page of the table, the same pages at other moments, mails, errors."""

from collections.abc import Callable, Iterator
from pathlib import Path

from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from identity_manager.mail import specimens
from identity_manager.ui.gallery.samples import ERRORS
from tests.architecture.url_table import TABLE, Visitor
from tests.architecture.url_world import World
from tests.browser.pages import seen_by
from tests.browser.screenshots import Camera, Plan, Shot
from tests.browser.stages import MOMENTS, STAGES

SEARCH = "/search/?kind=employee&q="
# Name in docs/images -> page, width, height, scheme.
DOCS: dict[str, tuple[str, int, int, str]] = {
    "search": ("search-result", 1280, 860, "light"),
    "search-dark": ("search-result", 1280, 860, "dark"),
    "enable": ("enable-fresh", 1280, 860, "light"),
    "request": ("request-waiting", 1280, 1000, "light"),
    "approve": ("request-to-decide", 1280, 1000, "light"),
    "dashboard": ("selfservice-dashboard", 1280, 800, "light"),
    "dashboard-phone": ("selfservice-dashboard", 390, 844, "light"),
    "terms": ("selfservice-terms", 1280, 860, "light"),
    "passphrase": ("passphrase-shown", 1280, 760, "light"),
    "certificates": ("selfservice-certificates", 1280, 860, "light"),
    "mail": ("mail-delivered", 768, 860, "light"),
}


def fill(camera: Camera, content: str) -> None:
    """All pages of a world that the plan wants."""
    plan = camera.plan
    for shot in shots(_built(content), plan, content):
        if plan.is_over():
            plan.faults.append(f"The time was up before {content}/{shot.name}")
            return
        camera.take(shot, plan.folder / content)


def fill_docs(camera: Camera, folder: Path) -> None:
    """The few that the documentation shows; of a window's height, so that they stay small."""
    wanted = {page_name for page_name, *_rest in DOCS.values()}
    shots = _of_world(_built("realistic"), wants=wanted.__contains__)
    by_name = {shot.name: shot for shot in shots}
    for name, (page_name, width, height, scheme) in DOCS.items():
        shot = by_name[page_name]
        with camera.visit(shot.cookies, phone=width < 500) as page:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # light or dark
            shot.open(page)
            page.screenshot(path=folder / f"{name}.png", animations="disabled")
            camera.plan.taken += 1


def _built(content: str) -> World:
    """The world, in a database with nothing else in it."""
    call_command("flush", verbosity=0, interactive=False)
    cache.clear()
    return STAGES[content]()


def shots(world: World, plan: Plan, content: str) -> Iterator[Shot]:
    """What the plan wants of this world; what does not depend on the world comes with one of them."""
    yield from _of_world(world, wants=plan.wants)
    if content == "realistic":
        yield from (shot for shot in _of_no_world(world, plan.language) if plan.wants(shot.name))


def _of_world(world: World, *, wants: Callable[[str], bool]) -> Iterator[Shot]:
    for row in TABLE:
        there = row.of in world.objects if row.of else True
        name = row.name.replace(":", "-")
        if not there or not wants(name) or row.name.startswith("ui:"):
            continue
        browser = seen_by(world, row)
        if browser:
            yield Shot(name, world.address(row), cookies(browser))
    yield from (shot for shot in _moments(world) if wants(shot.name))


def _moments(world: World) -> Iterator[Shot]:
    """Pages of the table with something else in them."""
    by = {visitor: cookies(browser) for visitor, browser in world.browsers.items()}
    yield Shot("search-result", f"{SEARCH}lindqvist", by[Visitor.ADMINISTRATOR])
    yield Shot("search-everybody", SEARCH, by[Visitor.ADMINISTRATOR])
    yield Shot("search-found-nobody", f"{SEARCH}qqqq", by[Visitor.ADMINISTRATOR])
    yield Shot("search-person", f"{SEARCH}li", by[Visitor.REGISTRATION])
    for name, visitor, address, of in MOMENTS:
        if of in world.objects:
            yield Shot(name, reverse(address, args=world.objects[of]), by[visitor])
    yield Shot("approver-open-tasks", reverse("console:approvals"), by[Visitor.APPROVER])
    yield Shot("registration-open-tasks", reverse("console:approvals"), by[Visitor.REGISTRATION])
    yield Shot("system-open-tasks", reverse("console:approvals"), by[Visitor.SYSTEM])
    yield Shot("user-dashboard", reverse("selfservice:dashboard"), by[Visitor.USER])
    if "request" in world.objects:
        address = reverse("console:request", args=world.objects["request"])
        yield Shot("request-to-decide", address, by[Visitor.APPROVER])
        yield Shot("request-waiting", address, by[Visitor.ADMINISTRATOR])
    if "stored mail" in world.objects:
        yield Shot("mail-delivered", reverse("mailbox:html", args=world.objects["stored mail"]), {})
    if "token" in world.objects:
        address = reverse("selfservice:passphrase", args=world.objects["token"])
        yield Shot("passphrase-shown", address, by[Visitor.OWNER], press="main form.actions button")


def _of_no_world(world: World, language: str) -> Iterator[Shot]:
    """The parts, each mail as HTML and as text, and the pages that say that something is wrong."""
    yield Shot("ui-gallery", reverse("ui:gallery"), {})
    for name in specimens.names():
        mail = specimens.specimen(name, language=language)
        yield Shot(f"mail-{name}", f"/mails/{name}.html", {}, html=mail.body_html)
        system = cookies(world.browsers[Visitor.SYSTEM])
        yield Shot(f"mail-{name}-text", reverse("console:mail-text", args=(name, language)), system)
    for which in ERRORS:
        yield Shot(f"error-{which}", reverse("ui:gallery-error", args=(which,)), {})


def cookies(browser: Client) -> dict[str, str]:
    return {name: morsel.value for name, morsel in browser.cookies.items()}
