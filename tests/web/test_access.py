"""Who is let in to the page, what may be changed there and by whom."""

import contextlib
import http.client
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from agent.config import load
from agent.core.errors import UserError
from agent.web.http import server
from tests.support.page_client import request
from tests.support.served_page import served

TOKEN = "only-for-those-who-know"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        (socket.gethostname(), 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8080", 403),
        ("localhost@evil.example", 403),
        ("", 403),
    ],
)
def test_a_name_that_is_not_this_machines_is_not_answered(host: str, status: int) -> None:
    with served() as (port, _):
        assert request(port, Host=host).status == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_site_can_change_nothing(headers: dict[str, str]) -> None:
    with served() as (port, controls):
        changes = b'{"snr_db": 0}'
        assert request(port, "/api/setting", "POST", changes, **headers).status == 403
        assert controls.setting.snr_db is None
        own = {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}
        assert request(port, "/api/setting", "POST", changes, **own).status == 200
        assert controls.setting.snr_db == 0


@pytest.mark.parametrize(
    ("path", "dest", "status"),
    [("/", "document", 200), ("/api/stream", "empty", 403), ("/app/main.js", "script", 403)],
)
def test_another_site_may_link_to_the_page_and_use_nothing_of_it(
    path: str, dest: str, status: int
) -> None:
    with served() as (port, _):
        found = request(port, path, Sec_Fetch_Site="cross-site", Sec_Fetch_Dest=dest)
        assert found.status == status


def test_with_a_token_only_who_knows_it_is_let_in() -> None:
    with served(TOKEN) as (port, _):
        for path in ("/", "/app/main.js", "/api/stream", "/?token=wrong", "/?token="):
            assert request(port, path).status == 401, path
        assert request(port, "/", Cookie="drsn_token=wrong").status == 401
        assert request(port, "/api/setting", "POST", b"{}").status == 401
        assert request(port, "/", Authorization=f"Bearer {TOKEN}").status == 200
        entered = request(port, f"/?token={TOKEN}")
        cookie = entered.getheader("Set-Cookie", "")
        assert (entered.status, entered.getheader("Location")) == (303, "/")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert request(port, "/app/main.js", Cookie=cookie.partition(";")[0]).status == 200


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({"address": "0.0.0.0"}, "page.address: found 0.0.0.0 and no token_file"),
        ({"address": "::"}, "page.address: found :: and no token_file"),
        ({"token_file": "/nowhere"}, "page.token_file: /nowhere cannot be read"),
        ({"prot": 1}, "page.prot: found an unknown key, did you mean port?"),
    ],
)
def test_a_page_for_others_is_refused_without_a_token(page: dict[str, Any], expected: str) -> None:
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    with pytest.raises(UserError) as caught:
        load.parse({"sources": [source], "page": page})
    assert expected in str(caught.value)


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("1234\n")
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    page = {"address": "0.0.0.0", "token_file": str(tmp_path / "token")}
    with pytest.raises(UserError, match=r"page.token_file: found 4 characters, expected"):
        load.parse({"sources": [source], "page": page})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"snr_db": "loud"}', "setting.snr_db: found 'loud', expected a number"),
        (b'{"snr_db": 1000}', "setting.snr_db: found 1000"),
        (b'{"noise": "brown"}', "setting.noise: found 'brown'"),
        (b'{"volume": 1}', "setting.volume: found an unknown key"),
        (b"[1]", "setting: found"),
        (b"\xff{", ""),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_and_changes_nothing(
    body: bytes, expected: str
) -> None:
    with served() as (port, controls):
        before = controls.setting
        answer = request(port, "/api/setting", "POST", body)
        told = answer.read().decode()
        assert answer.status == 400
        assert expected in told
        assert told.count("\n") == 1
        assert controls.setting == before


def test_too_large_a_recording_is_refused_before_it_is_sent() -> None:
    with served() as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        head = f"POST /api/recording HTTP/1.1\r\nHost: localhost\r\nContent-Length: {60 * 2**20}"
        raw.sendall(head.encode() + b"\r\n\r\n")
        assert b" 413 " in raw.recv(1000)


def test_a_name_with_a_path_in_it_is_only_a_name() -> None:
    with served() as (port, _):
        answer = request(port, "/api/recording?name=../../etc/pass%0Awd&source=a", "POST", b"1234")
        assert answer.read().decode() == "pass wd: 4 bytes of a\n"


def test_a_client_that_sends_a_byte_now_and_then_costs_its_place_for_its_time_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "REQUEST_S", 1.0)
    with served() as (port, _):
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(server.CONNECTIONS)]
        with pytest.raises(OSError, match=r".*"):
            request(port)
        answered = False
        for _ in range(100):
            for client in slow:
                with contextlib.suppress(OSError):
                    client.send(b"G")
            time.sleep(0.1)
            with contextlib.suppress(OSError, http.client.HTTPException):
                answered = answered or request(port).status == 200
            if answered:
                break
        for client in slow:
            client.close()
        assert answered
