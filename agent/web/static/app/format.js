// Numbers, times and decisions for a person, in the reader's language.

import { language, t, word } from "./texts.js";

export const NONE = "–";

// A number with so many significant digits, or a dash.
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  return new Intl.NumberFormat(language, { maximumSignificantDigits: digits }).format(value);
}

export function fixed(value, digits = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const how = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(language, how).format(value);
}

// A unit as people write it.
export const unitText = (unit) => unit.replace("s2", "s²");

export const percent = (share) => `${Math.round(100 * share)} %`;

export function signed(value) {
  const round = Math.round(value);
  return round < 0 ? `−${-round}` : `${round}`;
}

export const db = (value) => (value === null || value === undefined ? NONE : `${signed(value)} dB`);

// "fault: outer"
export function named(decision, label) {
  const main = word("decisions", decision);
  return label && label !== decision ? `${main}: ${word("labels", label)}` : main;
}

// A time of today as a time, an earlier one with its date.
export function when(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const how = today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language, how).format(date);
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

// "5 minutes", of seconds.
export function duration(seconds) {
  const [unit, long] = UNITS.find(([, length]) => seconds >= length) || UNITS[3];
  const how = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(language, how).format(Math.max(0, Math.floor(seconds / long)));
}

export const sinceText = (at) => t("shell.since", { time: when(at) });
