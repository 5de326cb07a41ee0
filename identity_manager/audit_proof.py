"""The arithmetic of the audit log, without Django: the chain of events and its signatures of the log.

Each sealed event has a hash of what it says and a link: SHA-256 over the link before and that hash. So the
link of an event stands for everything up to it. A MAC under a secret key stands beside each link, and the
link of the last event is signed now and then (Ed25519): that is a head. Whoever has a head and the public
key can check any event that it covers, with nothing of this installation.

The hash of an event has two forms. The first one is a hash of everything that it says. The second one hashes
its heading (identifier, name, time) and its body apart, so that the heading can be proven of an event whose
body was removed after its time. No content has the same hash in both forms, so the chain fixes the form.

    python -m identity_manager.audit_proof EVIDENCE.json --public-key KEY.pem

checks a check file on any machine that has Python and the package cryptography.
"""

import argparse
import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

BEGINNING = ""  # the link before the first event
FIRST_FORM = 1
NEWEST_FORM = 2
HEADING = ("id", "name", "at")  # what is still proven of an event whose body was removed
Content = Mapping[str, Any]


def canonical(value: Any) -> bytes:
    """JSON with sorted names, without spaces, in ASCII: the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def content_hash(content: Content, *, form: int, body_sha256: str = "") -> str:
    """The hash (hexadecimal) of what an event says; body_sha256 is given where its body was removed."""
    if form == FIRST_FORM:
        return _sha256(content)
    heading = {name: content[name] for name in HEADING}
    return _sha256({"form": form, "heading": _sha256(heading), "body": body_sha256 or body_hash(content)})


def body_hash(content: Content) -> str:
    """The hash of an event's body: of all that it says but its heading."""
    return _sha256({name: value for name, value in content.items() if name not in HEADING})


def _sha256(content: Content) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def link(previous: str, content_sha256: str) -> str:
    """The link of an event (hexadecimal), made of the one before it and of the event's own hash."""
    return hashlib.sha256(f"{previous}|{content_sha256}".encode("ascii")).hexdigest()


def mac(key: bytes, chain: str) -> str:
    """The keyed MAC of a link: HMAC-SHA-256, hexadecimal."""
    return hmac.new(key, chain.encode("ascii"), hashlib.sha256).hexdigest()


def mac_of_note(key: bytes, statement: Content) -> str:
    """The keyed MAC of a note about what was taken out of the log; never that of a link."""
    return mac(key, f"note|{_sha256(statement)}")


def reference(salt: str, identifier: str) -> str:
    """How an event names a person: nobody finds out whom, once the salt is destroyed."""
    return hashlib.sha256(f"{salt}|{identifier}".encode("ascii")).hexdigest()


def personal_hash(salt: str, facts: Content) -> str:
    """The salted hash of what an event says in words about somebody; empty where it says nothing."""
    return hashlib.sha256(salt.encode("ascii") + canonical(facts)).hexdigest() if facts else ""


def sign(private_key: bytes, statement: Content) -> str:
    """The Ed25519 signature (base64) of a statement, under a key of 32 bytes."""
    key = Ed25519PrivateKey.from_private_bytes(private_key)
    return base64.b64encode(key.sign(canonical(statement))).decode("ascii")


def public_key_of(private_key: bytes) -> str:
    """The public key (32 bytes in base64) that goes with a private one."""
    public = Ed25519PrivateKey.from_private_bytes(private_key).public_key()
    return base64.b64encode(public.public_bytes_raw()).decode("ascii")


def pem_of(public_key: str) -> str:
    """The public key as a PEM file."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def is_signed(statement: Content, signature: str, public_key: str) -> bool:
    """Whether the signature (base64) is that of the statement under the public key (base64)."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(base64.b64decode(signature), canonical(statement))
    except (InvalidSignature, ValueError):
        return False
    return True


# --- A check file, checked anywhere ----------------------------------------------------------------
def problems_of(evidence: Mapping[str, Any], public_keys: Sequence[str]) -> Iterator[str]:
    """What does not fit in a check file, a sentence each; nothing where all of it is proven."""
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


def read_public_key(path: Path) -> str:
    """The public key of a PEM file, in base64. Raises ValueError for anything else."""
    key = serialization.load_pem_public_key(path.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("This is not an Ed25519 key.")  # noqa: TRY004 to callers, a wrong file
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a check file; return 0 where all is proven, 1 where something is not."""
    parser = argparse.ArgumentParser(prog="python -m identity_manager.audit_proof")
    parser.add_argument("file", type=Path)
    parser.add_argument("--public-key", type=Path, action="append", required=True)
    options = parser.parse_args(arguments)
    evidence = json.loads(options.file.read_text(encoding="utf-8"))
    problems = list(problems_of(evidence, [read_public_key(path) for path in options.public_key]))
    events = len(evidence["events"])
    lines = problems or [f"{events} events are proven by {len(evidence['heads'])} signatures of the log."]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
