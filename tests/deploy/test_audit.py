"""`make audit`: licences and known vulnerabilities of what an installation brings along."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit"


def test_all_licences_are_allowed() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--offline"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.split()[0]) > 40


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("", False),
    ],
)
def test_a_licence_outside_the_list_is_refused(expression: str, is_allowed: bool) -> None:
    assert runpy.run_path(str(SCRIPT))["is_allowed"](expression) is is_allowed


def test_a_package_that_no_service_knows_is_not_called_audited() -> None:
    report = {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": []},
            {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]},
            {"name": "c", "skip_reason": "Dependency not found on PyPI"},
        ]
    }
    found = runpy.run_path(str(SCRIPT))["Audit"].of(report)
    assert found.describe() == (
        "2 of 3 packages audited for known vulnerabilities: 1; no service answered for the other 1"
    )
    assert found.vulnerabilities == ["b 2: PYSEC-1, fixed in ['3']"]
