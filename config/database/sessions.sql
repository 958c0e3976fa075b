-- Sessions of staff that are over: nobody needs them, and the list of one's own sessions holds addresses. The worker that
-- prunes has no right on either table, for whoever has the key of a session is logged in. So it calls this, which takes
-- nothing: by the database's clock, and by the owner's rights. A session lasts twelve hours from its login at most
-- (SESSION_COOKIE_AGE in config/settings.py).

CREATE OR REPLACE FUNCTION delete_ended_sessions() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sessions bigint;
    listed bigint;
BEGIN
    DELETE FROM django_session WHERE expire_date < now();
    GET DIAGNOSTICS sessions = ROW_COUNT;
    DELETE FROM usersessions_usersession u
     WHERE created_at < now() - interval :'session_expires'
       AND NOT EXISTS (SELECT FROM django_session s WHERE s.session_key = u.session_key);
    GET DIAGNOSTICS listed = ROW_COUNT;
    RETURN sessions + listed;
END
$$;
