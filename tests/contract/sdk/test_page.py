"""The code on the page of SDKs is run as it stands, with only the host and the write key put in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.contract.sdk.conftest import HERE, note_made, once, run, tool
from tests.docs.pages import DOCS, blocks, section
from tests.integration.receive.harness import WRITE_KEY, Receiving

from hubwire.decoding import read_message
from hubwire.message import Message

PAGE = (DOCS / "sdks.md").read_text(encoding="utf-8")
RUN_SECONDS = 60


def code(heading: str, language: str, server: Receiving) -> str:
    """The first block of this language under the heading, aimed at the test's receiver."""
    found = next(block.text for block in blocks(section(PAGE, heading)) if block.language == language)
    assert "https://cdp.example.com" in found
    assert "WRITE_KEY" in found
    return found.replace("https://cdp.example.com", server.url).replace("WRITE_KEY", WRITE_KEY)


def run_code(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)


def check_arrived(server: Receiving, done: subprocess.CompletedProcess[str], types: Sequence[str]) -> None:
    assert done.returncode == 0, done.stderr
    messages: dict[str, Message] = {message.type: message for message in map(read_message, server.rows)}
    assert sorted(messages) == sorted(types)
    assert messages["identify"].user_id == "user1234"
    assert messages["identify"].traits["email"] == "peter@example.com"
    if "track" in messages:
        assert messages["track"].event == "Order Completed"
        assert messages["track"].properties["revenue"] == 20.5


def test_the_python_code_sends_an_identify_and_a_track(server: Receiving, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(code("Python", "python", server), encoding="utf-8")
    check_arrived(server, run_code([sys.executable, "page.py"], tmp_path), ["identify", "track"])


def test_the_node_code_sends_an_identify_and_a_track(server: Receiving, node: str, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(HERE / "node" / "node_modules")
    (tmp_path / "page.mjs").write_text(code("Node", "js", server), encoding="utf-8")
    check_arrived(server, run_code([node, "page.mjs"], tmp_path), ["identify", "track"])


def test_the_rudderstack_code_outlives_a_refusal(server: Receiving, node: str, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(HERE / "node" / "node_modules")
    text = code("RudderStack", "js", server)
    (tmp_path / "page.js").write_text(text, encoding="utf-8")
    check_arrived(server, run_code([node, "page.js"], tmp_path), ["identify"])
    (tmp_path / "refused.js").write_text(text.replace(WRITE_KEY, "wk_of_nobody"), encoding="utf-8")
    refused = run_code([node, "refused.js"], tmp_path)
    assert refused.returncode == 0, refused.stderr
    assert "not sent" in refused.stderr
    without = text.replace(WRITE_KEY, "wk_of_nobody").replace("  errorHandler:", "  ignored:")
    (tmp_path / "without.js").write_text(without, encoding="utf-8")
    assert run_code([node, "without.js"], tmp_path).returncode == 1, "the page says that it ends the process"


def test_the_go_code_sends_an_identify_and_a_track(server: Receiving, tmp_path: Path) -> None:
    go, source = tool("go"), HERE / "go"
    text = next(block.text for block in blocks(section(PAGE, "Go")) if block.language == "go")
    folder, is_made = once("go-page", of=[source / "go.mod", source / "go.sum", DOCS / "sdks.md"])
    if not is_made:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("go.mod", "go.sum"):
            shutil.copy(source / name, folder / name)
        with_arguments = text.replace('"log"', '"log"\n\t"os"').replace('"WRITE_KEY"', "os.Args[2]")
        with_arguments = with_arguments.replace('"https://cdp.example.com"', "os.Args[1]")
        (folder / "main.go").write_text(with_arguments, encoding="utf-8")
        run([go, "build", "-o", str(folder / "page"), "."], folder)
        note_made(folder)
    check_arrived(server, run_code([str(folder / "page"), server.url, WRITE_KEY], tmp_path), ["identify", "track"])


def test_the_python_code_of_every_section_compiles() -> None:
    found = [block.text for block in blocks(PAGE) if block.language == "python"]
    assert len(found) >= 6
    for text in found:
        compile(text, "sdks.md", "exec")
