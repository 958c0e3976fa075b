"""The audit trail: entries that the database numbers and chains, and the anchors that prove the chain."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# The text forms and their framing are the same in register/audit.py, which recomputes them; a test ties the two.
HASH = """
CREATE FUNCTION audit_hash(entry signatures_auditentry) RETURNS bytea LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
SELECT sha256(entry.previous || string_agg(
           CASE WHEN field IS NULL THEN '-'::bytea
                ELSE convert_to(octet_length(convert_to(field, 'UTF8')) || ':' || field, 'UTF8') END,
           ','::bytea ORDER BY n))
  FROM unnest(ARRAY[
           entry.seq::text, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.tier,
           entry.actor_id::text, entry.action, entry.section_id::text, entry.purpose, entry.detail::text
       ]) WITH ORDINALITY AS fields (field, n)
$$;
"""

# One after another: without the lock, two entries at once would both follow the same one. It is held until
# the transaction ends. SECURITY DEFINER: whoever may add an entry need not be able to read the last one. What the
# caller says of number, time, writer and hash counts for nothing; under SECURITY DEFINER, current_user is
# the owner, so the writer is the role that was SET, or else logged in.
CHAIN = """
CREATE FUNCTION audit_chain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before record;
BEGIN
    PERFORM pg_advisory_xact_lock(x'617564'::int, 0);
    SELECT seq, hash INTO before FROM signatures_auditentry ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(before.seq, 0) + 1;
    NEW.previous := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
    NEW.at := clock_timestamp();
    NEW.tier := coalesce(nullif(current_setting('role'), 'none'), session_user);
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_chain BEFORE INSERT ON signatures_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_chain();
"""

# Web and worker have no right to either; this is for the owner's own slips. An owner who means to can drop it,
# and then the chain tells.
FINAL = """
CREATE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is added to, and never changed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_is_final';
END $$;
CREATE TRIGGER audit_is_final BEFORE UPDATE OR DELETE ON signatures_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("petitions", "0003_pictures"),
        ("signatures", "0006_count_by_margins"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditAnchor",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.BinaryField(max_length=32)),
                ("taken_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("mailed_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["seq"],
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False, verbose_name="number")),
                ("at", models.DateTimeField(verbose_name="when")),
                ("tier", models.CharField(max_length=63, verbose_name="written by")),
                ("action", models.CharField(max_length=40, verbose_name="what")),
                ("purpose", models.TextField(blank=True, verbose_name="why")),
                ("detail", models.JSONField(verbose_name="of what")),
                ("previous", models.BinaryField(max_length=32, unique=True)),
                ("hash", models.BinaryField(max_length=32)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="who",
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
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit trail",
                "ordering": ["-seq"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("purpose__contains", "@"), _negated=True),
                            models.Q(("detail__icontains", "@"), _negated=True),
                        ),
                        name="audit_names_no_mailbox",
                    )
                ],
            },
        ),
        # Fail closed: config/grants.py has the policies.
        migrations.RunSQL("ALTER TABLE signatures_auditentry ENABLE ROW LEVEL SECURITY", migrations.RunSQL.noop),
        migrations.RunSQL(HASH, "DROP FUNCTION audit_hash(signatures_auditentry)"),
        migrations.RunSQL(CHAIN, "DROP TRIGGER audit_chain ON signatures_auditentry; DROP FUNCTION audit_chain()"),
        migrations.RunSQL(
            FINAL, "DROP TRIGGER audit_is_final ON signatures_auditentry; DROP FUNCTION audit_is_final()"
        ),
    ]
