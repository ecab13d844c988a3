"""The Helm chart: rendered, it is valid, and its pods are those of the Kubernetes manifests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.files import DATA, DEPLOY, ROOT, check_command, documents, parsed, settings_of, tool

from hubwire import __version__
from hubwire.settings import Settings, env_name

CHART = DEPLOY / "helm" / "hubwire"
VALUES = parsed(CHART / "values.yaml")
SECRETS = {
    "HUBWIRE_DATABASE_URL": "postgresql://hubwire:password@postgres.databases.svc/hubwire",
    "HUBWIRE_SECRET_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}
FLEET: dict[str, Any] = {
    "mode": "fleet",
    "secrets": SECRETS,
    "ingress": {"enabled": True, "tlsSecret": "cdp", "className": "nginx"},
}
ALL_NAMED = {**FLEET, "existingSecret": "mine", "secrets": {}, "imagePullSecrets": [{"name": "pull"}]}
ROLES = ("receive", "deliver")


class Chart:
    """Renders the chart with some values, as `helm install` would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._helm = tool("helm", "the Helm chart is not rendered")

    def render(self, release: str = "hubwire", **values: Any) -> list[dict[str, Any]]:
        done = self._run("template", release, values)
        assert done.returncode == 0, done.stderr
        (self._folder / "rendered.yaml").write_text(done.stdout)
        return [document for document in documents(self._folder / "rendered.yaml") if document]

    def refusal(self, **values: Any) -> str:
        done = self._run("template", "hubwire", values)
        assert done.returncode != 0
        return done.stderr

    def _run(self, command: str, release: str, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        file = self._folder / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        options = ["--namespace", "hubwire", "--values", str(file), "--kube-version", "1.30.0"]
        words = [self._helm, command, release, str(CHART), *options]
        return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture
def chart(tmp_path: Path) -> Chart:
    return Chart(tmp_path)


def of_kind(manifests: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}


def without_instance(value: Any) -> Any:
    """Without the label that Helm's releases have and the manifests do not need."""
    if isinstance(value, dict):
        return {key: without_instance(part) for key, part in value.items() if key != "app.kubernetes.io/instance"}
    return [without_instance(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("values", [{}, FLEET, ALL_NAMED], ids=["single", "fleet", "named"])
def test_what_it_renders_is_valid(chart: Chart, values: dict[str, Any], tmp_path: Path) -> None:
    program = tool("kubernetes-validate", "the rendered chart is not validated")
    manifests = chart.render(**values)
    done = subprocess.run([program, "--strict", str(tmp_path / "rendered.yaml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {"hubwire"}


def test_helm_finds_no_fault(tmp_path: Path) -> None:
    done = subprocess.run(
        [tool("helm", "the Helm chart is not linted"), "lint", "--strict", str(CHART)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("role", ROLES)
def test_the_pods_of_a_fleet_are_those_of_the_manifests(chart: Chart, role: str) -> None:
    rendered = of_kind(chart.render(**FLEET), "Deployment")[f"hubwire-{role}"]["spec"]
    ours = of_kind(documents(DEPLOY / "kubernetes" / f"{role}.yaml"), "Deployment")[f"hubwire-{role}"]["spec"]
    [container] = rendered["template"]["spec"]["containers"]
    assert container.pop("image") == f"{VALUES['image']['repository']}:{__version__}"
    assert container.pop("imagePullPolicy") == "IfNotPresent"
    del ours["template"]["spec"]["containers"][0]["image"]
    assert without_instance(rendered) == ours


def test_the_single_pod_keeps_its_data_on_a_volume(chart: Chart) -> None:
    manifests = chart.render()
    [pod] = of_kind(manifests, "StatefulSet").values()
    [claim] = pod["spec"]["volumeClaimTemplates"]
    [container] = pod["spec"]["template"]["spec"]["containers"]
    assert pod["spec"]["replicas"] == 1
    assert {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]} == {
        DATA: claim["metadata"]["name"],
        "/tmp": "tmp",
    }
    check_command(container["args"])
    assert list(of_kind(manifests, "Service")) == ["hubwire"]
    assert not of_kind(manifests, "Secret")


def test_services_and_ingress_lead_to_the_pods(chart: Chart) -> None:
    manifests = chart.render("cdp", **FLEET)
    pods = {
        name: resource["spec"]["template"]["metadata"]["labels"]
        for name, resource in of_kind(manifests, "Deployment").items()
    }
    services = {name: resource["spec"]["selector"] for name, resource in of_kind(manifests, "Service").items()}
    assert services == pods
    [ingress] = of_kind(manifests, "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "cdp-hubwire-receive", "port": {"name": "http"}}


def test_hubwire_takes_the_settings_that_it_renders(chart: Chart) -> None:
    manifests = chart.render(**FLEET)
    [config], [secret] = of_kind(manifests, "ConfigMap").values(), of_kind(manifests, "Secret").values()
    settings = settings_of({**config["data"], **secret["stringData"]})
    assert settings.database_path is None
    assert set(VALUES["settings"]) <= {env_name(name) for name in Settings.__struct_fields__}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"mode": "fleet"}, "mode: fleet needs secrets.HUBWIRE_DATABASE_URL, or existingSecret with it"),
        ({"mode": "both"}, 'mode: "both" is neither single nor fleet'),
    ],
)
def test_wrong_values_are_refused(chart: Chart, values: dict[str, Any], problem: str) -> None:
    assert problem in chart.refusal(**values)


def test_its_version_is_hubwires() -> None:
    chart = parsed(CHART / "Chart.yaml")
    assert {chart["version"], chart["appVersion"]} == {__version__}
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").count(f"\n## {__version__} - ") == 1
