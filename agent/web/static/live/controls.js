// The controls of a demonstration: the machine to break, the noise to turn up, and what came of it.

import { postJson } from "../app/api.js";
import { $, make, say } from "../app/dom.js";
import { percent, signed } from "../app/format.js";
import { t, word } from "../app/texts.js";
import { best } from "./numbers.js";

const MACHINES = ["normal", "inner", "outer", "ball"];
const MOST_TRIED = 8;
const SEND_MS = 120; // after the last move of the slider

const tried = new Map();
let setting = null;
let sliding = null; // the timer of a change that is not sent yet
let heads = {}; // names of the two networks

export function arrange(state, about, names) {
  heads = names;
  $("machine").hidden = !state.simulated;
  radios($("machine"), "machine", state.simulated ? MACHINES : [], (label) => word("labels", label));
  radios($("noise"), "noise", state.noises, (kind) => word("noises", kind));
  $("tried").hidden = !about.rival && !state.simulated;
  say($("tried").caption, t(state.simulated ? "live.triedCorrect" : "live.triedSame"));
}

function radios(set, name, values, text) {
  const legend = set.querySelector("legend");
  set.replaceChildren(legend, ...values.map((value) => make("label", {},
    make("input", { type: "radio", name, value, onchange: () => change({ [name]: value }) }), text(value))));
}

export function hold(next) {
  setting = next;
  for (const key of ["machine", "noise"]) {
    const input = document.querySelector(`input[name="${key}"][value="${next[key]}"]`);
    if (input) input.checked = true;
  }
  if (document.activeElement !== $("snr") || sliding === null) {
    $("snr").value = next.snr_db === null ? $("snr").min : -next.snr_db;
  }
  showLevel();
}

export function listen() {
  $("snr").addEventListener("input", () => {
    showLevel();
    clearTimeout(sliding);
    sliding = setTimeout(() => { sliding = null; change({ snr_db: levelDb() }); }, SEND_MS);
  });
  showLevel();
}

const levelDb = () => ($("snr").value === $("snr").min ? null : -Number($("snr").value));

function showLevel() {
  const text = levelDb() === null ? t("live.none") : `SNR ${signed(levelDb())} dB`;
  say($("snr-value"), text);
  $("snr").setAttribute("aria-valuetext", text);
}

async function change(changes) {
  try {
    hold(await postJson("api/setting", changes));
  } catch (error) {
    say($("link"), error.message);
  }
}

// Counts correct answers where the truth is known, else the equal ones of both networks.
export function count(state, about, frame) {
  const { probabilities: p, rival, version, machine } = frame;
  if (!setting || version !== setting.version || !p || !(rival || about.labels.includes(machine))) return;
  const settled = setting.snr_db === null || Math.abs(frame.mixed_db - setting.snr_db) < 1.5;
  if (state.simulated && !settled) return; // the noise follows the signal's level a little later
  const level = setting.snr_db === null ? t("live.none") : `${word("noises", setting.noise)} ${signed(setting.snr_db)} dB`;
  const key = `${machine}/${level}`;
  const row = tried.get(key) || { machine, level, ours: 0, theirs: 0, same: 0, of: 0 };
  row.of++;
  row.ours += about.labels[best(p)] === machine;
  row.theirs += Boolean(rival) && about.labels[best(rival)] === machine;
  row.same += Boolean(rival) && best(rival) === best(p);
  tried.delete(key);
  tried.set(key, row);
  if (tried.size > MOST_TRIED) tried.delete(tried.keys().next().value);
  if (row.of % 5 === 1) showTried(state.simulated, Boolean(about.rival));
}

function showTried(simulated, rival) {
  const titles = simulated
    ? [t("live.machine"), t("live.noise"), heads.ours, rival ? heads.theirs : null, t("live.of")]
    : [t("live.noise"), t("live.same"), t("live.of")];
  const cells = (row) => (simulated
    ? [word("labels", row.machine), row.level, row.ours, rival ? row.theirs : null, row.of]
    : [row.level, percent(row.same / row.of), row.of]);
  const shown = (values) => values.filter((value) => value !== null);
  $("tried").tHead.rows[0].replaceChildren(...shown(titles).map((head) => make("th", { scope: "col" }, head)));
  $("tried").tBodies[0].replaceChildren(...[...tried.values()].reverse().map((row) => {
    const line = make("tr", {}, ...shown(cells(row)).map((value) => make("td", {}, value)));
    if (simulated && rival && row.ours !== row.theirs) line.cells[row.ours > row.theirs ? 2 : 3].className = "better";
    return line;
  }));
}
