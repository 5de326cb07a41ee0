"""Hash chain, MACs and signatures of the audit log, without Django; verifies evidence files anywhere.

Each sealed event has a content hash and a link: SHA-256 over the previous link and that hash, so that a link
stands for everything up to it. A MAC under a secret key is stored with each link, and from time to time the
last link is signed (Ed25519): a signed head. A head and the public key suffice to verify any event that it
covers, without this installation.

The content hash has two formats. The first hashes everything. The second hashes heading (identifier, name,
time) and body separately, so that the heading can be proven after the body was removed. No content has the
same hash in both, so the chain fixes the format.

python -m identity_manager.audit_proof FILE --public-key KEY.pem

verifies an evidence file (.json) or an audit pack (.zip) with Python and the package cryptography alone.
"""

import argparse
import base64
import hashlib
import hmac
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

BEGINNING = ""  # link before the first event
FIRST_FORM = 1
NEWEST_FORM = 2
HEADING = ("id", "name", "at")  # provable after the body was removed
Content = Mapping[str, Any]


def canonical(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def content_hash(content: Content, *, form: int, body_sha256: str = "") -> str:
    """Content hash of an event (hexadecimal); pass body_sha256 where its body was removed."""
    if form == FIRST_FORM:
        return _sha256(content)
    heading = {name: content[name] for name in HEADING}
    return _sha256({"form": form, "heading": _sha256(heading), "body": body_sha256 or body_hash(content)})


def body_hash(content: Content) -> str:
    """Hash of an event's body: everything but its heading."""
    return _sha256({name: value for name, value in content.items() if name not in HEADING})


def _sha256(content: Content) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def link(previous: str, content_sha256: str) -> str:
    """Link of an event (hexadecimal), from the previous link and the content hash."""
    return hashlib.sha256(f"{previous}|{content_sha256}".encode("ascii")).hexdigest()


def mac(key: bytes, chain: str) -> str:
    """HMAC-SHA-256 of a link, hexadecimal."""
    return hmac.new(key, chain.encode("ascii"), hashlib.sha256).hexdigest()


def mac_of_note(key: bytes, statement: Content) -> str:
    """HMAC-SHA-256 of a redaction note, with a prefix of its own so that it is never one of a link."""
    return mac(key, f"note|{_sha256(statement)}")


def reference(salt: str, identifier: str) -> str:
    """Salted reference of a person; meaningless once the salt is destroyed."""
    return hashlib.sha256(f"{salt}|{identifier}".encode("ascii")).hexdigest()


def personal_hash(salt: str, facts: Content) -> str:
    """Salted hash of an event's free texts about a person; empty where it has none."""
    return hashlib.sha256(salt.encode("ascii") + canonical(facts)).hexdigest() if facts else ""


def sign(private_key: bytes, statement: Content) -> str:
    """Ed25519 signature (base64) of a statement, by a private key of 32 bytes."""
    key = Ed25519PrivateKey.from_private_bytes(private_key)
    return base64.b64encode(key.sign(canonical(statement))).decode("ascii")


def public_key_of(private_key: bytes) -> str:
    """Public key (32 bytes, base64) of a private key."""
    public = Ed25519PrivateKey.from_private_bytes(private_key).public_key()
    return base64.b64encode(public.public_bytes_raw()).decode("ascii")


def pem_of(public_key: str) -> str:
    """Public key as PEM."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def is_signed(statement: Content, signature: str, public_key: str) -> bool:
    """Whether the signature (base64) of the statement verifies under the public key (base64)."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(base64.b64decode(signature), canonical(statement))
    except (InvalidSignature, ValueError):
        return False
    return True


# --- A check file, checked anywhere ----------------------------------------------------------------
def problems_of(evidence: Mapping[str, Any], public_keys: Sequence[str]) -> Iterator[str]:
    """Problems of an evidence file, one sentence each; empty where everything is proven."""
    heads = {head["statement"]["number"]: head for head in evidence["heads"]}
    for number, head in sorted(heads.items()):
        if not any(is_signed(head["statement"], head["signature"], key) for key in public_keys):
            yield f"The head at #{number} is not signed with this key."
    for event in evidence["events"]:
        yield from _problems_of_event(event, heads)


def _problems_of_event(event: Mapping[str, Any], heads: Mapping[int, Any]) -> Iterator[str]:
    number, covered = event["number"], event["covered_by"]
    facts, salt = event["personal_facts"], event["facts_salt"]
    if facts and personal_hash(salt, facts) != event["content"]["personal"]:
        yield f"Event #{number}: what it says about persons is not what was sealed."
    form, body = event.get("form", FIRST_FORM), event.get("body_sha256", "")
    chain = link(event["previous"], content_hash(event["content"], form=form, body_sha256=body))
    for each in event["path"]:
        chain = link(chain, each)
    if covered not in heads or number + len(event["path"]) != covered:
        yield f"Event #{number}: there is no head for it."
    elif chain != heads[covered]["statement"]["chain"]:
        yield f"Event #{number} is not what the head at #{covered} stands for."


# --- An audit pack: that the log is whole between two heads ----------------------------------------
@dataclass
class ChainWalk:
    """Links of a part of the log, worked out from the content hash of each event.

    header: the number and link that the part goes on from.  heads: by number.  events: those whose content is
    given, by number.
    """

    header: Mapping[str, Any]
    heads: Mapping[int, Mapping[str, Any]]
    events: Mapping[int, Mapping[str, Any]]
    number: int = field(init=False)
    proven: int = field(init=False)  # the number of the last head that fitted

    def __post_init__(self) -> None:
        self.number = self.proven = self.header["number"]

    def problems(self, hashes: Iterable[str]) -> Iterator[str]:
        """Inconsistencies between chain, heads and events, one sentence each."""
        chain = self.header["chain"]
        if self.number:
            yield from self._problems_of_head(chain)
        for content_sha256 in hashes:
            self.number += 1
            chain = link(chain, content_sha256)
            yield from self._problems_of_content(content_sha256)
            if self.number in self.heads:
                yield from self._problems_of_head(chain)
        if self.proven < self.number:
            yield f"Nothing is signed after #{self.proven}, and the pack goes on to #{self.number}."
        if missing := sorted(set(self.events) - set(range(self.header["number"] + 1, self.number + 1))):
            yield f"Event #{missing[0]} is in no part of the chain."

    def _problems_of_head(self, chain: str) -> Iterator[str]:
        head = self.heads.get(self.number)
        if head is None:
            yield f"There is no head at #{self.number}, where the pack begins."
        elif head["statement"]["chain"] != chain:
            yield f"The log up to #{self.number} is not what the head there stands for."
        else:
            self.proven = self.number

    def _problems_of_content(self, content_sha256: str) -> Iterator[str]:
        event = self.events.get(self.number)
        if event is None:
            return
        if (
            content_hash(event["content"], form=event["form"], body_sha256=event["body_sha256"])
            != content_sha256
        ):
            yield f"Event #{self.number} is not what the log has there."
        facts, salt = event["personal_facts"], event["facts_salt"]
        if facts and personal_hash(salt, facts) != event["content"]["personal"]:
            yield f"Event #{self.number}: what it says about persons is not what was sealed."


def problems_of_pack(pack: zipfile.ZipFile, public_keys: Sequence[str]) -> Iterator[str]:
    """Problems of an audit pack, one sentence each; empty where everything is proven."""
    heads = {head["statement"]["number"]: head for head in map(json.loads, _lines(pack, "proof/heads.jsonl"))}
    for number, head in sorted(heads.items()):
        if not any(is_signed(head["statement"], head["signature"], key) for key in public_keys):
            yield f"The head at #{number} is not signed with this key."
    events = {event["number"]: event for event in map(json.loads, _lines(pack, "proof/events.jsonl"))}
    chain = _lines(pack, "proof/chain.txt")
    yield from ChainWalk(json.loads(next(chain)), heads, events).problems(chain)


def span_of_pack(pack: zipfile.ZipFile) -> str:
    """From when to when the heads of a pack were signed, in words: what its proof covers."""
    signed = [json.loads(line)["statement"] for line in _lines(pack, "proof/heads.jsonl")]
    if not signed:
        return "as far as there is one"
    begins = json.loads(next(_lines(pack, "proof/chain.txt")))["number"]
    first = f"#{begins} (signed at {signed[0]['signed_at']})" if begins else "its beginning"
    return f"from {first} to #{signed[-1]['number']} (signed at {signed[-1]['signed_at']})"


def _lines(pack: zipfile.ZipFile, name: str) -> Iterator[str]:
    with pack.open(name) as lines:
        for line in lines:
            yield line.decode("ascii").rstrip("\n")


def read_public_key(path: Path) -> str:
    """Public key of a PEM file, in base64. Raises ValueError."""
    key = serialization.load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("This is not an Ed25519 key.")  # noqa: TRY004 to callers, a wrong file
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a file; exit status 0 where all is proven, else 1."""
    parser = argparse.ArgumentParser(prog="python -m identity_manager.audit_proof")
    parser.add_argument("file", type=Path)
    parser.add_argument("--public-key", type=Path, action="append", required=True)
    options = parser.parse_args(arguments)
    public_keys = [read_public_key(path) for path in options.public_key]
    if zipfile.is_zipfile(options.file):
        with zipfile.ZipFile(options.file) as pack:
            problems = list(problems_of_pack(pack, public_keys))
            proven = f"The log is whole {span_of_pack(pack)}, and the events of the pack are in it."
    else:
        evidence = json.loads(options.file.read_text(encoding="utf-8"))
        problems = list(problems_of(evidence, public_keys))
        events, heads = len(evidence["events"]), len(evidence["heads"])
        proven = f"{events} events are proven by {heads} signatures of the log."
    lines = problems or [proven]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
