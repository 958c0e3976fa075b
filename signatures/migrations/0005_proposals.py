"""Four eyes as one mechanism: proposals, and deliveries that can be had with an approved one only."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# These policies name columns that go; config/grants.py writes them anew after every migrate.
DROP_POLICIES = """
DROP POLICY IF EXISTS web_insert ON signatures_delivery;
DROP POLICY IF EXISTS web_update ON signatures_delivery;
"""

STATE_OF = {
    "requested": "waiting", "approved": "approved", "ready": "approved", "failed": "approved", "expired": "expired",
}  # fmt: skip


def move_requests(apps, schema_editor):
    """Who asked and who approved moves from each delivery to its proposal, with the times."""
    Delivery, Proposal = apps.get_model("signatures", "Delivery"), apps.get_model("signatures", "Proposal")
    for delivery in Delivery.objects.select_related("campaign").order_by("pk"):
        approved = delivery.approved_by_id is not None
        delivery.proposal = Proposal.objects.create(
            kind="delivery",
            section_id=delivery.campaign.section_id,
            subject={
                "campaign": delivery.campaign_id,
                "addressee": delivery.addressee_id,
                "profile": delivery.profile,
                "series": delivery.series,
                "first": delivery.first_number,
                "last": delivery.last_number,
            },
            state="approved" if approved else STATE_OF.get(delivery.state, "withdrawn"),
            requested_by_id=delivery.requested_by_id,
            requested_at=delivery.requested_at,
            decided_by_id=delivery.approved_by_id,
            decided_at=delivery.approved_at,
            done_at=delivery.approved_at,
        )
        delivery.save(update_fields=["proposal"])
    # Checks what the rows above left to the end: PostgreSQL alters no table that has checks waiting.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# Asked once, decided once, in time, by people who still work here. Constraints say the rest.
PROPOSAL_GUARD = """
CREATE FUNCTION proposal_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'waiting' OR NEW.done_at IS NOT NULL THEN
            RAISE EXCEPTION 'a proposal begins waiting for a second person'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_begins_waiting';
        END IF;
        NEW.requested_at := now();  -- by the database's clock: from then on the 72 hours count
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.kind, NEW.section_id, NEW.subject, NEW.reason, NEW.requested_by_id, NEW.requested_at)
            IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.section_id, OLD.subject, OLD.reason, OLD.requested_by_id, OLD.requested_at) THEN
        RAISE EXCEPTION 'what was asked for never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_is_fixed';
    END IF;
    IF OLD.state <> 'waiting' AND (NEW.state, NEW.decided_by_id, NEW.decided_at, NEW.answer)
            IS DISTINCT FROM (OLD.state, OLD.decided_by_id, OLD.decided_at, OLD.answer) THEN
        RAISE EXCEPTION 'a proposal is decided once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_decided_once';
    END IF;
    IF OLD.done_at IS NOT NULL AND NEW.done_at IS DISTINCT FROM OLD.done_at THEN
        RAISE EXCEPTION 'an approval is good for one time'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_done_once';
    END IF;
    IF OLD.state = 'waiting' AND NEW.state = 'approved' THEN
        IF OLD.requested_at <= now() - interval '72 hours' THEN
            RAISE EXCEPTION 'nobody decided within 72 hours'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_expires';
        END IF;
        IF EXISTS (SELECT FROM auth_user
                    WHERE id IN (NEW.requested_by_id, NEW.decided_by_id) AND NOT is_active) THEN
            RAISE EXCEPTION 'both have to be active'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'proposal_needs_active_people';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER proposal_guard BEFORE INSERT OR UPDATE ON signatures_proposal
    FOR EACH ROW EXECUTE FUNCTION proposal_guard();
"""
NO_PROPOSAL_GUARD = """
DROP TRIGGER proposal_guard ON signatures_proposal;
DROP FUNCTION proposal_guard();
"""

# For the guards of whatever takes two people: spend the approval that says exactly this, or refuse. The caller's
# rights decide nothing here (SECURITY DEFINER), and nobody but those guards, which are the owner's, may call it.
SPEND = """
CREATE FUNCTION spend_approval(wanted_kind text, wanted_subject jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    spent bigint;
BEGIN
    UPDATE signatures_proposal SET done_at = now(), problem = '' WHERE id = (
        SELECT id FROM signatures_proposal
         WHERE kind = wanted_kind AND subject = wanted_subject AND state = 'approved' AND done_at IS NULL
         ORDER BY decided_at LIMIT 1 FOR UPDATE)
    RETURNING id INTO spent;
    IF spent IS NULL THEN
        RAISE EXCEPTION 'nobody else has approved this %', wanted_kind
            USING ERRCODE = 'check_violation', CONSTRAINT = wanted_kind || '_needs_two_people';
    END IF;
    RETURN spent;
END $$;
REVOKE EXECUTE ON FUNCTION spend_approval(text, jsonb) FROM PUBLIC;
"""
NO_SPEND = "DROP FUNCTION spend_approval(text, jsonb);"

# A delivery holds on to its proposal: it is not spent, but stands as long as the delivery does.
TWO_PEOPLE = """
CREATE FUNCTION delivery_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state NOT IN ('approved', 'ready', 'failed') THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
            SELECT FROM signatures_proposal p
             WHERE p.id = NEW.proposal_id AND p.kind = 'delivery' AND p.state = 'approved'
               AND p.subject = jsonb_build_object(
                   'campaign', NEW.campaign_id, 'addressee', NEW.addressee_id, 'profile', NEW.profile,
                   'series', NEW.series, 'first', NEW.first_number, 'last', NEW.last_number)) THEN
        RAISE EXCEPTION 'nobody else has approved this delivery'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_needs_two_people';
    END IF;
    UPDATE signatures_proposal SET done_at = now() WHERE id = NEW.proposal_id AND done_at IS NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER delivery_two_people BEFORE INSERT OR UPDATE ON signatures_delivery
    FOR EACH ROW EXECUTE FUNCTION delivery_two_people();
