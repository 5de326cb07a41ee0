"""How long pages take at the server, and how many there are in a second, with four people clicking at once.

The web process is gunicorn with the product's own configuration; its access log says how long it worked on
each page. Two of the people are officers, who may read everything; two are persons at Self-Service. Each
asks for their pages, one after the other, over a connection for each page, as nginx does (deploy/systemd): of
connections that stay, chance would decide which web process has which officers.
"""

import http.client
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from django.urls import reverse

from identity_manager.models import Account, Certificate, Role, RoleAssignment, TokenRequest
from tests.performance import browsers, people, place, processes, stock
from tests.performance.timing import percentile
from tests.tools.running import running, status

OFFICES = (Role.TOKEN_ADMINISTRATOR, Role.APPROVER, Role.AUDITOR)
OFFICERS = (
    "/",
    "/search/?kind=employee&q=schmidt",
    "/requests/",
    "{request}",
    "/open-tasks/",
    "/search/?kind=certificate&state=valid",
    "/mails/",
    "{person}",
    "/history/",
)
PERSONS = ("/my/", "/my/open-tasks/", "/my/certificates/", "/my/requests/", "/my/request/")
WARM_UP_SECONDS = 12  # in which each connection to the database plans what it is asked often


def measured(rows: int, seconds: float) -> dict[str, Any]:
    """Server milliseconds of each page, and pages a second, among so many rows."""
    stock.fill(rows)
    everybody = visitors()
    log, port = Path(os.environ["VAR_DIR"]) / "access.log", int(os.environ["HTTP_PORT"])
    with served(log, port):
        clicked(everybody, port, until=passed(WARM_UP_SECONDS))
        warm = len(answered(log))
        began = time.perf_counter()
        clicked(everybody, port, until=passed(seconds))
        took = time.perf_counter() - began
    lines = answered(log)[warm:]
    figures = {"page_p95_ms": p95_ms(lines), "pages_per_s": len(lines) / took}
    return {"figures": figures, "server_ms": [each for each, _path in lines], "by_path": means_by_path(lines)}


@contextmanager
def served(log: Path, port: int) -> Iterator[None]:
    """Start gunicorn with an access log of its own, and end it."""
    log.unlink(missing_ok=True)
    config = ["--config", "python:identity_manager.config.runtime.gunicorn"]
    access = ["--access-logfile", str(log), "--access-logformat", "%(D)s %(s)s %(U)s"]
    with running(
        [sys.executable, "-m", "gunicorn", *config, *access],
        log=log.with_name("gunicorn.log"),
        up=lambda: status(port) == http.HTTPStatus.OK,
        within=60,
        end_within=processes.STOP_SECONDS,
        cwd=place.ROOT,
    ):
        yield


def visitors() -> list[tuple[str, list[str]]]:
    """The session cookies of two officers and two persons, and the pages that each of them looks at."""
    found = []
    for number, request in enumerate(_completed_requests()):
        places = {
            "request": reverse("console:request", args=[request.pk]),
            "person": reverse("console:person", args=[request.person_id]),
        }
        officer = people.named(f"officer-{number}", *OFFICES)
        RoleAssignment.objects.get_or_create(person=request.person, role=Role.SELF_SERVICE_USER)
        found.append((_session(officer), [path.format(**places) for path in OFFICERS]))
        found.append((_session(request.person), list(PERSONS)))
    return found


def _completed_requests() -> list[Any]:
    """The last two of Active persons, with certificates that pages can read: those of a stock are empty."""
    requests = TokenRequest.objects.filter(state="completed", person__state="active")
    found = list(requests.select_related("person").order_by("-created_at")[:2])
    made = Certificate.objects.exclude(certificate=stock.BLANK).filter(certificate__isnull=False).first()
    if made is not None:
        empty = Certificate.objects.filter(token__person__in=[each.person for each in found])
        empty.filter(certificate=stock.BLANK).update(certificate=made.certificate)
    return found


def _session(person: Any) -> str:
    Account.objects.filter(person=person).delete()
    session = browsers.over_http(browsers.client(person))
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def passed(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def clicked(
    people: Sequence[tuple[str, list[str]]], port: int, *, until: Callable[[], bool], pause: float = 0
) -> None:
    """Have everybody click, with a pause in seconds after each page. RuntimeError: a page was refused."""
    wrong: list[str] = []

    def click(cookie: str, paths: list[str]) -> None:
        for path in cycle(paths):
            if until() or wrong:
                break
            status, location = _page(port, path, cookie)
            if status != http.HTTPStatus.OK:
                wrong.append(f"{path}: {status} {location}")
            time.sleep(pause)

    threads = [threading.Thread(target=click, args=person) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise RuntimeError(f"No page: {wrong[0]}")


def _page(port: int, path: str, cookie: str) -> tuple[int, str]:
    """The status and redirect of a page, over a connection of its own, as nginx makes one for each."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path, headers={"Host": f"localhost:{port}", "Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location", "")


def answered(log: Path) -> list[tuple[float, str]]:
    """Milliseconds at the server, and path, of each page in the access log."""
    lines = [line.split(" ", 2) for line in log.read_text(encoding="utf-8").splitlines()]
    return [(int(line[0]) / 1000, line[2]) for line in lines if line[1] == "200"]


def p95_ms(lines: list[tuple[float, str]]) -> float:
    return percentile([milliseconds for milliseconds, _path in lines], 95)


def means_by_path(lines: list[tuple[float, str]]) -> dict[str, float]:
    """The mean of each page, identifiers left out."""
    found: dict[str, list[float]] = {}
    for milliseconds, path in lines:
        name = "/".join("ID" if len(part) == 36 else part for part in path.split("/"))
        found.setdefault(name, []).append(milliseconds)
    return {name: round(sum(times) / len(times), 1) for name, times in sorted(found.items())}
