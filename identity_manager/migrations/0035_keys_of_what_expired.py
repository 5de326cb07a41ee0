from django.db import migrations


def erase_keys(apps, _schema_editor):
    expired = apps.get_model('identity_manager', 'Certificate').objects.filter(state='expired')
    expired.filter(private_key_wrapped__isnull=False).update(private_key_wrapped=None)


class Migration(migrations.Migration):
    """A certificate that ended during a leave, before anybody had it, kept its private key."""

    dependencies = [
        ('identity_manager', '0034_certificates_by_number'),
    ]

    operations = [
        migrations.RunPython(erase_keys, migrations.RunPython.noop),
    ]
