// A chart of curves over frequency or time, with a cursor, and a zoom by mouse, finger or keyboard.

import { MARGIN, axis, drawX, drawY } from "./axes.js";
import { colours, decisionColour, surface } from "./canvas.js";

const RIBBON = 12; // pixels
const ROW = 14; // pixels, of names above the chart
const DRAGGED = 8; // pixels, to be more than a click

export class Plot {
  // `read(x)` is told the place under the cursor, null without one; `zoom(from, to)` a wish, both
  // null for back to the whole.
  constructor(canvas, { read = () => {}, zoom = null } = {}) {
    Object.assign(this, { canvas, read, zoom, content: null, cursor: null, drag: null, axes: null });
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("keydown", (event) => this.key(event));
    if (zoom) {
      canvas.addEventListener("pointerdown", (event) => this.press(event));
      canvas.addEventListener("pointerup", (event) => this.release(event));
      canvas.addEventListener("dblclick", () => zoom(null, null));
    }
  }

  // content: {x: {from, to, kind}, y: {from, to, kind, unit}, curves, steps, limits, lines, marks, ribbon}
  show(content) {
    this.content = content;
    this.draw();
  }

  // Shows another part of the same content until `show` brings what belongs there.
  look(from, to) {
    if (!this.content) return;
    Object.assign(this.content.x, { from, to });
    this.draw();
  }

  draw() {
    const on = this.content && surface(this.canvas);
    if (!on) return;
    const { draw, width, height } = on;
    const { x, y, ribbon } = this.content;
    const top = MARGIN.top + ROW * ((this.content.rows || 1) - 1);
    const bottom = height - MARGIN.bottom - (ribbon ? RIBBON + 4 : 0);
    this.axes = {
      x: axis(x.from, x.to, x.kind, MARGIN.left, width - MARGIN.right),
      y: axis(y.from, y.to, y.kind, bottom, top),
    };
    this.box = { left: MARGIN.left, right: width - MARGIN.right, top, bottom, base: height - MARGIN.bottom };
    drawY(draw, this.axes.y, this.box.left, this.box.right, y.unit);
    drawX(draw, this.axes.x, this.box.top, this.box.base);
    draw.save();
    draw.beginPath();
    draw.rect(this.box.left, 0, this.box.right - this.box.left, height);
    draw.clip();
    this.drawContent(draw);
    draw.restore();
  }

  drawContent(draw) {
    const { content } = this;
    for (const part of content.steps || []) this.drawSteps(draw, part);
    this.ends = []; // of the names in each row above
    for (const line of content.lines || []) this.drawLine(draw, line);
    for (const curve of content.curves) this.drawCurve(draw, curve);
    for (const limit of content.limits || []) this.drawLimit(draw, limit);
    for (const mark of content.marks || []) this.drawMark(draw, mark);
    if (content.ribbon) this.drawRibbon(draw, content.ribbon);
    if (this.drag) this.wash(draw, this.axes.x.at(this.drag.from), this.axes.x.at(this.drag.to));
    else if (this.cursor !== null) this.wash(draw, this.axes.x.at(this.cursor), this.axes.x.at(this.cursor) + 1);
  }

  // The pixel of a value, not below the axis.
  height(value) {
    return Math.min(Math.max(this.axes.y.at(value), 0), this.box.bottom);
  }

  // {xs, ys, low, high, colour, gap}: a line, the range from low to high behind it; no line over a gap.
  drawCurve(draw, { xs, ys, low, high, colour, gap = Infinity, width = 1.75 }) {
    const { x } = this.axes;
    const y = { at: (value) => this.height(value) };
    for (const [from, to] of runs(xs, ys, gap)) {
      if (low) {
        draw.beginPath();
        for (let i = from; i < to; i++) draw.lineTo(x.at(xs[i]), y.at(high[i]));
        for (let i = to - 1; i >= from; i--) draw.lineTo(x.at(xs[i]), y.at(low[i]));
        draw.fillStyle = colours[colour];
        draw.globalAlpha = 0.18;
        draw.fill();
        draw.globalAlpha = 1;
      }
      draw.beginPath();
      for (let i = from; i < to; i++) draw.lineTo(x.at(xs[i]), y.at(ys[i]));
      draw.strokeStyle = draw.fillStyle = colours[colour];
      draw.lineWidth = width;
      draw.lineJoin = "round";
      draw.stroke();
      if (to - from === 1) draw.fillRect(x.at(xs[from]) - 1.5, y.at(ys[from]) - 1.5, 3, 3);
    }
  }

  // {edges, low, high, colour}: a range that is constant between edges.
  drawSteps(draw, { edges, low, high, middle, colour }) {
    const { x } = this.axes;
    const y = { at: (value) => this.height(value) };
    middle.forEach((value, i) => {
      const [left, right] = [x.at(edges[i]), x.at(edges[i + 1])];
      draw.fillStyle = colours[colour];
      draw.globalAlpha = 0.3;
      draw.fillRect(left, y.at(high[i]), right - left, y.at(low[i]) - y.at(high[i]));
      draw.globalAlpha = 1;
      draw.fillRect(left, y.at(value) - 1, right - left, 2);
    });
  }

