from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("petitions", "0003_pictures"),
    ]

    operations = [
        migrations.AddField(
            model_name="addressee",
            name="language",
            field=models.CharField(db_default="en", default="en", max_length=10, verbose_name="written in"),
        ),
        migrations.AddField(
            model_name="addressee",
            name="translations",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, editable=False, verbose_name="translations"
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="language",
            field=models.CharField(db_default="en", default="en", max_length=10, verbose_name="written in"),
        ),
        migrations.AddField(
            model_name="campaign",
            name="translations",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, editable=False, verbose_name="translations"
            ),
        ),
        migrations.AddField(
            model_name="coverage",
            name="language",
            field=models.CharField(db_default="en", default="en", max_length=10, verbose_name="written in"),
        ),
        migrations.AddField(
            model_name="coverage",
            name="translations",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, editable=False, verbose_name="translations"
            ),
        ),
        migrations.AddField(
            model_name="demand",
            name="language",
            field=models.CharField(db_default="en", default="en", max_length=10, verbose_name="written in"),
        ),
        migrations.AddField(
            model_name="demand",
            name="translations",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, editable=False, verbose_name="translations"
            ),
        ),
        migrations.AddField(
            model_name="dossier",
            name="language",
            field=models.CharField(db_default="en", default="en", max_length=10, verbose_name="written in"),
        ),
        migrations.AddField(
            model_name="dossier",
            name="translations",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, editable=False, verbose_name="translations"
            ),
        ),
        migrations.AddField(
            model_name="picture",
            name="language",
            field=models.CharField(db_default="en", default="en", max_length=10, verbose_name="written in"),
        ),
        migrations.AddField(
            model_name="picture",
            name="translations",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, editable=False, verbose_name="translations"
            ),
        ),
        migrations.AddField(
            model_name="update",
            name="language",
            field=models.CharField(db_default="en", default="en", max_length=10, verbose_name="written in"),
        ),
        migrations.AddField(
            model_name="update",
            name="translations",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, editable=False, verbose_name="translations"
            ),
        ),
    ]
