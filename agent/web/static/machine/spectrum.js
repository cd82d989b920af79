// Spectrum and envelope spectrum of the newest seconds, in hertz or turns of the shaft.

import { $, make, say } from "../app/dom.js";
import { NONE, number, unitText } from "../app/format.js";
import { t, word } from "../app/texts.js";
import { Plot } from "../charts/plot.js";

const COLOURS = { shaft: "dim", bpfo: 1, bpfi: 0, bsf: 2, ftf: 3 }; // those of the classes
const TOP_DB = 30; // the envelope's chart is at least so high
const LOW_DB = -10;

let density = null;
let envelope = null;
let unit = "hz";
let spectrum = null;
let machine = null;

export function mount() {
  density = new Plot($("machine-spectrum"), { read: (x) => read("machine-spectrum-read", x, spectrum && spectrum.density, spectrum ? densityUnit() : "") });
  envelope = new Plot($("machine-envelope"), { read: (x) => read("machine-envelope-read", x, spectrum && spectrum.envelope_db, "dB") });
  $("machine-unit").append(...["hz", "orders"].map((name) => make("label", {},
    make("input", { type: "radio", name: "machine-unit", value: name, checked: name === unit, onchange: () => { unit = name; draw(); } }),
    t(`machine.${name}`))));
}

export function show(next, about) {
  spectrum = next;
  machine = about;
  $("machine-unit").hidden = spectrum.rpm === null;
  if (spectrum.rpm === null) unit = "hz";
  draw();
}

export function fail(text) {
  say($("machine-spectrum-text"), text);
}

export const redraw = () => { if (spectrum) draw(); };

const densityUnit = () => `${unitText(spectrum.unit)}/√Hz`;
const turnHz = () => (unit === "orders" ? spectrum.rpm / 60 : 1); // of one unit of the axis
const axisUnit = () => (unit === "orders" ? t("machine.turns") : "Hz");

function draw() {
  drawDensity();
  drawEnvelope();
  drawTable();
}

const curve = ({ step_hz: step, values }, colour) =>
  ({ xs: values.map((_, i) => (i + 0.5) * step / turnHz()), ys: values, colour, width: 1.25 });

function drawDensity() {
  const { values, step_hz: step } = spectrum.density;
  const healthy = spectrum.healthy;
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const low = sorted[Math.floor(0.02 * sorted.length)] || 1e-9;
  const high = Math.max(sorted[sorted.length - 1] || 1e-6, ...(healthy ? healthy.highest : []));
  density.show({
    x: { from: 0, to: values.length * step / turnHz(), kind: "linear" },
    y: { from: low / 2, to: high * 2, kind: "log", unit: densityUnit() },
    steps: healthy ? [{ edges: healthy.edges_hz.map((edge) => edge / turnHz()), low: healthy.lowest, middle: healthy.healthy, high: healthy.highest, colour: "healthy" }] : [],
    curves: [curve(spectrum.density, "accent")],
  });
  const parts = [t("machine.spectrumText", { seconds: number(spectrum.seconds), unit: axisUnit() }),
    t(healthy ? "machine.spectrumHealthy" : "machine.spectrumUnknown")];
  say($("machine-spectrum-text"), parts.join(" "));
}

function drawEnvelope() {
  if (!spectrum.envelope_db) {
    say($("machine-envelope-text"), t("machine.envelopeNone"));
    return;
  }
  const { values, step_hz: step } = spectrum.envelope_db;
  envelope.show({
    x: { from: 0, to: values.length * step / turnHz(), kind: "linear" },
    y: { from: LOW_DB, to: Math.max(TOP_DB, ...values) * 1.08, kind: "linear", unit: "dB" },
    lines: spectrum.series.flatMap(linesOf),
    rows: 3,
    limits: [{ y: machine.shown_db, text: t("machine.evidence"), colour: "fault" }],
    curves: [curve(spectrum.envelope_db, "ink")],
  });
  say($("machine-envelope-text"), envelopeText());
}

function linesOf({ name, lines_hz: lines, healthy_db: own }) {
  const style = { colour: colourOf(name), dash: name === "shaft" ? [2, 4] : [] };
  return lines.map((hz, i) => ({ ...style, x: hz / turnHz(), dot: i === 0 ? own : null,
    weak: i > 0 || name === "shaft", text: i === 0 && name !== "shaft" ? t(`short.${name}`) : "" }));
}

const colourOf = (name) => {
  const place = COLOURS[name];
  return typeof place === "number" ? getComputedStyle(document.documentElement).getPropertyValue(`--class-${place}`).trim() : place;
};

function envelopeText() {
  const [low, high] = spectrum.envelope_band_hz;
  const band = t("machine.envelopeText", { low: number(low), high: number(high) });
  const bearing = spectrum.series.filter((series) => series.db !== null);
  if (!bearing.length) return `${band} ${t(spectrum.rpm === null ? "machine.noSpeed" : "machine.noBearing")}`;
  const best = bearing.reduce((a, b) => (b.db > a.db ? b : a));
  return `${band} ${t("machine.envelopeBest", { line: word("lines", best.name), hz: number(best.lines_hz[0], 4), db: number(best.db), shown: number(machine.shown_db) })}`;
}

function drawTable() {
  const rows = spectrum.series.map((series) => {
    const dot = make("span.dot");
    dot.style.background = series.name === "shaft" ? "var(--dim)" : colourOf(series.name);
    return make("tr", {}, make("th", { scope: "row" }, dot, word("lines", series.name)),
      make("td", {}, number(series.order, 4)), make("td", {}, number(series.lines_hz[0], 4)),
      make("td", {}, series.db === null ? NONE : `${number(series.db)} dB`),
      make("td", {}, series.healthy_db === null ? NONE : `${number(series.healthy_db)} dB`));
  });
  $("machine-lines").hidden = !rows.length;
  $("machine-lines").tBodies[0].replaceChildren(...rows);
}

function read(id, x, points, valueUnit) {
  if (!points || x === null) return say($(id), "");
  const hz = x * turnHz();
  const value = points.values[Math.min(points.values.length - 1, Math.floor(hz / points.step_hz))];
  const turns = spectrum.rpm === null ? "" : t("machine.readTurns", { turns: number(hz * 60 / spectrum.rpm, 4) });
  say($(id), t("machine.read", { hz: number(hz, 4), turns, value: number(value), unit: valueUnit }));
}
