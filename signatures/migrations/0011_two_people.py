"""What takes two people, whoever writes: promises narrowed, roles given, keys destroyed."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# Who acts: the role that was SET, or else logged in; under SECURITY DEFINER, current_user would be the owner always.
# The owner passes: it makes the first administrator and the demo, and could take these triggers away.
PROMISES = """
CREATE FUNCTION campaign_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state = 'open' AND EXISTS (SELECT FROM signatures_shredding WHERE campaign_id = NEW.id) THEN
        RAISE EXCEPTION 'a campaign whose keys were destroyed never opens again'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_shredded_stays_closed';
    END IF;
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) <> current_user
            AND (NEW.disclosure, NEW.at_risk) IS DISTINCT FROM (OLD.disclosure, OLD.at_risk)
            AND EXISTS (SELECT FROM signatures_submission WHERE campaign_id = NEW.id
                        UNION ALL SELECT FROM signatures_register WHERE campaign_id = NEW.id AND last_number > 0) THEN
        PERFORM spend_approval('disclosure', jsonb_build_object(
            'campaign', NEW.id, 'disclosure', NEW.disclosure, 'at_risk', NEW.at_risk));
    END IF;
    RETURN NEW;
END $$;
-- After campaign_guard, by its name: what could only be widened is refused before an approval is spent.
CREATE TRIGGER campaign_two_people BEFORE UPDATE ON petitions_campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_two_people();
"""

# A role is taken away by one person, at once; it is given by two.
ROLES = """
CREATE FUNCTION membership_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) <> current_user THEN
        PERFORM spend_approval('membership', jsonb_build_object(
            'user', NEW.user_id, 'section', NEW.section_id, 'role', NEW.role));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER membership_two_people BEFORE INSERT OR UPDATE ON petitions_membership
    FOR EACH ROW EXECUTE FUNCTION membership_two_people();
"""

# This row is what a worker writes before it destroys the keys: no approval, no row; for the owner neither.
SHREDDING = """
CREATE FUNCTION shredding_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'what was destroyed stays destroyed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shredding_is_final';
    END IF;
    PERFORM spend_approval('shredding', jsonb_build_object('campaign', NEW.campaign_id));
    RETURN NEW;
END $$;
CREATE TRIGGER shredding_two_people BEFORE INSERT OR UPDATE OR DELETE ON signatures_shredding
    FOR EACH ROW EXECUTE FUNCTION shredding_two_people();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("petitions", "0005_life"),
        ("signatures", "0010_news"),
    ]

    operations = [
        migrations.CreateModel(
            name="Shredding",
            fields=[
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="shredding",
                        serialize=False,
                        to="petitions.campaign",
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), verbose_name="destroyed"
                    ),
                ),
            ],
            options={
                "verbose_name": "shredding",
                "verbose_name_plural": "shreddings",
            },
        ),
        migrations.RunSQL(
            PROMISES, "DROP TRIGGER campaign_two_people ON petitions_campaign; DROP FUNCTION campaign_two_people()"
        ),
        migrations.RunSQL(
            ROLES, "DROP TRIGGER membership_two_people ON petitions_membership; DROP FUNCTION membership_two_people()"
        ),
        migrations.RunSQL(
            SHREDDING, "DROP TRIGGER shredding_two_people ON signatures_shredding; DROP FUNCTION shredding_two_people()"
        ),
    ]
