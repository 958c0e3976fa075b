"""No two logins differ by case only: phones begin what is typed with a capital, and who reads it takes one for the other."""

from django.db import migrations

INDEX = """
DO $$
DECLARE names text;
BEGIN
    SELECT string_agg(alike, '; ') INTO names FROM (
        SELECT string_agg(username, ', ' ORDER BY id) AS alike FROM auth_user GROUP BY upper(username) HAVING count(*) > 1
    ) AS each;
    IF names IS NOT NULL THEN
        RAISE EXCEPTION 'These logins differ by case only: %. Rename all but one of each.', names;
    END IF;
END $$;
-- Also what looks a login up whatever its case (staff/login/names.py).
CREATE UNIQUE INDEX login_without_case ON auth_user (upper(username));
"""


class Migration(migrations.Migration):
    dependencies = [
        ("staff", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX login_without_case;")]
