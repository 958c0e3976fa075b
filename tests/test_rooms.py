"""The rooms of docs/architecture.md: who may import whom, read off the source; what a process has loaded in the end."""

import ast
import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.celery import STAGES

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("web", "staff", "petitions", "signatures", "config")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if "migrations" not in path.parts
}
#: Where staff work: never in a process that serves the public.
DESK = ("staff", "petitions.admin", "petitions.desk", "signatures.admin", "signatures.desk")
#: What takes what supporters send: never in a process that serves staff.
INTAKE = ("signatures.intake",)
#: Where the keys are.
WORKERS = ("signatures.register", "signatures.matching", "signatures.delivery", "signatures.tasks")
#: What starts processes and fills them: above all rooms.
TOP = ("config", "signatures.management", "signatures.demo", "petitions.demo")
#: Who starts from where: the public site, the desk.
PUBLIC_DOORS = ("petitions.urls", "signatures.urls")
#: Staff's tables are named by foreign keys of public models; a table is no power.
STAFF_TABLES = ("staff.models", "staff.models.audit", "staff.models.membership", "staff.models.proposal")
DESK_DOORS = ("staff.admin", "staff.admin_site", "petitions.admin.content", "signatures.admin")


def within(name, *rooms):
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@functools.cache
def tree_of(name):
    return ast.parse(FILES[name].read_text(), str(FILES[name]))


def _nodes(name, *, at_import):
    """The syntax of a module; without the bodies of functions where only what runs on import is asked for."""
    waiting = [tree_of(name)]
    while waiting:
        node = waiting.pop()
        yield node
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        waiting.extend(ast.iter_child_nodes(node))


@functools.cache
def imports_of(name, *, at_import=False):
    """Our modules that this one names in an import statement, wherever in it."""
    found = set()
    for node in _nodes(name, at_import=at_import):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively: say the whole name"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in FILES else node.module)
    return frozenset(module for module in found if module in FILES) - {name}


def reached_from(*names):
    """Everything that those modules import, and what that imports, and so on."""
    seen, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(imports_of(name))
    return seen


def named(*rooms):
    return [name for name in FILES if within(name, *rooms) and not within(name, *TOP)]


def breaches(name, *forbidden):
    """What this module reaches and must not, each with how it gets there."""
    return [module for module in reached_from(name) if within(module, *forbidden)]


def that_break(names, rule):
    """{module: what is wrong with it}, of those where the rule finds something."""
    return {name: found for name in sorted(names) if (found := rule(name))}


def test_the_rooms_are_there():
    assert {
        "signatures.register.admission",
        "signatures.intake.submissions",
        "signatures.delivery.build",
    } <= FILES.keys()
    assert set(PUBLIC_DOORS) | set(DESK_DOORS) <= FILES.keys()


def test_the_floor_stands_on_nothing():
    assert not that_break(named("web"), lambda name: breaches(name, "staff", "petitions", "signatures", "config"))


def test_staff_knows_no_petition():
    assert not that_break(named("staff"), lambda name: breaches(name, "petitions", "signatures", "config"))


def test_petitions_knows_nothing_of_signatures():
    assert not that_break(named("petitions"), lambda name: breaches(name, "signatures", "config"))


def test_nothing_stands_on_the_roof():
    assert not that_break(named("signatures"), lambda name: breaches(name, *TOP))


def test_the_public_site_has_no_staff_and_no_key():
    def forbidden(name):
        # Staff's tables are named by foreign keys; their models hold no power.
        return [m for m in imports_of(name) if within(m, *DESK, *WORKERS) and m not in STAFF_TABLES]

    assert not that_break(reached_from(*PUBLIC_DOORS), forbidden)


def test_the_desk_takes_no_signature_and_has_no_key():
    def forbidden(name):
        return [module for module in imports_of(name) if within(module, *INTAKE, *WORKERS)]

    assert not that_break(reached_from(*DESK_DOORS), forbidden)


#: What compares people, without the register that they are in.
PURE_MATCHING = [
    f"signatures.matching.{name}" for name in ("scripts", "names", "details", "blocking", "weights", "in_memory")
]


@pytest.mark.parametrize(
    "name",
    [
        "signatures.sealing",
        "signatures.identity",
        "signatures.bech32",
        "signatures.initials",
        "signatures.mail_providers",
        "signatures.models.published.channels",
        "web.spreadsheets",
        *PURE_MATCHING,
    ],
)
def test_the_pure_rooms_import_nothing_of_ours_and_nothing_of_django(name):
    assert imports_of(name) <= {"signatures.mail_providers", "signatures.identity", *PURE_MATCHING}
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not [module for module in imported if module.split(".")[0] in {"django", "celery", "redis", "psycopg"}]


def test_models_import_only_models():
    def forbidden(name):
        return [m for m in imports_of(name) if not within(m, "petitions", "web", "staff.models", "signatures.models")]

    assert not that_break(named("signatures.models"), forbidden)


def test_where_the_keys_are_nothing_of_the_webs_is():
    webs = ("signatures.intake", "signatures.desk", "signatures.admin", "signatures.views")
    holders = named("signatures.register", "signatures.matching", "signatures.delivery")
    assert not that_break(holders, lambda name: breaches(name, *webs))


def test_the_register_knows_no_delivery_and_no_matching():
    above = ("signatures.delivery", "signatures.matching")
    assert not that_break(named("signatures.register"), lambda name: breaches(name, *above))


