"""Whoever gives roles out sees no signer: an administrator holds no other role."""

from django.db import migrations

# Two roles given at the same moment would not see each other: the person's row is locked first.
NOTHING_ELSE = """
CREATE FUNCTION membership_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM auth_user WHERE id = NEW.user_id FOR UPDATE;
    IF EXISTS (SELECT FROM petitions_membership WHERE user_id = NEW.user_id AND id <> NEW.id
                  AND (role = 'administrator') <> (NEW.role = 'administrator')) THEN
        RAISE EXCEPTION 'an administrator holds no other role'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'membership_administrator_is_nothing_else';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER membership_guard BEFORE INSERT OR UPDATE ON petitions_membership
    FOR EACH ROW EXECUTE FUNCTION membership_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("petitions", "0002_sections"), ("signatures", "0015_handover_log")]

    operations = [
        migrations.RunSQL(
            NOTHING_ELSE, "DROP TRIGGER membership_guard ON petitions_membership; DROP FUNCTION membership_guard()"
        ),
    ]
