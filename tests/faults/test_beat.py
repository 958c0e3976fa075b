"""Beat only notifies: it is given no database, no keyring and no mail server."""

from __future__ import annotations

from tests.support.stack import RECOVERY, Stack, kill, wait_until

UNNEEDED = ("DATABASE_URL", "KEYRING_DIR", "MAIL_URL", "SITE_URL", "DEMO_MAIL_DIR", "ALERTS_TO")


def test_beat_notifies_without_the_database(stack: Stack) -> None:
    kill(stack.beat)
    kill(stack.worker)
    stack.flush_redis()
    beat = stack._beat()
    beat.name, beat.log = "beat-alone", stack.home / "log" / "beat-alone.log"
    beat.env = {name: value for name, value in (beat.env or {}).items() if name not in UNNEEDED}
    beat.start()
    stack._others.append(beat)
    redis = stack.redis()
    for queue in ("undersigned", "undersigned-mail", "undersigned-slow"):
        wait_until(lambda queue=queue: redis.llen(queue) > 0, RECOVERY, f"beat notifies {queue}")
    assert beat.poll() is None
    assert "Error" not in beat.log.read_text()