def test_no_module_imports_itself_through_others():
    circles = []
    for name in FILES:
        seen, waiting = set(), list(imports_of(name, at_import=True))
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting.extend(imports_of(module, at_import=True))
        if name in seen:
            circles.append(name)
    assert circles == []


def _calls(name, attribute):
    calls = (node.func for node in ast.walk(tree_of(name)) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Attribute) and called.attr == attribute for called in calls)


CURSORS = (
    "config",
    "signatures.intake",
    "signatures.desk",
    "signatures.register",
    "signatures.delivery",
    "signatures.demo",
)
#: Whether there is a database, and the one way into the trail.
CURSORS += ("web.health", "staff.audit")


def test_sql_stands_in_the_stages_only():
    others = [name for name in FILES if not within(name, *CURSORS) and "migrations" not in name]
    assert not that_break(others, lambda name: _calls(name, "cursor"))


def test_no_sql_hides_in_the_orm():
    ours = [name for name in FILES if "migrations" not in name]
    assert not that_break(ours, lambda name: _calls(name, "raw") or _calls(name, "extra"))


def test_there_is_no_room_for_odds_and_ends():
    assert not [name for name in FILES if name.rpartition(".")[2] in {"utils", "util", "helpers", "services", "common"}]


# --- what is loaded in the end --------------------------------------------------------------------------------

WEB_PROCESS = """
import json, sys
import config.wsgi
from django.core.checks import run_checks
run_checks()
from django.urls import get_resolver
get_resolver().url_patterns
from signatures import notify_worker
notify_worker.WorkerNotifier()._send("admit")
from config.celery import app
print(json.dumps([sorted(sys.modules), sorted(name for name in app.tasks if name.startswith("signatures."))]))
"""
WORKER_PROCESS = """
import json, sys
from config.celery import app
app.loader.import_default_modules()
print(json.dumps([sorted(sys.modules), sorted(name for name in app.tasks if name.startswith("signatures."))]))
"""


def _in_a_process(source, role):
    environment = {name: value for name, value in os.environ.items() if name not in {"KEYRING_DIR", "ROLE"}}
    environment |= {"ROLE": role, "QUEUE": "rooms"}
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    modules, tasks = json.loads(done.stdout.splitlines()[-1])
    return modules, tasks


def test_a_public_process_has_loaded_neither_staffs_code_nor_the_workers():
    modules, tasks = _in_a_process(WEB_PROCESS, "public")
    assert "signatures.intake.submissions" in modules
    staff = [module for module in modules if within(module, *DESK) and module not in STAFF_TABLES and FILES.get(module)]
    assert staff == ["staff", "staff.apps"]
    assert not [module for module in modules if within(module, *WORKERS)]
    # Of Django's admin, django-countries loads classes; nothing of it is installed.
    assert not {"pyrage", "django.contrib.sessions.models", "django.contrib.admin.models", "allauth", "unfold"} & set(
        modules
    )
    assert tasks == []


def test_a_desk_process_has_loaded_nothing_that_takes_signatures_and_no_workers_code():
    modules, tasks = _in_a_process(WEB_PROCESS, "desk")
    assert "signatures.desk.deliveries" in modules
    assert not [module for module in modules if within(module, *INTAKE, *WORKERS)]
    assert "pyrage" not in modules
    assert tasks == []


def test_a_worker_knows_every_task_that_is_rung_or_swept():
    _, tasks = _in_a_process(WORKER_PROCESS, "worker")
    assert tasks == sorted(f"signatures.{stage}" for stage in STAGES)


def test_every_ring_names_a_task():
    rung = {
        node.args[0].value
        for name in FILES
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "notify_worker"
    }
    known = {node.name for node in tree_of("signatures.tasks").body if isinstance(node, ast.FunctionDef)}
    named = {
        keyword.value.value.removeprefix("signatures.")
        for node in ast.walk(tree_of("signatures.tasks"))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "name"
    }
    assert rung
    assert rung <= named
    assert len(named) == len(known)


# --- templates ------------------------------------------------------------------------------------------------

TEMPLATES = ROOT / "templates"
_NAMED = re.compile(r"""{%\s*(?:extends|include)\s+["']([^"']+)["']""")
_RENDERED = re.compile(r"""["']((?:web|staff|petitions|signatures)/[\w/]+\.(?:html|txt|xml))["']""")
#: Which rooms' templates a room may use: its own, and those below it. What lies in no room is the floor's.
MAY_USE = {
    "staff": {"staff"},
    "petitions": {"petitions"},
    "signatures": {"signatures", "petitions", "staff"},
    "config": {"inbox"},
}


def room_of(template):
    first = template.split("/")[0]
    return first if "/" in template and first in {*ROOMS, "inbox"} else None


def test_templates_use_only_what_lies_below_them():
    def forbidden(name):
        room = room_of(name)
        used = {room_of(other) for other in _NAMED.findall((TEMPLATES / name).read_text())} - {None}
        return used - (MAY_USE.get(room, set()) | ({room} - {None}) | ({"staff"} if room is None else set()))

    assert not that_break((path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*")), forbidden)


def test_code_renders_only_templates_of_its_room_and_below():
    def forbidden(name):
        room = name.split(".")[0]
        used = {room_of(template) for template in _RENDERED.findall(FILES[name].read_text())} - {None}
        return used - (MAY_USE.get(room, set()) | {room})

    assert not that_break(FILES, forbidden)
