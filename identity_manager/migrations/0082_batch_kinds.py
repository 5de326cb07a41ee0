import django.db.models.deletion
import identity_manager.models.identifiers
from django.db import connection, migrations, models


class Migration(migrations.Migration):
    """Kinds of batch orders: further columns, blocks of chosen entries, outcomes and states that allow more."""

    # PostgreSQL: each statement by itself, or a writer that holds one table and a migration that holds
    # another would wait for each other. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0081_tokens_not_installed'),
    ]

    operations = [
        migrations.CreateModel(
            name='BatchBlock',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('first', models.PositiveIntegerField()),
                ('entries', models.JSONField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='batchline',
            name='batch_line_outcome',
        ),
        migrations.RemoveConstraint(
            model_name='batchline',
            name='batch_line_enabled_has_request',
        ),
        migrations.RemoveConstraint(
            model_name='batchorder',
            name='batch_order_state',
        ),
        migrations.RemoveConstraint(
            model_name='batchorder',
            name='batch_order_source',
        ),
        migrations.AddField(
            model_name='batchline',
            name='about',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.tokenrequest'),
        ),
        migrations.AddField(
            model_name='batchline',
            name='seen',
            field=models.CharField(blank=True, db_default='', default='', max_length=40),
        ),
        migrations.AddField(
            model_name='batchline',
            name='token',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.softwaretoken'),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='cause',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='chosen_as',
            field=models.CharField(choices=[('persons', 'persons'), ('numbers', 'personnel numbers'), ('requests', 'requests'), ('tokens', 'software tokens'), ('certificates', 'certificates')], db_default='persons', default='persons', max_length=16),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='decided_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='decided_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='done_before',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='kind',
            field=models.CharField(choices=[('enable', 'Enable'), ('revoke', 'Revoke'), ('hold', 'Put on hold'), ('reinstate', 'Reinstate'), ('renew', 'Renew'), ('replace', 'Replace'), ('resend', 'Send the files again'), ('cancel', 'Cancel requests'), ('remind', 'Remind'), ('activate', 'Activate persons'), ('deactivate', 'Deactivate persons'), ('letters', 'Sign-in letters')], db_default='enable', default='enable', max_length=16),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='note',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='office',
            field=models.CharField(choices=[('self-service-user', 'Self-Service User'), ('token-administrator', 'Software Token Administrator'), ('approver', 'Approver'), ('registration-officer', 'Registration Officer'), ('user-administrator', 'User Administrator'), ('recovery-officer', 'Recovery Officer'), ('auditor', 'Auditor'), ('system-administrator', 'System Administrator')], db_default='token-administrator', default='token-administrator', max_length=32),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='options',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='rate',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='reason',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='running_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='search',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='window_from',
            field=models.TimeField(null=True),
        ),
        migrations.AddField(
            model_name='batchorder',
            name='window_to',
            field=models.TimeField(null=True),
        ),
        migrations.AlterField(
            model_name='batchline',
            name='outcome',
            field=models.CharField(choices=[('ready', 'Can be done'), ('refused', 'Cannot be done'), ('enabled', 'Enabled'), ('done', 'Done'), ('skipped', 'Skipped')], max_length=16),
        ),
        migrations.AlterField(
            model_name='batchorder',
            name='source',
            field=models.CharField(choices=[('selection', 'a selection of SEARCH'), ('search', 'everything that a search found'), ('file', 'a CSV file'), ('code', 'Identity Manager itself')], max_length=16),
        ),
        migrations.AlterField(
            model_name='batchorder',
            name='state',
            field=models.CharField(choices=[('checking', 'Dry run under way'), ('checked', 'Waits for its start'), ('waiting', 'Waits for a second officer'), ('running', 'Running'), ('paused', 'Paused'), ('finished', 'Finished'), ('cancelled', 'Cancelled')], default='checking', max_length=16),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['ready', 'refused', 'enabled', 'done', 'skipped'])), name='batch_line_outcome'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.UniqueConstraint(condition=models.Q(('token__isnull', False)), fields=('order', 'token'), name='batch_line_token_once'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.UniqueConstraint(condition=models.Q(('about__isnull', False)), fields=('order', 'about'), name='batch_line_request_once'),
        ),
        migrations.AddConstraint(
            model_name='batchline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'enabled'), ('request__isnull', False)), ('outcome', 'done'), models.Q(models.Q(('outcome', 'enabled'), _negated=True), ('request__isnull', True)), _connector='OR'), name='batch_line_enabled_has_request'),
        ),
        migrations.AddConstraint(
            model_name='batchorder',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['checking', 'checked', 'waiting', 'running', 'paused', 'finished', 'cancelled'])), name='batch_order_state'),
        ),
        migrations.AddConstraint(
            model_name='batchorder',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['selection', 'search', 'file', 'code'])), name='batch_order_source'),
        ),
        migrations.AddConstraint(
            model_name='batchorder',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by', None), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR'), name='batch_order_four_eyes'),
        ),
        migrations.AddField(
            model_name='batchblock',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='blocks', to='identity_manager.batchorder'),
        ),
        migrations.AddConstraint(
            model_name='batchblock',
            constraint=models.UniqueConstraint(fields=('order', 'first'), name='batch_block_once'),
        ),
    ]
