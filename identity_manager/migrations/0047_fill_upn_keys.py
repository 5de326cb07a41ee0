from django.db import migrations

from identity_manager.models.people.upn_key import fill


def fill_keys(apps, _schema_editor):
    fill(apps.get_model('identity_manager', 'Person').objects.all())


class Migration(migrations.Migration):
    """Of two persons whose names are the same one now, the later has no key: `manage.py doctor` names them."""

    atomic = False  # some at a time: nobody waits for a million persons

    dependencies = [
        ('identity_manager', '0046_upn_key'),
    ]

    operations = [
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
    ]
