// The commissioning of one source: started, watched and stopped.

import { postJson } from "../app/api.js";
import { make, say } from "../app/dom.js";
import { duration, number, percent } from "../app/format.js";
import { t, word } from "../app/texts.js";

export function part(name) {
  const minutes = make("input", { id: `minutes-${name}`, type: "number", min: 0.1, max: 240, step: "any", value: 30 });
  const extend = make("input", { id: `extend-${name}`, type: "checkbox" });
  const result = make("p.refusal.trouble", { role: "status" });
  const order = async (record) => {
    try {
      await postJson("api/commissioning", { source: name, ...record });
      say(result, "");
    } catch (error) {
      say(result, error.message);
    }
  };
  const form = make("form.start", {},
    make("label", { htmlFor: minutes.id }, t("setup.minutes")), minutes,
    make("label.check", { htmlFor: extend.id }, extend, " ", t("setup.extend")),
    make("button", { type: "submit" }, t("setup.start")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    order({ action: "start", minutes: Number(minutes.value), extend: extend.checked });
  });
  const button = (action) => make(`button.${action}`, { type: "button", onclick: () => order({ action }) }, t(`setup.${action}`));
  return make("div.commissioning", {},
    make("h4", {}, t("setup.commissioning")), make("p.stands"), make("p.dim", {}, t("setup.explained")), form,
    make("div.running", { hidden: true }, make("progress", { max: 1, "aria-label": t("setup.progress") }),
      make("p.heard", { role: "status" }), make("p.network.dim"), make("ul.points.dim"), make("ul.warnings.trouble"),
      make("div.buttons", {}, button("stop"), button("cancel"))),
    make("p.ended", { role: "status" }), result);
}

export function fill(box, source) {
  const find = (selector) => box.querySelector(selector);
  const status = source.commissioning;
  const phase = status ? status.phase : "none";
  const runs = phase === "listening" || phase === "learning";
  box.dataset.phase = phase;
  say(find(".stands"), source.baseline_s
    ? t("setup.stands", { baseline: word("baselines", source.baseline), long: duration(source.baseline_s) })
    : word("baselines", source.baseline));
  find(".start").hidden = runs;
  find(".running").hidden = !runs;
  find(".buttons").hidden = phase !== "listening";
  say(find(".ended"), !status || runs ? "" : ended(status));
  if (!runs) return;
  find("progress").value = phase === "learning" ? 1 : Math.min(1, status.seconds / status.wanted_s);
  say(find(".heard"), phase === "learning" ? t("setup.learning") : heard(status));
  say(find(".network"), network(status));
  lines(find(".points"), status.points.map(point));
  lines(find(".warnings"), status.warnings.map((warned) => `${word("doubts", warned.doubt)} (${warned.text})`));
}

function heard(status) {
  const left = status.left_s === null ? t("setup.nothingYet") : t("setup.left", { long: duration(status.left_s) });
  const rms = status.rms ? t("setup.rmsRange", { low: number(status.rms[0]), high: number(status.rms[1]), unit: status.unit }) : "";
  const { windows, flagged } = status;
  const seen = t("setup.heard", { seconds: number(status.seconds), wanted: number(status.wanted_s), windows, flagged });
  return [seen, left, rms].filter(Boolean).join(" · ");
}

function network(status) {
  if (!status.network) return "";
  const shares = Object.entries(status.network).sort((a, b) => b[1] - a[1])
    .map(([label, share]) => `${word("labels", label)} ${percent(share)}`);
  return t("setup.network", { shares: shares.join(", ") });
}

function point(one) {
  const name = [one.condition, one.rpm === null ? null : `${number(one.rpm, 4)} rpm`].filter(Boolean).join(", ");
  return t("setup.point", { name: name || t("setup.onePoint"), seconds: number(one.seconds), states: one.states, threshold: number(one.threshold) });
}

function ended(status) {
  if (status.phase === "failed") return t("setup.failed", { why: status.why });
  if (status.phase === "cancelled") return t("setup.cancelled");
  const warned = status.warnings.map((one) => word("doubts", one.doubt));
  return [t("setup.done", { long: duration(status.baseline_s) }), status.provisional ? t("setup.provisional") : "", ...warned].filter(Boolean).join(" ");
}

function lines(list, texts) {
  if ([...list.children].map((one) => one.textContent).join("\n") === texts.join("\n")) return;
  list.replaceChildren(...texts.map((text) => make("li", {}, text)));
}
