from django.db import migrations, models

import identity_manager.models.text_in_languages
from identity_manager.models.catalogue import former_columns

NAMED = ('certificateprofile', 'termsdocument', 'tokentype')
# Model, column, and the most characters it holds.
FORMER = [
    *((model, column, 100) for model in NAMED for column in ('name', 'name_de')),
    *(('tokentype', column, 300) for column in ('description', 'description_de')),
]


def install(_apps, schema_editor):
    former_columns.add_columns(schema_editor.connection)
    former_columns.install(schema_editor.connection)


def remove(_apps, schema_editor):
    former_columns.remove(schema_editor.connection)
    former_columns.drop_columns(schema_editor.connection)


def former(column, max_length, **options):
    return former_columns.FormerColumn(db_column=column, max_length=max_length, **options)


def language(*label, **options):
    """Any language that the installation has: a new one is no migration."""
    return models.CharField(
        *label, choices=identity_manager.models.text_in_languages.languages, max_length=8, **options
    )


def texts(column, label, max_length):
    return identity_manager.models.text_in_languages.TextInLanguages(
        db_column=column,
        db_default={},
        default=identity_manager.models.text_in_languages.Texts,
        max_length=max_length,
        verbose_name=label,
    )


class Migration(migrations.Migration):
    """Names and descriptions are texts in languages; the columns of release 1.0 stay, kept in step by triggers.

    One short transaction: SQLite has one writer at a time, and the old code waits for it.
    """

    atomic = False

    dependencies = [
        ('identity_manager', '0054_second_officer_decisions'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(
                    operation
                    for model, column, max_length in FORMER
                    for operation in (
                        migrations.RenameField(model, column, f'former_{column}'),
                        migrations.AlterField(model, f'former_{column}', former(column, max_length)),
                    )
                ),
                *(migrations.AddField(model, 'name', texts('names', 'name', 100)) for model in NAMED),
                migrations.AddField('tokentype', 'description', texts('descriptions', 'description', 300)),
                migrations.AlterModelOptions('tokentype', {'ordering': ['position', 'code']}),
                migrations.AlterField(
                    'person',
                    'language',
                    language('language', default=identity_manager.models.text_in_languages.own_language),
                ),
                migrations.AlterField('termstext', 'language', language()),
            ]
        ),
        migrations.RunPython(install, remove, atomic=True),
    ]
