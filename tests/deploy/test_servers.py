"""The configurations of the servers around Hubwire are read by those servers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.deploy.files import DEPLOY, PORT, tool

PROXY = DEPLOY / "haproxy.cfg"
NODE = DEPLOY / "nats.conf"


def test_haproxy_reads_its_file(tmp_path: Path) -> None:
    program = tool("haproxy", "deploy/haproxy.cfg is not checked")
    done = subprocess.run([program, "-c", "-f", str(PROXY)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_proxy_listens_where_compose_says_and_sends_where_hubwire_listens() -> None:
    text = PROXY.read_text(encoding="utf-8")
    assert re.findall(r"bind :(\d+)", text) == [str(PORT)]
    assert re.findall(r"server-template \S+ \d+ receive:(\d+)", text) == [str(PORT)]
    assert "option httpchk GET /ready" in text


def test_nats_reads_its_file() -> None:
    program = tool("nats-server", "deploy/nats.conf is not checked")
    environment = {**os.environ, "NATS_NAME": "nats-1"}
    done = subprocess.run(
        [program, "-t", "-c", str(NODE)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
