"""Sections, who works in them, and which one each campaign belongs to."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def begin_with_one(apps, schema_editor):
    """What is there already belongs to one section, until somebody makes more."""
    section = apps.get_model("petitions", "Section").objects.create(name="International", slug="international")
    apps.get_model("petitions", "Campaign").objects.update(section=section)
    # Checks what the UPDATE left to the end: PostgreSQL alters no table that has checks waiting.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [
        ("petitions", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Section",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                ("slug", models.SlugField(unique=True, verbose_name="short name")),
            ],
            options={"verbose_name": "section", "verbose_name_plural": "sections", "ordering": ["name"]},
        ),
        migrations.AddField(
            model_name="campaign",
            name="section",
            field=models.ForeignKey(
                null=True,
                help_text="Who looks after it.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="campaigns",
                to="petitions.section",
                verbose_name="section",
            ),
        ),
        migrations.RunPython(begin_with_one, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="campaign",
            name="section",
            field=models.ForeignKey(
                help_text="Who looks after it.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="campaigns",
                to="petitions.section",
                verbose_name="section",
            ),
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("campaigner", "Campaigner"),
                            ("moderator", "Moderator"),
                            ("delivery_officer", "Delivery officer"),
                            ("privacy_officer", "Privacy officer"),
                            ("administrator", "Administrator"),
                        ],
                        max_length=20,
                        verbose_name="role",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
                (
                    "section",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: every section. Only for privacy officers and administrators.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="petitions.section",
                        verbose_name="section",
                    ),
                ),
            ],
            options={
                "verbose_name": "role",
                "verbose_name_plural": "roles",
                "ordering": ["user", "section", "role"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "section", "role"),
                        name="membership_once",
                        nulls_distinct=False,
                        violation_error_message="They have this role there already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("section__isnull", False),
                            ("role__in", ["privacy_officer", "administrator"]),
                            _connector="OR",
                        ),
                        name="membership_everywhere_for_few",
                        violation_error_message="Name the section: this role is held in one section at a time.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("role", "administrator"), _negated=True),
                            ("section__isnull", True),
                            _connector="OR",
                        ),
                        name="membership_administrator_everywhere",
                        violation_error_message="An administrator manages the people of every section: leave it empty.",
                    ),
                ],
            },
        ),
    ]
