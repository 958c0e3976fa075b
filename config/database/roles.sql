-- Who holds which role. A role is taken away by one person, at once; it is given by two, and to somebody who has a
-- second factor. Whoever gives roles out sees no signer: an administrator holds no other role.

-- Two roles given at the same moment would not see each other: the person's row is locked first.
CREATE OR REPLACE FUNCTION membership_guard() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM auth_user WHERE id = NEW.user_id FOR UPDATE;
    IF EXISTS (SELECT FROM staff_membership WHERE user_id = NEW.user_id AND id <> NEW.id
                  AND (role = 'administrator') <> (NEW.role = 'administrator')) THEN
        RAISE EXCEPTION 'an administrator holds no other role'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'membership_administrator_is_nothing_else';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER membership_guard BEFORE INSERT OR UPDATE ON staff_membership
    FOR EACH ROW EXECUTE FUNCTION membership_guard();

-- Without a second factor, whoever had made a newcomer's one-time link could use it and hold the role. This is looked
-- at before the approval is spent.
CREATE OR REPLACE FUNCTION membership_two_people() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF coalesce(nullif(current_setting('role'), 'none'), session_user) = current_user THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM auth_user u JOIN mfa_authenticator a ON a.user_id = u.id
                    WHERE u.id = NEW.user_id AND u.is_active AND a.type IN ('totp', 'webauthn')) THEN
        RAISE EXCEPTION 'a role is given to somebody who has a second factor'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'membership_needs_second_factor';
    END IF;
    PERFORM spend_approval('membership', jsonb_build_object(
        'user', NEW.user_id, 'section', NEW.section_id, 'role', NEW.role));
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER membership_two_people BEFORE INSERT OR UPDATE ON staff_membership
    FOR EACH ROW EXECUTE FUNCTION membership_two_people();
