// What one source is doing now: the stream of its windows, drawn as it comes.

import { $, make, say } from "../app/dom.js";
import * as link from "../app/link.js";
import { t } from "../app/texts.js";
import { classColours } from "../charts/canvas.js";
import * as strips from "../charts/strips.js";
import * as controls from "../live/controls.js";
import * as events from "../live/events.js";
import { History, decode } from "../live/history.js";
import * as numbers from "../live/numbers.js";
import * as recording from "../live/recording.js";

const BANDS = 64;
const NUMBERS_MS = 250; // between two changes of the numbers, so that they can be read
const still = matchMedia("(prefers-reduced-motion: reduce)");

let state = null; // of the agent, as it was last sent
let about = null; // of the source that is shown
let tints = [];
let history = null;
let paused = false;
let stream = null;
let numbersAt = 0;
let drawnAt = 0;

const seconds = () => (innerWidth < 600 ? 6 : 12);
const columns = () => Math.round(seconds() / about.column_s);
const visible = () => stream !== null;

export function mount() {
  controls.listen();
  recording.listen(() => (visible() && state && state.setting ? { source: about.name, tint } : null));
  $("pause").addEventListener("click", pause);
  $("source").addEventListener("change", () => { location.hash = `#/live/${encodeURIComponent($("source").value)}`; });
  addEventListener("resize", redraw);
  addEventListener("theme", () => { if (about) { tints = classColours(about.labels, about.normal); numbers.arrange(about, tints); redraw(); } });
}

export function show(name) {
  if (state && name) about = state.sources.find((source) => source.name === name) || about;
  if (state) { arrange(); events.forget(); }
  listen(about ? about.name : name);
}

export function hide() {
  stream.close();
  stream = null;
}

const tint = (label) => tints[about.labels.indexOf(label)];

function listen(name) {
  if (stream) stream.close();
  stream = new EventSource(`api/stream?source=${encodeURIComponent(name)}`);
  const on = (kind, take) => stream.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  on("state", (next) => begin(next, name));
  on("frame", take);
  on("event", (event) => events.add(event, about.name));
  on("setting", controls.hold);
  stream.onerror = link.away;
}

function begin(next, name) {
  link.here();
  const names = (sources) => sources.map((source) => source.name).join();
  const first = state === null || names(state.sources) !== names(next.sources);
  state = next;
  const wanted = about ? about.name : name;
  about = next.sources.find((source) => source.name === wanted) || next.sources[0];
  if (first) arrange();
  const trouble = about.trouble ? ` – ${about.trouble}` : "";
  say($("summary"), `${next.agent}, ${about.name}: ${about.summary.replace("->", "→")}${trouble}`);
  const [decision, label] = next.states[about.name] || ["waiting", null];
  numbers.decide(decision, label);
  events.remember(next.events, about.name);
  if (next.setting) controls.hold(next.setting);
}

function take(frame) {
  link.here();
  controls.count(state, about, frame);
  if (paused) return;
  history.add(decode(frame), columns());
  numbers.decide(frame.state, frame.state_label);
  requestAnimationFrame(paint);
}

function paint(now) {
  if (!visible() || !history.newest || (still.matches && now - drawnAt < 1000)) return;
  drawnAt = now;
  draw();
  if (now - numbersAt < NUMBERS_MS) return;
  numbersAt = now;
  numbers.show(about, history.newest);
}

function draw() {
  if (!about || !history.frames.length) return;
  const wide = columns();
  const { frames } = history;
  strips.waveform($("wave"), frames, wide);
  strips.spectrogram($("levels"), frames, wide, BANDS);
  strips.ribbon($("ribbon"), frames, wide, "probabilities", about.labels, tints);
  if (about.rival) strips.ribbon($("rival"), frames, wide, "rival", about.labels, tints);
  if (about.layers) strips.shares($("removed"), frames, wide, about.layers);
  strips.snrs($("snrline"), frames, wide);
}

const redraw = () => { if (visible() && about) { draw(); recording.draw(); } };

// What does not change from window to window.
function arrange() {
  tints = classColours(about.labels, about.normal);
  history = new History(about);
  $("source-row").hidden = state.sources.length < 2;
  $("source").replaceChildren(...state.sources.map((source) =>
    make("option", { selected: source.name === about.name }, source.name)));
  $("theirs").hidden = $("theirs-figure").hidden = !about.rival;
  $("layers-figure").hidden = !about.layers;
  $("snr-figure").hidden = false;
  $("mixed-row").hidden = $("mixed-key").hidden = $("turn").hidden = $("file").hidden = !state.setting;
  say($("span-hz"), t("live.spanHz", { khz: about.rate_hz / 2000 }));
  const names = heads();
  say($("ours"), names.ours);
  say($("ours-strip"), t("live.oursStrip", { name: names.ours }));
  say($("theirs"), names.theirs);
  say($("theirs-strip"), t(names.theirs === "ResNet" ? "live.plainStrip" : "live.theirsStrip", { name: names.theirs }));
  numbers.arrange(about, tints);
  if (state.setting) controls.arrange(state, about, names);
}

// The names of the two networks.
function heads() {
  const plain = Boolean(about.rival) && about.rival.includes("resnet");
  return { ours: about.layers ? "DRSN" : about.model, theirs: plain ? "ResNet" : about.rival || "" };
}

function pause() {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", paused);
  say($("pause"), t(paused ? "live.resume" : "live.pause"));
}
