"""`make release`: what keeps a commit from being a release, and what it makes."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from tests.deploy.files import ROOT

from hubwire import __version__

SCRIPT = ROOT / "scripts" / "release.py"


@pytest.fixture
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_changelog_chart_and_manifests_have_the_version_of_the_code(release: ModuleType) -> None:
    assert release.what_is_missing(must_be_clean=False) == []


def test_each_file_with_another_version_is_named(release: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "__version__", "9.8.7")
    assert release.what_is_missing(must_be_clean=False) == [
        "  CHANGELOG.md has no section '## 9.8.7 - YYYY-MM-DD'",
        f"  deploy/helm/hubwire/Chart.yaml names {__version__}, not 9.8.7",
        f"  deploy/kubernetes/kustomization.yaml names {__version__}, not 9.8.7",
    ]


def test_a_failed_step_ends_the_release_with_its_words(release: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"(?s)failed \(3\).*no network"):
        release.run(sys.executable, "-c", "import sys; print('no network'); sys.exit(3)")


@pytest.mark.slow
def test_a_release_has_all_parts_and_each_works(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--allow-changes", "--dist", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wheel, source, chart = (
        tmp_path / f"hubwire-{__version__}-py3-none-any.whl",
        tmp_path / f"hubwire-{__version__}.tar.gz",
        tmp_path / f"hubwire-chart-{__version__}.tgz",
    )
    assert "hubwire/device/bundle/manifest.json" in zipfile.ZipFile(wheel).namelist()
    with tarfile.open(source) as archive:
        assert f"hubwire-{__version__}/src/hubwire/device/bundle/manifest.json" in archive.getnames()
    with tarfile.open(chart) as archive:
        assert "hubwire/Chart.yaml" in archive.getnames()
    lines = (line.split("  ") for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    sums = {name: digest for digest, name in lines}
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (wheel, source, chart)}
