"""What is announced is fetched from the one place that was configured, whole or not at all."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.control.rollout.download import COPIES, RESERVE_BYTES, fetch
from agent.core.errors import Later
from agent.messages.announcement import Announcement
from tests.mqtt import tls_table
from tests.support import bundles, web


class Flaky(web.Quiet):
    """Breaks off after half of what is asked for, the first time, and knows ranges."""

    broken = False
    ranges: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:  # noqa: N802 (the library's own name)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/tiny-2.drsn")
            self.end_headers()
            return
        asked = self.headers.get("Range")
        type(self).ranges.append(asked)
        data = (Path(self.directory) / self.path.lstrip("/")).read_bytes()
        first = int(asked[6:-1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        until = len(data) if type(self).broken else len(data) // 2
        type(self).broken = True
        self.wfile.write(data[first:until])


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder with a bundle."""
    folder = tmp_path / "served"
    folder.mkdir()
    made = bundles.bundle(tmp_path, "2")
    made.rename(folder / made.name)
    return folder


@pytest.fixture
def flaky(served: Path) -> Iterator[tuple[str, bytes]]:
    Flaky.broken, Flaky.ranges = False, []
    with web.serving(served, Flaky) as url:
        yield url, (served / "tiny-2.drsn").read_bytes()


def announced(data: bytes, url: str, **changes: Any) -> Announcement:
    sha256 = hashlib.sha256(data).hexdigest()
    given: dict[str, Any] = {"name": "tiny", "version": "2", "url": url}
    given |= {"sha256": sha256, "size": len(data)}
    return Announcement(**(given | changes))


def test_a_download_goes_on_where_it_broke_off(flaky: tuple[str, bytes], tmp_path: Path) -> None:
    source, data = flaky
    told = announced(data, "tiny-2.drsn")
    with pytest.raises(Later, match=f"found {len(data) // 2} of {len(data)} bytes"):
        fetch(told, source, tmp_path / "box")
    assert fetch(told, source, tmp_path / "box") == data
    assert Flaky.ranges == [None, f"bytes={len(data) // 2}-"]


def test_a_redirect_is_not_followed_and_another_file_than_announced_is_not_kept(
    flaky: tuple[str, bytes], tmp_path: Path
) -> None:
    source, data = flaky
    Flaky.broken = True
    with pytest.raises(Later, match="302 a redirect, which is not followed"):
        fetch(announced(data, "moved.drsn"), source, tmp_path / "box")
    for wrong in ({"sha256": "0" * 64}, {"size": len(data) - 1}):
        with pytest.raises(Later, match="another file than was announced"):
            fetch(announced(data, "tiny-2.drsn", **wrong), source, tmp_path / "box")
    assert list((tmp_path / "box/models/incoming").iterdir()) == []


def test_a_bundle_that_the_disk_has_no_room_for_is_not_fetched_and_the_line_says_how_much_it_needs(
    flaky: tuple[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, data = flaky
    needed = COPIES * len(data) + RESERVE_BYTES
    free = needed - 1
    usage = lambda _: SimpleNamespace(free=free)  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(
        Later, match=r"found 64\.\d MiB free on the disk, expected at least 64\.\d"
    ) as no:
        fetch(announced(data, "tiny-2.drsn"), source, tmp_path / "box")
    assert "\n" not in str(no.value)
    assert Flaky.ranges == []
    free = needed
    Flaky.broken = True
    assert fetch(announced(data, "tiny-2.drsn"), source, tmp_path / "box") == data


def test_from_a_folder_no_link_leads_out(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"x" * 10)
    (folder / "a.drsn").symlink_to(tmp_path / "secret")
    (folder / "b.drsn").write_bytes(b"x" * 10)
    with pytest.raises(Later, match="leads out of"):
        fetch(announced(b"x" * 10, "a.drsn"), str(folder), tmp_path / "box")
    assert fetch(announced(b"x" * 10, "b.drsn"), str(folder), tmp_path / "box") == b"x" * 10


def test_over_https_only_a_server_that_an_authority_of_ours_vouches_for_is_asked(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ours", "theirs"):
        tls_table.authority(tmp_path, name)
    tls_table.certificate(tmp_path, "server", "ours", "localhost")
    told = announced((served / "tiny-2.drsn").read_bytes(), "tiny-2.drsn")
    with web.serving(served, certificate=tmp_path / "server.pem") as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "theirs.pem"))
        with pytest.raises(Later, match="certificate verify failed"):
            fetch(told, url, tmp_path / "box")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ours.pem"))
        assert fetch(told, url, tmp_path / "box") == (served / "tiny-2.drsn").read_bytes()
        by_address = url.replace("localhost", "127.0.0.1")
        with pytest.raises(Later, match="certificate verify failed"):
            fetch(told, by_address, tmp_path / "box")
