// A clip: its spectrogram, its sound, and the file.

import { get } from "../app/api.js";
import { make, say } from "../app/dom.js";
import { number } from "../app/format.js";
import { t } from "../app/texts.js";
import { heatmap } from "../charts/heatmap.js";

const address = (what, name) => `api/clip/${what}?${new URLSearchParams({ name })}`;

export function clip(name) {
  const canvas = make("canvas.plot", { role: "img", "aria-label": t("events.picture") });
  const text = make("figcaption");
  const link = make("a", { href: address("file", name), download: name }, t("events.download"));
  const figure = make("figure.clip", {}, canvas, text, make("p", {}, link));
  load(name, canvas, text, figure).catch((error) => say(text, error.message));
  return figure;
}

async function load(name, canvas, text, figure) {
  const picture = await get("api/clip/picture", { name });
  const levels = Uint8Array.from(atob(picture.levels), (letter) => letter.charCodeAt(0));
  const from = Date.parse(picture.t_start) / 1000;
  const times = Array.from({ length: levels.length / picture.bands }, (_, at) => from + (at + 0.5) * picture.column_s);
  const kilo = picture.rate_hz >= 4000;
  const content = { times, levels, bands: picture.bands, every: picture.column_s, from, to: from + picture.seconds,
    highest: picture.rate_hz / 2 / (kilo ? 1000 : 1), unit: kilo ? "kHz" : "Hz" };
  const draw = () => { if (canvas.isConnected) heatmap(canvas, content); };
  for (const event of ["resize", "theme"]) addEventListener(event, draw);
  canvas.closest("details").addEventListener("toggle", draw);
  draw();
  const peak = `${number(picture.peak)} ${picture.unit}`;
  say(text, t("events.pictureText", { seconds: number(picture.seconds), peak, rate: number(picture.rate_hz, 5) }));
  if (picture.sound) {
    figure.lastChild.before(make("audio", { controls: true, preload: "none", src: address("sound", name), "aria-label": t("events.sound") }));
  } else {
    figure.lastChild.before(make("p.dim", {}, t("events.noSound")));
  }
}
