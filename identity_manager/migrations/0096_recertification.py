import django.db.models.deletion
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):
    """Once a period each role of an officer is confirmed or withdrawn by somebody else."""

    dependencies = [
        ('identity_manager', '0095_webhooks'),
    ]

    operations = [
        migrations.CreateModel(
            name='Recertification',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('due_at', models.DateTimeField()),
                ('reminders', models.PositiveSmallIntegerField(default=0)),
                ('is_open', models.BooleanField(default=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('opened_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
            ],
            options={
                'ordering': ['-opened_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='RoleReview',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('self-service-user', 'Self-Service User'), ('token-administrator', 'Software Token Administrator'), ('approver', 'Approver'), ('registration-officer', 'Registration Officer'), ('user-administrator', 'User Administrator'), ('recovery-officer', 'Recovery Officer'), ('auditor', 'Auditor'), ('system-administrator', 'System Administrator')], max_length=32)),
                ('organisational_unit', models.CharField(blank=True, max_length=200)),
                ('assignment_id', models.UUIDField()),
                ('assigned_at', models.DateTimeField()),
                ('decision', models.CharField(blank=True, choices=[('', 'Not answered yet'), ('confirmed', 'Confirmed'), ('withdrawn', 'Withdrawn'), ('gone', 'Ended meanwhile'), ('unanswered', 'Not answered; stays'), ('ended', 'Not answered; ended'), ('kept', 'Not answered; stays, because others could not do without it')], default='', max_length=16)),
                ('decided_at', models.DateTimeField(null=True)),
                ('assigned_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reviews', to='identity_manager.recertification')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='role_reviews', to='identity_manager.person')),
            ],
            options={
                'ordering': ['role', 'pk'],
            },
        ),
        migrations.AddConstraint(
            model_name='recertification',
            constraint=models.UniqueConstraint(condition=models.Q(('is_open', True)), fields=('is_open',), name='recertification_one_open'),
        ),
        migrations.AddConstraint(
            model_name='recertification',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('is_open', True)), models.Q(('ended_at__isnull', False), ('is_open', False)), _connector='OR'), name='recertification_ended'),
        ),
        migrations.AddIndex(
            model_name='rolereview',
            index=models.Index(fields=['assignment_id'], name='role_review_assignment'),
        ),
        migrations.AddIndex(
            model_name='rolereview',
            index=models.Index(condition=models.Q(('decision', '')), fields=['decision'], name='role_review_undecided'),
        ),
        migrations.AddConstraint(
            model_name='rolereview',
            constraint=models.UniqueConstraint(fields=('campaign', 'assignment_id'), name='role_review_once'),
        ),
        migrations.AddConstraint(
            model_name='rolereview',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_by__isnull', False), ('decision__in', ('confirmed', 'withdrawn'))), models.Q(('decided_by', None), models.Q(('decision__in', ('confirmed', 'withdrawn')), _negated=True)), _connector='OR'), name='role_review_decided_by'),
        ),
        migrations.AddConstraint(
            model_name='rolereview',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by', None), models.Q(('decided_by', models.F('person')), _negated=True), _connector='OR'), name='role_review_four_eyes'),
        ),
    ]
