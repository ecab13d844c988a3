"""The plugin's own tests, which need Node.js and no browser."""

from __future__ import annotations

import subprocess

import pytest
from tests.browser.harness import ROOT

from hubwire.device.assets import Assets
from hubwire.device.node import BuildFailed, find_node


def test_the_plugin_passes_its_tests_in_node(assets: Assets) -> None:
    """The golden table, page views, marks, ready, consent, the byte budget, the npm package.

    After `assets`, which installs the packages that two of them need.
    """
    try:
        node = find_node()
    except BuildFailed as problem:
        pytest.skip(str(problem))
    folder = ROOT / "browser"
    tests = sorted(str(path.relative_to(folder)) for path in (folder / "test").glob("*.test.js"))
    command = [*node.node, "--test", "--test-reporter=tap", *tests]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# skipped 0" in done.stdout
