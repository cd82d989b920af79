"""The page behind TLS: deploy/nginx.conf in a real nginx."""

import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import eventually, free_port
from tests.mqtt.tls_table import authority
from tests.support.page_client import listens
from tests.support.paths import PROJECT
from tests.support.served_page import served

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
TOKEN = "only-for-those-who-know"
AROUND = """daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a proxy before a page with a token, and the folder with its certificate."""
    if NGINX is None:
        pytest.skip("needs nginx (apt-get install nginx-light)")
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    authority(folder, "box.example", "box.example")
    with served(TOKEN) as (page, _):
        text = (PROJECT / "deploy" / "nginx.conf").read_text()
        text = text.replace("listen 443", f"listen 127.0.0.1:{port}")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{page}")
        for ending in ("pem", "key"):
            for place in ("/etc/ssl", "/etc/ssl/private"):
                text = text.replace(
                    f"{place}/box.example.{ending}", f"{folder}/box.example.{ending}"
                )
        (folder / "site.conf").write_text(text)
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
        command = [NGINX, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        with subprocess.Popen(command) as process:
            eventually(lambda: listens(port), 10, "nginx listens")
            yield port, folder
            process.terminate()


def ask(
    proxy: tuple[int, Path], path: str, method: str = "GET", body: bytes = b"", **headers: str
) -> http.client.HTTPResponse:
    """Over TLS, as a browser that was given the name box.example; `_` in headers' names is `-`."""
    port, folder = proxy
    context = ssl.create_default_context(cafile=str(folder / "box.example.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    context.check_hostname = False  # the name is in no name server; the certificate is checked
    named = {"Host": f"box.example:{port}"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    return connection.getresponse()


def cookie(proxy: tuple[int, Path]) -> str:
    return ask(proxy, f"/?token={TOKEN}").getheader("Set-Cookie", "")


def test_a_browser_with_the_token_gets_a_cookie_that_only_tls_carries(
    proxy: tuple[int, Path],
) -> None:
    assert ask(proxy, "/").status == 401
    assert "Secure" in cookie(proxy)
    assert "HttpOnly" in cookie(proxy)
    page = ask(proxy, "/", Cookie=cookie(proxy).partition(";")[0])
    assert page.status == 200
    assert b"app/main.js" in page.read()


def test_the_stream_comes_through_at_once(proxy: tuple[int, Path]) -> None:
    stream = ask(proxy, "/api/stream", Cookie=cookie(proxy).partition(";")[0])
    assert stream.readline() == b"event: state\n"
    state = json.loads(stream.readline().removeprefix(b"data: "))
    assert state["agent"] == "test"


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://box.example:{port}", 200), ("https://evil.example", 403), ("null", 403)],
)
def test_only_the_page_itself_may_post(proxy: tuple[int, Path], origin: str, status: int) -> None:
    headers = {"Origin": origin.format(port=proxy[0]), "Cookie": cookie(proxy).partition(";")[0]}
    assert ask(proxy, "/api/setting", "POST", b'{"snr_db": 3}', **headers).status == status


def test_another_name_that_points_here_is_not_answered(proxy: tuple[int, Path]) -> None:
    assert ask(proxy, f"/?token={TOKEN}", Host="evil.example").status == 421
