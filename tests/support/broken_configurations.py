"""Configuration files with one mistake each, on which nothing may run: name -> content.

`SOURCE` stands for the keys of a source that would run.
"""

SOURCE = "name: a, kind: synth, model: bearing"
STREAM = "name: a, kind: stream, model: bearing"
LONG = "9" * 5000

SECTIONS = {
    "agent.health_s inf": "agent: {health_s: .inf}",
    "agent.health_s tiny": "agent: {health_s: 1.0e-300}",
    "agent.state_dir NUL": 'agent: {state_dir: "a\\0b"}',
    "agent.id surrogate": 'agent: {id: "\\ud800"}',
    "agent.id newline": 'agent: {id: "a\\nb"}',
    "agent is a list": "agent: [1]",
    "mqtt.window_expiry_s of 33 bits": "mqtt: {window_expiry_s: 4294967296}",
    "mqtt.port long": f"mqtt: {{port: {LONG}}}",
    "mqtt.port hexadecimal and long": f"mqtt: {{port: 0x{LONG}}}",
    "mqtt.tls missing file": "mqtt: {tls: {ca_file: /nowhere/ca.pem}}",
    "outbox.max_mib inf": "outbox: {max_mib: .inf}",
    "outbox.max_messages huge": "outbox: {max_messages: 99999999999999999999}",
    "evidence.before_s nan": "evidence: {before_s: .nan}",
    "commands.allow of 100 KB": f"commands: {{allow: [{'x' * 100_000}]}}",
    "rollout.starts huge": "rollout: {starts: 1000000000000}",
    "unknown section of 5,000 letters": f"{'x' * 5000}: 1",
    "an alias that multiplies": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{n}: &{n} [{','.join(['*' + b] * 10)}]\n"
            for b, n in zip("abcdefg", "bcdefgh", strict=True)
        )
    ),
    "an alias of itself": "agent: &a {id: *a}",
    "month 13": "start: 2026-13-01",
    "a key that is a list": "[1, 2]: 3",
    "deep": "x: " + "[" * 3000 + "]" * 3000,
    "deep blocks": "\n".join(" " * i + "a:" for i in range(300)),
    "tag of Python": "x: !!python/object/apply:os.system [true]",
    "merge of a number": "<<: 1",
    "binary that is none": "x: !!binary '%%%'",
    "integer of another kind": "x: !!int many",
}
KEYS = {  # of the source
    "buffer_s 1e12": "buffer_s: 1.0e+12",
    "buffer_s of 5,000 digits": f"buffer_s: {LONG}",
    "buffer_s inf": "buffer_s: .inf",
    "buffer_s that memory has not": "buffer_s: 3600, scale: 1.0e+400",
    "hop_s 1e9": "hop_s: 1.0e+9",
    "hop_s 1e-300": "hop_s: 1.0e-300",
    "scale nan": "scale: .nan",
    "scale 0": "scale: 0.0",
    "rpm inf": "rpm: .inf",
    "seed below 0": "seed: -1",
    "rate_hz 1e300": "rate_hz: 1.0e+300",
    "patience huge": "decide: {patience: 99999999999}",
    "channels huge": "channels: [99999999999999]",
    "a bearing without size": "rpm: 1, bearing: {balls: 3, ball_mm: 1.0e-300, pitch_mm: 1.0e+300}",
    "a scenario without an end": "scenario: [{duration_s: .inf}]",
    "pulses of 5,000 digits": f"tacho: {{channel: 0, pulses_per_turn: {LONG}}}",
}
STREAMS = {  # keys of a stream
    "no port": "rate_hz: 1000, url: 'tcp://127.0.0.1:99999999'",
    "no FIFO": "rate_hz: 1000, url: /dev/null",
    "rate_hz too low": "rate_hz: 1.0e-9",
    "65,536 channels": "rate_hz: 1000, interleaved: 65536",
}

CONFIGURATIONS: dict[str, bytes] = {
    **{name: f"{text}\nsources: [{{{SOURCE}}}]\n".encode() for name, text in SECTIONS.items()},
    **{name: f"sources: [{{{SOURCE}, {keys}}}]\n".encode() for name, keys in KEYS.items()},
    **{name: f"sources: [{{{STREAM}, {keys}}}]\n".encode() for name, keys in STREAMS.items()},
    "empty": b"",
    "zeros": bytes(4096),
    "no UTF-8": b"agent: {id: \xff\xfe}",
    "UTF-16": "sources: []".encode("utf-16"),
    "a mebibyte": b"# " + b"x" * 2**20,
    "cut short": b"sources: [{name: a",
    "two documents": b"a: 1\n---\nb: 2\n",
    "50,000 values": b"x: [" + b"1," * 50_000 + b"]",
}
