// Every source at a glance, the worst first.

import { poll } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { word } from "../app/texts.js";
import { fill, fillWeek, newCard } from "../overview/card.js";

const EVERY_MS = 2000;
const WEEK_EVERY_MS = 120_000;
const WORST = ["fault", "unknown", "sensor_fault", "abstain", "waiting", "stopped", "detected", "normal", "stopped"];
const ALARMS = ["none", "warning", "alarm"];

let stops = [];
let weeks = {}; // by source

export function mount() {}

export function show() {
  hide();
  stops = [poll(EVERY_MS, "api/overview", () => ({}), take), poll(WEEK_EVERY_MS, "api/week", () => ({}), takeWeeks)];
}

export function hide() {
  stops.forEach((stop) => stop());
  stops = [];
}

function takeWeeks(answer) {
  weeks = answer.sources;
  for (const item of $("cards").children) fillWeek(item, weeks[item.dataset.source]);
}

function take(overview) {
  const sources = sorted(overview.sources);
  say($("overview-counts"), counts(sources));
  const cards = new Map([...$("cards").children].map((item) => [item.dataset.source, item]));
  sources.forEach((source, at) => {
    const item = cards.get(source.name) || newCard(source.name);
    if (!cards.has(source.name)) fillWeek(item, weeks[source.name]);
    cards.delete(source.name);
    if ($("cards").children[at] !== item) $("cards").insertBefore(item, $("cards").children[at] || null);
    fill(item, source, new Date(overview.now));
  });
  for (const gone of cards.values()) gone.remove();
}

// The cards in order, those of one machine together: by alarm, then by decision, then by how far
// the machine is from its baseline.
function sorted(sources) {
  const groups = new Map();
  for (const source of [...sources].sort(worse)) {
    const machine = (source.place && source.place.machine) || `/${source.name}`;
    groups.set(machine, [...(groups.get(machine) || []), source]);
  }
  return [...groups.values()].flat();
}

function worse(a, b) {
  const alarm = (source) => (source.maintenance ? 0 : ALARMS.indexOf(source.alarm) - source.acknowledged / 2);
  const rank = (source) => WORST.indexOf(source.decision);
  return alarm(b) - alarm(a) || rank(a) - rank(b) || (b.anomaly || 0) - (a.anomaly || 0) || a.name.localeCompare(b.name);
}

function counts(sources) {
  const shown = WORST.map((decision) => [decision, sources.filter((one) => one.decision === decision).length]);
  return shown.filter(([, many]) => many).map(([decision, many]) => `${many} ${word("decisions", decision)}`).join(" · ");
}
