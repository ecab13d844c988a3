"""TLS of its own: SDKs that insist on https reach the receiver without a proxy, through the guarded connection."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
import uvicorn
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.unit.receive.harness import Receiver, basic

from hubwire.receive.connection import Connection


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hubwire test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


@pytest.mark.parametrize("ending", ["", "Connection: close\r\n"])
def test_an_upload_over_https_is_taken(tmp_path: Path, ending: str) -> None:
    chain, secret = certificate(tmp_path)
    receiver = Receiver()
    config = uvicorn.Config(
        receiver.app,
        http=Connection,
        lifespan="off",
        log_config=None,
        access_log=False,
        ssl_certfile=chain,
        ssl_keyfile=secret,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: uvloop.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        body = b'{"userId":"u1","event":"Bought"}'
        request = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('server-key')}\r\n"
        request += f"Content-Length: {len(body)}\r\n{ending}\r\n"
        trusting = ssl.create_default_context(cafile=str(chain))
        with (
            socket.create_connection(listener.getsockname(), timeout=10) as plain,
            trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            connection.sendall(request.encode() + body)
            answer = b""
            while not answer.endswith(b"}"):
                part = connection.recv(4096)
                assert part, answer
                answer += part
    finally:
        server.should_exit = True
        thread.join(20)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b'\r\n\r\n{"success": true}')
    assert [row.rejected for row in receiver.rows] == [None]
