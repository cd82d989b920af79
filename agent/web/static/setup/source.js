// One source: what arrives, its level meters, its commissioning, and signal for its data set.

import { postJson } from "../app/api.js";
import { make, say } from "../app/dom.js";
import { number } from "../app/format.js";
import { t, word } from "../app/texts.js";
import * as commissioning from "./commissioning.js";

const LOWEST_DB = -80;

export function panel(source) {
  const figures = ["arrives", "samples", "lost", "windows"].map((key) =>
    make("div", {}, make("dt", {}, t(`setup.${key}`)), make("dd", { className: key })));
  const title = make("h3", { id: `setup-${source.name}` }, source.name);
  return make("section.setup-source", { "data-source": source.name, "aria-labelledby": title.id },
    title, make("p.summary.dim"), make("p.trouble", { role: "status" }),
    make("dl", {}, ...figures), make("div.meters"), commissioning.part(source.name), signal(source.name));
}

export function fill(one, source) {
  const part = (selector) => one.querySelector(selector);
  say(part(".summary"), source.summary.replace("->", "→"));
  const [first, ...rest] = source.status.split(": ");
  say(part(".trouble"), source.status === "ok" ? "" : [word("flags", first), ...rest].join(": "));
  say(part(".arrives"), arriving(source));
  say(part(".samples"), number(source.samples, 6));
  say(part(".lost"), t("setup.lostText", { gaps: source.gaps, missing: source.missing, overrun: source.overrun }));
  say(part(".windows"), t("setup.windowsText", { windows: source.windows, flagged: source.flagged }));
  meters(part(".meters"), source);
  commissioning.fill(part(".commissioning"), source);
  const counts = Object.entries(source.labels).map(([label, many]) => `${word("labels", label)}: ${many}`);
  say(part(".counts"), counts.length ? t("setup.dataset", { counts: counts.join(", ") }) : t("setup.noDataset"));
}

function arriving(source) {
  if (source.nominal_hz === null) return "–";
  const nominal = `${number(source.nominal_hz, 6)} Hz`;
  return source.measured_hz === null ? nominal
    : t("setup.arrivesText", { measured: number(source.measured_hz, 6), nominal });
}

function meters(box, source) {
  while (box.children.length > source.levels.length) box.lastChild.remove();
  source.levels.forEach((level, at) => {
    if (!box.children[at]) box.append(meter(at));
    const row = box.children[at];
    row.highest = Math.max(row.highest || 0, level.peak);
    const full = source.full_scale || row.highest || 1;
    const db = 20 * Math.log10(Math.max(level.rms, 1e-12) / full);
    const share = Math.max(0, Math.min(1, 1 - db / LOWEST_DB));
    const text = t("setup.levelText", { rms: number(level.rms), peak: number(level.peak), unit: source.unit });
    const bar = row.querySelector(".bar");
    bar.style.setProperty("--share", `${Math.round(100 * share)}%`);
    bar.setAttribute("aria-valuenow", Math.round(100 * share));
    bar.setAttribute("aria-valuetext", text);
    bar.classList.toggle("clipping", source.full_scale !== null && level.peak >= 0.99 * source.full_scale);
    say(row.querySelector(".level"), text);
  });
}

function meter(at) {
  const name = t("setup.levelOf", { channel: at });
  return make("div.meter", {},
    make("span.bar", { role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 }),
    make("span.level.dim"));
}

// The last seconds of the signal, labelled, for the data set of the source.
function signal(name) {
  const label = make("input", { id: `signal-${name}`, value: "normal", maxLength: 64, autocomplete: "off" });
  const seconds = make("input", { id: `signal-s-${name}`, type: "number", min: 1, max: 300, value: 10 });
  const result = make("p.dim", { role: "status" });
  const form = make("form.signal", {},
    make("label", { htmlFor: seconds.id }, t("setup.signalSeconds")), seconds,
    make("label", { htmlFor: label.id }, t("setup.signalLabel")), label,
    make("button", { type: "submit" }, t("setup.signalKeep")), make("p.counts.dim"), result);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const record = { source: name, seconds: Number(seconds.value), label: label.value.trim() };
    try {
      const kept = await postJson("api/dataset", record);
      say(result, t("setup.signalKept", { seconds: number(kept.seconds), folder: kept.dataset }));
    } catch (error) {
      say(result, error.message);
    }
  });
  return form;
}
