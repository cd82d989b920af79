// The page: writes what the agent sends into `history` and the document; charts.js draws.

import * as charts from "./charts.js";

const BANDS = 64;
const MOST_EVENTS = 50;
const MOST_TRIED = 8;
const MOST_BYTES = 50 * 2 ** 20;
const NUMBERS_MS = 250; // between two changes of the numbers, so that they can be read

const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");

let state = null; // of the agent, as it was last sent
let about = null; // of the source that is shown
let tints = [];
let history = [];
let newest = null;
let paused = false;
let setting = null;
let stream = null;
let numbersAt = 0;
let drawnAt = 0;
let recording = null;
let shownId = 0; // of the newest event that is shown
const tried = new Map();

// -- Numbers and words

const make = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });
const percent = (share) => `${Math.round(100 * share)} %`;
const db = (value) => (value === null || value === undefined ? "–" : `${signed(value)} dB`);
const signed = (value) => {
  const round = Math.round(value);
  return round < 0 ? `−${-round}` : `${round}`;
};
const named = (decision, label) =>
  label && label !== decision ? `${decision.replace("_", " ")}: ${label}` : decision.replace("_", " ");
const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const best = (p) => p.indexOf(Math.max(...p));

// -- The stream

function listen() {
  if (stream) stream.close();
  stream = new EventSource(`api/stream?source=${encodeURIComponent(about ? about.name : "")}`);
  stream.addEventListener("state", (event) => begin(JSON.parse(event.data)));
  stream.addEventListener("frame", (event) => take(JSON.parse(event.data)));
  stream.addEventListener("event", (event) => tell(JSON.parse(event.data)));
  stream.addEventListener("setting", (event) => hold(JSON.parse(event.data)));
  stream.onerror = () => {
    $("link").dataset.state = "away";
    say($("link"), "not connected, trying again");
  };
}

function begin(next) {
  $("link").dataset.state = "here";
  say($("link"), "connected");
  const names = (sources) => sources.map((source) => source.name).join();
  const first = state === null || names(state.sources) !== names(next.sources);
  state = next;
  about = next.sources.find((source) => about && source.name === about.name) || next.sources[0];
  if (first) arrange();
  const trouble = about.trouble ? ` – ${about.trouble}` : "";
  say($("summary"), `${next.agent}, ${about.name}: ${about.summary.replace("->", "→")}${trouble}`);
  const [decision, label] = next.states[about.name] || ["waiting", null];
  decide(decision, label);
  remember(next.events);
  if (next.setting) hold(next.setting);
}

// Earlier events are shown and not read out by a screen reader; those on the page stay.
function remember(events) {
  const last = events.length ? events[events.length - 1].id : 0;
  if (last < shownId) forget(); // the agent has restarted
  $("events").setAttribute("aria-live", "off");
  events.filter((event) => event.id > shownId).forEach(tell);
  requestAnimationFrame(() => $("events").setAttribute("aria-live", "polite"));
}

function forget() {
  shownId = 0;
  $("events").replaceChildren();
  $("no-events").hidden = false;
}

function take(frame) {
  frame.wave = new Float32Array(bytes(frame.wave).buffer);
  frame.levels = bytes(frame.levels);
  count(frame);
  if (paused) return;
  fillGap(frame);
  newest = frame;
  history.push(frame);
  const kept = columns();
  let sum = history.reduce((total, frame) => total + frame.columns, 0);
  while (sum - history[0].columns > kept) sum -= history.shift().columns;
  decide(frame.state, frame.state_label);
  requestAnimationFrame(show);
}

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Windows that did not arrive leave an empty place.
function fillGap(frame) {
  if (!newest) return;
  const hop = Math.round(about.hop_s * about.rate_hz);
  const missing = Math.round((frame.first - newest.first) / hop) - 1;
  if (missing < 0 || missing > 1000) history = [];
  for (let i = 0; i < missing && missing <= 1000; i++) history.push({ ...EMPTY, columns: frame.columns });
}
const EMPTY = { wave: [], levels: [], flags: [], probabilities: null, rival: null, removed: null, snr_db: null, mixed_db: null };

