// A small curve without axes, as SVG: it follows the text's colour.

const NAMESPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, EDGE] = [200, 36, 2];

function element(name, attributes) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// Values over time from `from` to `to`; the line breaks over a gap. Changes take half of the height,
// or less where that would begin below 0.
export function spark(xs, ys, from, to, gap, label) {
  const top = Math.max(...ys, 1e-12);
  const low = Math.max(0, 2 * Math.min(...ys) - top);
  const x = (value) => (EDGE + (value - from) / (to - from) * (WIDTH - 2 * EDGE)).toFixed(1);
  const y = (value) => (HEIGHT - EDGE - ((value - low) / (top - low || 1)) * (HEIGHT - 2 * EDGE)).toFixed(1);
  const path = xs.map((value, i) =>
    `${i === 0 || value - xs[i - 1] > gap ? "M" : "L"}${x(value)},${y(ys[i])}`).join("");
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  svg.append(element("path", { d: path, fill: "none", "vector-effect": "non-scaling-stroke" }));
  return svg;
}
