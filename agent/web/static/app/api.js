// Questions to the agent. An answer that is no success is an Error with the agent's own line.

import * as link from "./link.js";

async function ask(path, query, how) {
  const url = Object.keys(query).length ? `${path}?${new URLSearchParams(query)}` : path;
  let answer;
  try {
    answer = await fetch(url, how);
  } catch (error) {
    if (error.name !== "AbortError") link.away();
    throw error;
  }
  link.here();
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

export const get = (path, query = {}, signal = undefined) => ask(path, query, { signal });

export const post = (path, query, body, type = undefined) =>
  ask(path, query, { method: "POST", headers: type ? { "Content-Type": type } : {}, body });

export const postJson = (path, record) => post(path, {}, JSON.stringify(record), "application/json");

// Asks again and again while the page is seen; `query` is called each time. Returns what ends it.
export function poll(everyMs, path, query, take, fail = () => {}) {
  const ended = new AbortController();
  let timer = null;
  async function turn() {
    if (!document.hidden) {
      try {
        const answer = await get(path, query(), ended.signal);
        if (!ended.signal.aborted) take(answer);
      } catch (error) {
        if (!ended.signal.aborted) fail(error);
      }
    }
    if (!ended.signal.aborted) timer = setTimeout(turn, everyMs);
  }
  const seen = () => { if (!document.hidden) { clearTimeout(timer); turn(); } };
  document.addEventListener("visibilitychange", seen, { signal: ended.signal });
  turn();
  return () => { ended.abort(); clearTimeout(timer); };
}
