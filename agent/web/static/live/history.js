// The frames of the last seconds, oldest first, as long as the charts are wide.

const EMPTY = { wave: [], levels: [], flags: [], probabilities: null, rival: null, removed: null, snr_db: null, mixed_db: null };
const MOST_MISSING = 1000; // windows; after more the picture begins anew

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export class History {
  constructor(about) {
    this.hop = Math.round(about.hop_s * about.rate_hz);
    this.frames = [];
    this.newest = null;
  }

  // Adds a decoded frame; at most `columns` columns stay.
  add(frame, columns) {
    this.fillGap(frame);
    this.newest = frame;
    this.frames.push(frame);
    let sum = this.frames.reduce((total, kept) => total + kept.columns, 0);
    while (sum - this.frames[0].columns > columns) sum -= this.frames.shift().columns;
  }

  // Windows that did not arrive leave an empty place.
  fillGap(frame) {
    if (!this.newest) return;
    const missing = Math.round((frame.first - this.newest.first) / this.hop) - 1;
    if (missing < 0 || missing > MOST_MISSING) this.frames = [];
    else for (let i = 0; i < missing; i++) this.frames.push({ ...EMPTY, columns: frame.columns });
  }
}

export function decode(frame) {
  return { ...frame, wave: new Float32Array(bytes(frame.wave).buffer), levels: bytes(frame.levels) };
}
