"""The admin port beyond loopback: no figure without a token, guessing is slowed down, probes tell yes or no, TLS is renewed."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from monitor.cli import ask
from monitor.errors import ConfigurationError, ConnectionProblem
from monitor.probe import probed
from monitor.settings.admin.http import TlsSettings
from monitor.settings.admin.tls import ServerCertificate
from monitor.settings.checks import warnings
from monitor.settings.load import Settings, settings_of
from monitor.web import build_web, start_web
from monitor.web.access import MOST_FAILURES, WINDOW_S, Access, Patience, Tokens
from tests import status_examples as examples
from tests.unit.web.test_server import parts

DATA = (
    "/",
    "/metrics",
    "/version",
    "/status",
    "/status/jp-main",
    "/foresee/jp-main",
    "/actions/jp-main",
    "/actions?entity=jp-main",
    "/candidates",
    "/candidates/jp-main",
    "/static/status.js",
)
TOKEN = "a-long-token"


class Hands:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text(f"{TOKEN}\n")
    return path


def put(path: Path, text: str | None) -> None:
    path.unlink()
    if text is not None:
        path.write_text(text)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def client(tokens: Path, hands: Hands) -> AsyncIterator[TestClient[Any, Any]]:
    access = Access(Tokens(tokens), Patience(hands))
    async with TestClient(TestServer(build_web(parts(examples.shortfall(), access=access)))) as made:
        yield made


def raw(header: str) -> dict[str, str]:
    return {"Authorization": header}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


@pytest.mark.parametrize("path", [*DATA, "/nothing-here"])
async def test_nothing_is_told_without_a_token(client: TestClient[Any, Any], path: str) -> None:
    answer = await client.get(path)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    text = await answer.text()
    assert not any(word in text for word in ("jp-main", "shortfall", "reserve_"))


@pytest.mark.parametrize("shown", [bearer(TOKEN), basic("anybody", TOKEN), {"Authorization": f"bearer {TOKEN}"}])
async def test_a_token_opens_every_page_and_no_other_way_to_change_things(
    client: TestClient[Any, Any], shown: dict[str, str]
) -> None:
    for path in ("/", "/metrics", "/status/jp-main"):
        assert (await client.get(path, headers=shown)).status == 200
    assert (await client.post("/status", headers=shown)).status == 405


@pytest.mark.parametrize("shown", [bearer("wrong"), bearer(""), basic("x", "wrong"), raw("Basic %%%"), raw(f"Digest {TOKEN}")])
async def test_what_is_no_token_is_refused(client: TestClient[Any, Any], shown: dict[str, str]) -> None:
    assert (await client.get("/status", headers=shown)).status == 401


async def test_a_probe_without_a_token_hears_yes_or_no_and_no_name(client: TestClient[Any, Any]) -> None:
    for path in ("/livez", "/readyz", "/startupz"):
        assert await (await client.get(path)).json() == {"ok": True}
        assert "checks" in await (await client.get(path, headers=bearer(TOKEN))).json()
        assert (await client.get(path, headers=bearer("wrong"))).status == 401


async def test_one_who_guesses_waits_even_with_the_right_token(client: TestClient[Any, Any], hands: Hands) -> None:
    for _ in range(MOST_FAILURES):
        assert (await client.get("/status", headers=bearer("wrong"))).status == 401
    answer = await client.get("/status", headers=bearer(TOKEN))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert (await client.get("/livez")).status == 200, "a health check is no guess"
    hands.at += WINDOW_S
    assert (await client.get("/status", headers=bearer(TOKEN))).status == 200


def test_addresses_are_patient_apart_and_are_not_kept_for_ever(hands: Hands) -> None:
    patience = Patience(hands)
    for number in range(10_000):
        patience.failed(f"10.0.{number // 256}.{number % 256}")
    for _ in range(MOST_FAILURES):
        patience.failed("192.0.2.1")
    assert patience.wait_s("192.0.2.1") == 60
    assert patience.wait_s("192.0.2.2") == 0
    assert len(patience._failures) <= 4096


async def test_a_token_is_changed_without_a_restart(client: TestClient[Any, Any], tokens: Path) -> None:
    put(tokens, f"{TOKEN}\nnew-one\n")
    assert [(await client.get("/status", headers=bearer(one))).status for one in (TOKEN, "new-one")] == [200, 200]
    put(tokens, "new-one\n")
    assert [(await client.get("/status", headers=bearer(one))).status for one in (TOKEN, "new-one")] == [401, 200]
    put(tokens, None)
    assert (await client.get("/status", headers=bearer("new-one"))).status == 401, "without the file nobody is let in"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, "-keyout", key, "-out", cert, "-days", "2", *subject], check=True, capture_output=True
    )
    return cert, key


def secured(cert: Path, key: Path, tokens: Path, port: int) -> Settings:
    tls = {"cert_file": str(cert), "key_file": str(key), "ca_file": str(cert)}
    return settings_of({"http": {"port": port, "tls": tls, "auth": {"token_file": str(tokens)}}})


async def test_commands_and_probes_ask_under_tls_and_log_in(tmp_path: Path, tokens: Path) -> None:
    cert, key = certificate(tmp_path, "admin")
    holder = ServerCertificate(TlsSettings(cert_file=cert, key_file=key))
    server = await start_web(parts(examples.shortfall(), access=Access(Tokens(tokens))), "127.0.0.1", 0, holder)
    try:
        settings = secured(cert, key, tokens, server.port)
        assert settings.http.local_url == server.url
        body = await asyncio.to_thread(ask.of_entity, settings, "jp-main")
        assert body["entity"] == "jp-main"
        wrong = tmp_path / "wrong"
        wrong.write_text("guess\n")
        with pytest.raises(ConnectionProblem, match=r"HTTP 401.*token_file"):
            await asyncio.to_thread(ask.of_entity, secured(cert, key, wrong, server.port), "jp-main")
        config = tmp_path / "reserve.yaml"
        config.write_text(f"http: {{port: {server.port}, tls: {{cert_file: {cert}, key_file: {key}}}}}\n")
        assert (await asyncio.to_thread(probed, "livez", config))[0] == 0
        other, _ = certificate(tmp_path, "other")
        with pytest.raises(ConnectionProblem, match="certificate"):
            await asyncio.to_thread(ask.of_entity, secured(other, key, tokens, server.port), "jp-main")
    finally:
        await server.stop()


async def test_a_replaced_certificate_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "first")
    holder = ServerCertificate(TlsSettings(cert_file=cert, key_file=key))
    server = await start_web(parts(examples.adequate()), "127.0.0.1", 0, holder)
    try:
        assert not holder.renew()
        new_cert, new_key = certificate(tmp_path, "second")
        cert.write_bytes(new_cert.read_bytes())
        with pytest.raises(ConfigurationError, match=r"http\.tls"):
            holder.renew()
        trusting_second_alone = ssl.create_default_context(cafile=str(new_cert))
        key.write_bytes(new_key.read_bytes())
        assert holder.renew()
        async with ClientSession() as session, session.get(f"{server.url}/livez", ssl=trusting_second_alone) as answer:
            assert answer.status == 200
    finally:
        await server.stop()


def test_an_open_port_without_login_and_tls_is_warned_of(tmp_path: Path, tokens: Path) -> None:
    said = " ".join(warnings(settings_of({"http": {"host": "0.0.0.0"}})))
    assert "without http.auth" in said
    assert "without http.tls" in said
    assert "http.auth" not in " ".join(warnings(settings_of({})))
    cert, key = certificate(tmp_path, "admin")
    both = secured(cert, key, tokens, 9464)
    said = " ".join(warnings(both.model_copy(update={"http": both.http.model_copy(update={"host": "0.0.0.0"})})))
    assert "http.host" not in said
