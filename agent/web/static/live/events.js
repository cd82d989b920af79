// The list of the changes of state of one source, newest first.

import { $, make } from "../app/dom.js";
import { named, percent, when } from "../app/format.js";
import { word } from "../app/texts.js";

const MOST = 50;
let shownId = 0; // of the newest event that is shown

export function add(event, source) {
  shownId = event.id;
  if (event.source !== source) return;
  const sure = event.probability === null ? "" : ` (${percent(event.probability)})`;
  const why = event.flags.length ? ` [${event.flags.map((flag) => word("flags", flag)).join(", ")}]` : "";
  const text = `${named(event.decision, event.label)}${sure}${why}`;
  $("events").prepend(make("li", {}, make("time", { dateTime: event.at }, when(event.at)),
    make("span", { className: event.decision }, text)));
  while ($("events").children.length > MOST) $("events").lastChild.remove();
  $("no-events").hidden = true;
}

// Earlier events are shown and not read out by a screen reader; those on the page stay.
export function remember(events, source) {
  const last = events.length ? events[events.length - 1].id : 0;
  if (last < shownId) forget(); // the agent has restarted
  $("events").setAttribute("aria-live", "off");
  events.filter((event) => event.id > shownId).forEach((event) => add(event, source));
  requestAnimationFrame(() => $("events").setAttribute("aria-live", "polite"));
}

export function forget() {
  shownId = 0;
  $("events").replaceChildren();
  $("no-events").hidden = false;
}
