#!/usr/bin/env python3
"""Build a release into dist/ and try each part in a fresh environment: `make release`.

Parts: the wheel, the source distribution, the Helm chart, and the container image. Without a container engine, the
image's own build steps run in a copy of what it is built from. Nothing leaves the machine unless `--registry` (for
packages) or `--image-registry` names a place. Errors end the release with the step that failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from hubwire import __version__

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy" / "helm" / "hubwire"
WRITE_KEY = "wk_release_check"
START_SECONDS = 60


def main() -> None:
    """Build, try, and upload if asked."""
    parser = argparse.ArgumentParser(description="Build a release, and try each part in a fresh environment.")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="folder of the result")
    parser.add_argument("--registry", help="upload wheel and source distribution to this package registry")
    parser.add_argument("--image-registry", help="push the image to this registry, for example registry.example.com")
    parser.add_argument("--allow-changes", action="store_true", help="build although the work tree has changes")
    options = parser.parse_args()
    problems = what_is_missing(must_be_clean=not options.allow_changes)
    if problems:
        sys.exit("\n".join(["This is not a release yet:", *problems]))
    wheel, source, chart = build(options.dist)
    for package in (wheel, source):
        try_package(package)
    image = try_image()
    write_sums(options.dist, [wheel, source, chart])
    if options.registry:
        upload(options.registry, [wheel, source])
    if options.image_registry:
        push(image, options.image_registry)
    print(f"Hubwire {__version__} is in {options.dist}. To mark the commit: git tag -a v{__version__}")


def what_is_missing(*, must_be_clean: bool) -> list[str]:
    """What keeps this commit from being a release; each line says what to do."""
    problems = []
    if must_be_clean and run("git", "status", "--porcelain").strip():
        problems.append("  the work tree has changes: commit them")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(__version__)} - \d{{4}}-\d\d-\d\d$", changelog, re.M):
        problems.append(f"  CHANGELOG.md has no section '## {__version__} - YYYY-MM-DD'")
    for path, pattern in (
        (CHART / "Chart.yaml", r"^(?:version|appVersion): (\S+)$"),
        (ROOT / "deploy" / "kubernetes" / "kustomization.yaml", r"^ +newTag: (\S+)$"),
    ):
        versions = set(re.findall(pattern, path.read_text(encoding="utf-8"), re.M))
        if versions != {__version__}:
            problems.append(f"  {path.relative_to(ROOT)} names {', '.join(sorted(versions))}, not {__version__}")
    return problems


def build(dist: Path) -> tuple[Path, Path, Path]:
    """The wheel, the source distribution and the chart."""
    step("Browser files, wheel, source distribution and chart")
    dist.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-m", "hubwire.device.build")
    run(sys.executable, "-m", "hatchling", "build", "-d", str(dist), "-t", "sdist", "-t", "wheel")
    chart = dist / f"hubwire-chart-{__version__}.tgz"
    with tarfile.open(chart, "w:gz") as archive:
        archive.add(CHART, arcname="hubwire")
    return dist / f"hubwire-{__version__}-py3-none-any.whl", dist / f"hubwire-{__version__}.tar.gz", chart


def try_package(package: Path) -> None:
    """Install one package in a fresh environment, and deliver a message in its sandbox."""
    step(f"Trying {package.name} in a fresh environment")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "venv", str(folder / "venv"))
        pip = [str(folder / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        run(*pip, "-c", str(ROOT / "constraints.txt"), str(package))
        deliver_one(folder / "venv/bin/hubwire", folder)


def deliver_one(hubwire: Path, folder: Path) -> None:
    """Start the sandbox, send a message, and wait until it is delivered.

    Errors: an exit for a wrong version, for missing browser files, and for a message that is not delivered.
    """
    if (version := run(str(hubwire), "--version").split()[-1]) != __version__:
        sys.exit(f"{hubwire} is version {version}, not {__version__}")
    own = {"HUBWIRE_PORT": "0", "HUBWIRE_EMULATOR_PORT": "0", "HUBWIRE_WRITE_KEY": WRITE_KEY}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HUBWIRE_", "HUBSPOT_"))}
    environment |= {**own, "HUBWIRE_DATA": str(folder / "data"), "PYTHONUNBUFFERED": "1"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([hubwire, "serve"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log) as server,
    ):
        try:
            assert server.stdout is not None
            url = server.stdout.readline().decode().removeprefix("Hubwire is up: ").strip()
            body = {"writeKey": WRITE_KEY, "userId": "1", "traits": {"email": "ada@example.com"}}
            with urllib.request.urlopen(f"{url}/v1/identify", json.dumps(body).encode(), START_SECONDS):
                pass
            with urllib.request.urlopen(f"{url}/demo", timeout=START_SECONDS):  # 503 without browser files
                pass
            command = [hubwire, "status", "--wait-drained", "--timeout", "30", "--json"]
            shown = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
            if (delivered := sum(lane["delivered"] for lane in json.loads(shown.stdout)["destinations"])) != 1:
                sys.exit(f"{hubwire} delivered {delivered} messages, not 1")
        finally:
            server.terminate()


def try_image() -> str:
    """Build the image and run it, where there is a container engine; otherwise run the recipe's own steps. Its name."""
    image = f"hubwire:{__version__}"
    engine = next((name for name in ("docker", "podman") if works(name, "info")), None)
    if engine is None:
        step("No container engine: linting the image's recipe, and running its steps in a copy")
        tests = [
            "tests/deploy/test_containerfile.py",
            "tests/deploy/test_wheel.py::test_the_steps_of_the_image_work_in_a_fresh_copy",
        ]
        run(sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", *tests)
        return image
    step(f"Building {image} with {engine}")
    run(engine, "build", "-f", "deploy/Containerfile", "-t", image, ".")
    if (shown := run(engine, "run", "--rm", "--read-only", image, "--version").split()[-1]) != __version__:
        sys.exit(f"{image} is version {shown}, not {__version__}")
    return image


def write_sums(dist: Path, files: list[Path]) -> None:
    """SHA256SUMS, to be checked with `sha256sum -c`."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (dist / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def upload(registry: str, packages: list[Path]) -> None:
    """Upload packages with twine, which takes name and password from TWINE_USERNAME and TWINE_PASSWORD."""
    step(f"Uploading to {registry}")
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "venv", folder)
        run(f"{folder}/bin/pip", "install", "--quiet", "--disable-pip-version-check", "twine")
        run(f"{folder}/bin/twine", "upload", "--non-interactive", "--repository-url", registry, *map(str, packages))


def push(image: str, registry: str) -> None:
    """Push the image. Errors: an exit without a container engine."""
    engine = next((name for name in ("docker", "podman") if works(name, "info")), None)
    if engine is None:
        sys.exit("no container engine: the image was not built, and is not pushed")
    step(f"Pushing {image} to {registry}")
    run(engine, "tag", image, f"{registry}/{image}")
    run(engine, "push", f"{registry}/{image}")


def works(*command: str) -> bool:
    """True if the program is there and ends well."""
    return bool(shutil.which(command[0])) and not subprocess.run(command, capture_output=True, check=False).returncode


def run(*command: str) -> str:
    """The output of a command in the root of the repository. Errors: an exit with its words."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


def step(words: str) -> None:
    """Say what comes next."""
    print(words, flush=True)


if __name__ == "__main__":
    main()
