"""What a process takes itself for, by how it was started."""

import pytest

from identity_manager.config.runtime import process_kind


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("/srv/.venv/bin/celery", "--app", "identity_manager", "worker", "--queues", "ca"), "worker"),
        (("/x/site-packages/celery/__main__.py", "--app", "identity_manager", "beat"), "beat"),
        (("/x/celery/__main__.py", "--app", "identity_manager", "report"), "command"),
        (("manage.py", "migrate", "--noinput"), "migrate"),
        (("manage.py", "doctor"), "command"),
        (("manage.py", "loaddata", "worker"), "command"),
        (("",), "command"),
    ],
)
def test_by_its_arguments(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], kind: str) -> None:
    monkeypatch.setattr(process_kind, "_entered", [])
    assert process_kind.kind(arguments) == kind


def test_who_serves_pages_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_kind, "_entered", [])
    process_kind.serve_pages()
    assert process_kind.kind(("manage.py", "migrate")) == "web"
