-- What staff write into content, logins, roles and settings is in the audit trail, whoever writes it and by whatever
-- means: a page that forgets to say so, and the desk's role by plain SQL, leave an entry all the same. The owner makes
-- installations and demos, and a worker says in its own entries what it did.

-- One value as the trail shows it: short ones as they are; texts, and what may hold an address, by a hash that tells
-- whether a text that somebody has is the one.
CREATE OR REPLACE FUNCTION audit_shown(value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp AS $$
SELECT CASE WHEN jsonb_typeof(value) IN ('number', 'boolean', 'null') THEN value
            WHEN jsonb_typeof(value) = 'string' AND length(value #>> '{}') <= 40 AND strpos(value #>> '{}', '@') = 0
            THEN value
            ELSE to_jsonb('sha256 ' || left(encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 16)) END
$$;

-- {column: what it is now} of what differs, but of none of these columns. A new row shows what is not empty.
CREATE OR REPLACE FUNCTION audit_changes(before jsonb, after jsonb, but text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE
    SET search_path = public, pg_temp AS $$
SELECT coalesce(jsonb_object_agg(key, audit_shown(value)), '{}')
  FROM jsonb_each(after)
 WHERE key <> ALL(but) AND value IS DISTINCT FROM coalesce(before -> key, 'null')
   AND (before IS NOT NULL OR value NOT IN ('""', '{}', '[]', 'false'))
$$;

-- Of a second factor, also from which network: whoever decides on a role or a removal is shown it (staff/enrolment.py).
-- Arguments: what the row is called; which of its columns leads to a section ("" for none); columns that nobody is told
-- of, as an array. The process says who acts (staff/audit.py); nobody else can know, and the role is known for sure.
CREATE OR REPLACE FUNCTION audit_row() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    acting text := coalesce(nullif(current_setting('role'), 'none'), session_user);
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    is_now jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    told jsonb := coalesce(is_now, was);
    changes jsonb;
    key bigint := told ->> TG_ARGV[1];
    whose bigint;
    why text := CASE WHEN strpos(coalesce(told ->> 'reason', ''), '@') = 0 THEN coalesce(told ->> 'reason', '') ELSE '' END;
BEGIN
    IF acting IN (current_user, :'worker') THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        changes := audit_changes(was, is_now, TG_ARGV[2]::text[] || '{id,reason,search}'::text[]);
        IF TG_OP = 'UPDATE' AND changes = '{}' THEN
            RETURN NULL;
        END IF;
    END IF;
    whose := CASE TG_ARGV[1]
        WHEN 'section_id' THEN key
        WHEN 'campaign_id' THEN (SELECT section_id FROM petitions_campaign WHERE id = key)
        WHEN 'demand_id' THEN (SELECT c.section_id FROM petitions_demand d JOIN petitions_campaign c
                                  ON c.id = d.campaign_id WHERE d.id = key)
        WHEN 'update_id' THEN (SELECT c.section_id FROM petitions_update u JOIN petitions_campaign c
                                  ON c.id = u.campaign_id WHERE u.id = key)
        WHEN 'delivery_id' THEN (SELECT c.section_id FROM signatures_delivery d JOIN petitions_campaign c
                                    ON c.id = d.campaign_id WHERE d.id = key)
    END;
    PERFORM audit_append(
        nullif(current_setting('undersigned.actor', true), '')::integer,
        TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '.added' WHEN 'UPDATE' THEN '.changed' ELSE '.deleted' END,
        whose, CASE WHEN TG_OP = 'INSERT' THEN why ELSE '' END,
        jsonb_strip_nulls(jsonb_build_object(TG_ARGV[0], coalesce(told -> 'id', told -> 'campaign_id', told -> 'update_id'),
                                             'now', changes,
                                             'from', CASE WHEN TG_ARGV[0] = 'factor' THEN
                                                 nullif(current_setting('undersigned.network', true), '') END)));
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_addressee
    FOR EACH ROW EXECUTE FUNCTION audit_row('addressee', '', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_campaign
    FOR EACH ROW EXECUTE FUNCTION audit_row('campaign', 'section_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_takedown
    FOR EACH ROW EXECUTE FUNCTION audit_row('takedown', 'campaign_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_demand
    FOR EACH ROW EXECUTE FUNCTION audit_row('demand', 'campaign_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_demandstep
    FOR EACH ROW EXECUTE FUNCTION audit_row('demand_step', 'demand_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_update
    FOR EACH ROW EXECUTE FUNCTION audit_row('update', 'campaign_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_dossier
    FOR EACH ROW EXECUTE FUNCTION audit_row('dossier', '', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_dossier_campaigns
    FOR EACH ROW EXECUTE FUNCTION audit_row('dossier_campaign', 'campaign_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_coverage
    FOR EACH ROW EXECUTE FUNCTION audit_row('coverage', '', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_picture
    FOR EACH ROW EXECUTE FUNCTION audit_row('picture', 'section_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_claimsnapshot
    FOR EACH ROW EXECUTE FUNCTION audit_row('saved_figure', 'campaign_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON web_section
    FOR EACH ROW EXECUTE FUNCTION audit_row('section', '', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON petitions_letterhead
    FOR EACH ROW EXECUTE FUNCTION audit_row('letterhead', 'section_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON web_identity
    FOR EACH ROW EXECUTE FUNCTION audit_row('identity', 'section_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON web_maintenance
    FOR EACH ROW EXECUTE FUNCTION audit_row('maintenance', '', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON auth_user
    FOR EACH ROW EXECUTE FUNCTION audit_row('login', '', '{last_login,date_joined,first_name,last_name}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON staff_membership
    FOR EACH ROW EXECUTE FUNCTION audit_row('membership', 'section_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_signingrules
    FOR EACH ROW EXECUTE FUNCTION audit_row('signing_rules', 'campaign_id', '{work_until}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_networkrule
    FOR EACH ROW EXECUTE FUNCTION audit_row('network_rule', '', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_mailing
    FOR EACH ROW EXECUTE FUNCTION audit_row('mailing', 'update_id', '{text_sha256}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_ruling
    FOR EACH ROW EXECUTE FUNCTION audit_row('ruling', 'campaign_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_handover
    FOR EACH ROW EXECUTE FUNCTION audit_row('handover', 'delivery_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_case
    FOR EACH ROW EXECUTE FUNCTION audit_row('case', 'section_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_caseact
    FOR EACH ROW EXECUTE FUNCTION audit_row('case_act', 'campaign_id', '{}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON signatures_announcement
    FOR EACH ROW EXECUTE FUNCTION audit_row('announcement', 'delivery_id', '{}');

-- A passkey counts its uses, and recovery codes are crossed out; nobody changes the secret of an authenticator app.
CREATE OR REPLACE TRIGGER audited AFTER INSERT OR DELETE ON mfa_authenticator
    FOR EACH ROW EXECUTE FUNCTION audit_row('factor', '', '{data,created_at,last_used_at}');

CREATE OR REPLACE TRIGGER audited_secret AFTER UPDATE ON mfa_authenticator
    FOR EACH ROW WHEN (NEW.type = 'totp' OR OLD.type = 'totp' OR NEW.user_id <> OLD.user_id)
    EXECUTE FUNCTION audit_row('factor', '', '{created_at,last_used_at}');

CREATE OR REPLACE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON web_standingpage
    FOR EACH ROW EXECUTE FUNCTION audit_row('page', 'section_id', '{changed_on}');
