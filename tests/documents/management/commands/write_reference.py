"""manage.py write_reference: the generated pages and pictures of docs/."""

from typing import Any

from django.core.management.base import BaseCommand

from tests.documents import reference
from tests.documents.markdown import DOCS


class Command(BaseCommand):
    """Write each generated file below docs/ anew, and name those that have changed."""

    help = "Write the generated pages and pictures of docs/ anew."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name, page in reference.pages().items():
            file, text = DOCS / name, page()
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                file.write_text(text, encoding="utf-8")
                self.stdout.write(name)