  // {x, colour, text, dash, weak, dot}: from top to bottom, its name above, a grey mark at `dot`.
  drawLine(draw, { x: value, colour, text = "", dash = [], weak = false, dot = null }) {
    const x = Math.round(this.axes.x.at(value)) + 0.5;
    draw.strokeStyle = draw.fillStyle = colours[colour] || colour;
    draw.lineWidth = 1;
    draw.setLineDash(dash);
    draw.beginPath();
    draw.moveTo(x, this.box.top);
    draw.lineTo(x, this.box.bottom);
    draw.globalAlpha = weak ? 0.45 : 1;
    draw.stroke();
    draw.globalAlpha = 1;
    draw.setLineDash([]);
    if (text) this.drawName(draw, text, x);
    if (dot !== null) {
      draw.fillStyle = colours.healthy;
      draw.fillRect(x - 7, this.axes.y.at(dot) - 1.5, 14, 3);
    }
  }

  // In the first row above the chart in which there is room.
  drawName(draw, text, x) {
    const rows = this.content.rows || 1;
    let row = 0;
    while (row < rows - 1 && this.ends[row] > x) row++;
    this.ends[row] = x + draw.measureText(text).width + 8;
    draw.fillText(text, x + 3, this.box.top - 9 - ROW * row);
    draw.fillRect(x - 0.5, this.box.top - 9 - ROW * row - 5, 1, ROW * row + 14);
  }

  drawLimit(draw, { y: value, text, colour }) {
    const y = Math.round(this.axes.y.at(value)) + 0.5;
    draw.strokeStyle = draw.fillStyle = colours[colour];
    draw.setLineDash([5, 4]);
    draw.beginPath();
    draw.moveTo(this.box.left, y);
    draw.lineTo(this.box.right, y);
    draw.stroke();
    draw.setLineDash([]);
    draw.fillText(text, this.box.left + 5, y - 8);
  }

  // {x, decision}: something happened.
  drawMark(draw, { x: value, decision }) {
    const x = this.axes.x.at(value);
    draw.fillStyle = decisionColour(decision);
    draw.beginPath();
    draw.moveTo(x - 5, this.box.top - 10);
    draw.lineTo(x + 5, this.box.top - 10);
    draw.lineTo(x, this.box.top - 1);
    draw.fill();
    draw.globalAlpha = 0.4;
    draw.fillRect(x - 0.5, this.box.top, 1, this.box.bottom - this.box.top);
    draw.globalAlpha = 1;
  }

  // [{from, to, shares: {decision: share}}]: what was decided meanwhile.
  drawRibbon(draw, ribbon) {
    for (const { from, to, shares } of ribbon) {
      const left = this.axes.x.at(from);
      const wide = Math.max(1, this.axes.x.at(to) - left + 0.4);
      let top = this.box.bottom + 4;
      for (const [decision, share] of Object.entries(shares)) {
        draw.fillStyle = decisionColour(decision);
        draw.fillRect(left, top, wide, RIBBON * share);
        top += RIBBON * share;
      }
    }
  }

  wash(draw, left, right) {
    draw.fillStyle = colours.ink;
    draw.globalAlpha = this.drag ? 0.12 : 0.55;
    draw.fillRect(Math.min(left, right), this.box.top, Math.abs(right - left), this.box.base - this.box.top);
    draw.globalAlpha = 1;
  }

  // -- The cursor

  under(event) {
    const { left } = this.canvas.getBoundingClientRect();
    const pixel = Math.min(Math.max(event.clientX - left, this.box.left), this.box.right);
    return this.axes.x.value(pixel);
  }

  point(value) {
    this.cursor = value;
    this.read(value);
    this.draw();
  }

  move(event) {
    if (!this.axes) return;
    if (this.drag) this.drag.to = this.under(event);
    this.point(this.under(event));
  }

  press(event) {
    if (!this.axes || event.button !== 0 || event.pointerType === "touch") return; // a finger scrolls
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { from: this.under(event), to: this.under(event), pixel: event.clientX };
  }

  release(event) {
    if (!this.drag) return;
    const { from, to, pixel } = this.drag;
    this.drag = null;
    if (Math.abs(event.clientX - pixel) > DRAGGED) this.zoom(Math.min(from, to), Math.max(from, to));
    else this.draw();
  }

  // Arrows move the cursor, + and - zoom around it, Escape shows the whole.
  key(event) {
    if (!this.axes || event.ctrlKey || event.altKey || event.metaKey) return;
    const { from, to } = this.content.x;
    const middle = this.cursor === null ? (from + to) / 2 : this.cursor;
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key in steps) {
      const moved = middle + steps[event.key] * (to - from) / (event.shiftKey ? 20 : 100);
      this.point(Math.min(Math.max(moved, from), to));
    } else if (this.zoom && (event.key === "+" || event.key === "-")) {
      const half = (to - from) * (event.key === "+" ? 0.25 : 1);
      this.zoom(middle - half, middle + half);
    } else if (this.zoom && event.key === "Escape") {
      this.zoom(null, null);
    } else return;
    event.preventDefault();
  }
}

// The parts of a curve without a null or a step in x that is longer than `gap`: [from, to).
function runs(xs, ys, gap) {
  const found = [];
  let from = 0;
  for (let i = 0; i <= xs.length; i++) {
    const broken = i === xs.length || ys[i] === null || (i > from && xs[i] - xs[i - 1] > gap);
    if (!broken) continue;
    if (i > from) found.push([from, i]);
    from = i < xs.length && ys[i] === null ? i + 1 : i;
  }
  return found;
}

// The index of the value in rising `xs` that is nearest to `x`; -1 without one.
export function nearest(xs, x) {
  let best = -1;
  for (let i = 0; i < xs.length; i++) if (best < 0 || Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
  return best;
}