"""
NO_TWO_PEOPLE = """
DROP TRIGGER delivery_two_people ON signatures_delivery;
DROP FUNCTION delivery_two_people();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("petitions", "0002_sections"),
        ("signatures", "0004_mail_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("delivery", "Delivery"),
                            ("recipient", "Key of an officer"),
                            ("membership", "Role"),
                            ("disclosure", "Disclosure"),
                            ("shredding", "Shredding"),
                        ],
                        max_length=12,
                        verbose_name="what",
                    ),
                ),
                (
                    "section",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="petitions.section",
                        verbose_name="section",
                    ),
                ),
                ("subject", models.JSONField(verbose_name="subject")),
                ("reason", models.TextField(blank=True, db_default="", verbose_name="reason")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for a second person"),
                            ("approved", "Approved"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        db_default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
                (
                    "requested_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="asked"),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="decided by",
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True, verbose_name="decided")),
                ("answer", models.TextField(blank=True, db_default="", verbose_name="answer")),
                ("done_at", models.DateTimeField(null=True, verbose_name="carried out")),
                ("problem", models.TextField(blank=True, db_default="", verbose_name="problem")),
            ],
            options={
                "verbose_name": "proposal",
                "verbose_name_plural": "proposals",
                "ordering": ["-requested_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by__isnull", True),
                            models.Q(("decided_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="proposal_needs_two_people",
                        violation_error_message="Somebody else has to decide on it.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("state__in", ["approved", "refused"]),
                            ),
                            models.Q(("decided_by__isnull", True), ("state__in", ["waiting", "withdrawn", "expired"])),
                            _connector="OR",
                        ),
                        name="proposal_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("done_at__isnull", True), ("state", "approved"), _connector="OR"),
                        name="proposal_done_when_approved",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason__contains", "@"), _negated=True),
                            models.Q(("answer__contains", "@"), _negated=True),
                        ),
                        name="proposal_names_no_mailbox",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")),
                        fields=("kind", "subject"),
                        name="proposal_waits_once",
                        violation_error_message=("The same has been asked for already, and waits for a second person."),
                    ),
                ],
                "indexes": [
                    models.Index(
                        models.F("requested_at"),
                        condition=models.Q(("state", "waiting")),
                        name="proposal_waiting",
                    ),
                    models.Index(
                        models.F("kind"),
                        condition=models.Q(("done_at__isnull", True), ("state", "approved")),
                        name="proposal_to_carry_out",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="delivery",
            name="proposal",
            field=models.OneToOneField(
                null=True,
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delivery",
                to="signatures.proposal",
                verbose_name="proposal",
            ),
        ),
        migrations.RunPython(move_requests),
        migrations.AlterField(
            model_name="delivery",
            name="proposal",
            field=models.OneToOneField(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delivery",
                to="signatures.proposal",
                verbose_name="proposal",
            ),
        ),
        migrations.RunSQL(DROP_POLICIES),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_needs_two_people"),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_approved_before_built"),
        migrations.AlterModelOptions(
            name="delivery",
            options={
                "ordering": ["-proposal__requested_at"],
                "verbose_name": "delivery",
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.RemoveField(model_name="delivery", name="requested_by"),
        migrations.RemoveField(model_name="delivery", name="requested_at"),
        migrations.RemoveField(model_name="delivery", name="approved_by"),
        migrations.RemoveField(model_name="delivery", name="approved_at"),
        # Fail closed: config/grants.py has the policies.
        migrations.RunSQL("ALTER TABLE signatures_proposal ENABLE ROW LEVEL SECURITY"),
        migrations.RunSQL(PROPOSAL_GUARD, NO_PROPOSAL_GUARD),
        migrations.RunSQL(SPEND, NO_SPEND),
        migrations.RunSQL(TWO_PEOPLE, NO_TWO_PEOPLE),
    ]
