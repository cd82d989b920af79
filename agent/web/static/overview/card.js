// The card of one source.

import { make, say } from "../app/dom.js";
import { NONE, duration, fixed, named, number, unitText, when } from "../app/format.js";
import { t, word } from "../app/texts.js";
import { spark } from "../charts/spark.js";

const STALE_S = 10; // without a window
const WEEK_S = 7 * 86400;
const GAP_S = 2 * 3600; // between hourly means, breaks the line

export function newCard(name) {
  const figures = ["speed", "velocity", "anomaly"].map((key) => make("div", {},
    make("dt", {}, t(`overview.${key}`)), make("dd", { className: key }, NONE)));
  const link = make("a.card", { href: `#/machine/${encodeURIComponent(name)}` },
    make("div.row", {}, make("h3"), make("p.alarm")), make("p.state"), make("p.since.dim"), make("dl", {}, ...figures), make("div.week"), make("p.note"));
  return make("li", { "data-source": name }, link);
}

export function fill(item, source, now) {
  const card = item.firstChild;
  const part = (selector) => card.querySelector(selector);
  const gone = staleness(source, now);
  card.dataset.decision = source.decision;
  say(part("h3"), title(source));
  say(part(".alarm"), alarmText(source));
  part(".alarm").dataset.alarm = source.maintenance ? "none" : source.alarm;
  card.classList.toggle("stale", gone !== null);
  say(part(".state"), named(source.decision, source.label));
  say(part(".since"), source.since === null ? "" : t("overview.since",
    { time: when(source.since), long: duration((now - new Date(source.since)) / 1000) }));
  say(part(".speed"), source.rpm === null ? NONE : `${number(source.rpm, 4)} rpm`);
  say(part(".velocity"), velocity(source));
  part(".velocity").dataset.zone = source.zone || "";
  say(part(".anomaly"), source.anomaly === null ? t(`baselines.${source.baseline}`) : fixed(source.anomaly));
  part(".anomaly").classList.toggle("high", source.anomaly > 1);
  say(part(".note"), gone || "");
}

// "pump 3 · drive end (axial)"
function title({ name, place }) {
  const direction = place && place.direction ? ` (${place.direction})` : "";
  return `${place && place.machine ? `${place.machine} · ` : ""}${name}${direction}`;
}

export function alarmText({ alarm, acknowledged, maintenance }) {
  if (maintenance) return t("alarms.maintenance");
  if (alarm === "none") return "";
  return acknowledged ? t("alarms.acknowledged", { alarm: word("alarms", alarm) }) : word("alarms", alarm);
}

// The curve of the last week; `week` undefined: nothing is kept of it.
export function fillWeek(item, week) {
  const place = item.querySelector(".week");
  if (!week || week.means.length < 2) return place.replaceChildren();
  const now = Date.now() / 1000;
  const highest = number(Math.max(...week.means));
  const values = { level: word("levels", week.level), highest, unit: unitText(week.unit) };
  return place.replaceChildren(spark(week.starts_s, week.means, now - WEEK_S, now, GAP_S, t("overview.week", values)),
    make("p.dim", {}, t("overview.weekShort", values)));
}

function velocity(source) {
  if (source.velocity_mm_s !== null) {
    const zone = source.zone ? ` · ${t("overview.zone", { zone: source.zone })}` : "";
    return `${number(source.velocity_mm_s)} mm/s${zone}`;
  }
  return source.rms === null ? NONE : `${number(source.rms)} ${unitText(source.unit)} RMS`;
}

// Why the card says nothing of this moment; null where it does.
export function staleness(source, now = new Date()) {
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
