"""The static files that all sites of a run share; as a program: collects them where they are not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from config.local.collected import state_of_static

ROOT = Path(__file__).resolve().parents[2]


def collect_static() -> Path:
    """Where they lie. Once for each state of what is collected: compressing takes ten seconds of processor."""
    collected = ROOT / ".pytest_cache" / f"static-{state_of_static(ROOT)}"
    if collected.exists():
        return collected
    collected.parent.mkdir(exist_ok=True)
    folder = tempfile.mkdtemp(prefix="static-", dir=collected.parent)
    environment = {**os.environ, "STATIC_ROOT": folder, "SECRET_KEY": "collecting", "ROLE": "owner"}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    for older in collected.parent.glob("static-*"):
        if older.stat().st_mtime < time.time() - 3600:  # another run may still serve a younger one
            shutil.rmtree(older, ignore_errors=True)
    try:
        Path(folder).rename(collected)
    except OSError:  # another run was faster, with the same
        shutil.rmtree(folder)
    return collected


if __name__ == "__main__":
    collect_static()
