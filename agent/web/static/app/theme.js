// Light or dark: what was chosen here, else what the system asks for. It runs before anything is
// drawn, so that a dark page does not begin white. A change is the window's event "theme".

(() => {
  const KEY = "drsn-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(KEY) || "auto";
    } catch {
      return "auto"; // the browser keeps nothing
    }
  }

  function apply() {
    const choice = chosen();
    const dark = choice === "dark" || (choice === "auto" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    dispatchEvent(new Event("theme"));
  }

  function choose(choice) {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // it holds until the page is left
    }
    apply();
  }

  system.addEventListener("change", apply);
  window.theme = { chosen, choose };
  apply();
})();
