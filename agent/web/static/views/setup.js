// Sources and what arrives from them, commissioning, the configuration, a backup.

import { get, poll } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { t } from "../app/texts.js";
import { fill, panel } from "../setup/source.js";

const EVERY_MS = 1000;

let stop = () => {};

export function mount() {}

export function show() {
  stop();
  stop = poll(EVERY_MS, "api/setup", () => ({}), take, (error) => say($("setup-trouble"), error.message));
  configuration();
}

export function hide() {
  stop();
}

function take(setup) {
  say($("setup-trouble"), "");
  const panels = new Map([...$("setup-sources").children].map((one) => [one.dataset.source, one]));
  for (const source of setup.sources) {
    const one = panels.get(source.name) || panel(source);
    panels.delete(source.name);
    if (!one.isConnected) $("setup-sources").append(one);
    fill(one, source);
  }
  for (const gone of panels.values()) gone.remove();
}

async function configuration() {
  let read;
  try {
    read = await get("api/configuration");
  } catch (error) {
    say($("configuration-state"), error.message);
    return;
  }
  say($("configuration-file"), read.file);
  const { mistake } = read;
  say($("configuration-state"), mistake ? t("setup.mistake", { line: mistake.line, text: mistake.text }) : t("setup.noMistake"));
  $("configuration-state").classList.toggle("trouble", mistake !== null);
  $("configuration-notes").replaceChildren(...read.notes.map((note) => make("li", { lang: "en" }, note)));
  const lines = read.text.split("\n").map((text, at) => {
    const wrong = mistake !== null && mistake.line === at + 1;
    const line = make(wrong ? "span.line.wrong" : "span.line", { "data-line": at + 1 }, `${text}\n`);
    if (wrong) line.append(make("strong.mistake", {}, `${mistake.text}\n`));
    return line;
  });
  $("configuration-text").replaceChildren(...lines);
  const wrong = $("configuration-text").querySelector(".wrong");
  if (wrong) $("configuration-text").scrollTop = wrong.offsetTop - $("configuration-text").offsetTop - 60;
}
