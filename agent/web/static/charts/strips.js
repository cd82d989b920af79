// The live strips. Every chart shows the newest column at its right edge, on one time axis.

import { t, word } from "../app/texts.js";
import { colours, decisionColour, shades, surface } from "./canvas.js";

// Calls visit(frame, left, right) for every frame on the axis, newest first.
function along(history, columns, width, visit) {
  const wide = width / columns;
  let right = width;
  for (let at = history.length - 1; at >= 0 && right > 0; at--) {
    const left = right - history[at].columns * wide;
    visit(history[at], left, right);
    right = left;
  }
}

let loudest = 0;

export function waveform(canvas, history, columns) {
  const on = surface(canvas);
  if (!on) return;
  const { draw, width, height } = on;
  let top = 1e-12;
  along(history, columns, width, (frame) => { for (const value of frame.wave) top = Math.max(top, Math.abs(value)); });
  loudest = top > loudest ? top : loudest + 0.1 * (top - loudest);
  const middle = height / 2;
  const scale = (0.94 * middle) / loudest;
  draw.fillStyle = colours.line;
  draw.fillRect(0, middle - 0.5, width, 1);
  draw.fillStyle = colours.accent;
  along(history, columns, width, (frame, left, right) => {
    const wide = (right - left) / frame.columns;
    for (let i = 0; i < frame.wave.length / 2; i++) {
      const high = middle - frame.wave[2 * i + 1] * scale;
      const low = middle - frame.wave[2 * i] * scale;
      draw.fillRect(left + i * wide, high, Math.max(1, wide), Math.max(1, low - high));
    }
    if (frame.flags.length) wash(draw, colours.sensor, left, right, height);
  });
}

function wash(draw, colour, left, right, height) {
  draw.save();
  draw.globalAlpha = 0.25;
  draw.fillStyle = colour;
  draw.fillRect(left, 0, right - left, height);
  draw.restore();
}

const sheet = document.createElement("canvas");

export function spectrogram(canvas, history, columns, bands) {
  const on = surface(canvas);
  if (!on) return;
  const { draw, width, height } = on;
  const [low, high] = range(history);
  sheet.width = columns;
  sheet.height = bands;
  const pen = sheet.getContext("2d");
  const image = pen.createImageData(columns, bands);
  let end = columns;
  for (let at = history.length - 1; at >= 0 && end > 0; at--) {
    const { levels } = history[at];
    const count = levels.length / bands;
    for (let column = 0; column < count; column++) {
      const x = end - count + column;
      if (x < 0) continue;
      for (let band = 0; band < bands; band++) {
        const share = (levels[column * bands + band] - low) / (high - low);
        const shade = shades[Math.max(0, Math.min(255, Math.round(255 * share)))];
        const pixel = 4 * ((bands - 1 - band) * columns + x);
        image.data.set([shade[0], shade[1], shade[2], 255], pixel);
      }
    }
    end -= history[at].columns;
  }
  pen.putImageData(image, 0, 0);
  draw.imageSmoothingEnabled = false;
  draw.drawImage(sheet, 0, 0, width, height);
}

let levels = [0, 1];

// From quiet to loud, leaving out the odd ones, and following slowly.
function range(history) {
  const counts = new Uint32Array(256);
  let total = 0;
  for (const frame of history) for (const level of frame.levels) { counts[level]++; total++; }
  const share = (wanted) => {
    let sum = 0;
    for (let level = 0; level < 256; level++) if ((sum += counts[level]) >= wanted * total) return level;
    return 255;
  };
  const found = [share(0.15), Math.max(share(0.15) + 20, share(0.997))];
  levels = levels[1] === 1 ? found : levels.map((value, i) => value + 0.15 * (found[i] - value));
  return levels;
}

// Answers as a band: colour is the class, strength its probability.
export function ribbon(canvas, history, columns, which, labels, tints) {
  const on = surface(canvas);
  if (!on) return;
  const { draw, width, height } = on;
  const runs = [];
  along(history, columns, width, (frame, left, right) => {
    const p = frame[which];
    const best = p ? p.indexOf(Math.max(...p)) : -1;
    if (best >= 0) {
      draw.globalAlpha = Math.max(0.12, (p[best] - 0.2) / 0.8);
      draw.fillStyle = tints[best];
    } else {
      draw.globalAlpha = 0.5;
      draw.fillStyle = colours.sensor;
    }
    draw.fillRect(left, 0, right - left + 0.5, height);
    const last = runs[runs.length - 1];
    if (last && last.best === best) last.left = left;
    else runs.push({ best, left, right });
  });
  draw.globalAlpha = 1;
  for (const { best, left, right } of runs) {
    const text = best < 0 ? t("live.flagged") : word("labels", labels[best]);
    const from = Math.max(0, left);
    if (draw.measureText(text).width + 14 > right - from) continue;
    const box = draw.measureText(text).width + 10;
    draw.fillStyle = colours.card;
    draw.globalAlpha = 0.85;
    draw.fillRect(from + 4, height / 2 - 9, box, 18);
    draw.globalAlpha = 1;
    draw.fillStyle = colours.ink;
    draw.fillText(text, from + 9, height / 2 + 1);
  }
}

