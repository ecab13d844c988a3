"""Builds the files of the browser side: `python -m hubwire.device.build`.

npm fetches the pinned analytics.js (by content hash, see browser/package-lock.json). The build copies its scripts
unmodified, minifies our plugin, and adds the licences of their contents. No third-party code is committed.

Idempotent: without changes, it only compares a stamp. The finished folder replaces the old one atomically, so that a
running server never sees half a build. Standard library only, because the packaging hook runs it too.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubwire.device.node import BuildFailed, Node, find_node
from hubwire.device.notices import third_party_notices

BROWSER_FOLDER = Path(__file__).parents[3] / "browser"
BUNDLE_FOLDER = Path(__file__).parent / "bundle"
CORE_PACKAGE = "@segment/analytics-next"
SNIPPET_PACKAGE = "@segment/snippet"

LEFT_OUT = ("tsub-middleware",)
"""Chunks that are not shipped: Hubwire does not use routing rules, and their chunk has another licence (Apache-2.0)."""

UP_TO_DATE = "browser files: up to date"
INPUTS = ("package.json", "package-lock.json", ".npmrc", "build.js", "src/**/*.js")


def main() -> int:
    """Exit code 0: built, or up to date. 1: not built, with the reason on stderr (0 with --quiet)."""
    parser = argparse.ArgumentParser(prog="python -m hubwire.device.build", description="Builds the browser files.")
    parser.add_argument(
        "--quiet", action="store_true", help="say nothing when nothing is to do; not built is a message, no failure"
    )
    parser.add_argument("--force", action="store_true", help="build even if nothing has changed")
    options = parser.parse_args()
    try:
        message = ensure_built(force=options.force)
    except BuildFailed as problem:
        print(f"{problem}\nUntil then device mode answers 503; everything else works.", file=sys.stderr)  # noqa: T201
        return 0 if options.quiet else 1
    if not options.quiet or UP_TO_DATE not in message:
        print(message)  # noqa: T201
    return 0


def ensure_built(browser: Path = BROWSER_FOLDER, bundle: Path = BUNDLE_FOLDER, *, force: bool = False) -> str:
    """Builds if anything has changed, and prints the result in one line.

    Errors: BuildFailed; the earlier bundle is then unchanged.
    """
    if not (browser / "package.json").is_file():
        if (bundle / "manifest.json").is_file():
            return f"browser files: came with the package, {bundle}"
        raise BuildFailed(f"Device mode is built from a source checkout or comes with the wheel: no {browser} here.")
    stamp = stamp_of(browser)
    if not force and _built_stamp(bundle) == stamp:
        return f"{UP_TO_DATE}, {bundle}"
    started_at = time.monotonic()
    with _only_one_build(browser):
        if not force and _built_stamp(bundle) == stamp:
            return f"{UP_TO_DATE}, {bundle}"
        _build(browser, bundle, stamp)
    return f"browser files: built in {time.monotonic() - started_at:.1f} s, {bundle}"


def stamp_of(browser: Path) -> str:
    """A hash of everything that the build reads, and of the modules that do it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent / name for name in ("build.py", "node.py", "notices.py")):
        digest.update(path.read_bytes())
    for path in sorted(path for pattern in INPUTS for path in browser.glob(pattern)):
        digest.update(path.relative_to(browser).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _built_stamp(bundle: Path) -> str | None:
    try:
        stamp = json.loads((bundle / "manifest.json").read_bytes()).get("stamp")
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, str) else None


@contextmanager
def _only_one_build(browser: Path) -> Iterator[None]:
    """A lock, because `make run` and `make test` may both build: the second one waits for the first and finds the
    result."""
    with (browser / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(browser: Path, bundle: Path, stamp: str) -> None:
    node = find_node()
    node.run_npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=browser)
    work = Path(tempfile.mkdtemp(prefix=".bundle-", dir=bundle.parent))
    try:
        _fill(work, browser, node, stamp)
        work.chmod(0o755)
        _replace(bundle, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fill(work: Path, browser: Path, node: Node, stamp: str) -> None:
    core = browser / "node_modules" / CORE_PACKAGE
    scripts = core / "dist" / "umd"
    chunks = sorted(
        path
        for path in scripts.glob("*.bundle.*.js")
        if not path.name.startswith(tuple(f"{name}." for name in LEFT_OUT))
    )
    if not chunks or not (scripts / "index.js").is_file():
        raise BuildFailed(f"{CORE_PACKAGE} has no browser scripts in {scripts}: has its layout changed?")
    (work / "chunks").mkdir()
    _copy_script(scripts / "index.js", work / "core.js")
    for chunk in chunks:
        _copy_script(chunk, work / "chunks" / chunk.name)
    node.run_node("build.js", str(work), folder=browser)
    (work / "notices.txt").write_text(third_party_notices(browser, CORE_PACKAGE, SNIPPET_PACKAGE), encoding="utf-8")
    manifest = {
        "stamp": stamp,
        "core_version": json.loads((core / "package.json").read_bytes())["version"],
        "plugin_version": json.loads((browser / "package.json").read_bytes())["version"],
        "chunks": [chunk.name for chunk in chunks],
    }
    (work / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _copy_script(source: Path, target: Path) -> None:
    """Copy a script without the line that points to its source map, which is not served."""
    target.write_bytes(re.sub(rb"\s*//# sourceMappingURL=\S+\s*\Z", b"\n", source.read_bytes()))


def _replace(bundle: Path, work: Path) -> None:
    old = bundle.with_name(f".{bundle.name}-old-{os.getpid()}")
    if bundle.exists():
        bundle.rename(old)
    work.rename(bundle)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
