"""Real SDKs, made ready once and kept under build/. What a machine does not have is one skip line per SDK."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.receive.harness import Receiving, receiving

HERE = Path(__file__).parent
BUILD = HERE.parents[2] / "build" / "sdk"
SET_UP_SECONDS = 300


def run(command: list[str], folder: Path, seconds: int = SET_UP_SECONDS) -> None:
    """Run a step of the set-up; a step that fails (no network, no tool) skips the SDK and says why."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        pytest.skip(f"{' '.join(command[:3])} failed: {''.join(last)[:200]}")


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def once(name: str, *, of: list[Path]) -> tuple[Path, bool]:
    """A folder under build/ that belongs to the contents of these files, and whether it is made already."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in of)).hexdigest()[:12]
    folder = BUILD / f"{name}-{digest}"
    return folder, (folder / ".made").exists()


def note_made(folder: Path) -> None:
    (folder / ".made").touch()


@pytest.fixture(scope="session")
def python_2_3() -> Path:
    """Where segment-analytics-python 2.3.4 lies, apart from the newest one in the virtual environment."""
    folder = BUILD / "python-2.3.4"
    if not (folder / ".made").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--target", str(folder), "segment-analytics-python==2.3.4"], HERE)
        note_made(folder)
    return folder


@pytest.fixture(scope="session")
def node() -> str:
    path, npm = tool("node"), tool("npm")
    lock = HERE / "node" / "package-lock.json"
    installed = HERE / "node" / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        # Not `ci`: it refuses when a registry lacks an optional package for another platform. The lock still pins.
        run([npm, "install", "--no-save", "--silent"], HERE / "node")
    return path


@pytest.fixture(scope="session")
def go_client() -> str:
    go, source = tool("go"), HERE / "go"
    folder, is_made = once("go", of=[source / "main.go", source / "go.mod", source / "go.sum"])
    if not is_made:
        run([go, "build", "-o", str(folder / "client"), "."], source)
        note_made(folder)
    return str(folder / "client")


@pytest.fixture(scope="session")
def java_client() -> list[str]:
    java, mvn, source = tool("java"), tool("mvn"), HERE / "java"
    files = [source / "pom.xml", *sorted((source / "src").rglob("*.java"))]
    folder, is_made = once("java", of=files)
    if not is_made:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        run([mvn, "-q", "-B", "package"], folder)
        note_made(folder)
    path = os.pathsep.join([str(folder / "target" / "classes"), str(folder / "target" / "dependency" / "*")])
    return [java, "-cp", path]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Receiving]:
    with receiving(tmp_path) as running:
        yield running