const seconds = () => (innerWidth < 600 ? 6 : 12);
const columns = () => Math.round(seconds() / about.column_s);

// -- What is shown of a window

function decide(decision, label) {
  $("decision").dataset.decision = decision;
  say($("decision"), named(decision, label));
}

function show(now) {
  if (!newest || (still.matches && now - drawnAt < 1000)) return;
  drawnAt = now;
  draw();
  if (now - numbersAt < NUMBERS_MS) return;
  numbersAt = now;
  numbers();
}

function draw() {
  if (!about || !history.length) return;
  const wide = columns();
  charts.waveform($("wave"), history, wide);
  charts.spectrogram($("levels"), history, wide, BANDS);
  charts.ribbon($("ribbon"), history, wide, "probabilities", about.labels, tints);
  if (about.rival) charts.ribbon($("rival"), history, wide, "rival", about.labels, tints);
  if (about.layers) charts.shares($("removed"), history, wide, about.layers);
  charts.snrs($("snrline"), history, wide);
}

function numbers() {
  const { probabilities, rival, flags } = newest;
  const word = newest.label || newest.decision.replace("_", " ");
  say($("why"), flags.length ? `newest window flagged: ${flags.join(", ")}` : `newest window: ${word}`);
  [...$("classes").tBodies[0].rows].forEach((row, i) => {
    fill(row.cells[1], probabilities, i);
    if (about.rival) fill(row.cells[2], rival, i);
  });
  [...$("layers").children].forEach((row, i) => {
    const share = newest.removed ? newest.removed[i] : null;
    say(row.lastChild, share === null ? "–" : percent(share));
    row.children[1].style.setProperty("--share", share === null ? "0%" : `${100 * share}%`);
  });
  if (!about.layers && newest.shrinkage !== null) {
    const row = $("layers").firstChild;
    say(row.lastChild, newest.shrinkage.toFixed(2));
    row.children[1].style.setProperty("--share", `${100 * newest.shrinkage}%`);
  }
  say($("estimated"), db(newest.snr_db));
  say($("mixed"), newest.mixed_db === null ? "nothing mixed in" : db(newest.mixed_db));
}

function fill(cell, p, at) {
  const [bar, number] = cell.firstChild.children;
  say(number, p ? `${Math.round(100 * p[at])}` : "–");
  bar.style.setProperty("--share", p ? `${100 * p[at]}%` : "0%");
  cell.classList.toggle("best", Boolean(p) && best(p) === at);
}

// -- What does not change from window to window

function arrange() {
  tints = charts.classColours(about.labels, about.normal);
  history = [];
  newest = null;
  $("source-row").hidden = state.sources.length < 2;
  $("source").replaceChildren(...state.sources.map((source) =>
    make("option", source.name, { selected: source.name === about.name })));
  $("theirs").hidden = $("theirs-figure").hidden = !about.rival;
  $("layers-figure").hidden = !about.layers;
  $("snr-figure").hidden = false;
  $("mixed-row").hidden = $("mixed-key").hidden = $("turn").hidden = $("file").hidden = !state.setting;
  say($("span-hz"), `0 to ${about.rate_hz / 2000} kHz`);
  const names = heads();
  say($("ours"), names.ours);
  say($("ours-strip"), `${names.ours}, window by window`);
  say($("theirs"), names.theirs);
  say($("theirs-strip"), `${names.theirs}, same windows${names.theirs === "ResNet" ? ": the same layers without thresholds" : ""}`);
  $("classes").tBodies[0].replaceChildren(...about.labels.map(classRow));
  $("layers").replaceChildren(...layerRows());
  if (state.setting) arrangeControls();
}

// The names of the two networks.
function heads() {
  const plain = Boolean(about.rival) && about.rival.includes("resnet");
  return { ours: about.layers ? "DRSN" : about.model, theirs: plain ? "ResNet" : about.rival || "" };
}

function classRow(label, at) {
  const row = make("tr", "");
  const head = make("th", "", { scope: "row" });
  const dot = make("span", "", { className: "dot" });
  dot.style.background = tints[at];
  head.append(dot, label);
  row.append(head);
  for (let i = 0; i < (about.rival ? 2 : 1); i++) {
    const cell = make("td", "");
    const bar = make("span", "", { className: "bar" });
    bar.style.setProperty("--tint", tints[at]);
    const both = make("div", "");
    both.append(bar, make("span", "–"));
    cell.append(both);
    row.append(cell);
  }
  return row;
}

