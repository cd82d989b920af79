"""The live page over plain HTTP, and the parts behind it: who is let in, and that what is shown
is what is so."""

import contextlib
import http.client
import itertools
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile

from agent import sources
from agent.cli import demo_page as demo
from agent.config import load
from agent.core.errors import ConfigError, UserError
from agent.core.types import Block, Format, Samples, SourceError
from agent.inference import classifier, zoo
from agent.pipeline import build, window_scorer
from agent.sources.machine_simulator import Machine, Spec
from agent.web import activations, model_graph, recording_scoring, server
from agent.web.broadcast import VIEWERS, WAITING, Broadcaster
from agent.web.demo_controls import Controls
from agent.web.demo_harness import DemoHarness, rival
from agent.web.records import About, PageState
from agent.web.server_context import ServerContext
from agent.web.spectrogram import BANDS, FLOOR_DB, STEP_DB, Spectrogram
from tests.conftest import Agent, Broker, Subscriber, eventually, free_port, quiet_then_loud

Start = Callable[..., Agent]
Settings = Callable[..., dict[str, Any]]
TOKEN = "only-for-those-who-know"


# -- Who is let in


@contextlib.contextmanager
def served(token: str | None = None) -> Iterator[tuple[int, Controls]]:
    """A page of a demonstration in which nothing happens."""
    knobs = Controls()
    about = About(
        name="a",
        kind="synth",
        told="",
        trouble=None,
        labels=("normal", "loud"),
        normal=("normal",),
        rate_hz=1000.0,
        hop_s=0.1,
        window_s=0.2,
        column_s=0.02,
        model="tiny",
        layers=0,
        rival=None,
    )

    def stand() -> PageState:
        return PageState(
            agent="test",
            sources=[about],
            events=[],
            setting=knobs.setting,
            noises=("gaussian",),
            simulated=False,
            states={},
        )

    def score(file: Path, name: str, source: str) -> PageState:
        raise UserError(f"{name}: {file.stat().st_size} bytes of {source}")

    running = server.bind(
        "127.0.0.1", 0, ServerContext(Broadcaster(), stand, token, knobs.turn, score)
    )
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield int(running.server_port), knobs
    running.shutdown()
    running.server_close()


