// The numbers of the newest window: decision, probabilities, what the thresholds removed, SNR.

import { $, make, say } from "../app/dom.js";
import { NONE, db, named, percent } from "../app/format.js";
import { t, word } from "../app/texts.js";

export const best = (p) => p.indexOf(Math.max(...p));

export function decide(decision, label) {
  $("decision").dataset.decision = decision;
  say($("decision"), named(decision, label));
}

// Makes the rows for a source; `tints` has a colour for each label.
export function arrange(about, tints) {
  $("classes").tBodies[0].replaceChildren(...about.labels.map((label, at) => classRow(about, label, tints[at])));
  const names = Array.from({ length: about.layers }, (_, i) => t("live.layer", { number: i + 1 }));
  $("layers").replaceChildren(...(names.length ? names : [t("live.mean")]).map((name) =>
    make("div", {}, make("dt", {}, name), make("span.bar"), make("dd", {}, NONE))));
}

function classRow(about, label, tint) {
  const dot = make("span.dot");
  dot.style.background = tint;
  const cells = Array.from({ length: about.rival ? 2 : 1 }, () => {
    const bar = make("span.bar");
    bar.style.setProperty("--tint", tint);
    return make("td", {}, make("div", {}, bar, make("span", {}, NONE)));
  });
  return make("tr", {}, make("th", { scope: "row" }, dot, word("labels", label)), ...cells);
}

export function show(about, frame) {
  const { probabilities, rival, flags } = frame;
  const text = frame.label ? word("labels", frame.label) : word("decisions", frame.decision);
  say($("why"), flags.length
    ? t("live.windowFlagged", { flags: flags.map((flag) => word("flags", flag)).join(", ") })
    : t("live.window", { text }));
  [...$("classes").tBodies[0].rows].forEach((row, at) => {
    fill(row.cells[1], probabilities, at);
    if (about.rival) fill(row.cells[2], rival, at);
  });
  showRemoved(about, frame);
  say($("estimated"), db(frame.snr_db));
  say($("mixed"), frame.mixed_db === null ? t("live.nothingMixed") : db(frame.mixed_db));
}

function showRemoved(about, frame) {
  [...$("layers").children].forEach((row, i) => {
    const share = frame.removed ? frame.removed[i] : null;
    say(row.lastChild, share === null ? NONE : percent(share));
    row.children[1].style.setProperty("--share", share === null ? "0%" : `${100 * share}%`);
  });
  if (!about.layers && frame.shrinkage !== null) {
    const row = $("layers").firstChild;
    say(row.lastChild, frame.shrinkage.toFixed(2));
    row.children[1].style.setProperty("--share", `${100 * frame.shrinkage}%`);
  }
}

function fill(cell, p, at) {
  const [bar, number] = cell.firstChild.children;
  say(number, p ? `${Math.round(100 * p[at])}` : NONE);
  bar.style.setProperty("--share", p ? `${100 * p[at]}%` : "0%");
  cell.classList.toggle("best", Boolean(p) && best(p) === at);
}
