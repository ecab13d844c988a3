"""What an image contains: the wheel, in an environment of its own, without the source tree. It serves everything."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.deploy.files import CONTAINERFILE, DEPLOY, PORT, ROOT, tool
from tests.servers import free_port, stop_process, wait_until
from tests.support.process import WRITE_KEY, HubwireProcess

RESTRICTED = Path(__file__).with_name("restricted.py")
NOT_SHIPPED = {"__pycache__", ".pyc"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)], check=True)
    [new_wheel] = folder.glob("*.whl")
    return new_wheel


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`hubwire` in a fresh environment: the wheel is its own, what it depends on is borrowed from ours."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run([*command, "--disable-pip-version-check"], check=True)
    [ours] = [path for path in sys.path if path.endswith("site-packages")]
    [its] = folder.glob("lib/*/site-packages")
    (its / "borrowed.pth").write_text(ours)
    finished = subprocess.run(
        [python, "-c", "import hubwire; print(hubwire.__file__)"], capture_output=True, text=True, check=True
    )
    assert finished.stdout.startswith(str(folder)), "it runs the source tree, not the wheel"
    return folder / "bin" / "hubwire"


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubwireProcess]:
    """The sandbox, run from the wheel under the restrictions of the systemd unit, as far as a process can have them."""
    folder = tmp_path_factory.mktemp("server")
    process = HubwireProcess(folder, None, PYTHONDONTWRITEBYTECODE="1", HUBWIRE_TRUSTED_PROXIES="127.0.0.1")
    process.command = [sys.executable, RESTRICTED, program]
    with process:
        yield process
    assert [path.name for path in folder.iterdir()] == ["data"], "it wrote outside its data folder"
    assert not [path.name for path in (folder / "data").iterdir() if path.stat().st_mode & 0o077]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def test_it_has_every_file_of_the_source(wheel: Path) -> None:
    source = ROOT / "src"
    files = {path.relative_to(source).as_posix() for path in (source / "hubwire").rglob("*") if path.is_file()}
    files = {name for name in files if not NOT_SHIPPED & {Path(name).suffix, *Path(name).parts}}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("hubwire/")}
    assert packed == files


def test_it_answers_the_probes_that_the_deployment_files_name(server: HubwireProcess) -> None:
    text = "".join(path.read_text() for path in [CONTAINERFILE, DEPLOY / "haproxy.cfg", *DEPLOY.rglob("*.yaml")])
    paths = set(re.findall(r"httpGet: \{ path: (/\w+)|httpchk GET (/\w+)|127\.0\.0\.1:\d+(/\w+)'", text))
    probes = {path for found in paths for path in found if path}
    assert probes == {"/health", "/ready"}
    for path in probes:
        get(server.url + path)


def test_it_serves_the_console_and_its_files(server: HubwireProcess) -> None:
    page = get(server.url + "/")
    assert "<html" in page
    assets = set(re.findall(r'(?:href|src)="(/[^"]+\.(?:css|js|svg))', page))
    assert assets
    for path in assets:
        assert get(urljoin(server.url, path))


def test_it_serves_what_a_page_loads(server: HubwireProcess) -> None:
    if not (ROOT / "src" / "hubwire" / "device" / "bundle" / "manifest.json").exists():
        pytest.skip("the browser files are not built: the wheel has none to serve")
    [key] = set(re.findall(r"wk_[\w-]{10,}", get(f"{server.url}/demo")))
    script = get(f"{server.url}/analytics.js/v1/{key}/analytics.min.js")
    assert len(script) > 50_000
    settings = json.loads(get(f"{server.url}/v1/projects/{key}/settings"))
    assert settings["remotePlugins"]
    [plugin] = settings["remotePlugins"]
    assert get(plugin["url"])
    assert "MIT" in get(f"{server.url}/analytics-next/notices.txt")


@contextmanager
def proxy(receiver: str, folder: Path) -> Iterator[str]:
    """deploy/haproxy.cfg in front of one address; only the addresses in it are others."""
    haproxy = tool("haproxy", "nothing is sent through deploy/haproxy.cfg")
    port = free_port()
    text = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    text = text.replace(f"bind :{PORT}", f"bind 127.0.0.1:{port}").replace(f"receive:{PORT}", receiver)
    text = text.replace(" resolvers names init-addr none", "")
    file, log = folder / "haproxy.cfg", folder / "log"
    file.write_text(text)

    def is_up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with log.open("wb") as output:
        process = subprocess.Popen([haproxy, "-db", "-f", str(file)], stdout=output, stderr=output)
    try:
        wait_until(is_up, process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop_process(process, signal.SIGTERM)


def test_it_delivers_through_the_proxy(server: HubwireProcess, tmp_path: Path) -> None:
    with proxy(server.url.removeprefix("http://"), tmp_path) as url:
        body = {"userId": "u1", "messageId": "through-the-proxy", "traits": {"email": "peter@example.com"}}
        request = urllib.request.Request(f"{url}/v1/identify", json.dumps({**body, "writeKey": WRITE_KEY}).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer) == {"success": True}
    assert server.drained()["delivered"] == 1


def test_the_proxy_tells_senders_to_come_back_when_nobody_is_there(tmp_path: Path) -> None:
    with (
        proxy(f"127.0.0.1:{free_port()}", tmp_path) as url,
        pytest.raises(urllib.error.HTTPError) as raised,
    ):
        get(f"{url}/v1/track")
    with raised.value as answer:
        assert (answer.code, answer.headers["retry-after"]) == (429, "5")


@pytest.mark.slow
def test_the_steps_of_the_image_work_in_a_fresh_copy(tmp_path: Path) -> None:
    """The build stage's own commands, in a copy of what an image is built from; only the paths are others."""
    names = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    listed = subprocess.run(["git", "ls-files", *names], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        copy = tmp_path / "src" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    stage = CONTAINERFILE.read_text(encoding="utf-8").partition("AS build")[2].partition("\nFROM ")[0]
    steps = re.findall(r"^RUN (.*)$", stage.replace("\\\n", ""), re.M)
    tool("npm", "the image's steps are not tried")
    for step in steps:
        # npm comes from an image of its own there, and from this machine here.
        words = re.sub(r"ln -s \S+ /usr/local/bin/npm &&", "", step).replace("/opt/hubwire", str(tmp_path / "opt"))
        subprocess.run(["sh", "-ec", words], cwd=tmp_path / "src", check=True)
    shown = subprocess.run([tmp_path / "opt/bin/hubwire", "keys", "new"], capture_output=True, text=True, check=True)
    assert len(shown.stdout.strip()) == 44
