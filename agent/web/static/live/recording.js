// A recording that is dropped on the page or chosen: it is sent, scored, and its timeline drawn.

import { post } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { NONE, fixed, named, percent } from "../app/format.js";
import { t } from "../app/texts.js";
import * as strips from "../charts/strips.js";

const MOST_BYTES = 50 * 2 ** 20;
let timeline = null;
let place = () => null; // where it may be dropped now: the source and the colour of a label

// `target()` gives {source, tint}, or null where nothing may be dropped.
export function listen(target) {
  place = target;
  $("recording").addEventListener("change", () => {
    if ($("recording").files.length) send($("recording").files[0]);
    $("recording").value = "";
  });
  const dragged = (event) => Boolean(place()) && [...event.dataTransfer.types].includes("Files");
  addEventListener("dragover", (event) => {
    if (!dragged(event)) return;
    event.preventDefault();
    $("drop").hidden = false;
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").hidden = true; });
  addEventListener("drop", (event) => {
    $("drop").hidden = true;
    if (!dragged(event)) return;
    event.preventDefault();
    send(event.dataTransfer.files[0]);
  });
}

async function send(file) {
  if (file.size > MOST_BYTES) return report(t("recording.tooLarge", { name: file.name, most: MOST_BYTES / 2 ** 20 }), true);
  report(t("recording.scoring", { name: file.name }));
  try {
    timeline = await post("api/recording", { name: file.name, source: place().source }, file);
  } catch (error) {
    const gone = error instanceof TypeError; // `fetch` had no answer
    return report(gone ? t("recording.noAnswer", { name: file.name }) : error.message, true);
  }
  report(summary(timeline));
  $("spans").tBodies[0].replaceChildren(...timeline.spans.map((span) => make("tr", {},
    make("td", {}, `${fixed(span.start_s, 1)} s`), make("td", {}, `${fixed(span.end_s, 1)} s`),
    make("td", {}, named(span.decision, span.label)),
    make("td", {}, span.probability === null ? NONE : percent(span.probability)))));
  $("scored").hidden = false;
  draw();
}

function summary({ name, duration_s: long, windows, flagged, channels }) {
  const first = channels > 1 ? t("recording.first", { channels }) : "";
  const bad = flagged ? t("recording.flagged", { flagged }) : "";
  return t("recording.result", { name, seconds: fixed(long, 1), first, windows, flagged: bad });
}

function report(text, bad = false) {
  if (bad) $("scored").hidden = true;
  $("file-result").toggleAttribute("data-bad", bad);
  say($("file-result"), text);
}

export function draw() {
  const target = place();
  if (timeline && target) strips.recording($("overview"), timeline, target.tint);
}
