from django.db import migrations, models
from django.db.models.functions import TruncDate


def by_the_day(apps, schema_editor):
    editions = apps.get_model("signatures", "PublishedFigures")
    editions.objects.update(published_on=TruncDate("published_at"))


class Migration(migrations.Migration):
    """Editions tell the day they were published on; the times that were kept are gone."""

    dependencies = [
        ("signatures", "0012_counted_by_version"),
    ]

    operations = [
        migrations.AddField(
            model_name="publishedfigures",
            name="ledger",
            field=models.JSONField(db_default=models.Value({}, models.JSONField())),
        ),
        migrations.AddField(
            model_name="publishedfigures",
            name="published_on",
            field=models.DateField(null=True),
        ),
        migrations.RunPython(by_the_day, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="publishedfigures",
            name="published_on",
            field=models.DateField(),
        ),
        migrations.RemoveField(model_name="publishedfigures", name="published_at"),
    ]
