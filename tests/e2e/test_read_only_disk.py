"""A disk that turns read-only while messages come in, as Linux does with a damaged one, and is repaired later."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.figures import Record
from tests.integration.receive.load import Load
from tests.integration.receive.test_failures import journaled
from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess

from hubwire.testing import running_emulator

pytestmark = pytest.mark.slow


class Disk:
    """An ext4 file system in a file, mounted at `folder`."""

    def __init__(self, place: Path) -> None:
        self.image, self.folder = place / "image", place / "disk"
        self.folder.mkdir()
        self.image.write_bytes(b"")
        os.truncate(self.image, 64 << 20)
        subprocess.run(["mkfs.ext4", "-q", self.image], check=True)

    def mount(self) -> bool:
        command = ["mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def turn_read_only(self) -> None:
        """What the kernel does after an error of the disk."""
        subprocess.run(["mount", "-o", "remount,abort", self.folder], check=False, capture_output=True)
        with pytest.raises(OSError, match="Read-only"):
            (self.folder / "file").write_bytes(b"")

    def repair(self) -> None:
        self.unmount()
        assert subprocess.run(["fsck.ext4", "-p", self.image], capture_output=True, check=False).returncode in (0, 1)
        assert self.mount()

    def unmount(self) -> None:
        subprocess.run(["umount", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("no file system can be made and mounted here (root and e2fsprogs are needed)")
    new_disk = Disk(tmp_path)
    if not new_disk.mount():
        pytest.skip("this machine mounts no files (loop devices are needed)")
    yield new_disk
    new_disk.unmount()


def test_a_disk_that_turns_read_only_refuses_and_recovers(disk: Disk, figures: Record) -> None:
    with running_emulator(access_token=TOKEN, portal_id=1234567) as emulator:
        hubwire = HubwireProcess(disk.folder, emulator.base_url).start()
        try:
            load = Load(int(hubwire.url.rpartition(":")[2]), WRITE_KEY, per_upload=10)
            load.start(senders=2)
            load.wait_for(lambda: load.statuses.count(200) >= 20)
            before = len(load.acknowledged)
            disk.turn_read_only()
            load.wait_for(lambda: load.statuses.count(503) >= 10)
            load.stop()
        finally:
            hubwire.stop()
        # While ext4 shuts down, Linux 6.18 lets a last `fdatasync` return 0 although its data is gone. Only messages
        # that were answered in that moment may be missing, at most one commit of both senders.
        meanwhile = {*load.acknowledged[before:]}
        disk.repair()
        with hubwire:
            load.send_again(int(hubwire.url.rpartition(":")[2]))
            lane = hubwire.drained()
    assert {*load.statuses} <= {200, 503}
    kept = journaled(disk.folder / "data" / "hubwire.db")
    lost = {*load.acknowledged} - meanwhile - kept.keys()
    assert lost == set()
    assert len(meanwhile - kept.keys()) <= 2 * load.per_upload
    assert lane["taken"] == kept.total() == len(kept)
    figures(
        acknowledged_messages=len({*load.acknowledged}),
        refused_uploads=load.statuses.count(503),
        lost=len(lost),
        doubled=kept.total() - len(kept),
        answered_as_the_disk_failed=len(meanwhile),
        missing_of_these=len(meanwhile - kept.keys()),
    )
    assert "Traceback" not in hubwire.output, hubwire.output[-4000:]