def asked(
    port: int, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    return connection.getresponse()


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
        assert asked(port, Host=host).status == status


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
    with served() as (port, knobs):
        changes = b'{"snr_db": 0}'
        assert asked(port, "/api/setting", "POST", changes, **headers).status == 403
        assert knobs.setting.snr_db is None
        own = {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}
        assert asked(port, "/api/setting", "POST", changes, **own).status == 200
        assert knobs.setting.snr_db == 0


@pytest.mark.parametrize(
    ("path", "dest", "status"),
    [("/", "document", 200), ("/api/stream", "empty", 403), ("/page.js", "script", 403)],
)
def test_another_site_may_link_to_the_page_and_use_nothing_of_it(
    path: str, dest: str, status: int
) -> None:
    with served() as (port, _):
        found = asked(port, path, Sec_Fetch_Site="cross-site", Sec_Fetch_Dest=dest)
        assert found.status == status


def test_with_a_token_only_who_knows_it_is_let_in() -> None:
    with served(TOKEN) as (port, _):
        for path in ("/", "/page.js", "/api/stream", "/?token=wrong", "/?token="):
            assert asked(port, path).status == 401, path
        assert asked(port, "/", Cookie="drsn_token=wrong").status == 401
        assert asked(port, "/api/setting", "POST", b"{}").status == 401
        assert asked(port, "/", Authorization=f"Bearer {TOKEN}").status == 200
        entered = asked(port, f"/?token={TOKEN}")
        cookie = entered.getheader("Set-Cookie", "")
        assert (entered.status, entered.getheader("Location")) == (303, "/")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert asked(port, "/page.js", Cookie=cookie.partition(";")[0]).status == 200


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ({"address": "0.0.0.0"}, "page.address: found 0.0.0.0 and no token_file"),
        ({"address": "::"}, "page.address: found :: and no token_file"),
        ({"token_file": "/nowhere"}, "page.token_file: found no text in /nowhere"),
        ({"prot": 1}, "page.prot: found an unknown key, did you mean port?"),
    ],
)
def test_a_page_for_others_is_refused_without_a_token(page: dict[str, Any], expected: str) -> None:
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    with pytest.raises(ConfigError) as caught:
        load.parse({"sources": [source], "page": page})
    assert expected in str(caught.value)


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("1234\n")
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    page = {"address": "0.0.0.0", "token_file": str(tmp_path / "token")}
    with pytest.raises(ConfigError, match=r"page.token_file: found 4 characters, expected"):
        load.parse({"sources": [source], "page": page})


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (demo.DemoOptions(address="0.0.0.0"), "--address: found 0.0.0.0 and no --token"),
        (demo.DemoOptions(address="0.0.0.0", token="1234"), "--token: found 4 characters"),
        (demo.DemoOptions(port=70000), "--page: found 70000, expected 1 to 65535"),
        (demo.DemoOptions(model="bearings"), "did you mean bearing?"),
        (demo.DemoOptions(background="gone.wav"), "gone.wav: found no such recording"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(wish: demo.DemoOptions, expected: str) -> None:
    pytest.importorskip("iotcore", reason="needs the demo extra")
    with pytest.raises(UserError) as caught:
        demo.demo(wish)
    assert expected in str(caught.value)


def test_a_rival_that_answers_another_question_is_refused(tiny_model: Path) -> None:
    ours = classifier.load(zoo.find("bearing"))
    with pytest.raises(ConfigError, match=r"labels: found \('normal', 'loud'\), expected"):
        rival(ours, tiny_model)


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
    with served() as (port, knobs):
        before = knobs.setting
        answer = asked(port, "/api/setting", "POST", body)
        told = answer.read().decode()
        assert answer.status == 400
        assert expected in told
        assert told.count("\n") == 1
        assert knobs.setting == before


def test_too_large_a_recording_is_refused_before_it_is_sent() -> None:
    with served() as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        head = f"POST /api/recording HTTP/1.1\r\nHost: localhost\r\nContent-Length: {60 * 2**20}"
        raw.sendall(head.encode() + b"\r\n\r\n")
        assert b" 413 " in raw.recv(1000)


def test_a_name_with_a_path_in_it_is_only_a_name() -> None:
    with served() as (port, _):
        answer = asked(port, "/api/recording?name=../../etc/pass%0Awd&source=a", "POST", b"1234")
        assert answer.read().decode() == "pass wd: 4 bytes of a\n"


# -- Browsers that are slow


def test_a_browser_that_takes_nothing_costs_nothing_and_begins_anew() -> None:
    hub = Broadcaster()
    viewer = hub.join("a")
    assert viewer is not None
    for number in range(1000):
        hub.put("frame", b"%d" % number, "a")
    taken = [viewer.next(0) for _ in range(WAITING + 1)]
    assert [item for item in taken if item] == [("frame", b"%d" % n) for n in range(WAITING)]
    assert taken[-1] is None  # something was missed: the stream tells where all stands
    hub.put("frame", b"new", "a")
    assert viewer.next(0) == ("frame", b"new")


def test_only_so_many_browsers_are_served() -> None:
    hub = Broadcaster()
    viewers = [hub.join("a") for _ in range(VIEWERS)]
    assert all(viewers)
    assert hub.join("a") is None
    assert viewers[0] is not None
    hub.leave(viewers[0])
    assert hub.join("b") is not None
    assert hub.watched("b")


# -- What is shown is so


def test_the_thresholds_are_those_that_the_onnx_package_finds() -> None:
    file = zoo.find("bearing")
    found = model_graph.thresholds(file.read_bytes())
    nodes = {node.output[0]: node for node in onnx.load(file).graph.node}
    expected = [
        (node.input[0], name)
        for name, node in nodes.items()
        if node.op_type == "Sub"
        and node.input[1] in nodes
        and nodes[node.input[1]].op_type == "Max"
    ]
    assert len(expected) == 4
    assert [(each.before, each.after) for each in found] == expected


def test_what_is_taken_off_is_what_the_graph_itself_computes() -> None:
    """The same tensors, made outputs by the onnx package and summed here."""
    file = zoo.find("bearing")
    machine = Machine(Spec(), np.random.default_rng(0))
    window = machine.render(4096, "outer", 1.0).astype(np.float32)[None]
    model = onnx.load(file)
    expected = []
    for each in model_graph.thresholds(file.read_bytes()):
        model.graph.output.extend([onnx.ValueInfoProto(name=each.before)])
        model.graph.output.extend([onnx.ValueInfoProto(name=each.after)])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    tensors = session.run(None, {"samples": window[None]})[3:]
    for before, after in zip(tensors[::2], tensors[1::2], strict=True):
        assert np.all(np.abs(after) <= np.abs(before))
        expected.append(1 - np.abs(after).sum() / np.abs(before).sum())
    asked_of = activations.load(file)
    assert asked_of is not None
    found = asked_of.taken_off(window, np.zeros(5, np.float32))
    assert found == pytest.approx(expected, abs=1e-3)
    assert max(found) > 0.3


def test_every_network_of_the_zoo_is_read_and_one_without_thresholds_has_none(
    tiny_model: Path,
) -> None:
    for file in zoo.released().values():
        described = classifier.load(file).contract
        found = activations.load(file)
        assert (found is not None) == described.family.startswith("drsn"), file
        if found is not None:
            noise = np.random.default_rng(0).standard_normal((1, described.window))
            shares = found.taken_off(noise.astype(np.float32), np.zeros(5, np.float32))
            assert all(0 <= share <= 1 for share in shares)
    assert activations.load(tiny_model) is None


class Tone:
    """A live source of 48 kHz: a tone, now and then paused."""

    format = Format(48_000.0, 1, full_scale=1.0)

    def __init__(self, pauses: bool) -> None:
        self._at = 0
        self._pauses = pauses

    def read(self) -> Block:
        index = np.arange(self._at, self._at + 2400)
        self._at += 2400
        on = 1.0 if not self._pauses or (self._at // 24_000) % 2 else 0.01
        tone = on * np.sin(2 * np.pi * 440 * index / 48_000)
        return Block(tone.astype(np.float32)[:, None])

    def close(self) -> None: ...


@pytest.mark.parametrize("kind", ["gaussian", "laplacian", "pink", "recording"])
@pytest.mark.parametrize("snr_db", [10.0, -5.0])
def test_the_noise_is_at_the_chosen_snr_as_the_network_hears_it(kind: str, snr_db: float) -> None:
    background = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    stage = DemoHarness(rate_hz=10_000.0, simulated=False, background=background)
    stage.controls.turn({"noise": kind, "snr_db": snr_db})
    source = stage.open(lambda: Tone(pauses=False))
    heard = np.concatenate([source.read().samples for _ in range(80)])[:, 0]  # type: ignore[union-attr]
    frames = heard[10_000:30_000]
    tone = np.sin(2 * np.pi * 440 * np.arange(len(frames)) / 10_000)
    quadrature = np.cos(2 * np.pi * 440 * np.arange(len(frames)) / 10_000)
    fitted = np.stack([tone, quadrature], axis=1)
    signal = fitted @ np.linalg.lstsq(fitted, frames, rcond=None)[0]
    real_db = 10 * np.log10(signal.var() / (frames - signal).var())
    slow = 3.0 if kind == "pink" else 0.5  # two seconds of it are more or less loud
    assert real_db == pytest.approx(snr_db, abs=slow)
    told = stage.truth_log.of(10_000, 20_000)
    assert told.snr_db == pytest.approx(real_db, abs=0.5)
    assert (told.version, told.machine) == (1, None)


def test_pauses_between_words_do_not_hush_the_noise() -> None:
    stage = DemoHarness(rate_hz=10_000.0, simulated=False)
    stage.controls.turn({"snr_db": 0.0})
    source = stage.open(lambda: Tone(pauses=True))
    blocks: list[Samples] = [source.read().samples[:, 0] for _ in range(100)]  # type: ignore[union-attr]
    steady = np.array([block.var() for block in blocks[30:] if len(block)])
    assert steady.min() > 0.3 * 0.5  # the tone's power, when it sounds, is 0.5


def test_a_tone_is_at_its_height_in_the_spectrogram_and_at_its_level() -> None:
    picture = Spectrogram(16_000.0, 1600)
    tone = np.sin(2 * np.pi * 3000 * np.arange(6400) / 16_000).astype(np.float32)
    levels = np.frombuffer(picture.spectrogram(tone), np.uint8).reshape(5, BANDS)
    band = int(3000 / 8000 * BANDS)
    assert set(levels.argmax(axis=1)) <= {band - 1, band}
    power_db = levels.max(axis=1) * STEP_DB + FLOOR_DB
    assert np.all(power_db > -12)
    assert np.all(levels[:, band + 10] * STEP_DB + FLOOR_DB < -60)
    wave = picture.waveform(tone)
    assert wave.shape == (5, 2)
    assert wave.min() == pytest.approx(-1, abs=0.05)


class Microphone:
    """The kind `mic` as far as the page knows it: a module with `Options` and `open_source`."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    @staticmethod
    def open_source(options: "Microphone.Options") -> Tone:
        return Tone(pauses=False)


def test_a_microphone_is_a_source_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sources, "KINDS", (*sources.KINDS, "mic"))
    monkeypatch.setitem(sys.modules, "agent.sources.microphone", Microphone)
    wish = demo.DemoOptions(mic=True, model="bearing", background=None)
    chosen = load.parse(demo.tree(wish, 1883, str(tmp_path)))
    stage = DemoHarness(rate_hz=10_000.0, simulated=False)
    stage.controls.turn({"snr_db": 0.0})
    (pipeline,) = build.build_pipelines(chosen, build.Runtime(wrap_source=stage.open))
    stopping = threading.Event()
    threading.Thread(target=pipeline.reader.run, args=(stopping,), daemon=True).start()
    scored: list[Any] = []

    def is_scored() -> bool:
        scored.extend(window_scorer.step([pipeline.scorer]))
        return len(scored) > 20

    eventually(is_scored, 10, "windows")
    stopping.set()
    pipeline.ring.close()
    assert scored[-1].prediction.snr_db < 6
    told = stage.truth_log.of(scored[-1].window.first, 4096)
    assert told.snr_db is None or told.snr_db == pytest.approx(0, abs=1)


def test_without_a_microphone_the_demo_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    known = tuple(kind for kind in sources.KINDS if kind != "mic")
    monkeypatch.setattr(sources, "KINDS", known)
    with pytest.raises(UserError, match="--mic: this drsn-agent has no source of the kind mic"):
        demo.demo(demo.DemoOptions(mic=True))

    def broken(options: Microphone.Options) -> Tone:
        raise SourceError("PortAudio is missing: apt-get install libportaudio2")

    monkeypatch.setattr(sources, "KINDS", (*known, "mic"))
    monkeypatch.setattr(Microphone, "open_source", staticmethod(broken))
    monkeypatch.setitem(sys.modules, "agent.sources.microphone", Microphone)
    with pytest.raises(SourceError, match="PortAudio is missing"):
        demo.demo(demo.DemoOptions(mic=True))


# -- The agent's own status page


def test_without_the_key_nothing_of_the_page_is_loaded() -> None:
    code = "import sys, agent.service.daemon; sys.exit('http.server' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_agent_with_a_page_shows_its_windows_and_takes_no_orders(
    broker: Broker, subscriber: Subscriber, run_agent: Start, settings: Settings, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "long.wav", np.clip(quiet_then_loud(60_000), -0.99, 0.99), 1000)
    tree = settings(broker.port, kind="file", path=str(tmp_path / "long.wav"))
    port = free_port()
    agent = run_agent(tree | {"page": {"port": port}})
    eventually(lambda: bool(subscriber.of("state")), 20, "a state")
    told = heard(port, 5)
    assert told["stand"][0]["sources"][0]["name"] == "bearing-de"
    assert told["stand"][0]["setting"] is None
    assert list(told["stand"][0]["states"]) == ["bearing-de"]
    frames = told["frame"]
    assert [b["first"] - a["first"] for a, b in itertools.pairwise(frames)] == [100] * 4
    assert all(frame["probabilities"] and frame["rival"] is None for frame in frames)
    assert asked(port, "/api/setting", "POST", b'{"snr_db": 0}').status == 404
    assert asked(port, "/api/recording?name=a", "POST", b"1").status == 404
    assert agent.stop() == 0


def heard(port: int, frames: int) -> dict[str, list[Any]]:
    """What a stream tells until so many frames have come."""
    answer = asked(port, "/api/stream")
    told: dict[str, list[Any]] = {"stand": [], "frame": []}
    while len(told["frame"]) < frames:
        kind = answer.readline().decode().removeprefix("event: ").strip()
        told.setdefault(kind, []).append(json.loads(answer.readline().removeprefix(b"data: ")))
        answer.readline()
    answer.close()
    return told


def test_a_browser_that_stands_still_keeps_neither_scoring_nor_others_waiting(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    port = free_port()
    tree = settings(broker.port, kind="synth", rate_hz=1000, hop_s=0.02)
    run_agent(tree | {"page": {"port": port}})
    eventually(lambda: listens(port), 20, "the page listens")
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        stuck.connect(("127.0.0.1", port))
        stuck.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        frames = heard(port, 120)["frame"]
    steps = {b["first"] - a["first"] for a, b in itertools.pairwise(frames)}
    assert steps == {20}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_port_that_is_taken_is_one_line(
    broker: Broker, run_agent: Start, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        agent = run_agent(settings(broker.port, kind="synth") | {"page": {"port": port}})
        assert agent.wait(20) == 78
    lines = agent.logged().splitlines()
    assert lines == [
        f"drsn-agent: page: 127.0.0.1 port {port} cannot be had: Address already in use"
    ]


# -- A recording dropped on the page


def test_a_dropped_recording_is_scored_as_replay_scores_it(tmp_path: Path) -> None:
    machine = Machine(Spec(rate_hz=16_000.0), np.random.default_rng(0))
    parts = [machine.render(48_000, fault, 1.0) for fault in ("normal", "outer")]
    noise = 0.2 * np.random.default_rng(1).standard_normal(96_000)
    file = tmp_path / "broken.flac"
    soundfile.write(file, 0.05 * (np.concatenate(parts) + noise), 16_000)
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    chosen = load.parse({"sources": [source]})
    (pipeline,) = build.build_pipelines(chosen, commissioned=False)
    told = recording_scoring.score(file, "broken.flac", pipeline)
    command = [sys.executable, "-m", "agent", "replay", str(file), "--model", "bearing"]
    lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    events = [r for r in records if r["schema"] == "drsn-event/1"]
    spans = [(span.decision, span.label, round(span.start_s, 4)) for span in told.spans]
    expected = [
        (e["decision"], e["label"], round((e["first_sample"] + e["n_samples"]) / 10_000, 4))
        for e in events
    ]
    assert spans == expected
    assert {span[1] for span in spans} >= {"normal", "outer"}
    assert told.windows == sum(r["schema"] == "drsn-window/1" for r in records)
    assert told.duration_s == 6.0
    assert max(told.peaks) == 1.0


def test_a_recording_that_is_none_is_one_line_in_its_own_name(tmp_path: Path) -> None:
    source = {"name": "a", "kind": "synth", "model": "bearing"}
    (pipeline,) = build.build_pipelines(load.parse({"sources": [source]}), commissioned=False)
    bad = tmp_path / "recording.sound"
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, np.zeros(16_000), 16_000)
    long = tmp_path / "long.flac"
    soundfile.write(long, np.zeros(3_700_000), 1000)
    cases = {
        b"hello": "bad.wav: not a recording that can be read",
        b"": "bad.wav: not a recording that can be read",
        whole.read_bytes()[:5000]: "bad.wav: found less than one window, expected at least 0.4096",
        long.read_bytes(): "bad.wav: found 3700 s, expected more than none and at most 3600 s",
    }
    for content, expected in cases.items():
        bad.write_bytes(content)
        with pytest.raises(UserError) as caught:
            recording_scoring.score(bad, "bad.wav", pipeline)
        assert str(caught.value).startswith(expected)
        assert str(tmp_path) not in str(caught.value)
