// The spectra of the last hour in colours.

import { get } from "../app/api.js";
import { $, say } from "../app/dom.js";
import { number } from "../app/format.js";
import { t } from "../app/texts.js";
import { heatmap } from "../charts/heatmap.js";

const LONGEST_S = 3600;
const SHORTEST_S = 300;

let shown = null; // {source, times, levels, bands, highest_hz, every_s}

export async function load(source) {
  const after = shown && shown.source === source && shown.times.length ? shown.times[shown.times.length - 1] : 0;
  const part = await get("api/waterfall", { source, after });
  const fresh = Uint8Array.from(atob(part.levels), (letter) => letter.charCodeAt(0));
  if (!after) shown = { source, times: [], levels: new Uint8Array() };
  const times = [...shown.times, ...part.times_s];
  const old = Math.max(0, times.length - Math.ceil(LONGEST_S / part.every_s));
  const levels = new Uint8Array(times.length * part.bands);
  levels.set(shown.levels);
  levels.set(fresh, shown.levels.length);
  shown = { source, times: times.slice(old), levels: levels.slice(old * part.bands), bands: part.bands, highest: part.highest_hz, every: part.every_s };
  draw();
}

export function draw() {
  if (!shown) return;
  const to = Date.now() / 1000;
  const from = Math.max(to - LONGEST_S, Math.min(shown.times[0] || to, to - SHORTEST_S));
  heatmap($("machine-waterfall"), { ...shown, highest: shown.highest / 1000, from, to, unit: "kHz" });
  say($("machine-waterfall-text"), t("machine.waterfallText", { seconds: number(shown.every) }));
}
