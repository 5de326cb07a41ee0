"""No secret in any sink: logs, mails, broker, audit log, database; found as tests/sinks finds what it plants.

Every place is searched for every passphrase that was shown, as it stands; with all encodings undone, for the
passphrases of a sample and private keys of any owner.
"""

import json
import random
import re
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from django.core.serializers.json import DjangoJSONEncoder

from identity_manager.models import AuditEvent
from tests.chaos.place import Place
from tests.sinks.places import Place as Sink
from tests.sinks.places import contents_below, database_rows
from tests.sinks.search import Search, Secret

SAMPLE = 20  # of the passphrases
DEEP_BYTES = 500_000  # of a file, its end: what is longer repeats itself
MAILS = 20  # of a sample
WORD = re.compile(rb"[A-Z0-9]{5}", re.IGNORECASE)


def leaks(place: Place, passphrases: Iterable[str], *, seed: int) -> list[str]:
    """Where a secret was found, each by name; never the secret itself."""
    known = sorted(set(passphrases))
    chance = random.Random(seed)  # noqa: S311 a sample, no secrets
    some = chance.sample(known, min(SAMPLE, len(known)))
    deep = Search(Secret.passphrase(text, name="a passphrase") for text in some)
    parts = {pair for text in known for pair in pairwise(text.encode().upper().split(b"-"))}
    plain = [where for where, content in chain(_files(place), database_rows()) if _has(content, parts)]
    found = {f"a passphrase in {where} (as it was shown)" for where in plain}
    for where, content in (*_for_depth(place, chance), *_audit()):
        found.update(map(str, deep.findings(where, content[-DEEP_BYTES:])))
    return sorted(found)


def _has(content: bytes, parts: set[tuple[bytes, bytes]]) -> bool:
    """Whether two neighbouring groups of a passphrase stand there: 50 bits, which chance does not make."""
    words = [word.upper() for word in WORD.findall(content)]
    return not parts.isdisjoint(pairwise(words))


def _files(place: Place) -> Iterator[Sink]:
    """What the processes wrote, what the broker was told, what the mail server took, what was exported."""
    for folder in (place.logs, place.received, place.directory / "broker"):
        for path, content in contents_below(folder):
            yield str(path.relative_to(place.directory)), content
    for path in sorted(place.directory.glob("audit-heads*")):
        yield path.name, path.read_bytes()


def _for_depth(place: Place, chance: random.Random) -> list[Sink]:
    """All of them, but of the mails a sample."""
    sinks = list(_files(place))
    mails = [each for each in sinks if each[0].startswith("received")]
    others = [each for each in sinks if not each[0].startswith("received")]
    return others + chance.sample(mails, min(MAILS, len(mails)))


def _audit() -> Iterator[Sink]:
    rows = [json.dumps(values, cls=DjangoJSONEncoder) for values in AuditEvent.objects.values()[:5_000]]
    yield "audit log", "\n".join(rows).encode()