function layerRows() {
  const names = Array.from({ length: about.layers }, (_, i) => `Layer ${i + 1}`);
  return (names.length ? names : ["Mean"]).map((name) => {
    const row = make("div", "");
    row.append(make("dt", name), make("span", "", { className: "bar" }), make("dd", "–"));
    return row;
  });
}

function tell(event) {
  shownId = event.id;
  if (event.source !== about.name) return;
  const at = new Date(event.at);
  const item = make("li", "");
  const sure = event.probability === null ? "" : ` (${percent(event.probability)})`;
  const why = event.flags.length ? ` [${event.flags.join(", ")}]` : "";
  item.append(make("time", at.toLocaleTimeString(), { dateTime: event.at }),
    make("span", `${named(event.decision, event.label)}${sure}${why}`, { className: event.decision }));
  $("events").prepend(item);
  while ($("events").children.length > MOST_EVENTS) $("events").lastChild.remove();
  $("no-events").hidden = true;
}

// -- Controls

const MACHINES = ["normal", "inner", "outer", "ball"];
const NOISES = { gaussian: "white", laplacian: "impulsive", pink: "pink", recording: "recording" };

function arrangeControls() {
  $("machine").hidden = !state.simulated;
  radios($("machine"), "machine", state.simulated ? MACHINES : [], (label) => label);
  radios($("noise"), "noise", state.noises, (kind) => NOISES[kind] || kind);
  $("tried").hidden = !about.rival && !state.simulated;
  const caption = state.simulated ? "Correct answers for each setting that you have tried"
    : "Windows with the same answer of both networks";
  say($("tried").caption, caption);
}

function radios(set, key, values, text) {
  const legend = set.querySelector("legend");
  set.replaceChildren(legend, ...values.map((value) => {
    const label = make("label", "");
    const input = make("input", "", { type: "radio", name: key, value });
    input.addEventListener("change", () => turn({ [key]: value }));
    label.append(input, text(value));
    return label;
  }));
}

function hold(next) {
  setting = next;
  for (const key of ["machine", "noise"]) {
    const input = document.querySelector(`input[name="${key}"][value="${next[key]}"]`);
    if (input) input.checked = true;
  }
  if (document.activeElement !== $("snr") || sliding === null) $("snr").value = next.snr_db === null ? $("snr").min : -next.snr_db;
  snrText();
}

let sliding = null; // the timer of a change that is not sent yet

$("snr").addEventListener("input", () => {
  snrText();
  clearTimeout(sliding);
  sliding = setTimeout(() => { sliding = null; turn({ snr_db: selectedDb() }); }, 120);
});

const selectedDb = () => ($("snr").value === $("snr").min ? null : -Number($("snr").value));

function snrText() {
  const text = selectedDb() === null ? "none" : `SNR ${signed(selectedDb())} dB`;
  say($("snr-value"), text);
  $("snr").setAttribute("aria-valuetext", text);
}

async function turn(changes) {
  try {
    const answer = await fetch("api/setting", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(changes) });
    if (answer.ok) hold(await answer.json());
    else say($("link"), (await answer.text()).trim());
  } catch {
    say($("link"), "not connected, trying again");
  }
}

// Counts correct answers where the truth is known, else the equal ones of both networks.
function count(frame) {
  const { probabilities: p, rival, version, machine } = frame;
  if (!setting || version !== setting.version || !p || !(rival || about.labels.includes(machine))) return;
  const settled = setting.snr_db === null || Math.abs(frame.mixed_db - setting.snr_db) < 1.5;
  if (state.simulated && !settled) return; // the noise follows the signal's level a little later
  const level = setting.snr_db === null ? "none" : `${NOISES[setting.noise]} ${signed(setting.snr_db)} dB`;
  const key = `${machine}/${level}`;
  const row = tried.get(key) || { machine, level, ours: 0, theirs: 0, same: 0, of: 0 };
  row.of++;
  row.ours += about.labels[best(p)] === machine;
  row.theirs += Boolean(rival) && about.labels[best(rival)] === machine;
  row.same += Boolean(rival) && best(rival) === best(p);
  tried.delete(key);
  tried.set(key, row);
  if (tried.size > MOST_TRIED) tried.delete(tried.keys().next().value);
  if (row.of % 5 === 1) showTried();
}

