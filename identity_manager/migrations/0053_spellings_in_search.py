from django.db import migrations

from identity_manager.models.person_search import postgresql, refresh


def install_names(_apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        postgresql.install_names_online(schema_editor.connection)


def refresh_texts(apps, _schema_editor):
    refresh.refresh_all(apps.get_model('identity_manager', 'Person').objects.all())


class Migration(migrations.Migration):
    """Search texts hold names without punctuation and with ä as ae.

    The lines of before stay in them, so that the old code finds everybody. Whom it saves meanwhile has them
    alone; the job search.refresh writes those anew.
    """

    atomic = False  # some at a time: nobody waits for a million persons

    dependencies = [
        ('identity_manager', '0052_identities_of_new_persons'),
    ]

    operations = [
        migrations.RunPython(install_names, migrations.RunPython.noop),
        migrations.RunPython(refresh_texts, migrations.RunPython.noop),
    ]
