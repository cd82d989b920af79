// Elements, made and changed in few words.

export const $ = (id) => document.getElementById(id);

// make("p.dim", { id: "a", onclick }, "text", element, ...): a child that is null is left out.
export function make(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Writes a text only where it changes, so that a screen reader is not disturbed.
export const say = (element, text) => { if (element.textContent !== text) element.textContent = text; };