function showTried() {
  const simulated = state.simulated;
  const { ours, theirs } = heads();
  const titles = simulated ? ["Machine", "Noise", ours, theirs || null, "of"] : ["Noise", "same", "of"];
  const cells = (row) => (simulated
    ? [row.machine, row.level, row.ours, about.rival ? row.theirs : null, row.of]
    : [row.level, percent(row.same / row.of), row.of]);
  const shown = (values) => values.filter((value) => value !== null);
  $("tried").tHead.rows[0].replaceChildren(...shown(titles).map((head) => make("th", head, { scope: "col" })));
  $("tried").tBodies[0].replaceChildren(...[...tried.values()].reverse().map((row) => {
    const line = make("tr", "");
    shown(cells(row)).forEach((value) => line.append(make("td", value)));
    if (simulated && about.rival && row.ours !== row.theirs) line.cells[row.ours > row.theirs ? 2 : 3].className = "better";
    return line;
  }));
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", paused);
  say($("pause"), paused ? "Resume" : "Pause");
});

$("source").addEventListener("change", () => {
  about = state.sources.find((source) => source.name === $("source").value);
  arrange();
  forget();
  listen();
});

// -- A recording

$("recording").addEventListener("change", () => {
  if ($("recording").files.length) send($("recording").files[0]);
  $("recording").value = "";
});

const dragged = (event) => Boolean(state && state.setting) && [...event.dataTransfer.types].includes("Files");
addEventListener("dragover", (event) => {
  if (!dragged(event)) return;
  event.preventDefault();
  $("drop").hidden = false;
});
addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").hidden = true; });
addEventListener("drop", (event) => {
  $("drop").hidden = true;
  if (!dragged(event)) return;
  event.preventDefault();
  send(event.dataTransfer.files[0]);
});

async function send(file) {
  if (file.size > MOST_BYTES) return reportFile(`${file.name}: ${(file.size / 2 ** 20).toFixed(1)} MiB, expected at most ${MOST_BYTES / 2 ** 20}`, true);
  reportFile(`${file.name}: being scored`);
  const query = new URLSearchParams({ name: file.name, source: about.name });
  try {
    const answer = await fetch(`api/recording?${query}`, { method: "POST", body: file });
    if (!answer.ok) return reportFile((await answer.text()).trim(), true);
    recording = await answer.json();
  } catch {
    return reportFile(`${file.name}: the agent did not answer`, true);
  }
  const { name, duration_s: long, windows, flagged, channels } = recording;
  const first = channels > 1 ? `, the first of ${channels} channels` : "";
  reportFile(`${name}: ${long.toFixed(1)} s${first}, ${windows} windows${flagged ? `, ${flagged} flagged` : ""}`);
  $("spans").tBodies[0].replaceChildren(...recording.spans.map((span) => {
    const row = make("tr", "");
    const cells = [`${span.start_s.toFixed(1)} s`, `${span.end_s.toFixed(1)} s`, named(span.decision, span.label), span.probability === null ? "–" : percent(span.probability)];
    cells.forEach((cell) => row.append(make("td", cell)));
    return row;
  }));
  $("scored").hidden = false;
  drawRecording();
}

function reportFile(text, bad = false) {
  if (bad) $("scored").hidden = true;
  $("file-result").toggleAttribute("data-bad", bad);
  say($("file-result"), text);
}

function drawRecording() {
  if (recording) charts.overview($("overview"), recording, (label) => tints[about.labels.indexOf(label)]);
}

// -- The window's own changes

const redraw = () => { draw(); drawRecording(); };
addEventListener("resize", redraw);
charts.onColours(() => {
  if (!about) return;
  tints = charts.classColours(about.labels, about.normal);
  $("classes").tBodies[0].replaceChildren(...about.labels.map(classRow));
  redraw();
});

listen();
