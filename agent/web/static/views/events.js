// The journal of all sources: filtered, looked at, listened to, judged.

import { get, poll } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { t } from "../app/texts.js";
import { item, fill } from "../events/item.js";

const EVERY_MS = 3000;
const PAGE = 50;

let stop = () => {};
let most = PAGE;

export function mount() {
  for (const id of ["events-source", "events-kind", "events-open"]) {
    $(id).addEventListener("change", () => { most = PAGE; restart(); });
  }
  $("events-filter").addEventListener("submit", (event) => event.preventDefault());
  $("events-older").addEventListener("click", () => { most = Math.min(200, most + PAGE); restart(); });
}

export async function show(argument) {
  const { sources } = await get("api/overview");
  const before = argument || $("events-source").value;
  $("events-source").replaceChildren(make("option", { value: "" }, t("events.all")),
    ...sources.map(({ name }) => make("option", { selected: name === before }, name)));
  restart();
}

export function hide() {
  stop();
}

function restart() {
  stop();
  stop = poll(EVERY_MS, "api/events", query, take, (error) => say($("events-trouble"), error.message));
}

const query = () => ({
  source: $("events-source").value,
  kind: $("events-kind").value,
  unacknowledged: $("events-open").checked ? "yes" : "no",
  most,
});

function take(answer) {
  say($("events-trouble"), "");
  $("events-none").hidden = answer.events.length > 0;
  $("events-older").hidden = !answer.more || most >= 200;
  $("events-labels").replaceChildren(...answer.labels.map((label) => make("option", { value: label })));
  const list = $("event-list");
  const items = new Map([...list.children].map((one) => [Number(one.dataset.id), one]));
  answer.events.forEach((shown, at) => {
    const one = items.get(shown.event.id) || item(shown, restart);
    items.delete(shown.event.id);
    if (list.children[at] !== one) list.insertBefore(one, list.children[at] || null);
    fill(one, shown);
  });
  for (const gone of items.values()) gone.remove();
}
