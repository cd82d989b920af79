// The words of the page in the reader's language: one file a language in texts/.

export const LANGUAGES = { en: "English", es: "Español" };
const KEY = "drsn-language";

let words = {};
export let language = "en";

// Loads the language that was chosen here, else the browser's first one that there is.
export async function load() {
  language = [chosen(), ...navigator.languages.map((tag) => tag.slice(0, 2))]
    .find((tag) => tag in LANGUAGES) || "en";
  const answer = await fetch(`texts/${language}.json`);
  words = await answer.json();
  document.documentElement.lang = language;
}

export function choose(tag) {
  try {
    localStorage.setItem(KEY, tag);
  } catch {
    return; // the browser keeps nothing
  }
  location.reload();
}

function chosen() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

const found = (key) => key.split(".").reduce((place, name) => place && place[name], words);

// The text of that key; {names} in it are replaced by `values`.
export function t(key, values = {}) {
  const text = found(key);
  if (typeof text !== "string") return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

// A word of the agent (a decision, a label, a flag) in the reader's language, else as it is.
export function word(kind, name) {
  const text = found(`${kind}.${name}`);
  return typeof text === "string" ? text : String(name).replace(/_/g, " ");
}

// Fills in the texts of elements with data-text, and the names of those with data-label.
export function translate(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}
