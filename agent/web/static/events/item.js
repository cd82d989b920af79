// One event of the list: what happened, its clip, and what a person says of it.

import { postJson } from "../app/api.js";
import { make, say } from "../app/dom.js";
import { named, when } from "../app/format.js";
import { t, word } from "../app/texts.js";
import { clip } from "./clip.js";

const FALSE_ALARM = "false_alarm";
const WRITTEN_MS = 1200; // the journal is written once a second

// An element for an event; `changed` is called after a person said something of it.
export function item(shown, changed) {
  const { event } = shown;
  const line = make("summary", {},
    make("span.time", {}, when(event.t)), " ",
    make("span.source", {}, event.source), " ",
    make("strong.what", {}, title(event)), " ",
    make("span.marks.dim"));
  const inside = make("div.inside");
  const details = make("details", {}, line, inside);
  details.addEventListener("toggle", () => {
    if (details.open && !inside.children.length) open(inside, shown, changed);
  });
  const one = make("li", { "data-id": event.id }, details);
  one.dataset.decision = event.kind === "alarm" && event.alarm !== "none" ? "fault" : event.decision;
  return one;
}

export function fill(one, { event }) {
  const marks = [
    event.acknowledged_at && t("events.acknowledged", { time: when(event.acknowledged_at) }),
    event.label && `${t("events.label")}: ${word("labels", event.label)}`,
    event.comment && `“${event.comment}”`,
  ].filter(Boolean);
  say(one.querySelector(".marks"), marks.join(" · "));
  const button = one.querySelector(".acknowledge");
  if (button) button.hidden = !open_alarm(event);
}

const open_alarm = (event) => event.kind === "alarm" && event.alarm !== "none" && !event.acknowledged_at;

function title(event) {
  if (event.kind === "alarm") return event.alarm === "none" ? t("events.alarmOver") : word("alarms", event.alarm);
  if (event.kind === "maintenance") return word("eventKinds", "maintenance");
  return named(event.decision, event.fault);
}

function open(inside, shown, changed) {
  const { event } = shown;
  inside.append(make("p.sentence", { lang: "en" }, event.sentence));
  if (shown.clip) inside.append(clip(shown.clip));
  else inside.append(make("p.dim", {}, t(event.clip ? "events.clipGone" : "events.noClip")));
  inside.append(judgement(event, changed));
}

function judgement(event, changed) {
  const id = `event-${event.id}`;
  const label = make("input", { id: `${id}-label`, list: "events-labels", maxLength: 64, value: event.label || "", autocomplete: "off" });
  const comment = make("input", { id: `${id}-comment`, maxLength: 500, value: event.comment || "" });
  const result = make("p.result.dim", { role: "status" });
  const send = async (record) => {
    try {
      const answer = await postJson("api/event", { id: event.id, ...record });
      say(result, answer.dataset ? t("events.stored", { folder: answer.dataset })
        : answer.why ? t("events.notStored", { why: answer.why }) : t("events.saved"));
      changed();
      setTimeout(changed, WRITTEN_MS);
    } catch (error) {
      say(result, error.message);
    }
  };
  const form = make("form.judgement", {},
    make("label", { htmlFor: label.id }, t("events.label")), label,
    make("label", { htmlFor: comment.id }, t("events.comment")), comment,
    make("div.buttons", {},
      make("button.save", { type: "submit" }, t("events.save")),
      make("button.false-alarm", { type: "button", onclick: () => { label.value = FALSE_ALARM; send({ label: FALSE_ALARM }); } }, t("events.falseAlarm")),
      make("button.acknowledge", { type: "button", hidden: !open_alarm(event), onclick: () => send({ acknowledge: true }) }, t("events.acknowledge"))),
    result);
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    const said = { label: label.value.trim(), comment: comment.value.trim() };
    const record = Object.fromEntries(Object.entries(said).filter(([key, text]) => text && text !== event[key]));
    if (Object.keys(record).length) send(record);
  });
  return form;
}
