// The state of the machine at this moment, its figures, and which part of the agent says what.

import { $, make, say } from "../app/dom.js";
import { NONE, duration, fixed, named, number, percent, unitText, when } from "../app/format.js";
import { t, word } from "../app/texts.js";
import { alarmText, staleness } from "../overview/card.js";

const ZONED = ["A", "B", "C", "D"];

export function show(machine) {
  const { card } = machine;
  const gone = staleness(card);
  const view = $("view-machine");
  view.dataset.decision = card.decision;
  view.classList.toggle("stale", gone !== null);
  say($("machine-trouble"), gone || "");
  say($("machine-state"), named(card.decision, card.label));
  say($("machine-since"), card.since === null ? "" : t("overview.since",
    { time: when(card.since), long: duration((Date.now() - new Date(card.since)) / 1000) }));
  showAlarm(machine);
  showFigures(machine);
  showReasons(machine);
}

function showAlarm({ card, standing }) {
  const { basis } = standing;
  const element = $("machine-alarm");
  element.dataset.alarm = card.maintenance ? "none" : card.alarm;
  if (basis === null || card.maintenance) return say(element, alarmText(card));
  const values = { alarm: alarmText(card), time: when(basis.since), reason: word("alarmReasons", basis.reason),
    value: number(basis.value), limit: number(basis.limit) };
  return say(element, t(basis.value === null ? "alarms.since" : "alarms.sinceAbove", values));
}

function showFigures({ card, physics, limits_mm_s: limits }) {
  const crest = Math.max(...physics.map((one) => one.crest || 0));
  const kurtosis = Math.max(...physics.map((one) => one.kurtosis || 0));
  const zone = card.zone ? ` · ${t("overview.zone", { zone: card.zone })}` : "";
  const next = card.zone && limits ? limits[ZONED.indexOf(card.zone)] : undefined;
  const rows = [
    ["overview.speed", card.rpm === null ? NONE : `${number(card.rpm, 4)} rpm`],
    ["machine.velocity", card.velocity_mm_s === null ? NONE : `${number(card.velocity_mm_s)} mm/s${zone}`],
    ["machine.nextZone", next === undefined ? null : `${number(next)} mm/s`],
    ["machine.rms", card.rms === null ? NONE : `${number(card.rms)} ${unitText(card.unit)}`],
    ["machine.crest", crest > 0 ? number(crest) : NONE],
    ["machine.kurtosis", kurtosis > 0 ? number(kurtosis) : NONE],
    ["machine.drift", card.drift === null ? null : fixed(card.drift)],
    ["machine.measured", card.measured === null ? NONE : when(card.measured)],
  ];
  $("machine-figures").replaceChildren(...rows.filter(([, value]) => value !== null).map(([key, value]) =>
    make("div", {}, make("dt", {}, t(key)), make("dd", {}, value))));
}

// Baseline, network and physics, each with its number beside the limit that it is compared with.
function showReasons(machine) {
  const { basis, card } = machine;
  say($("machine-conclusion"), basis === null
    ? t("machine.noBasis")
    : t("machine.conclusion", { state: named(card.decision, card.label), time: when(card.since) }));
  $("machine-reasons").replaceChildren(
    reason("machine.baseline", baselineText(machine), share(card.anomaly, 2), card.anomaly > 1),
    reason("machine.network", networkText(machine), basis && basis.network_probability, false),
    reason("machine.physics", physicsText(machine), share(basis && basis.line_db, 2 * machine.shown_db),
      basis !== null && basis.line_db >= machine.shown_db));
}

const share = (value, whole) => (value === null || value === undefined ? null : Math.min(1, Math.max(0, value / whole)));

function reason(key, text, part, high) {
  const bar = make("span.bar", { "aria-hidden": "true" });
  bar.style.setProperty("--share", part === null ? "0%" : `${100 * part}%`);
  return make("div", { className: high ? "high" : "" }, make("dt", {}, t(key)), make("dd", {}, bar, make("p", {}, text)));
}

function baselineText({ card, basis }) {
  if (card.baseline === "none" || card.baseline === "lost") return t(`machine.baseline_${card.baseline}`);
  if (card.anomaly === null) return t("machine.baselineElsewhere");
  const then = basis && basis.anomaly !== null ? t("machine.anomalyThen", { value: fixed(basis.anomaly) }) : "";
  return t(card.anomaly > 1 ? "machine.anomalyBeyond" : "machine.anomalyWithin", { value: fixed(card.anomaly), then });
}

function networkText({ basis, probabilities, labels }) {
  if (basis && basis.network !== null) {
    const values = { label: word("labels", basis.network), share: percent(basis.network_probability), seconds: number(basis.network_s) };
    return t("machine.networkSays", values);
  }
  if (probabilities) {
    const at = probabilities.indexOf(Math.max(...probabilities));
    return t("machine.networkWindow", { label: word("labels", labels[at]), share: percent(probabilities[at]) });
  }
  return t("machine.networkNone");
}

// The bearing's line that stands out most in the newest measurement, of any channel.
function strongest(physics) {
  const lines = physics.filter((one) => one.evidence_db !== null)
    .flatMap(({ evidence_db: db }) => ["bpfo", "bpfi", "bsf"].map((name) => ({ line: word("lines", name), db: db[name] })));
  return lines.length ? lines.reduce((a, b) => (b.db > a.db ? b : a)) : null;
}

function physicsText({ basis, physics, shown_db: shown }) {
  if (basis && basis.line !== null) {
    const values = { line: word("lines", basis.line), db: number(basis.line_db), shown: number(shown) };
    return t(basis.line_db >= shown ? "machine.lineShows" : "machine.lineBelow", values);
  }
  const told = strongest(physics);
  if (told) return t(told.db >= shown ? "machine.lineShows" : "machine.lineBelow", { ...told, db: number(told.db), shown: number(shown) });
  const repeats = physics.find((one) => one.periodicity_db !== null);
  if (repeats) return t("machine.periodicity", { hz: number(repeats.periodicity_hz), db: number(repeats.periodicity_db) });
  return t("machine.physicsNone");
}
