"""The npm package as a site gets it: packed, beside analytics-next, type-checked, bundled, run in Chromium."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.browser.harness import HUB_ID, KEY, ROOT, Host, Visit

from hubwire.device.assets import Assets

PACKAGE = ROOT / "browser"
TOOLS = Path(__file__).parent
TYPE_CHECK = ["--noEmit", "--strict", "--target", "es2020", "--lib", "dom,es2020"]


@pytest.fixture(scope="module")
def site(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the packed plugin and analytics-next. After `assets`, which installs what it borrows."""
    folder = tmp_path_factory.mktemp("site")
    modules = folder / "node_modules"
    packed = subprocess.run(
        ["npm", "pack", "--json", "--pack-destination", str(folder)], cwd=PACKAGE, check=True, capture_output=True
    )
    [about] = json.loads(packed.stdout)
    plugin = modules / about["name"]
    with tarfile.open(folder / about["filename"]) as archive:
        archive.extractall(folder / "packed", filter="data")
    plugin.parent.mkdir(parents=True)
    (folder / "packed" / "package").rename(plugin)
    for installed in (PACKAGE / "node_modules").iterdir():
        (modules / installed.name).symlink_to(installed)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    return folder


@pytest.fixture(scope="module")
def tsc() -> str:
    """The TypeScript compiler, fetched by npm at its pinned version."""
    program = TOOLS / "node_modules/.bin/tsc"
    if not program.exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=TOOLS, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as problem:
            pytest.skip(f"typescript cannot be fetched by npm here: {problem}")
    return str(program)


def mistakes(tsc: str, site: Path, text: str, *options: str) -> list[str]:
    (site / "main.ts").write_text(text)
    done = subprocess.run(
        [tsc, *TYPE_CHECK, *options, "main.ts"], cwd=site, check=False, capture_output=True, text=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("module", ["nodenext", "esnext"])
def test_what_the_readme_shows_has_the_right_types(tsc: str, site: Path, module: str) -> None:
    examples = re.findall(r"^```js\n(.*?)^```", (PACKAGE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) == 3
    text = "\n".join(["declare const hbspt: any", *examples])
    assert (
        mistakes(tsc, site, text, "--module", module, "--moduleResolution", module.replace("esnext", "bundler")) == []
    )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("{}", "'hubId' is missing"),
        ("{ hubID: '1' }", "'hubID' does not exist"),
        ("{ hubId: '1', timeoutMs: '3' }", "Type 'string' is not assignable to type 'number'"),
    ],
)
def test_wrong_settings_have_the_wrong_type(tsc: str, site: Path, settings: str, complaint: str) -> None:
    text = f"import {{ hubspotDevice }} from '@hubwire/analytics-plugin-hubspot'\nhubspotDevice({settings})"
    assert complaint in "\n".join(mistakes(tsc, site, text, "--module", "nodenext"))


SITE_SCRIPT = """
import { AnalyticsBrowser } from '@segment/analytics-next'
import { hubspotDevice } from '@hubwire/analytics-plugin-hubspot'

const analytics = (window.analytics = new AnalyticsBrowser())
const settings = SETTINGS
if (window.location.pathname === '/by-hand') {
  const [plugin] = settings.remotePlugins.splice(0)
  hubspotDevice(plugin.settings).forEach((part) => analytics.register(part))
  analytics.load({ writeKey: 'WEBKEY', cdnSettings: settings })
} else {
  analytics.load({ writeKey: 'WEBKEY', cdnSettings: settings, plugins: [hubspotDevice] })
}
analytics.page()
analytics.track('T')
"""


@pytest.mark.parametrize("path", ["/by-hand", "/by-name"])
def test_in_a_bundle_of_the_sites_own(host: Host, site: Path, visit: Visit, path: str) -> None:
    answer = visit.context.request.get(f"{host.origin}/v1/projects/{KEY}/settings")
    script = SITE_SCRIPT.replace("SETTINGS", json.dumps(answer.json()))
    command = [str(PACKAGE / "node_modules/.bin/esbuild"), "--bundle", "--format=iife", "--log-level=error"]
    finished = subprocess.run(command, cwd=site, input=script, capture_output=True, text=True, check=True)
    host.pages[path] = f'<!doctype html><link rel="icon" href="data:,"><script>{finished.stdout}</script>'
    visit.open(host.site + path)
    visit.is_ready()
    visit.evaluate("analytics.track('Later')")
    host.await_counted(f"landing view {path}", f"event pe{HUB_ID}_t", f"event pe{HUB_ID}_later")
    assert host.message(event="Later")["context"]["hubspot"]["device"] == "loaded"
    assert visit.asked_for("/next-integrations/") == []
