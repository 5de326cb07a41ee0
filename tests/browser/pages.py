"""Which addresses of the table are pages, and who sees them."""

from django.http import HttpResponseBase
from django.test import Client

from tests.architecture.url_table import Row, Visitor
from tests.architecture.url_world import World


def seen_by(world: World, row: Row) -> Client | None:
    """The browser of the first of the table's visitors who sees a page there; None for what is no page.

    Who is signed in is sent on from the pages for signing in, so nobody is asked, too.
    """
    may = [visitor for visitor in Visitor if visitor in row.opens]
    asked = dict.fromkeys([*may[:1], *({Visitor.ANONYMOUS} & row.opens)])
    browsers = (world.browsers[visitor] for visitor in asked)
    return next((each for each in browsers if is_page(each.get(world.address(row)))), None)


def is_page(response: HttpResponseBase) -> bool:
    """A page of ours; not a file, a part of a page, or a mail's HTML, where no script runs, axe neither."""
    page = response.status_code == 200 and response["Content-Type"].startswith("text/html")
    page = page and "<!DOCTYPE html>" in getattr(response, "text", "")
    is_mail = "sandbox" in response.get("Content-Security-Policy", "")
    return page and not is_mail and "attachment" not in response.get("Content-Disposition", "")
