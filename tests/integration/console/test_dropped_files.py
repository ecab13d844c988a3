"""Files that an admin drops: parts in order, bounded, read and imported in the background, gone at the next start."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.console.harness import Console
from tests.support.waiting import until

from hubwire.errors import BadValue, Missing, SettingsError
from hubwire.manage.history.dropped_files import (
    FOLDER,
    MAX_FILE_BYTES,
    MAX_FILES,
    DroppedFile,
    DroppedFiles,
    FileOptions,
    FileState,
)

CSV = b"email,first_name\nada@example.com,Ada\nbob@example.com,Bob\n"


@pytest.fixture
def dropped(console: Console) -> Iterator[DroppedFiles]:
    console.fill()
    console.dropped_files.start()
    yield console.dropped_files
    console.dropped_files.stop()


def sent(files: DroppedFiles, name: str = "people.csv", body: bytes = CSV, part_bytes: int = 20) -> DroppedFile:
    file = files.add(name, len(body))
    for offset in range(0, len(body), part_bytes):
        files.write(file.file_id, offset, body[offset : offset + part_bytes], "server")
    until(lambda: not file.state.is_busy)
    return file


def test_parts_make_the_file_whose_preview_says_what_it_becomes(dropped: DroppedFiles) -> None:
    file = sent(dropped)
    assert (file.state, file.message_count, file.problem) == (FileState.READY, 2, "")
    [preview] = file.previews
    assert (preview.file, preview.rows, preview.calls) == ("people.csv", 2, {"identify": 2})
    [estimate] = file.estimates
    assert (estimate.contacts, estimate.left_out) == (2, {})


def test_other_options_give_another_preview(dropped: DroppedFiles) -> None:
    file = sent(dropped)
    dropped.preview(file.file_id, FileOptions(source="server", columns={"First_Name ": "traits.nickname"}))
    until(lambda: not file.state.is_busy)
    assert file.previews[0].example["traits"] == {"email": "ada@example.com", "nickname": "Ada"}
    with pytest.raises(SettingsError, match="no source 'nobody'"):
        dropped.preview(file.file_id, FileOptions(source="nobody"))


def test_the_parts_of_a_file_that_are_skipped_are_named_and_the_rows_counted(dropped: DroppedFiles) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("people.csv", CSV)
        archive.writestr("weather.csv", "station,degrees\nOslo,-3\n")
    file = sent(dropped, "two.zip", body.getvalue())
    assert file.state is FileState.READY
    [skipped] = file.passed_over
    assert skipped.startswith("two.zip:weather.csv: not recognised")
    assert (file.rows_done, file.rows_estimated) == (2, 2)


def test_the_encoding_of_a_file_can_be_chosen(dropped: DroppedFiles) -> None:
    file = sent(dropped, body="email,first_name\nada@example.com,Анна\n".encode("cp1251"))
    assert file.previews[0].example["traits"]["first_name"] == "Àííà"
    dropped.preview(file.file_id, FileOptions(source="server", encoding="cp1251"))
    until(lambda: not file.state.is_busy)
    assert file.previews[0].example["traits"]["first_name"] == "Анна"


def test_a_file_of_something_else_is_refused_without_the_servers_folders(dropped: DroppedFiles) -> None:
    file = sent(dropped, "weather.csv", b"station,degrees\nOslo,-3\n")
    assert file.state is FileState.REFUSED
    assert "Columns: station, degrees" in file.problem
    assert FOLDER not in file.problem
    with pytest.raises(BadValue, match="only a file with a preview"):
        dropped.begin(file.file_id)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\exports\\people.csv", "people.csv"),
        ("a b (1).csv", "a b (1).csv"),
        ("x\n<b>.csv", "x__b_.csv"),
        ("..hidden", "hidden"),
    ],
)
def test_a_name_leads_nowhere_else(dropped: DroppedFiles, name: str, kept: str) -> None:
    assert dropped.add(name, 1).name == kept


def test_what_does_not_fit_is_refused(dropped: DroppedFiles) -> None:
    for size in (0, MAX_FILE_BYTES + 1):
        with pytest.raises(BadValue, match="256 MiB") as refused:
            dropped.add("people.csv", size)
        assert refused.value.limit == MAX_FILE_BYTES
    with pytest.raises(BadValue, match="needs a name"):
        dropped.add("/", 1)
    file = dropped.add("people.csv", 10)
    dropped.write(file.file_id, 0, b"12345", "server")
    for offset, part in ((0, b"12345"), (6, b"6"), (5, b"678901")):
        with pytest.raises(BadValue, match="does not continue the file"):
            dropped.write(file.file_id, offset, part, "server")
    with pytest.raises(BadValue, match="still receiving"):
        dropped.begin(file.file_id)
    with pytest.raises(Missing):
        dropped.file("nobody")
    for number in range(MAX_FILES - 1):
        dropped.add(f"{number}.csv", 1)
    with pytest.raises(BadValue, match=f"at most {MAX_FILES} files"):
        dropped.add("one-more.csv", 1)


def test_removed_files_and_those_of_an_earlier_start_leave_the_disk(dropped: DroppedFiles, console: Console) -> None:
    folder = Path(console.settings.data) / FOLDER
    file = sent(dropped)
    assert [path.name for path in folder.rglob("*.csv")] == ["people.csv"]
    dropped.remove(file.file_id)
    assert list(folder.iterdir()) == []
    sent(dropped)
    dropped.stop()
    later = DroppedFiles(console.settings, console.store.registry, lambda name: pytest.fail(name), console.clock)
    later.start()
    later.stop()
    assert not folder.exists()


def test_the_pages_show_files_and_explain_bad_fields(console: Console, dropped: DroppedFiles) -> None:
    console.sign_in()
    file = sent(dropped)
    shown: dict[str, Any] = console.json(f"/import/{file.file_id}")
    assert (shown["words"], shown["file"]["state"]) == ("Ready", "ready")
    answer = console.post(f"/import/{file.file_id}/preview", source="server", columns="Work address")
    assert (answer.status_code, "COLUMN=FIELD" in answer.text) == (422, True)
    headers = {"sec-fetch-site": "same-origin", "accept": "application/json"}
    form = {"name": "people.csv", "size": MAX_FILE_BYTES + 1}
    answer = console.client.post("/import/files", data=form, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, "size")
    assert console.get("/import/nobody").status_code == 404


def test_a_long_name_fits_the_file_system_and_keeps_its_ending(dropped: DroppedFiles) -> None:
    file = sent(dropped, "顧客" * 100 + ".csv")
    assert (file.state, file.name[-4:]) == (FileState.READY, ".csv")


def test_a_part_that_failed_half_way_is_written_again(dropped: DroppedFiles) -> None:
    file = dropped.add("people.csv", len(CSV))
    path = dropped._path(file)
    path.write_bytes(CSV[:7])  # a full disk took the beginning of the part
    dropped.write(file.file_id, 0, CSV, "server")
    until(lambda: not file.state.is_busy)
    assert (file.state, file.message_count) == (FileState.READY, 2)


def test_a_truncated_gzip_is_previewed_as_far_as_it_goes(dropped: DroppedFiles) -> None:
    rows = b"".join(b"person%d@example.com,P%d\n" % (number * 7919 % 99991, number) for number in range(40_000))
    file = sent(dropped, "people.csv.gz", gzip.compress(b"email,first_name\n" + rows)[:-1000], 1 << 20)
    assert file.state is FileState.READY
    assert "damaged" in file.previews[0].faults[0]
