// Axes of a chart: where the ticks are, how they read, and from value to pixel.

import { number } from "../app/format.js";
import { language } from "../app/texts.js";
import { colours } from "./canvas.js";

export const MARGIN = { left: 54, right: 12, top: 18, bottom: 26 };
const PER_TICK = { x: 90, y: 45 }; // pixels, about

// An axis from `from` to `to`; `kind` is linear, log or time (in seconds).
export function axis(from, to, kind, low, high) {
  const change = kind === "log" ? (value) => Math.log10(Math.max(value, 1e-30)) : (value) => value;
  const [first, last] = [change(from), change(to)];
  const scale = (high - low) / (last - first || 1);
  const back = kind === "log" ? (value) => 10 ** value : (value) => value;
  return {
    from, to, kind, low, high,
    at: (value) => low + (change(value) - first) * scale,
    value: (pixel) => back(first + (pixel - low) / scale),
  };
}

function ticks(axis, per) {
  const many = Math.max(2, Math.abs(axis.high - axis.low) / per);
  if (axis.kind === "log") return decades(axis, many);
  if (axis.kind === "time") return times(axis, many);
  const rough = (axis.to - axis.from) / many || 1;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((factor) => factor * size >= rough);
  const count = Math.floor(axis.to / step) - Math.ceil(axis.from / step) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => (Math.ceil(axis.from / step) + i) * step)
    .map((value) => [value, number(Math.abs(value) < step / 1e6 ? 0 : value, 6)]);
}

function decades(axis, many) {
  const first = Math.ceil(Math.log10(axis.from) - 1e-9);
  const last = Math.floor(Math.log10(axis.to) + 1e-9);
  const step = Math.max(1, Math.ceil((last - first + 1) / many));
  return Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, i) => first + i * step)
    .map((power) => [10 ** power, power >= -3 && power <= 4 ? number(10 ** power, 6) : `10${raised(power)}`]);
}

const raised = (power) => String(power).replace(/./g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const STEPS = [1, 2, 5, 10, 20, 30].map((many) => [many * MINUTE, { timeStyle: "short" }])
  .concat([1, 2, 3, 6, 12].map((many) => [many * HOUR, { timeStyle: "short" }]))
  .concat([1, 2, 4, 7, 14].map((many) => [many * DAY, { day: "numeric", month: "short" }]))
  .concat([30, 61, 91, 183, 365].map((many) => [many * DAY, { month: "short", year: "2-digit" }]));

// In the reader's time zone: days begin at midnight there.
function times(axis, many) {
  const rough = (axis.to - axis.from) / many;
  const [step, how] = STEPS.find(([length]) => length >= rough) || STEPS[STEPS.length - 1];
  const zone = new Date(axis.from * 1000).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let at = Math.ceil((axis.from - zone) / step) * step + zone; at <= axis.to; at += step) {
    const date = new Date(at * 1000);
    const midnight = step < DAY && date.getHours() === 0 && date.getMinutes() === 0;
    found.push([at, new Intl.DateTimeFormat(language, midnight ? { day: "numeric", month: "short" } : how).format(date)]);
  }
  return found;
}

// Grid and numbers below.
export function drawX(draw, axis, top, bottom) {
  draw.textAlign = "center";
  for (const [value, text] of ticks(axis, PER_TICK.x)) {
    const x = axis.at(value);
    draw.fillStyle = colours.line;
    draw.fillRect(Math.round(x), top, 1, bottom - top);
    const half = draw.measureText(text).width / 2;
    draw.fillStyle = colours.dim;
    draw.fillText(text, Math.min(Math.max(x, half), axis.high + MARGIN.right - half), bottom + 13);
  }
  draw.textAlign = "left";
}

// Grid and numbers at the left, and the unit above them.
export function drawY(draw, axis, left, right, unit) {
  draw.textAlign = "right";
  for (const [value, text] of ticks(axis, PER_TICK.y)) {
    const y = axis.at(value);
    draw.fillStyle = colours.line;
    draw.fillRect(left, Math.round(y), right - left, 1);
    draw.fillStyle = colours.dim;
    draw.fillText(text, left - 7, y + 1);
  }
  draw.textAlign = "left";
  draw.fillStyle = colours.dim;
  draw.fillText(unit, 2, 8);
}
