-- Networks that are let through or kept out: until some day, and for the first ten minutes only counting whom they meet,
-- so that whoever mistypes one sees it before anybody is refused. See two_people.sql for who acts; the owner passes.

CREATE OR REPLACE FUNCTION network_rule_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) = current_user THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' OR (NEW.network, NEW.verdict) IS DISTINCT FROM (OLD.network, OLD.verdict) THEN
        NEW.made_at := now();
        NEW.trial_until := now() + interval :'network_trial';
    ELSE
        NEW.made_at := OLD.made_at;
        NEW.trial_until := OLD.trial_until;
    END IF;
    IF NEW.until > now() + interval :'network_rule_lasts' + interval '1 minute' THEN
        RAISE EXCEPTION 'a rule for a network ends within a year'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'network_rule_ends';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER network_rule_guard BEFORE INSERT OR UPDATE ON signatures_networkrule
    FOR EACH ROW EXECUTE FUNCTION network_rule_guard();
