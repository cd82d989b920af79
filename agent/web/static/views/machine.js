// One machine: its state and why, its levels over time, its spectra.

import { get, poll } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { t, word } from "../app/texts.js";
import * as now from "../machine/now.js";
import * as spectrum from "../machine/spectrum.js";
import * as trend from "../machine/trend.js";
import * as waterfall from "../machine/waterfall.js";

const EVERY_MS = 2000;
const SPECTRUM_MS = 5000;
const TREND_MS = 60_000;
const WORDS = ["normal", "inner", "outer", "ball", "unknown", "abstain", "sensor_fault", "detected"];

let stops = [];
let machine = null;
let newest = null; // the spectrum that is not shown yet
let name = "";

export function mount() {
  trend.mount();
  spectrum.mount();
  $("machine-source").addEventListener("change", () => go($("machine-source").value));
  $("machine-channel").addEventListener("change", () => restart());
  $("machine-words").append(...WORDS.map((key) => make("div", {},
    make("dt", {}, word("explainedNames", key)), make("dd", {}, word("explained", key)))));
  for (const event of ["resize", "theme"]) addEventListener(event, redraw);
}

const go = (source) => { location.hash = `#/machine/${encodeURIComponent(source)}`; };
const channel = () => Number($("machine-channel").value || 0);

export async function show(argument) {
  hide();
  const { sources } = await get("api/overview");
  const names = sources.map((source) => source.name);
  name = names.includes(argument) ? argument : name && names.includes(name) ? name : names[0];
  $("machine-source-row").hidden = names.length < 2;
  $("machine-source").replaceChildren(...names.map((one) => make("option", { selected: one === name }, one)));
  $("machine-live").href = `#/live/${encodeURIComponent(name)}`;
  say($("machine-title"), name);
  machine = newest = null;
  trend.forget();
  $("machine-channel").replaceChildren();
  restart();
}

export function hide() {
  stops.forEach((stop) => stop());
  stops = [];
}

function restart() {
  hide();
  stops = [
    poll(EVERY_MS, "api/machine", () => ({ source: name }), take),
    poll(SPECTRUM_MS, "api/spectrum", () => ({ source: name, channel: channel() }), takeSpectrum, spectrumFailed),
    every(TREND_MS, trend.load),
  ];
}

function every(ms, call) {
  const timer = setInterval(() => { if (!document.hidden) call(); }, ms);
  return () => clearInterval(timer);
}

function take(next) {
  machine = next;
  channels(next.channels);
  say($("machine-summary"), next.card.summary.replace("->", "→"));
  now.show(next);
  trend.show(next, channel());
  showSpectrum();
}

function takeSpectrum(next) {
  newest = next;
  showSpectrum();
  waterfall.load(name).catch(() => {});
}

// Once both are there.
function showSpectrum() {
  if (machine && newest) spectrum.show(newest, machine);
  if (machine) newest = null;
}

function spectrumFailed(error) {
  if (!(error instanceof TypeError)) spectrum.fail(error.message);
}

function channels(many) {
  if ($("machine-channel").options.length === many) return;
  $("machine-channel-row").hidden = many < 2;
  $("machine-channel").replaceChildren(...Array.from({ length: many }, (_, at) =>
    make("option", { value: at }, t("machine.channelNumber", { number: at }))));
}

function redraw() {
  if (!stops.length) return;
  trend.redraw();
  spectrum.redraw();
  waterfall.draw();
}
