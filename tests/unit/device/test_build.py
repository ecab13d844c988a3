"""The build: idempotent, whole or not at all, and clear about what is missing. A stand-in plays npm and Node.js."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from hubwire.device import build, node
from hubwire.device.assets import load_assets
from hubwire.device.build import ensure_built
from hubwire.device.node import BuildFailed
from hubwire.device.notices import third_party_notices

FAKE_NODE = """#!/bin/sh
if [ "$1" = --version ]; then echo v20.1.0; exit; fi
for name in hubspot-device head boot; do echo "/* $name */" > "$2/$name.js"; done
echo 'https://@host@ @key@' > "$2/snippet.txt"
"""
FAKE_NPM = """#!/bin/sh
echo "$@" >> calls.txt
if [ -f offline ]; then echo "npm error network"; exit 1; fi
"""


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A browser folder with installed packages, and fake programs on the PATH."""
    folder = tmp_path / "browser"
    core = folder / "node_modules" / build.CORE_PACKAGE
    scripts = core / "dist" / "umd"
    scripts.mkdir(parents=True)
    (folder / "src").mkdir()
    (folder / "src" / "index.js").write_text("// plugin")
    (folder / "package.json").write_text('{"version": "1.0.0"}')
    (folder / "package-lock.json").write_text("{}")
    (core / "package.json").write_text('{"name": "core", "version": "1.84.3", "dependencies": {"below": "1"}}')
    (core / "LICENSE.MD").write_text("MIT License of core")
    below = folder / "node_modules" / "below"
    below.mkdir()
    (below / "package.json").write_text('{"name": "below", "version": "2.0.0", "license": "MIT"}')
    (below / "Readme.md").write_text("# below\n\n## License\n\n  MIT\n\n## More\n")
    (scripts / "index.js").write_text("core()\n//# sourceMappingURL=index.js.map")
    for chunk in ("a.bundle.1.js", "a.bundle.1.js.map", "a.bundle.1.js.gz", "tsub-middleware.bundle.2.js"):
        (scripts / chunk).write_text("chunk()")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("node", FAKE_NODE), ("npm", FAKE_NPM)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def npm_calls(browser: Path) -> int:
    path = browser / "calls.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_builds_what_is_served(browser: Path, tmp_path: Path) -> None:
    outcome = ensure_built(browser, tmp_path / "bundle")
    assert "built in" in outcome
    assets = load_assets(tmp_path / "bundle")
    assert assets is not None
    assert assets.core == b"core()\n"
    assert list(assets.chunks) == ["a.bundle.1.js"]
    assert (assets.core_version, assets.plugin_version[:6]) == ("1.84.3", "1.0.0-")
    assert not list(tmp_path.glob(".bundle*"))


def test_packages_come_by_the_lock_file_and_run_no_scripts(browser: Path, tmp_path: Path) -> None:
    ensure_built(browser, tmp_path / "bundle")
    assert (browser / "calls.txt").read_text().startswith("ci --ignore-scripts")


def test_nothing_changed_nothing_done(browser: Path, tmp_path: Path) -> None:
    ensure_built(browser, tmp_path / "bundle")
    assert "up to date" in ensure_built(browser, tmp_path / "bundle")
    assert npm_calls(browser) == 1
    ensure_built(browser, tmp_path / "bundle", force=True)
    assert npm_calls(browser) == 2


def test_a_changed_plugin_is_built_again(browser: Path, tmp_path: Path) -> None:
    ensure_built(browser, tmp_path / "bundle")
    (browser / "src" / "index.js").write_text("// changed")
    assert "built in" in ensure_built(browser, tmp_path / "bundle")


def test_a_build_that_fails_says_why_and_leaves_the_old_one(browser: Path, tmp_path: Path) -> None:
    ensure_built(browser, tmp_path / "bundle")
    (browser / "offline").touch()
    with pytest.raises(BuildFailed, match="npm error network"):
        ensure_built(browser, tmp_path / "bundle", force=True)
    assert load_assets(tmp_path / "bundle") is not None
    assert not list(tmp_path.glob(".bundle*"))


def test_a_package_without_its_scripts_is_noticed(browser: Path, tmp_path: Path) -> None:
    (browser / "node_modules" / build.CORE_PACKAGE / "dist" / "umd" / "index.js").unlink()
    with pytest.raises(BuildFailed, match="has its layout changed"):
        ensure_built(browser, tmp_path / "bundle")


def test_an_installed_package_needs_no_build(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"stamp": "x"}))
    assert "came with the package" in ensure_built(tmp_path / "nowhere", tmp_path)
    with pytest.raises(BuildFailed, match="source checkout"):
        ensure_built(tmp_path / "nowhere", tmp_path / "empty")


def test_no_node_outside_a_virtual_environment_is_one_clear_message(
    browser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(BuildFailed, match=r"apt-get install nodejs npm[\s\S]*python -m hubwire.device.build"):
        ensure_built(browser, tmp_path / "bundle")


def test_no_node_and_no_registry_says_what_failed_and_what_to_do(
    browser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ERROR: No matching distribution found'\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(BuildFailed, match=r"No matching distribution found[\s\S]*apt-get install nodejs npm"):
        ensure_built(browser, tmp_path / "bundle")


def test_an_old_node_is_not_taken(browser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin" / "node").write_text("#!/bin/sh\necho v12.0.0\n")
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(BuildFailed, match="18 or newer"):
        node.find_node()


def test_notices_name_every_package_with_its_licence(browser: Path) -> None:
    text = third_party_notices(browser, build.CORE_PACKAGE)
    assert "core 1.84.3\n\nMIT License of core" in text
    assert "below 2.0.0\n\nLicense: MIT" in text


def test_assets_of_half_a_build_are_no_assets(browser: Path, tmp_path: Path) -> None:
    assert load_assets(tmp_path / "bundle") is None
    ensure_built(browser, tmp_path / "bundle")
    (tmp_path / "bundle" / "boot.js").unlink()
    assert load_assets(tmp_path / "bundle") is None
