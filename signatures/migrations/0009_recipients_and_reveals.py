"""Keys of officers, and looks at signatures. A key comes into use with an approval of exactly this key, or by hand."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

# Fail closed: config/grants.py has the policies.
ROW_SECURITY = """
ALTER TABLE signatures_recipient ENABLE ROW LEVEL SECURITY;
ALTER TABLE signatures_reveal ENABLE ROW LEVEL SECURITY;
"""
NO_ROW_SECURITY = ROW_SECURITY.replace("ENABLE", "DISABLE")

# By hand is for whoever has a worker's machine; web may not write that column (config/grants.py). What a row is
# about is fixed, or an approval of one key would bring another into use.
RECIPIENT_GUARD = """
CREATE FUNCTION recipient_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.officer_id, NEW.recipient, NEW.proposal_id)
            IS DISTINCT FROM (OLD.officer_id, OLD.recipient, OLD.proposal_id) THEN
        RAISE EXCEPTION 'whose key it is never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recipient_is_fixed';
    END IF;
    IF NEW.state = 'pinned' AND NOT NEW.by_hand AND (TG_OP = 'INSERT' OR OLD.state <> 'pinned') THEN
        PERFORM spend_approval(
            'recipient', jsonb_build_object('officer', NEW.officer_id, 'recipient', NEW.recipient));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recipient_guard BEFORE INSERT OR UPDATE ON signatures_recipient
    FOR EACH ROW EXECUTE FUNCTION recipient_guard();
