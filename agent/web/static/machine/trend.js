// How a level went over a day to a year, what was decided and what happened meanwhile.

import { get } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { NONE, named, number, unitText, when } from "../app/format.js";
import { t, word } from "../app/texts.js";
import { Plot, nearest } from "../charts/plot.js";

const RANGES = { day: 86400, week: 7 * 86400, month: 31 * 86400, year: 366 * 86400 };
const SPANS = [["minute", 1.3 * 86400], ["hour", 62 * 86400], ["day", Infinity]]; // each up to a width
const LEVELS = ["velocity_mm_s", "rms", "peak", "crest", "kurtosis", "anomaly", "anomaly_slow", "drift", "rpm",
  "bpfo_db", "bpfi_db", "bsf_db", "ftf_db"];
const UNITS = { velocity_mm_s: "mm/s", rpm: "rpm", bpfo_db: "dB", bpfi_db: "dB", bsf_db: "dB", ftf_db: "dB" };
const LIMITED = ["anomaly", "anomaly_slow", "drift"]; // ratios to a limit of 1
const SHORTEST_S = 600;
const MOST_EVENTS = 6; // in the list below

let plot = null;
let machine = null;
let channel = 0;
let range = "week";
let zoomed = null; // [from, to] in Unix time
let trend = null;
let asking = null; // the newest question, so that an older one's answer is dropped

export function mount() {
  plot = new Plot($("machine-trend"), { read, zoom });
  $("machine-level").append(...LEVELS.map((level) => make("option", { value: level }, word("levels", level))));
  $("machine-level").addEventListener("change", load);
  $("machine-range").append(...Object.keys(RANGES).map((name) => make("label", {},
    make("input", { type: "radio", name: "machine-range", value: name, checked: name === range, onchange: () => choose(name) }),
    t(`machine.${name}`))));
  $("machine-whole").addEventListener("click", () => zoom(null, null));
}

function choose(name) {
  range = name;
  zoom(null, null);
}

// A zoom that is shorter than some rows is none.
function zoom(from, to) {
  const now = Date.now() / 1000;
  zoomed = from === null || to - from < SHORTEST_S ? (from === null ? null : zoomed) : [Math.max(0, from), Math.min(to, now)];
  $("machine-whole").hidden = zoomed === null;
  load();
}

export function show(next, nextChannel) {
  const first = machine === null || machine.card.name !== next.card.name;
  const changed = first || channel !== nextChannel;
  machine = next;
  channel = nextChannel;
  if (first) {
    zoomed = null;
    $("machine-whole").hidden = true;
    $("machine-level").value = next.card.velocity_mm_s === null ? "rms" : "velocity_mm_s";
  }
  if (changed) load();
}

export function forget() {
  machine = null;
}

export const redraw = () => { if (plot) plot.draw(); };

export async function load() {
  if (machine === null) return;
  const to = zoomed ? zoomed[1] : Date.now() / 1000;
  const from = zoomed ? zoomed[0] : to - RANGES[range];
  const level = $("machine-level").value;
  const [span] = SPANS.find(([, widest]) => to - from <= widest);
  const question = asking = {};
  plot.look(from, to);
  try {
    const answer = await get("api/trends", { source: machine.card.name, channel, span, from, to, levels: level });
    if (question !== asking) return;
    trend = answer;
    draw(level, from, to, span);
  } catch (error) {
    if (question === asking && !(error instanceof TypeError)) say($("machine-trend-text"), error.message);
  }
}

function draw(level, from, to, span) {
  const { starts_s: starts, span_s: long } = trend;
  const { lowest, mean, highest } = trend.levels[level];
  const xs = starts.map((start) => start + long / 2);
  const limits = limitsOf(level);
  plot.show({
    x: { from, to, kind: "time" },
    y: { ...heights(lowest, highest, limits), kind: "linear", unit: UNITS[level] || (["rms", "peak"].includes(level) ? unitText(trend.unit) : "") },
    curves: [{ xs, ys: mean, low: lowest, high: highest, colour: "accent", gap: 1.6 * long }],
    limits,
    marks: trend.events.map((event) => ({ x: seconds(event.t), decision: event.decision })),
    ribbon: starts.map((start, i) => ({ from: start, to: start + long, shares: shares(trend.decisions[i]) })),
  });
  plot.level = level;
  const count = mean.filter((value) => value !== null).length;
  const values = { level: word("levels", level), span: t(`machine.per_${span}`), count };
  say($("machine-trend-text"), t(count ? "machine.trendText" : "machine.trendEmpty", values));
  listEvents();
}

const seconds = (time) => new Date(time).getTime() / 1000;

function shares(decisions) {
  const all = Object.values(decisions).reduce((sum, many) => sum + many, 0) || 1;
  return Object.fromEntries(Object.entries(decisions).map(([name, many]) => [name, many / all]));
}

function limitsOf(level) {
  if (LIMITED.includes(level)) return [{ y: 1, text: t("machine.limit"), colour: "fault" }];
  if (level !== "velocity_mm_s" || !machine.limits_mm_s) return [];
  const [, c, d] = machine.limits_mm_s;
  return [{ y: c, text: t("overview.zone", { zone: "C" }), colour: "mixed" }, { y: d, text: t("overview.zone", { zone: "D" }), colour: "fault" }];
}

// From 0, or lower where values are, up to the highest; a limit that is near is shown, too.
function heights(lowest, highest, limits) {
  const known = (values) => values.filter((value) => value !== null);
  const low = Math.min(0, ...known(lowest));
  let high = Math.max(low + 1e-6, ...known(highest));
  for (const { y } of limits) if (y < 2.5 * high) high = Math.max(high, y);
  return { from: low * 1.05, to: low + (high - low) * 1.12 };
}

function read(x) {
  if (!trend || x === null || !trend.starts_s.length) return say($("machine-trend-read"), "");
  const at = nearest(trend.starts_s.map((start) => start + trend.span_s / 2), x);
  const { lowest, mean, highest } = trend.levels[plot.level];
  const values = { time: when(1000 * trend.starts_s[at]), mean: number(mean[at], 4), lowest: number(lowest[at], 4), highest: number(highest[at], 4) };
  say($("machine-trend-read"), mean[at] === null ? `${values.time}: ${NONE}` : t("machine.trendRead", values));
}

function listEvents() {
  $("machine-events").replaceChildren(...trend.events.slice(0, MOST_EVENTS).map((event) =>
    make("li", { "data-decision": event.decision }, make("time", { dateTime: event.t }, when(event.t)),
      make("span", {}, event.kind === "decision" ? named(event.decision, event.fault) : event.sentence))));
}
