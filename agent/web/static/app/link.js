// Whether the agent answers: the small line at the top, and a class on the page that greys it.

import { $, say } from "./dom.js";
import { when } from "./format.js";
import { t } from "./texts.js";

let heardAt = null; // when the agent answered last

export function here() {
  heardAt = Date.now();
  if ($("link").dataset.state === "here") return;
  $("link").dataset.state = "here";
  document.documentElement.classList.remove("away");
  say($("link"), t("link.here"));
}

export function away() {
  $("link").dataset.state = "away";
  document.documentElement.classList.add("away");
  say($("link"), heardAt ? t("link.away", { time: when(heardAt) }) : t("link.never"));
}