"""
NO_RECIPIENT_GUARD = """
DROP TRIGGER recipient_guard ON signatures_recipient;
DROP FUNCTION recipient_guard();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("petitions", "0003_pictures"),
        ("signatures", "0008_delivery_parts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DeskKey",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("recipient", models.CharField(max_length=70)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="desk_key_is_one"),
                    models.CheckConstraint(
                        condition=models.Q(("recipient__regex", "^age1[02-9ac-hj-np-z]{58}$")), name="desk_key_is_age"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Recipient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("recipient", models.CharField(max_length=70, verbose_name="recipient")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for a second person"),
                            ("pinned", "In use"),
                            ("revoked", "Revoked"),
                        ],
                        db_default="waiting",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "registered_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="registered"
                    ),
                ),
                ("by_hand", models.BooleanField(db_default=False)),
                ("challenge", models.BinaryField(null=True)),
                ("challenge_hash", models.BinaryField(max_length=32, null=True)),
                ("proof", models.BinaryField(max_length=32, null=True)),
                (
                    "problem",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("not_allowed", "Your role does not allow you to approve keys."),
                            ("not_pinned", "No key of your own is in use, so you cannot prove that it is you."),
                            ("not_proven", "The proof did not match. Try again."),
                            ("officer_left", "Whoever registered this key may not look at persons any more."),
                        ],
                        db_default="",
                        max_length=12,
                    ),
                ),
                ("pinned_at", models.DateTimeField(null=True, verbose_name="in use since")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked")),
                (
                    "approver",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "officer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recipients",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="officer",
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recipient",
                        to="signatures.proposal",
                    ),
                ),
            ],
            options={
                "verbose_name": "key of an officer",
                "verbose_name_plural": "keys of officers",
                "ordering": ["-registered_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("recipient__regex", "^age1[02-9ac-hj-np-z]{58}$")), name="recipient_is_age"
                    ),
                    models.UniqueConstraint(
                        fields=("recipient",),
                        name="recipient_once",
                        violation_error_message="This key has been registered before.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pinned")),
                        fields=("officer",),
                        name="recipient_one_pinned_an_officer",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")),
                        fields=("officer",),
                        name="recipient_one_waiting_an_officer",
                        violation_error_message="A key of yours is waiting for approval already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("by_hand", True), ("proposal__isnull", False), _connector="OR"),
                        name="recipient_is_proposed_or_by_hand",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "pinned"), _negated=True), ("pinned_at__isnull", False), _connector="OR"
                        ),
                        name="recipient_pinned_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approver__isnull", True),
                            models.Q(("approver", models.F("officer")), _negated=True),
                            _connector="OR",
                        ),
                        name="recipient_approved_by_another",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reveal",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("number", "One signature, by its number"),
                            ("email", "By e-mail address, in all campaigns of a section"),
                            ("list", "Held for review, masked"),
                        ],
                        max_length=6,
                        verbose_name="what",
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("own_request", "The person asks about their own signature"),
                            ("complaint", "Somebody says that they did not sign"),
                            ("review", "A suspicious signature is judged"),
                            ("verification", "A verifier asks about a number"),
                            ("fault", "A fault is looked into"),
                        ],
                        max_length=12,
                        verbose_name="purpose",
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("number", models.BigIntegerField(null=True)),
                ("query", models.BinaryField(null=True)),
                ("page", models.PositiveIntegerField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Waiting for a worker"),
                            ("answered", "Answered"),
                            ("refused", "Refused"),
                            ("closed", "Closed"),
                        ],
                        db_default="asked",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "refusal",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("not_allowed", "Your role does not allow this, in this section."),
                            ("not_pinned", "No key of yours is in use, so nothing can be encrypted to you."),
                            ("limit", "You have reached the number of looks that one officer has in 24 hours."),
                            ("unreadable", "What you looked for did not arrive whole. Ask again."),
                            (
                                "no_keys",
                                "The keys of this campaign are not there: nobody can open its signatures just now.",
                            ),
                            (
                                "expired",
                                "No worker answered within ten minutes, so the request has expired. Ask again.",
                            ),
                        ],
                        db_default="",
                        max_length=12,
                    ),
                ),
                ("answer", models.BinaryField(null=True)),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="asked"),
                ),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="petitions.campaign",
                        verbose_name="campaign",
                    ),
                ),
                (
                    "officer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="officer",
                    ),
                ),
                (
                    "section",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="petitions.section",
                        verbose_name="section",
                    ),
                ),
            ],
            options={
                "verbose_name": "look at a signature",
                "verbose_name_plural": "looks at signatures",
                "ordering": ["-asked_at"],
                "indexes": [
                    models.Index(
                        models.F("asked_at"),
                        condition=models.Q(("state__in", ["asked", "answered"])),
                        name="reveal_open",
                    ),
                    models.Index(
                        models.F("officer"),
                        models.F("answered_at"),
                        condition=models.Q(("answered_at__isnull", False)),
                        name="reveal_by_officer",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("campaign__isnull", False),
                                ("kind", "number"),
                                ("number__gte", 1),
                                ("page__isnull", True),
                                ("query__isnull", True),
                            ),
                            models.Q(
                                ("campaign__isnull", True),
                                ("kind", "email"),
                                ("number__isnull", True),
                                ("page__isnull", True),
                            ),
                            models.Q(
                                ("campaign__isnull", False),
                                ("kind", "list"),
                                ("number__isnull", True),
                                ("page__gte", 1),
                                ("query__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="reveal_asks_for_one_thing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("answer__isnull", False),
                                ("answered_at__isnull", False),
                                ("query__isnull", True),
                                ("state", "answered"),
                            ),
                            models.Q(models.Q(("state", "answered"), _negated=True), ("answer__isnull", True)),
                            _connector="OR",
                        ),
                        name="reveal_answer_only_while_answered",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason__contains", "@"), _negated=True),
                        name="reveal_reason_names_no_mailbox",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.LessThanOrEqual(
                            models.Func(models.F("query"), function="octet_length", output_field=models.IntegerField()),
                            4096,
                        ),
                        name="reveal_query_is_no_book",
                    ),
                ],
            },
        ),
        migrations.RunSQL(ROW_SECURITY, NO_ROW_SECURITY),
        migrations.RunSQL(RECIPIENT_GUARD, NO_RECIPIENT_GUARD),
    ]
