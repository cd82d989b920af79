// Spectra side by side in colours: time to the right, frequency upwards.

import { MARGIN, axis, drawX, drawY } from "./axes.js";
import { shades, surface } from "./canvas.js";

const sheet = document.createElement("canvas");

// content: {times, levels: Uint8Array [columns, bands], bands, highest, every, from, to, unit}
export function heatmap(canvas, content) {
  const on = surface(canvas);
  if (!on) return;
  const { draw, width, height } = on;
  const { times, levels, bands, every, from, to } = content;
  const x = axis(from, to, "time", MARGIN.left, width - MARGIN.right);
  const y = axis(0, content.highest, "linear", height - MARGIN.bottom, MARGIN.top);
  const columns = Math.max(1, Math.ceil((to - from) / every));
  sheet.width = columns;
  sheet.height = bands;
  const pen = sheet.getContext("2d");
  const image = pen.createImageData(columns, bands);
  const [low, high] = range(levels);
  times.forEach((time, at) => {
    const column = Math.floor((time - from) / every);
    if (column < 0 || column >= columns) return;
    for (let band = 0; band < bands; band++) {
      const share = (levels[at * bands + band] - low) / (high - low);
      const shade = shades[Math.max(0, Math.min(255, Math.round(255 * share)))];
      image.data.set([...shade, 255], 4 * ((bands - 1 - band) * columns + column));
    }
  });
  pen.putImageData(image, 0, 0);
  draw.imageSmoothingEnabled = false;
  draw.drawImage(sheet, MARGIN.left, MARGIN.top, x.high - x.low, y.low - y.high);
  drawX(draw, x, y.low, y.low);
  drawY(draw, y, MARGIN.left, MARGIN.left, content.unit);
}

// From quiet to loud, leaving out the odd ones.
function range(levels) {
  const sorted = levels.slice().sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] || 0;
  return [at(0.05), Math.max(at(0.05) + 20, at(0.998))];
}
