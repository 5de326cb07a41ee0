from django.db import connection, migrations, models
from django.db.models import PROTECT, F, Q

CATALOGUE = ('certificateprofile', 'termsdraft', 'tokentype')


def renamed(model, before, after, column, field):
    """The code calls the column otherwise; the release before this one goes on using it."""
    return [
        migrations.RenameField(model_name=model, old_name=before, new_name=after),
        migrations.AlterField(model_name=model, name=after, field=field(db_column=column)),
    ]


def officer(**options):
    return models.ForeignKey(null=True, on_delete=PROTECT, related_name='+', to='identity_manager.person', **options)


def draft_officer(**options):
    return officer(editable=False, **options)


def moment(**options):
    return models.DateTimeField(null=True, **options)


def reason(**options):
    return models.TextField(blank=True, db_default='', default='', **options)


def draft_refusal(**options):
    return models.TextField(blank=True, editable=False, **options)


def four_eyes(model, name, condition):
    return [
        migrations.RemoveConstraint(model_name=model, name=name),
        migrations.AddConstraint(model_name=model, constraint=models.CheckConstraint(condition=condition, name=name)),
    ]


class Migration(migrations.Migration):
    """All decisions of a second officer have the same columns; those that had them keep their names."""

    # PostgreSQL: each statement by itself, or a writer that holds one table and a migration that holds
    # another would wait for each other. SQLite lets no reader see a table that is being made anew.
    atomic = connection.vendor == 'sqlite'

    dependencies = [
        ('identity_manager', '0053_spellings_in_search'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(
                    operation
                    for model in CATALOGUE
                    for operation in (
                        *renamed(model, 'refused_by', 'decided_by', 'refused_by_id', draft_officer),
                        *renamed(model, 'refusal', 'reason', 'refusal', draft_refusal),
                    )
                ),
                *renamed('personerasure', 'confirmed_by', 'decided_by', 'confirmed_by_id', officer),
                *renamed('signincode', 'confirmed_by', 'decided_by', 'confirmed_by_id', officer),
                *renamed('signincode', 'confirmed_at', 'decided_at', 'confirmed_at', moment),
                *four_eyes(
                    'personerasure',
                    'person_erasure_four_eyes',
                    Q(erased_at=None) | (Q(decided_by__isnull=False) & ~Q(decided_by=F('asked_by'))),
                ),
                *four_eyes(
                    'signincode',
                    'sign_in_code_four_eyes',
                    Q(decided_by=None) | ~Q(decided_by=F('asked_by')),
                ),
            ],
        ),
        *(
            migrations.AddField(model_name=model, name='decided_at', field=moment(editable=False))
            for model in CATALOGUE
        ),
        *(
            migrations.AddField(model_name=model, name='decided_at', field=moment())
            for model in ('personerasure', 'personimport')
        ),
        *(
            migrations.AlterField(model_name=model, name='reason', field=reason())
            for model in ('identitychange', 'personimport')
        ),
        *(
            migrations.AlterField(
                model_name=model, name='reason', field=reason(db_column='refusal', editable=False)
            )
            for model in CATALOGUE
        ),
    ]
