"""What people get wrong: each is a clear line that names the culprit, exit code 1 or 2, and no traceback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.ops.conftest import TOKEN, Ran, Shell
from tests.support.process import HUBWIRE

from hubwire.errors import SettingsError
from hubwire.explanations import explain
from hubwire.process.server import check_certificate, listening_socket
from hubwire.reasons import Reason
from hubwire.settings import Settings
from hubwire.testing import Emulator


def failed(ran: Ran, *words: str) -> None:
    """It failed, said these words on standard error, and nothing of its insides."""
    assert ran.code == 1, ran
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("messages",), ("import", "history.ndjson", "--source", "server"), ("doctor",), ("plan", "-")],
)
def test_a_command_in_the_wrong_folder_says_so_and_makes_nothing(shell: Shell, arguments: tuple[str, ...]) -> None:
    Path("history.ndjson").write_text('{"type":"page","userId":"1"}\n')
    failed(shell(*arguments), "there is no Hubwire database at data/hubwire.db", "HUBWIRE_DATA")
    assert not Path("data").exists()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'colour = "red"\n', "unknown setting: colour"),
        (b"port = = 1\n", "not TOML"),
        (b"\xff\xfe\n", "not TOML"),
        (b'port = "x"\n', "port (HUBWIRE_PORT) 'x': expected whole number ≥ 0, ≤ 65,535"),
    ],
)
def test_a_settings_file_that_is_none(shell: Shell, content: bytes, text: str) -> None:
    Path("hubwire.toml").write_bytes(content)
    failed(shell("status"), text)


def test_a_settings_file_that_is_not_there_or_a_folder(shell: Shell) -> None:
    failed(shell("status", "--config", "nowhere.toml"), "nowhere.toml does not exist")
    failed(shell("status", "--config", "."), "Is a directory")


def test_a_data_folder_that_cannot_be_used(shell: Shell) -> None:
    Path("file").touch()
    shell.set(HUBWIRE_DATA="file")
    with pytest.raises(SettingsError, match="cannot use file") as error:
        shell.store()
    assert "Set HUBWIRE_DATA to a folder" in error.value.hint


def test_a_file_that_is_no_database(shell: Shell) -> None:
    Path("data").mkdir()
    Path("data/hubwire.db").write_text("no database, but long enough to be looked at\n" * 100)
    failed(shell("status"), "cannot read data/hubwire.db", "not a database", "restore a backup")


def test_an_empty_key_file_is_not_replaced(shell: Shell) -> None:
    Path("data").mkdir()
    Path("data/secret.key").touch()
    with pytest.raises(SettingsError, match=r"data/secret\.key is empty"):
        shell.store()
    assert Path("data/secret.key").read_text() == ""


def test_a_key_file_that_holds_something_else(shell: Shell) -> None:
    Path("data").mkdir()
    Path("data/secret.key").write_text("c2hvcnQ=\n")
    with pytest.raises(SettingsError, match=r"data/secret\.key: a key of 5 bytes; it needs 32"):
        shell.store()


def test_an_address_that_is_taken_or_is_none() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use") as error:
            listening_socket("127.0.0.1", port)
    assert "HUBWIRE_PORT" in error.value.hint
    with pytest.raises(SettingsError, match=r"cannot listen on 192\.0\.2\.1:0") as error:
        listening_socket("192.0.2.1", 0)
    assert "HUBWIRE_HOST" in error.value.hint


@pytest.mark.parametrize("culprit", ["tls_certificate", "tls_key"])
def test_a_certificate_that_cannot_be_read(culprit: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    files = {"tls_certificate": str(empty), "tls_key": str(empty)}
    with pytest.raises(SettingsError, match="HUBWIRE_" + culprit.upper() + r"\) nowhere.pem: No such file"):
        check_certificate(replace(Settings(), **{**files, culprit: "nowhere.pem"}))
    with pytest.raises(SettingsError, match=f"tls_certificate {empty} with tls_key {empty}") as error:
        check_certificate(replace(Settings(), **files))
    assert "PEM" in error.value.hint


@pytest.fixture
def ready(installed: Shell) -> Shell:
    installed("source", "add", "api", "--kind", "server")
    installed.set(HUBSPOT_TOKEN_OF_TEST=TOKEN)
    installed("destination", "add", "crm", "--token-env", "HUBSPOT_TOKEN_OF_TEST")
    return installed


def test_names_that_do_not_exist_are_answered_with_those_that_do(ready: Shell) -> None:
    Path("history.ndjson").write_text('{"type":"page","userId":"1"}\n')
    failed(ready("import", "history.ndjson", "--source", "apo"), "no source 'apo'", "Sources: api.")
    failed(ready("plan", "history.ndjson", "--source", "apo"), "no source 'apo'", "Sources: api.")
    failed(ready("plan", "history.ndjson", "--destination", "x"), "no destination 'x'", "Destinations: crm.")
    failed(ready("doctor", "--destination", "x"), "no destination 'x'", "Destinations: crm.")


def test_a_value_in_a_file_that_cannot_be_is_named(ready: Shell) -> None:
    Path("wanted.toml").write_text('[[source]]\nname = "good"\n\n[[source]]\nname = "web/site"\n')
    failed(ready("apply", "wanted.toml", "--yes"), "'web/site': a name has 1 to 64 letters")


def test_files_that_are_none(ready: Shell) -> None:
    Path("broken.ndjson.gz").write_bytes(b"\x1f\x8b\x08\x00 no gzip")
    os.mkfifo("pipe")
    for command in (["import", "--source", "api"], ["plan"]):
        failed(ready(*command, "nowhere.ndjson"), "nowhere.ndjson: there is no such file or folder")
        failed(ready(*command, "pipe"), "pipe: there is no such file or folder", "standard input")
        failed(ready(*command, "broken.ndjson.gz"), "broken.ndjson.gz: damaged gzip")


def test_hubwires_own_data_is_no_history(ready: Shell) -> None:
    Path("history.ndjson").write_text('{"type":"page","userId":"1","messageId":"p1"}\n')
    Path("data/server.json").write_text('{"token": "of this machine"}')
    ran = ready("import", ".", "--source", "api", "--json")
    assert (ran.code, ran.json["read"], ran.json["journaled"]) == (0, 1, 1)


def test_a_dry_run_takes_what_import_takes_and_fails_over_what_is_no_message(ready: Shell) -> None:
    person = {"type": "identify", "userId": "1", "messageId": "m1", "traits": {"email": "a@b.example"}}
    Path("people.json").write_text(json.dumps([person]))
    ran = ready("plan", "people.json", "--json")
    assert (ran.code, [message["outcome"] for message in ran.json["messages"]]) == (0, ["planned"])
    Path("bad.ndjson").write_text(json.dumps(person) + '\n{"type": "identify"\n{"type": "track", "userId": "1"}\n')
    ran = ready("plan", "bad.ndjson")
    assert ran.code == 1
    assert "bad.ndjson:2: not JSON" in ran.out
    assert "bad.ndjson:3: no-event" in ran.out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("status", "--timeout", "-1"), "--timeout"),
        (("messages", "--limit", "0"), "--limit"),
        (("messages", "--state", "lost"), "'dead'"),
        (("plan",), "give a file"),
        (("import", "x"), "--source"),
        (("serve", "--port", "70000"), "--port"),
        (("nonsense",), "No such command"),
    ],
)
def test_bad_usage_is_exit_code_2(ready: Shell, arguments: tuple[str, ...], text: str) -> None:
    ran = ready(*arguments)
    assert ran.code == 2
    assert text in ran.err


def test_a_stopped_line_comes_with_what_helps(ready: Shell, emulator: Emulator) -> None:
    store = ready.store()
    [number] = store.registry.destinations()
    store.record.stop_lane(number, "unauthorised", "401: [/none] of \x1b[31mthat", None)
    store.close()
    text = ready("status").out
    assert "stopped: unauthorised 401: [/none] of" in text
    assert "\x1b" not in text
    assert explain(Reason.UNAUTHORISED).remedy in text


def test_no_line_of_the_help_is_cut_off(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in ((), ("source",), ("destination",), ("schema",), ("member",), ("keys",)):
        listed = shell(*command, "--help").out.partition("Commands:")[2]
        assert listed
        assert [line for line in listed.splitlines() if line.endswith("...")] == []


def test_a_reader_that_goes_away_is_no_error(ready: Shell) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.close()
        done = subprocess.run(
            [HUBWIRE, "settings"], stdout=theirs.fileno(), stderr=subprocess.PIPE, text=True, check=False
        )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("settings",), ("settings", "--json"), ("status", "--help")])
def test_an_output_that_is_full_is_one_clear_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([HUBWIRE, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "hubwire: the output cannot be written: No space left on device",
        "  Changes that the command made before this stay.",
    ]


def test_a_reader_that_has_seen_enough_is_nothing_to_talk_about(shell: Shell) -> None:
    """`hubwire settings | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as gone:
        done = subprocess.run([HUBWIRE, "settings"], stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == ""


def test_an_error_that_names_what_somebody_wrote_does_not_command_the_terminal(shell: Shell) -> None:
    ran = shell("status", "--config", "\x1b]0;owned\x07\x9b2J.toml")
    failed(ran, "does not exist")
    assert ran.err.replace("\n", "").isprintable()


def test_the_module_is_the_command() -> None:
    as_module = subprocess.run(
        [sys.executable, "-m", "hubwire", "--version"], capture_output=True, text=True, check=True
    )
    as_command = subprocess.run([HUBWIRE, "--version"], capture_output=True, text=True, check=True)
    assert as_module.stdout == as_command.stdout != ""


def test_a_word_that_is_no_choice_is_answered_with_the_choices(shell: Shell) -> None:
    ran = shell("source", "add", "website", "--kind", "foo")
    assert ran.code == 2
    assert "Invalid value for '--kind': 'foo' is not one of 'web', 'mobile', 'server'." in ran.err
