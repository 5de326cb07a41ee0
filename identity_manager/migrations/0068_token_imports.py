import ca_bridge.database.binary_field
import ca_bridge.database.state_machine
import django.db.models.deletion
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import connection, migrations, models


class Migration(migrations.Migration):
    """Imports of tokens from other systems, and requests of that kind."""

    # PostgreSQL: each statement by itself, or a writer that holds one table and a migration that holds
    # another would wait for each other. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0067_person_written'),
    ]

    operations = [
        migrations.CreateModel(
            name='ImportedCertificate',
            fields=[
                ('certificate', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='imported', serialize=False, to='identity_manager.certificate')),
                ('public_key_sha256', models.CharField(db_index=True, max_length=64)),
                ('ca', models.CharField(blank=True, max_length=40)),
                ('imported_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='TokenImport',
            fields=[
                ('version', models.PositiveIntegerField(default=0, editable=False)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.TextField(blank=True, db_default='', default='')),
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('types', models.JSONField(default=list)),
                ('has_keys', models.BooleanField(default=True)),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('seal', ca_bridge.database.binary_field.BytesField(null=True)),
                ('state', models.CharField(choices=[('reading', 'Is being looked through'), ('looked_through', 'Looked through'), ('waiting', 'Waits for a second officer'), ('confirmed', 'Confirmed'), ('done', 'Imported'), ('refused', 'Not confirmed'), ('withdrawn', 'Withdrawn')], default='reading', max_length=16)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-asked_at'],
            },
            bases=(ca_bridge.database.state_machine.SafeFSM, models.Model),
        ),
        migrations.CreateModel(
            name='TokenImportRow',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField()),
                ('file_name', models.CharField(max_length=255)),
                ('file_sha256', models.CharField(max_length=64)),
                ('outcome', models.CharField(choices=[('new', 'To be imported'), ('key', 'Only the key is new'), ('known', 'Known already'), ('refused', 'Left out'), ('done', 'Imported')], max_length=16)),
                ('code', models.CharField(blank=True, max_length=40)),
                ('certificate', ca_bridge.database.binary_field.BytesField(null=True)),
                ('fingerprint_sha256', models.CharField(blank=True, max_length=64)),
                ('public_key_sha256', models.CharField(blank=True, max_length=64)),
                ('issuer', models.CharField(blank=True, max_length=500)),
                ('serial', models.CharField(blank=True, max_length=40)),
                ('subject', models.CharField(blank=True, max_length=1000)),
                ('not_after', models.DateTimeField(null=True)),
                ('matched_by', models.CharField(blank=True, max_length=16)),
                ('has_key', models.BooleanField(default=False)),
                ('archives', models.BooleanField(default=False)),
                ('done_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['position'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='tokenrequest',
            name='token_request_kind',
        ),
        migrations.AlterField(
            model_name='softwaretoken',
            name='kind',
            field=models.CharField(choices=[('initial', 'First issue'), ('renewal', 'Renewal'), ('replacement', 'Replacement'), ('recovery', 'Recovery'), ('import', 'Import from another system')], max_length=16),
        ),
        migrations.AlterField(
            model_name='tokenrequest',
            name='kind',
            field=models.CharField(choices=[('initial', 'First issue'), ('renewal', 'Renewal'), ('replacement', 'Replacement'), ('recovery', 'Recovery'), ('import', 'Import from another system')], default='initial', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='tokenrequest',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['initial', 'renewal', 'replacement', 'recovery', 'import'])), name='token_request_kind'),
        ),
        migrations.AddField(
            model_name='tokenimport',
            name='asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='tokenimport',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='importedcertificate',
            name='token_import',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='identity_manager.tokenimport'),
        ),
        migrations.AddField(
            model_name='tokenimportrow',
            name='person',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='tokenimportrow',
            name='profile',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.certificateprofile'),
        ),
        migrations.AddField(
            model_name='tokenimportrow',
            name='token_import',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='identity_manager.tokenimport'),
        ),
        migrations.AddField(
            model_name='tokenimportrow',
            name='token_type',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.tokentype'),
        ),
        migrations.AddConstraint(
            model_name='tokenimport',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['reading', 'looked_through', 'waiting', 'confirmed', 'done', 'refused', 'withdrawn'])), name='token_import_state'),
        ),
        migrations.AddConstraint(
            model_name='tokenimport',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['confirmed', 'done']), _negated=True), models.Q(('decided_by__isnull', False), models.Q(('asked_by', None), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR')), _connector='OR'), name='token_import_four_eyes'),
        ),
        migrations.AddConstraint(
            model_name='tokenimport',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['waiting', 'confirmed', 'done']), _negated=True), ('asked_by__isnull', False), _connector='OR'), name='token_import_asked'),
        ),
        migrations.AddIndex(
            model_name='tokenimportrow',
            index=models.Index(fields=['file_sha256'], name='token_import_row_file'),
        ),
        migrations.AddConstraint(
            model_name='tokenimportrow',
            constraint=models.UniqueConstraint(fields=('token_import', 'position'), name='token_import_row_once'),
        ),
        migrations.AddConstraint(
            model_name='tokenimportrow',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['new', 'key', 'known', 'refused', 'done'])), name='token_import_row_outcome'),
        ),
    ]
