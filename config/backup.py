"""What belongs together in a backup, made and put back as one: database, media, attachments and packets, described.

    FOLDER/undersigned-20261130T221500Z/
        database.dump                        pg_dump's own format, as the owner: rights and policies included
        media.tar attachments.tar packets.tar
        description.json                     version, time, a SHA-256 of each: what `restore` holds it to

The keyring is not in it, and must not lie beside it: `export_keyring`. The database comes first, so whatever it names
is in the folders that are read after it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection

from web.redaction import SafeWords

#: Days that a backup is kept: whoever withdrew or was erased is in it for so long.
KEPT_DAYS: Final = 35
NAME: Final = "undersigned-%Y%m%dT%H%M%SZ"
#: Rights on PostgreSQL's own functions are its administrator's (config/database/login_rights.py), not the owner's.
_NOT_OURS: Final = ("--exclude-schema", "pg_catalog")
_MOMENT: Final = "????????T??????Z"
DESCRIPTION: Final = "description.json"
DUMP: Final = "database.dump"


class BackupFailed(SafeWords):
    """A backup could not be made or put back. The words are ours, or those of PostgreSQL's own program."""


def folders() -> dict[str, Path]:
    """Archive → the folder that it holds."""
    storages: dict[str, Any] = settings.STORAGES
    places = {"media": settings.MEDIA_DIR}
    places |= {name: storages[name]["OPTIONS"]["location"] for name in ("attachments", "packets")}
    return {f"{name}.tar": Path(place) for name, place in places.items()}


def backup(into: Path, now: datetime.datetime, programs: Path | None = None) -> Path:
    """Make one, whole or not at all; returns its folder. `programs` has pg_dump, where it is not on the path.

    Raises BackupFailed, OSError.
    """
    made = into / now.strftime(NAME)
    draft = into / f".{made.name}.unfinished"
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft.mkdir(mode=0o700)
    try:
        _program("pg_dump", programs, "--format=custom", *_NOT_OURS, "--file", str(draft / DUMP))
        for archive, folder in folders().items():
            with tarfile.open(draft / archive, "w") as tar:
                if folder.is_dir():
                    tar.add(folder, arcname=".")
        hashes = {file.name: _sha256(file) for file in sorted(draft.iterdir())}
        description = {"version": settings.VERSION, "made": now.isoformat(timespec="seconds"), "files": hashes}
        (draft / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
        draft.rename(made)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return made


def delete_old(into: Path, now: datetime.datetime) -> list[Path]:
    """Delete the backups in this folder that are older than KEPT_DAYS by the time in their name, and after a day what
    is left of one that was broken off; returns them."""
    kept = {f"undersigned-{_MOMENT}": KEPT_DAYS, f".undersigned-{_MOMENT}.unfinished": 1}
    old = []
    for pattern, days in kept.items():
        limit = (now - datetime.timedelta(days=days)).strftime(NAME)
        old += [made for made in sorted(into.glob(pattern)) if made.name.removeprefix(".") < limit]
    for made in old:
        shutil.rmtree(made)
    return old


def restore(made: Path, keyring: Path, programs: Path | None = None) -> None:
    """Put a backup back into an empty database and empty folders. Raises BackupFailed, OSError; then nothing began.

    Leaves `mark_restored`'s file in the keyring: no worker works before the tombstones were replayed.
    """
    _require_whole(made)
    with connection.cursor() as cursor:
        if connection.introspection.table_names(cursor):
            raise BackupFailed("The database is not empty: restore into a new one")
    full = [folder for folder in folders().values() if folder.is_dir() and any(folder.iterdir())]
    if full:
        raise BackupFailed(f"These folders are not empty: {', '.join(map(str, full))}")
    connection.close()
    mark_restored(keyring)
    name = str(connection.settings_dict["NAME"])
    _program("pg_restore", programs, "--exit-on-error", "--dbname", name, str(made / DUMP))
    for archive, folder in folders().items():
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(made / archive) as tar:
            tar.extractall(folder, filter="tar")


def mark_restored(keyring: Path) -> None:
    """See signatures/register/restored.py, which reads it."""
    if not keyring.is_dir():
        raise BackupFailed(f"There is no keyring in {keyring}: put it back first, with import_keyring")
    (keyring / "restored").touch(mode=0o644)


def _require_whole(made: Path) -> None:
    try:
        files: dict[str, str] = json.loads((made / DESCRIPTION).read_text())["files"]
    except (OSError, ValueError, KeyError):
        raise BackupFailed(f"{made} is no backup: it has no {DESCRIPTION}") from None
    wrong = [name for name in (DUMP, *folders()) if name not in files or _hash_or_none(made / name) != files[name]]
    if wrong:
        raise BackupFailed(f"{made} is damaged: {', '.join(wrong)}")


def _hash_or_none(file: Path) -> str | None:
    return _sha256(file) if file.is_file() else None


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _program(name: str, programs: Path | None, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on our database; the password goes by its environment."""
    database = connection.settings_dict
    options: dict[str, Any] = database["OPTIONS"]
    given = {
        "PGHOST": database["HOST"],
        "PGPORT": database["PORT"],
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "PGDATABASE": database["NAME"],
        "PGSSLMODE": options.get("sslmode"),
        "PGSSLROOTCERT": options.get("sslrootcert"),
    }
    environment = {**os.environ, **{key: str(value) for key, value in given.items() if value}}
    program = shutil.which(name, path=str(programs) if programs else None)
    if program is None:
        raise BackupFailed(f"{name} is not installed (Debian: apt-get install postgresql-client)")
    done = subprocess.run([program, *arguments], env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        # Of what it says, the first line names the object and the reason; rows are further down, if anywhere.
        reason = next(iter(done.stderr.splitlines()), "")
        raise BackupFailed(f"{name} ended with status {done.returncode}: {reason}")
