import django.db.models.deletion
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import connection, migrations, models

from identity_manager.models.catalogue import former_columns


def install_triggers(_apps, schema_editor):
    """SQLite may have made the token types anew, and the triggers of their former columns are gone."""
    if schema_editor.connection.vendor == 'sqlite':
        former_columns.install(schema_editor.connection)


class Migration(migrations.Migration):
    """Up to five approvers, approver groups, the manager of the person, and deputies of Approvers."""

    # As in 0058: several tables, one statement after the other on PostgreSQL.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0097_standing_orders'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApprovalRule',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('round', models.PositiveSmallIntegerField()),
                ('needed', models.PositiveSmallIntegerField()),
                ('manager_must', models.BooleanField(default=False)),
                ('missing', models.PositiveSmallIntegerField(help_text="without the manager's, where that is a must")),
                ('manager_missing', models.BooleanField(default=False)),
                ('manager_obstacle', models.CharField(blank=True, choices=[('', ''), ('unknown', 'The directory names no manager of this person.'), ('no-approver', 'The manager of this person is not an Approver of this unit now.'), ('no-sign-in', 'The manager of this person cannot sign in to Identity Manager.'), ('asked', 'The manager of this person asked for this, or is deputy of who did.'), ('vouched', 'The manager of this person vouched for them.')], default='', max_length=16)),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='ApproverGroup',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(error_messages={'required': 'Enter a name for the group.'}, max_length=100, unique=True, verbose_name='Name')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ApproverGroupMember',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('added_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['person__display_name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Deputy',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('organisational_unit', models.CharField(blank=True, max_length=200)),
                ('valid_from', models.DateField(verbose_name='first day')),
                ('valid_until', models.DateField(verbose_name='last day')),
                ('assigned_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['valid_from', 'pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='tokenrequest',
            name='token_request_approvals',
        ),
        migrations.RemoveConstraint(
            model_name='tokentype',
            name='token_type_approvers',
        ),
        migrations.AddField(
            model_name='roleassignment',
            name='deputy_until',
            field=models.DateField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='roleassignment',
            name='only_as_deputy',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='tokenrequest',
            name='has_co_requesters',
            field=models.BooleanField(db_default=False, default=False, help_text='whether CoRequester rows say who counts as asking, too'),
        ),
        migrations.AddField(
            model_name='tokenrequest',
            name='has_approval_rules',
            field=models.BooleanField(db_default=False, default=False, help_text='whether ApprovalRule rows say who approves'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='manager_approval',
            field=models.CharField(choices=[('no', 'Nothing in particular'), ('may', 'They may approve, beside the members of the group'), ('must', 'One of the approvals has to be theirs')], db_default='no', default='no', error_messages={'required': 'Choose what the manager has to do with it.'}, help_text="As the directory says, and if they are an Approver of the person's unit.", max_length=16, verbose_name='The manager of the person'),
        ),
        migrations.AlterField(
            model_name='tokentype',
            name='approvers_needed',
            field=models.PositiveSmallIntegerField(choices=[(1, 'One'), (2, 'Two different ones'), (3, 'Three different ones'), (4, 'Four different ones'), (5, 'Five different ones')], default=1, error_messages={'required': 'Choose how many approvers decide.'}, verbose_name='Approvers'),
        ),
        migrations.AddConstraint(
            model_name='tokenrequest',
            constraint=models.CheckConstraint(condition=models.Q(('approvals_needed__lte', 5)), name='token_request_approvals'),
        ),
        migrations.AddField(
            model_name='approvalrule',
            name='manager',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='approvalrule',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approval_rules', to='identity_manager.tokenrequest'),
        ),
        migrations.AddField(
            model_name='approvalrule',
            name='group',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.approvergroup'),
        ),
        migrations.AddField(
            model_name='tokentype',
            name='approver_group',
            field=models.ForeignKey(blank=True, help_text="Its members decide, as far as they are Approvers of the person's unit. None: every Approver does.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.approvergroup', verbose_name='Approver group'),
        ),
        migrations.AddConstraint(
            model_name='tokentype',
            constraint=models.CheckConstraint(condition=models.Q(('approvers_needed__range', (1, 5))), name='token_type_approvers'),
        ),
        migrations.AddConstraint(
            model_name='tokentype',
            constraint=models.CheckConstraint(condition=models.Q(('manager_approval__in', ['no', 'may', 'must'])), name='token_type_manager_approval'),
        ),
        migrations.AddField(
            model_name='approvergroupmember',
            name='added_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='approvergroupmember',
            name='group',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='identity_manager.approvergroup'),
        ),
        migrations.AddField(
            model_name='approvergroupmember',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approver_groups', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='deputy',
            name='assigned_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='deputy',
            name='deputy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deputyships', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='deputy',
            name='ended_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='deputy',
            name='principal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deputies', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='approval',
            name='deputyship',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.deputy'),
        ),
        migrations.AddConstraint(
            model_name='approvalrule',
            constraint=models.CheckConstraint(condition=models.Q(('needed__range', (1, 5))), name='approval_rule_needed'),
        ),
        migrations.AddConstraint(
            model_name='approvalrule',
            constraint=models.CheckConstraint(condition=models.Q(('manager_obstacle__in', ['', 'unknown', 'no-approver', 'no-sign-in', 'asked', 'vouched'])), name='approval_rule_manager'),
        ),
        migrations.AddConstraint(
            model_name='approvergroupmember',
            constraint=models.UniqueConstraint(fields=('group', 'person'), name='approver_group_member_once'),
        ),
        migrations.AddConstraint(
            model_name='deputy',
            constraint=models.CheckConstraint(condition=models.Q(('principal', models.F('deputy')), _negated=True), name='deputy_is_somebody_else'),
        ),
        migrations.AddConstraint(
            model_name='deputy',
            constraint=models.CheckConstraint(condition=models.Q(('valid_until__gte', models.F('valid_from'))), name='deputy_ends_after_it_begins'),
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
