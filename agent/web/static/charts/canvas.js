// A canvas at the screen's resolution, and the colours of the theme that holds.

const NAMES = ["ground", "card", "ink", "dim", "line", "accent", "normal", "fault", "unsure", "sensor",
  "mixed", "healthy"];

export let colours = {};
export let shades = []; // from quiet to loud, [256][red, green, blue]

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  colours = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  colours.classes = Array.from({ length: 10 }, (_, i) => read(`class-${i}`));
  const stops = Array.from({ length: 5 }, (_, i) => rgb(read(`shade-${i}`)));
  shades = Array.from({ length: 256 }, (_, level) => {
    const at = (level / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    return stops[low].map((value, i) => value + (stops[low + 1][i] - value) * (at - low));
  });
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

readColours();
addEventListener("theme", readColours); // before those who draw, which register later

// The colour of a decision.
const DECISIONS = { normal: "normal", fault: "fault", detected: "accent", unknown: "unsure", abstain: "unsure", sensor_fault: "sensor", stopped: "dim" };
export const decisionColour = (decision) => colours[DECISIONS[decision] || "dim"];

// Normal classes share one colour; the others take the next of the palette.
export function classColours(labels, normal) {
  let next = 0;
  return labels.map((label) =>
    normal.includes(label) ? colours.normal : colours.classes[next++ % colours.classes.length]);
}

// The canvas, cleared, with its size in pixels of the page; null while it is not shown.
export function surface(canvas) {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width || !height) return null;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const draw = canvas.getContext("2d");
  draw.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw.clearRect(0, 0, width, height);
  draw.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  draw.textBaseline = "middle";
  return { draw, width, height };
}
