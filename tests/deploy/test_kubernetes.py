"""The Kubernetes manifests: valid by Kubernetes' own schemas, whole in themselves, and good settings for Hubwire."""

from __future__ import annotations

import inspect
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.files import CONTAINERFILE, DATA, DEPLOY, PORT, check_command, documents, parsed, settings_of, tool

from hubwire.deliver.lanes.worker import Worker
from hubwire.process.server import GRACE_SECONDS

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION = parsed(FOLDER / "kustomization.yaml")
FILES = [FOLDER / name for name in KUSTOMIZATION["resources"]]
MANIFESTS = [document for path in FILES for document in documents(path)]
ROLES = ("receive", "deliver")

roles = pytest.mark.parametrize("role", ROLES)


def manifest(kind: str, name: str) -> dict[str, Any]:
    [found] = [path for path in MANIFESTS if (path["kind"], path["metadata"]["name"]) == (kind, name)]
    return found


def pod(role: str) -> dict[str, Any]:
    return dict(manifest("Deployment", f"hubwire-{role}")["spec"]["template"]["spec"])


def container(role: str) -> dict[str, Any]:
    [each_container] = pod(role)["containers"]
    return dict(each_container)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_valid(path: Path) -> None:
    program = tool("kubernetes-validate", "the Kubernetes manifests are not validated")
    done = subprocess.run([program, "--strict", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_is_applied() -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"} == {path.name for path in FILES}
    names = {path["metadata"].get("namespace") for path in MANIFESTS if path["kind"] != "Namespace"}
    assert names == {manifest("Namespace", "hubwire")["metadata"]["name"]}


def test_kubectl_puts_it_together() -> None:
    program = tool("kubectl", "kustomization.yaml is only read, not built")
    done = subprocess.run([program, "kustomize", str(FOLDER)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [image] = KUSTOMIZATION["images"]
    assert done.stdout.count(f"image: {image['newName']}:{image['newTag']}\n") == len(ROLES)


def test_the_image_is_given_in_one_place() -> None:
    assert {container(role)["image"] for role in ROLES} == {image["name"] for image in KUSTOMIZATION["images"]}


@roles
def test_hubwire_takes_its_settings_and_command(role: str) -> None:
    environment: dict[str, str] = {}
    for entry in container(role)["envFrom"]:
        [(kind, reference)] = entry.items()
        known = {"configMapRef": ("ConfigMap", "data"), "secretRef": ("Secret", "stringData")}[kind]
        environment |= manifest(known[0], reference["name"])[known[1]]
    settings = settings_of(environment)
    assert settings.database_path is None
    assert settings.secret_key is not None
    assert settings.hubspot_access_token is not None
    assert container(role)["args"] == ["serve", "--role", role]
    check_command(container(role)["args"])


@roles
def test_the_cluster_sets_no_variables_of_its_own(role: str) -> None:
    # A service named hubwire-… would make HUBWIRE_…_PORT and the like; Hubwire refuses settings that it does not know.
    assert pod(role)["enableServiceLinks"] is False


@roles
def test_it_is_asked_where_it_listens(role: str) -> None:
    [port] = container(role)["ports"]
    assert port == {"name": "http", "containerPort": PORT}
    for probe, path in (("startupProbe", "/health"), ("livenessProbe", "/health"), ("readinessProbe", "/ready")):
        assert container(role)[probe]["httpGet"] == {"path": path, "port": "http"}


@roles
def test_it_may_do_little(role: str) -> None:
    [uid] = {
        line.split()[1].split(":")[0] for line in CONTAINERFILE.read_text().splitlines() if line.startswith("USER")
    }
    security = pod(role)["securityContext"]
    assert security["runAsNonRoot"] is True
    assert {security[name] for name in ("runAsUser", "runAsGroup", "fsGroup")} == {int(uid)}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(role)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    volumes = {volume["name"] for volume in pod(role)["volumes"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container(role)["volumeMounts"]}
    assert set(mounts) == {DATA, "/tmp"}
    assert set(mounts.values()) == volumes
    assert pod(role)["automountServiceAccountToken"] is False


@roles
def test_it_is_given_the_time_that_draining_may_take(role: str) -> None:
    drain_seconds = inspect.signature(Worker.stop).parameters["timeout_seconds"].default
    pause = container(role)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(role)["terminationGracePeriodSeconds"] >= pause + GRACE_SECONDS + drain_seconds


@roles
def test_selectors_find_its_pods(role: str) -> None:
    name = f"hubwire-{role}"
    deployment = manifest("Deployment", name)["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert manifest("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == labels
    assert manifest("Service", name)["spec"]["selector"] == labels
    assert manifest("PodDisruptionBudget", name)["spec"]["minAvailable"] < deployment["replicas"]
    [port] = manifest("Service", name)["spec"]["ports"]
    assert port["targetPort"] in {port["name"] for port in container(role)["ports"]}
    other = pod(next(each_role for each_role in ROLES if each_role != role))
    assert other["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] != labels
