// Starts the page: language, theme, and the view that the address names, `#/view/argument`.
//
// A view is views/NAME.html and views/NAME.js, which exports `mount(root)`, called once,
// `show(argument)` each time that it is entered, and `hide()` when it is left.

import { get } from "./api.js";
import { $, make } from "./dom.js";
import * as link from "./link.js";
import * as texts from "./texts.js";

const VIEWS = ["overview", "machine", "events", "live", "setup"]; // in the order of the navigation
const RETRY_MS = 2000;
const mounted = new Map();
let shown = null;

async function mount(name) {
  const [html, view] = await Promise.all([
    fetch(`views/${name}.html`).then((answer) => answer.text()),
    import(`../views/${name}.js`),
  ]);
  const root = make("div.view", { id: `view-${name}`, hidden: true });
  root.innerHTML = html;
  texts.translate(root);
  $("main").append(root);
  await view.mount(root);
  return { root, view };
}

// The view and its argument in the address. Without one, a demonstration begins with what is live.
async function place() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  if (VIEWS.includes(name)) return [name, decodeURIComponent(rest.join("/"))];
  return [(await get("api/overview")).demonstration ? "live" : "overview", ""];
}

let turning = Promise.resolve();
const turn = () => { turning = turning.then(show, show); };

async function show() {
  let name, argument;
  try {
    [name, argument] = await place();
    if (!mounted.has(name)) mounted.set(name, await mount(name));
  } catch (error) {
    if (!(error instanceof TypeError)) console.error(error); // else the agent does not answer
    link.away();
    setTimeout(turn, RETRY_MS);
    return;
  }
  const next = mounted.get(name);
  if (shown !== next) {
    if (shown) { shown.view.hide(); shown.root.hidden = true; }
    next.root.hidden = false;
    window.scrollTo(0, 0);
  }
  for (const other of VIEWS) {
    if (other === name) $(`nav-${other}`).setAttribute("aria-current", "page");
    else $(`nav-${other}`).removeAttribute("aria-current");
  }
  document.title = `${texts.t(`nav.${name}`)} – drsn-agent`;
  shown = next;
  next.view.show(argument);
}

function settings() {
  $("language").append(...Object.entries(texts.LANGUAGES).map(([tag, name]) =>
    make("option", { value: tag, lang: tag, selected: tag === texts.language }, name)));
  $("language").addEventListener("change", () => texts.choose($("language").value));
  $("theme").value = window.theme.chosen();
  $("theme").addEventListener("change", () => window.theme.choose($("theme").value));
}

await texts.load();
texts.translate(document);
settings();
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
addEventListener("hashchange", turn);
turn();
