"""docs/reference/settings.md names every setting that the settings file reads, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
READERS = r"(?:text|choice|boolean|integer|listing|json_object|key_ring|database|_embedded_secret)"


def test_every_setting_is_documented() -> None:
    source = (ROOT / "identity_manager" / "config" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(rf'{READERS}\(\s*"([A-Z_]+)"', source))
    rows = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8").splitlines()
    cells = [row.split("|")[1] for row in rows if row.startswith("| `")]
    documented = {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)}

    assert len(read) > 20
    assert read == documented
