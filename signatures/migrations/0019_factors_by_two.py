"""The last second factor of a login goes by two people, and a role is given to somebody who has one."""

from django.db import migrations, models

# Of two that are removed at the same moment, each would see the other: the person's row is locked first.
LAST_FACTOR = """
CREATE FUNCTION last_factor_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) = current_user
            OR OLD.type NOT IN ('totp', 'webauthn') THEN
        RETURN OLD;
    END IF;
    PERFORM FROM auth_user WHERE id = OLD.user_id FOR UPDATE;
    IF NOT EXISTS (SELECT FROM mfa_authenticator
                    WHERE user_id = OLD.user_id AND id <> OLD.id AND type IN ('totp', 'webauthn')) THEN
        PERFORM spend_approval('factors', jsonb_build_object('user', OLD.user_id));
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER last_factor_two_people BEFORE DELETE ON mfa_authenticator
    FOR EACH ROW EXECUTE FUNCTION last_factor_two_people();
"""

# Else whoever had made the one-time link of a newcomer could use it, and hold the role. Before the approval is spent.
ROLES = """
CREATE OR REPLACE FUNCTION membership_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) = current_user THEN
        RETURN NEW;
    END IF;
    {needs}
    PERFORM spend_approval('membership', jsonb_build_object(
        'user', NEW.user_id, 'section', NEW.section_id, 'role', NEW.role));
    RETURN NEW;
END $$;
"""
NEEDS_A_FACTOR = """
    IF NOT EXISTS (SELECT FROM auth_user u JOIN mfa_authenticator a ON a.user_id = u.id
                    WHERE u.id = NEW.user_id AND u.is_active AND a.type IN ('totp', 'webauthn')) THEN
        RAISE EXCEPTION 'a role is given to somebody who has a second factor'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'membership_needs_second_factor';
    END IF;
"""


class Migration(migrations.Migration):
    dependencies = [("mfa", "0003_authenticator_type_uniq"), ("signatures", "0018_what_is_not_counted")]

    operations = [
        migrations.AlterField(
            model_name="proposal",
            name="kind",
            field=models.CharField(
                choices=[
                    ("delivery", "Delivery"),
                    ("recipient", "Key of an officer"),
                    ("membership", "Role"),
                    ("factors", "Second factors removed"),
                    ("disclosure", "Disclosure"),
                    ("shredding", "Shredding"),
                ],
                max_length=12,
                verbose_name="what",
            ),
        ),
        migrations.RunSQL(
            LAST_FACTOR,
            "DROP TRIGGER last_factor_two_people ON mfa_authenticator; DROP FUNCTION last_factor_two_people()",
        ),
        migrations.RunSQL(ROLES.format(needs=NEEDS_A_FACTOR), ROLES.format(needs="")),
    ]
