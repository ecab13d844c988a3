#!/usr/bin/env bash
# JetStream refuses the id of a message that is gone; after a restart it accepts the id of one that was done.
#
# Packages: nats-server 2.12.2 (Go module, Go 1.26), nats-py 2.16.0 (PyPI), Python 3.11.
# Expected before the run: a Nats-Msg-Id is remembered for the duplicate window (two minutes by default), with or
# without a restart; and a purge or a delete clears the way for the same messages again.
# Seen: after a purge, after a delete, and after the acknowledgement in a work queue, a publish with the same id is
# answered "duplicate" with the old sequence number, and the stream stays empty. After a restart, the server knows only
# the ids of messages that are still stored: within the same window it accepts each of the three.
# Why it matters: purge and replay loses the replay, and nothing is raised; only the flag tells. In a work queue, a
# publisher that repeats after a restart delivers again what was acknowledged. Consumers need ids of their own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
GOPATH=$folder/go GOBIN=$folder GOFLAGS=-modcacherw go install github.com/nats-io/nats-server/v2@v2.12.2
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check nats-py==2.16.0
cat > run.py <<'PYTHON'
import asyncio, json, pathlib, subprocess
import nats
from nats.js.api import RetentionPolicy

async def start():
    command = ["./nats-server", "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", "store", "--ports_file_dir", "."]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    ports = pathlib.Path(f"nats-server_{server.pid}.ports")
    while not ports.exists():
        await asyncio.sleep(0.1)
    connection = await nats.connect(json.loads(ports.read_text())["nats"][0])
    return server, connection.jetstream()

async def publish(js, when):
    for name in ("purged", "deleted", "worked"):
        answer = await js.publish(name, b"", headers={"Nats-Msg-Id": "1"})
        stored = (await js.stream_info(name)).state.messages
        print(when, name, "duplicate" if answer.duplicate else "accepted", stored)

async def main():
    server, js = await start()
    for name in ("purged", "deleted", "worked"):
        retention = RetentionPolicy.WORK_QUEUE if name == "worked" else RetentionPolicy.LIMITS
        await js.add_stream(name=name, subjects=[name], retention=retention)
    await publish(js, "first")
    await js.purge_stream("purged")
    await js.delete_msg("deleted", 1)
    [message] = await (await js.pull_subscribe("worked", durable="worker")).fetch(1)
    await message.ack_sync()
    await publish(js, "again")
    server.terminate()
    server.wait()
    server, js = await start()
    await publish(js, "restarted")
    server.terminate()

asyncio.run(main())
PYTHON
venv/bin/python run.py 2> log | tee seen
[ "$(grep -c 'first.*accepted 1\|again.*duplicate 0\|restarted.*accepted 1' seen)" = 9 ]
