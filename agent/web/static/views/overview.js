// Every source at a glance, the worst first.

import { poll } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { duration, fixed, named, number, when } from "../app/format.js";
import { t, word } from "../app/texts.js";

const EVERY_MS = 2000;
const STALE_S = 10; // without a window
const WORST = ["fault", "sensor_fault", "unknown", "abstain", "waiting", "detected", "normal"];

let stop = () => {};

export function mount() {}

export function show() {
  stop();
  stop = poll(EVERY_MS, "api/overview", () => ({}), take);
}

export function hide() {
  stop();
}

function take(overview) {
  const sources = [...overview.sources].sort(worse);
  say($("overview-counts"), counts(sources));
  const cards = new Map([...$("cards").children].map((item) => [item.dataset.source, item]));
  sources.forEach((source, at) => {
    const item = cards.get(source.name) || newCard(source.name);
    cards.delete(source.name);
    if ($("cards").children[at] !== item) $("cards").insertBefore(item, $("cards").children[at] || null);
    fill(item, source, new Date(overview.now));
  });
  for (const gone of cards.values()) gone.remove();
}

// The order of the cards: by decision, then by how far the machine is from its baseline.
function worse(a, b) {
  const rank = (source) => WORST.indexOf(source.decision);
  return rank(a) - rank(b) || (b.anomaly || 0) - (a.anomaly || 0) || a.name.localeCompare(b.name);
}

function counts(sources) {
  const shown = WORST.map((decision) => [decision, sources.filter((one) => one.decision === decision).length]);
  return shown.filter(([, many]) => many).map(([decision, many]) => `${many} ${word("decisions", decision)}`).join(" · ");
}

function newCard(name) {
  const figures = ["speed", "velocity", "anomaly"].map((key) => make("div", {},
    make("dt", {}, t(`overview.${key}`)), make("dd", { className: key }, "–")));
  const link = make("a.card", { href: `#/machine/${encodeURIComponent(name)}` },
    make("h3", {}, name), make("p.state"), make("p.since.dim"), make("dl", {}, ...figures), make("p.note"));
  return make("li", { "data-source": name }, link);
}

function fill(item, source, now) {
  const card = item.firstChild;
  const part = (selector) => card.querySelector(selector);
  const gone = staleness(source, now);
  card.dataset.decision = source.decision;
  card.classList.toggle("stale", gone !== null);
  say(part(".state"), named(source.decision, source.label));
  say(part(".since"), source.since === null ? "" : t("overview.since",
    { time: when(source.since), long: duration((now - new Date(source.since)) / 1000) }));
  say(part(".speed"), source.rpm === null ? "–" : `${number(source.rpm, 4)} rpm`);
  say(part(".velocity"), velocity(source));
  part(".velocity").dataset.zone = source.zone || "";
  say(part(".anomaly"), source.anomaly === null ? t(`baselines.${source.baseline}`) : fixed(source.anomaly));
  part(".anomaly").classList.toggle("high", source.anomaly > 1);
  say(part(".note"), gone || "");
}

function velocity(source) {
  if (source.velocity_mm_s !== null) {
    const zone = source.zone ? ` · ${t("overview.zone", { zone: source.zone })}` : "";
    return `${number(source.velocity_mm_s)} mm/s${zone}`;
  }
  return source.rms === null ? "–" : `${number(source.rms)} ${source.unit} RMS`;
}

// Why the card says nothing of this moment; null where it does.
function staleness(source, now) {
  const seen = source.seen === null ? null : new Date(source.seen);
  const silent = seen === null || (now - seen) / 1000 > STALE_S;
  if (!source.trouble && !silent) return null;
  const why = source.trouble ? trouble(source.trouble) : t("overview.noWindow");
  if (seen === null) return why;
  return silent ? t("overview.stale", { why, time: when(seen) }) : why;
}

// "broken: no such device" has a word of ours and a reason of the system's.
function trouble(text) {
  const [first, ...rest] = text.split(": ");
  return [word("flags", first), ...rest].join(": ");
}
