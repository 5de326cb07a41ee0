"""Name the persons of the events that are there by references, so that the sealer can take them up."""

import secrets

from django.db import migrations

from identity_manager import audit_proof
from identity_manager.models.audit.audit_event import PLAIN_FACTS


def refer(apps, schema_editor):
    event_model = apps.get_model("identity_manager", "AuditEvent")
    salt_model = apps.get_model("identity_manager", "AuditSalt")
    salts = {}
    for event in event_model.objects.filter(number=None).iterator(chunk_size=500):
        event.actor_ref = _reference(event.actor_id, salts)
        event.person_ref = _reference(event.person_id, salts)
        personal = {name: value for name, value in event.facts.items() if name not in PLAIN_FACTS}
        if personal:
            event.facts_salt = secrets.token_hex(16)
            event.personal_sha256 = audit_proof.personal_hash(event.facts_salt, personal)
        event.save(update_fields=["actor_ref", "person_ref", "facts_salt", "personal_sha256"])
    salt_model.objects.bulk_create(
        salt_model(person_id=person_id, salt=salt) for person_id, salt in salts.items()
    )


def _reference(person_id, salts):
    if person_id is None:
        return ""
    salt = salts.setdefault(person_id, secrets.token_hex(16))
    return audit_proof.reference(salt, str(person_id))


class Migration(migrations.Migration):
    dependencies = [("identity_manager", "0010_audit_chain")]
    operations = [migrations.RunPython(refer, migrations.RunPython.noop)]
