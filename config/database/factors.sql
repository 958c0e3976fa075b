-- Second factors of logins. Whoever could remove a person's last one alone could then log in as that person: it takes
-- two people. See two_people.sql for who acts.

-- Of two that are removed at the same moment, each would see the other: the person's row is locked first.
CREATE OR REPLACE FUNCTION last_factor_two_people() RETURNS trigger
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

CREATE OR REPLACE TRIGGER last_factor_two_people BEFORE DELETE ON mfa_authenticator
    FOR EACH ROW EXECUTE FUNCTION last_factor_two_people();
