"""The age module that officers' browsers load is the one whose making is written down."""

import hashlib
import json
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "static" / "vendor" / "age-encryption"


def test_age_module_is_the_one_its_readme_describes():
    (written,) = re.findall(r"`age\.js`: `([0-9a-f]{64})`", (FOLDER / "README.md").read_text())
    assert hashlib.sha256((FOLDER / "age.js").read_bytes()).hexdigest() == written


def test_each_bundled_package_is_named_with_its_version_and_licence():
    readme, licences = (FOLDER / "README.md").read_text(), (FOLDER / "LICENSES").read_text()
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    bundled = set(re.findall(r"^// node_modules/(?:.*node_modules/)?((?:@[\w-]+/)?[\w-]+)/", _module(), re.MULTILINE))
    assert "age-encryption" in bundled
    for path, package in packages.items():
        name = path.rpartition("node_modules/")[2]
        if name in bundled:
            (row,) = re.findall(rf"^\| {re.escape(name)} \|.*$", readme, re.MULTILINE)
            assert package["version"] in row
            assert package["license"] in row
            assert f"{name} {package['version']}" in licences


def test_age_module_runs_under_the_strictest_rules():
    """No eval, no function made of text, no WebAssembly, nothing fetched."""
    assert not re.findall(r"\beval\(|new Function\(|WebAssembly\.|\bfetch\(|importScripts|XMLHttpRequest", _module())


def _module() -> str:
    return (FOLDER / "age.js").read_text()
