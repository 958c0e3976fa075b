"""What a column's rights and constraints cannot say: which rows, and rules that span two tables."""

from django.db import migrations

# Fail closed: with row security on and no policy, web and worker see nothing. config/grants.py has the policies.
ROW_SECURITY = """
ALTER TABLE signatures_submission ENABLE ROW LEVEL SECURITY;
ALTER TABLE signatures_withdrawal ENABLE ROW LEVEL SECURITY;
ALTER TABLE signatures_delivery ENABLE ROW LEVEL SECURITY;
"""
NO_ROW_SECURITY = """
ALTER TABLE signatures_submission DISABLE ROW LEVEL SECURITY;
ALTER TABLE signatures_withdrawal DISABLE ROW LEVEL SECURITY;
ALTER TABLE signatures_delivery DISABLE ROW LEVEL SECURITY;
"""

# A campaign opens only with keys, and what signers were promised is never widened behind their backs.
# SECURITY DEFINER, with a fixed search path: web may not read everything the rule looks at.
CAMPAIGN_GUARD = """
CREATE FUNCTION campaign_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ranks text[] := ARRAY['count', 'initials', 'named', 'full'];
BEGIN
    IF NEW.state = 'open' AND NOT EXISTS (SELECT FROM signatures_campaignkey WHERE campaign_id = NEW.id) THEN
        RAISE EXCEPTION 'a campaign cannot open before a worker has made its keys'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_opens_with_keys';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.uid <> OLD.uid THEN
            RAISE EXCEPTION 'a campaign''s uid never changes: its keys are bound to it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_uid_is_fixed';
        END IF;
        IF (array_position(ranks, NEW.disclosure::text) > array_position(ranks, OLD.disclosure::text)
                OR OLD.at_risk AND NOT NEW.at_risk
                OR NEW.addressee_id <> OLD.addressee_id)
                AND EXISTS (SELECT FROM signatures_submission WHERE campaign_id = NEW.id
                            UNION ALL SELECT FROM signatures_register WHERE campaign_id = NEW.id AND last_number > 0) THEN
            RAISE EXCEPTION 'what signers were promised can only be narrowed once somebody has signed'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_disclosure_only_narrows';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_guard BEFORE INSERT OR UPDATE ON petitions_campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_guard();
"""
NO_CAMPAIGN_GUARD = """
DROP TRIGGER campaign_guard ON petitions_campaign;
DROP FUNCTION campaign_guard();
"""

# No delivery gives its addressee more than the campaign allows; a third party that verifies may get all. At risk,
# everybody gets totals only. What is given up is let through: nothing leaves with it, and a delivery that could
# not even fail, because its campaign was narrowed meanwhile, would wait for ever.
DELIVERY_GUARD = """
CREATE FUNCTION delivery_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ranks text[] := ARRAY['count', 'initials', 'named', 'full'];
    allowed text;
    endangered boolean;
    own_addressee bigint;
    third_party boolean;
BEGIN
    SELECT disclosure, at_risk, addressee_id INTO allowed, endangered, own_addressee
      FROM petitions_campaign WHERE id = NEW.campaign_id;
    -- Whom the campaign addresses is never the third party, whatever web wrote into the addressee's row.
    SELECT trusted_third_party AND id <> own_addressee INTO third_party
      FROM petitions_addressee WHERE id = NEW.addressee_id;
    IF (endangered AND NEW.profile <> 'count'
            OR NOT third_party AND array_position(ranks, NEW.profile::text) > array_position(ranks, allowed))
            AND NEW.state NOT IN ('withdrawn', 'expired', 'failed') THEN
        RAISE EXCEPTION 'this campaign does not allow that profile for this addressee'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_within_disclosure';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'ready' AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'a sealed delivery never changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delivery_sealed_is_final';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER delivery_guard BEFORE INSERT OR UPDATE ON signatures_delivery
    FOR EACH ROW EXECUTE FUNCTION delivery_guard();
"""
NO_DELIVERY_GUARD = """
DROP TRIGGER delivery_guard ON signatures_delivery;
DROP FUNCTION delivery_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("signatures", "0001_initial")]

    operations = [
        migrations.RunSQL(ROW_SECURITY, NO_ROW_SECURITY),
        migrations.RunSQL(CAMPAIGN_GUARD, NO_CAMPAIGN_GUARD),
        migrations.RunSQL(DELIVERY_GUARD, NO_DELIVERY_GUARD),
    ]