// One line a layer, all on one scale of 0 to 100 %.
export function shares(canvas, history, columns, layers) {
  const on = surface(canvas);
  if (!on) return;
  const { draw, width, height } = on;
  const margin = 26;
  const tall = height / layers;
  for (let layer = 0; layer < layers; layer++) {
    const top = layer * tall;
    along(history, columns, width - margin, (frame, left, right) => {
      const share = frame.removed ? frame.removed[layer] : 0;
      draw.globalAlpha = 0.08 + 0.92 * Math.min(1, share / 0.7);
      draw.fillStyle = frame.removed ? colours.accent : colours.line;
      draw.fillRect(left + margin, top + 1, right - left + 0.5, tall - 2);
    });
    draw.globalAlpha = 1;
    draw.fillStyle = colours.dim;
    draw.fillText(layer + 1, 8, top + tall / 2 + 1);
  }
}

const LOWEST_DB = -20;
const HIGHEST_DB = 35;

export function snrs(canvas, history, columns) {
  const on = surface(canvas);
  if (!on) return;
  const { draw, width, height } = on;
  const margin = 26;
  const y = (db) => 8 + (height - 16) * (1 - (Math.max(LOWEST_DB, Math.min(HIGHEST_DB, db)) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB));
  draw.fillStyle = colours.dim;
  for (const db of [-10, 0, 10, 20, 30]) {
    draw.fillStyle = colours.dim;
    draw.textAlign = "right";
    draw.fillText(db, margin - 5, y(db) + 1);
    draw.fillStyle = colours.line;
    draw.fillRect(margin, y(db), width, 1);
  }
  draw.textAlign = "left";
  const line = (which, colour, dash) => {
    draw.strokeStyle = colour;
    draw.setLineDash(dash);
    draw.lineWidth = 2.5;
    draw.beginPath();
    let pen = false;
    along(history, columns, width - margin, (frame, left, right) => {
      const value = frame[which];
      if (value === null) { pen = false; return; }
      const x = margin + (left + right) / 2;
      if (pen) draw.lineTo(x, y(value));
      else draw.moveTo(x, y(value));
      pen = true;
    });
    draw.stroke();
    draw.setLineDash([]);
  };
  draw.save();
  draw.beginPath();
  draw.rect(margin, 0, width, height);
  draw.clip();
  line("mixed_db", colours.mixed, [7, 4]);
  line("snr_db", colours.accent, []);
  draw.restore();
}

// A recording: its loudness above, the decisions that held below.
export function recording(canvas, timeline, tint) {
  const on = surface(canvas);
  if (!on) return;
  const { draw, width, height } = on;
  const base = height - 52;
  const wide = width / timeline.peaks.length;
  draw.fillStyle = colours.accent;
  timeline.peaks.forEach((peak, i) => {
    const tall = Math.max(1, peak * (base - 6));
    draw.fillRect(i * wide, base / 2 + 2 - tall / 2, Math.max(1, wide * 0.9), tall);
  });
  const x = (s) => (s / timeline.duration_s) * width;
  for (const span of timeline.spans) {
    draw.fillStyle = tint(span.label) || decisionColour(span.decision);
    draw.fillRect(x(span.start_s), base + 4, Math.max(1, x(span.end_s) - x(span.start_s)), 28);
    const text = span.label ? word("labels", span.label) : word("decisions", span.decision);
    if (draw.measureText(text).width + 12 < x(span.end_s) - x(span.start_s)) {
      draw.fillStyle = colours.card;
      draw.fillText(text, x(span.start_s) + 6, base + 19);
    }
  }
  draw.fillStyle = colours.dim;
  draw.fillText("0 s", 2, height - 8);
  const end = `${timeline.duration_s.toFixed(1)} s`;
  draw.fillText(end, width - draw.measureText(end).width - 2, height - 8);
}
