"""`hubwire emulator` when it cannot run: one clear line and an exit code, never a traceback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubwire.cli import main


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def run_refused(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """Exit code and output of `hubwire emulator` with these options."""
    monkeypatch.setattr("sys.argv", ["hubwire", "emulator", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert isinstance(ended.value.code, int)
    return ended.value.code, out + err


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--tier", "gold", ("--tier", "gold", "enterprise")),
        ("--port", "99999", ("--port", "65535")),
        ("--port", "abc", ("--port", "integer")),
        ("--portal-id", "-5", ("--portal-id", "1")),
    ],
)
def test_a_bad_option_names_its_value_and_its_limit(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], option: str, value: str, words: tuple[str, ...]
) -> None:
    code, text = run_refused(monkeypatch, capfd, option, value)
    assert code == 2
    assert [word for word in words if word not in text] == []


def test_a_port_in_use_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], taken_port: int
) -> None:
    code, text = run_refused(monkeypatch, capfd, "--port", str(taken_port))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{taken_port}: Address already in use" in text
    assert "choose another --port" in text
    assert "HubSpot emulator: portal" not in text


def test_an_empty_token_is_said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    code, text = run_refused(monkeypatch, capfd, "--access-token", "")
    assert (code, "access_token" in text) == (1, True)


def test_a_file_of_something_else_is_named_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    notes = tmp_path / "notes.txt"
    notes.write_text("milk, bread")
    code, text = run_refused(monkeypatch, capfd, "--port", str(port), "--keep", str(notes))
    assert code == 1
    assert f"{notes}: line 1 is not an emulator's" in text
    assert notes.read_text() == "milk, bread"
