import django.db.models.deletion
from django.db import connection, migrations, models

import identity_manager.models.identifiers


class Migration(migrations.Migration):
    """Files that did not arrive, and mails that are delayed."""

    # PostgreSQL: each statement by itself. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0082_batch_kinds'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeliveryProblem',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('not-arrived', 'The mail did not arrive'), ('stripped', 'The mail came without the file'), ('came-back', "A mail server's report says that the mail came back")], max_length=16)),
                ('domain', models.CharField(blank=True, max_length=255)),
                ('detail', models.CharField(blank=True, max_length=500)),
                ('opened_at', models.DateTimeField()),
                ('outcome', models.CharField(blank=True, choices=[('opened', 'The file can be fetched in Self-Service'), ('sent-again', 'The file was sent again'), ('answered', 'An administrator has answered'), ('arrived', 'It arrived after all')], max_length=16)),
                ('ended_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ['opened_at', 'pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='mailevent',
            name='mail_event_kind',
        ),
        migrations.AddField(
            model_name='outgoingmail',
            name='delayed_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='mailevent',
            name='kind',
            field=models.CharField(choices=[('bounced', 'Came back'), ('delayed', 'Delayed'), ('complained', 'Reported as spam')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='mailevent',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['bounced', 'delayed', 'complained'])), name='mail_event_kind'),
        ),
        migrations.AddField(
            model_name='deliveryproblem',
            name='ended_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='identity_manager.person'),
        ),
        migrations.AddField(
            model_name='deliveryproblem',
            name='mail',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='identity_manager.outgoingmail'),
        ),
        migrations.AddField(
            model_name='deliveryproblem',
            name='token',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='delivery_problems', to='identity_manager.softwaretoken'),
        ),
        migrations.AddIndex(
            model_name='deliveryproblem',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['opened_at'], name='delivery_problem_open'),
        ),
        migrations.AddIndex(
            model_name='deliveryproblem',
            index=models.Index(fields=['domain', 'opened_at'], name='delivery_problem_domain'),
        ),
        migrations.AddConstraint(
            model_name='deliveryproblem',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['not-arrived', 'stripped', 'came-back'])), name='delivery_problem_kind'),
        ),
        migrations.AddConstraint(
            model_name='deliveryproblem',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ('', 'opened', 'sent-again', 'answered', 'arrived'))), name='delivery_problem_outcome'),
        ),
        migrations.AddConstraint(
            model_name='deliveryproblem',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('token',), name='delivery_problem_one_open'),
        ),
    ]
