"""Packets of a series become ready in their order: each says what became of those before it."""

from django.db import migrations

# Two that are sealed at the same moment would not see each other; but the later one then does not see the earlier
# ready, and is refused. What is ready stays so (delivery_guard), so it is enough to look at the one just before.
IN_ORDER = """
CREATE FUNCTION delivery_in_order() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.first_number > 1 AND NOT EXISTS (
            SELECT FROM signatures_delivery
             WHERE campaign_id = NEW.campaign_id AND addressee_id = NEW.addressee_id AND series = NEW.series
               AND state = 'ready' AND last_number = NEW.first_number - 1) THEN
        RAISE EXCEPTION 'the delivery before it in its series is not ready'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_in_order';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER delivery_in_order BEFORE INSERT OR UPDATE ON signatures_delivery
    FOR EACH ROW WHEN (NEW.state = 'ready') EXECUTE FUNCTION delivery_in_order();
"""


class Migration(migrations.Migration):
    dependencies = [("signatures", "0016_administrators_hold_nothing_else")]

    operations = [
        migrations.RunSQL(
            IN_ORDER, "DROP TRIGGER delivery_in_order ON signatures_delivery; DROP FUNCTION delivery_in_order()"
        ),
    ]
