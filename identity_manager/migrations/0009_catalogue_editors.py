"""Who made a version was known to the audit log alone; now it stands with the version."""

from django.db import migrations

KINDS = {"profile-added": "CertificateProfile", "type-added": "TokenType"}


def note_editors(apps, _schema_editor):
    events = apps.get_model("identity_manager", "AuditEvent")
    for event in events.objects.filter(name="catalogue.changed", actor__isnull=False).iterator():
        name = KINDS.get(event.facts.get("what"))
        row = apps.get_model("identity_manager", name).objects.filter(pk=event.facts["id"]).first() if name else None
        if row is not None:
            row.editors.add(event.actor_id)


class Migration(migrations.Migration):
    dependencies = [("identity_manager", "0008_catalogue_drafts")]
    operations = [migrations.RunPython(note_editors, migrations.RunPython.noop)]
