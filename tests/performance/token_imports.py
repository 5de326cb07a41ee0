"""How long an import of tokens takes: the dry run, and the import with its keys archived.

So many PKCS#12 files, each with a key of its own for another person and 10,000 iterations, as Java and we
write them; how long 10,000 take is reckoned from them. Keys are RSA-2048, or P-256 where there are so many
that making RSA keys would take longer than the import. Files of NSS and GnuTLS demand 600,000
iterations: one of these is opened, too, and 10,000 of them are reckoned apart.
"""

import time
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from ca_bridge.keys.keys import public_key_sha256
from ca_bridge.pkcs12 import foreign
from identity_manager.workflow.token_imports import decisions, execution
from identity_manager.workflow.token_imports.dry_run import File
from tests.performance import crowd, people
from tests.performance.timing import seconds_of
from tests.tools import cast, foreign_files, recovery, token_imports

ITERATIONS, MANY_ITERATIONS = 10_000, 600_000
PASSWORD = "bench"
WARM_UP = 3


def measured(number: int, keys: str) -> dict[str, Any]:
    """Seconds of both parts over all files, and of opening one file with many iterations."""
    crowd.fill(10 * (number + WARM_UP))
    for name in ("ada", "anton", *recovery.OFFICERS, "sven"):  # the demo has an ada, too
        cast.COSTUMES[name] = {"email": f"{name}@bench.example.com", "upn": ""}
    staff = token_imports.office()
    recovery.in_force(recovery.officers())
    files = list(_files(number + WARM_UP, ITERATIONS, keys))
    _imported(staff, files[:WARM_UP], "warm")
    dry_run, carried_out = _imported(staff, files[WARM_UP:], "measured")
    slow = next(_files(1, MANY_ITERATIONS, keys))
    figures = {
        "dry_run_10000_min": dry_run / 60 * 10_000 / number,
        "import_10000_min": carried_out / 60 * 10_000 / number,
        "slow_files_10000_min": seconds_of(lambda: foreign.read(slow.content, PASSWORD)) / 60 * 10_000,
    }
    return {"figures": figures, "files": number}


def _files(number: int, iterations: int, keys: str) -> Iterator[Any]:
    for place_, person in enumerate(people.employees()[:number]):
        make = foreign_files.rsa_key if keys == "rsa" else foreign_files.ec_key
        key = make(1000 + place_)
        certificate = foreign_files.certificate(key, subject="CN=Bench,2.5.4.5=" + person.personnel_number)
        builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(iterations)
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256())
        encryption = builder.build(PASSWORD.encode())
        content = pkcs12.serialize_key_and_certificates(b"bench", key, certificate, None, encryption)
        yield File(f"{place_}.p12", content, PASSWORD)


def _imported(staff: Any, files: list[Any], name: str) -> tuple[float, float]:
    """Seconds of the dry run and of the import."""
    contents = {each.sha256: each.content for each in files}

    def keys_of(file_sha256: str) -> dict[str, foreign.ForeignKey]:
        opened = foreign.read(contents[file_sha256], PASSWORD)
        return {public_key_sha256(each.key).hex(): each for each in opened.keys}

    begun = time.perf_counter()
    row = token_imports.looked_through(staff.types, files, name=name)
    dry_run = time.perf_counter() - begun
    decisions.ask(actor=staff.ada, import_id=row.pk, digest=row.digest)
    decisions.confirm(actor=staff.anton, import_id=row.pk, digest=row.digest)
    begun = time.perf_counter()
    done = execution.carry_out(row.pk, keys_of=keys_of).done
    if done != len(files):
        raise RuntimeError(f"{done} of {len(files)} files came in")
    return dry_run, time.perf_counter() - begun
