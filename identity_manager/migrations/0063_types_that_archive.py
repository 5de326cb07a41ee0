import django.db.models.functions.comparison
import django.db.models.lookups
from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite has made the certificate profiles anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """Token types archive, terms say so, and a key that only signs or authenticates never lies there."""

    # As in 0058: several tables, one statement after the other on PostgreSQL.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0062_share_rounds'),
    ]

    operations = [
        migrations.AddField(
            model_name='archivedkey',
            name='purpose',
            field=models.CharField(choices=[('authentication', 'Authentication'), ('signature', 'Signature'), ('encryption', 'Encryption'), ('combined', 'Signature and encryption')], db_default='encryption', max_length=16),
        ),
        migrations.AddField(
            model_name='certificateprofile',
            name='archive_dual_use',
            field=models.BooleanField(db_default=False, default=False, help_text='For one certificate that signs and encrypts, never with nonRepudiation. Whoever opens the copy can sign as the person; the terms have to say so. Keys that serve encryption alone need no permission here, and keys that only sign or authenticate are never archived.', verbose_name='The key may be archived although it signs, too'),
        ),
        migrations.AddField(
            model_name='termsdraft',
            name='names_archiving',
            field=models.CharField(choices=[('none', 'Nothing is said of it'), ('encryption', 'Keys that serve encryption alone are archived'), ('dual-use', 'Keys that sign and encrypt are archived, too')], db_default='none', default='none', error_messages={'required': 'Say what the text says about a copy of the keys.'}, help_text='A token type archives keys only under terms that say so. What is chosen here is shown to the person beside the text; the text itself says why, and who opens the copy.', max_length=16, verbose_name='What the text says about a copy of the keys'),
        ),
        migrations.AddField(
            model_name='termsversion',
            name='names_archiving',
            field=models.CharField(choices=[('none', 'Nothing is said of it'), ('encryption', 'Keys that serve encryption alone are archived'), ('dual-use', 'Keys that sign and encrypt are archived, too')], db_default='none', default='none', error_messages={'required': 'Say what the text says about a copy of the keys.'}, help_text='A token type archives keys only under terms that say so. What is chosen here is shown to the person beside the text; the text itself says why, and who opens the copy.', max_length=16, verbose_name='What the text says about a copy of the keys'),
        ),
        migrations.AlterField(
            model_name='tokentype',
            name='archive_key',
            field=models.BooleanField(default=False, help_text='A copy of each encryption key is kept, which recovery keys alone open. Keys that only sign or authenticate are never archived. The terms have to say it, and a recovery certificate has to be in force.', verbose_name='Archive the keys'),
        ),
        migrations.AddConstraint(
            model_name='archivedkey',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ('encryption', 'combined'))), name='archived_key_never_signs'),
        ),
        migrations.AddConstraint(
            model_name='certificateprofile',
            constraint=models.CheckConstraint(condition=models.Q(('archive_dual_use', False), models.Q(('purpose', 'combined'), models.Q(django.db.models.lookups.Contains(django.db.models.functions.comparison.Cast('key_usage', models.TextField()), 'nonRepudiation'), _negated=True)), _connector='OR'), name='profile_archive_dual_use'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
