// Calls to the server: the token in every one, errors as sentences, paths relative to the page.

const KEY = "pointillist-token";

function takeToken() {
  const url = new URL(window.location.href);
  const given = url.searchParams.get("token");
  if (given) {
    sessionStorage.setItem(KEY, given);
    url.searchParams.delete("token"); // it must not stay in the history or in a screenshot
    window.history.replaceState(null, "", url);
  }
  return sessionStorage.getItem(KEY) || "";
}

const token = takeToken();

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export class Unreachable extends Error {}

async function call(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...(options.headers || {}) };
  let response;
  try {
    response = await fetch(`api/${path}`, { ...options, headers, cache: options.cache || "default" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("The server cannot be reached.");
  }
  if (response.ok) return response;
  let sentence = `The server answered ${response.status}.`;
  try {
    sentence = (await response.json()).detail || sentence;
  } catch {
    // not JSON: a proxy answered
  }
  if (response.status >= 502) throw new Unreachable(sentence);
  throw new Refused(response.status, sentence);
}

export async function getJson(path, options) {
  return (await call(path, options)).json();
}

export async function sendJson(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  return (await call(path, { method, headers, body: JSON.stringify(body) })).json();
}

export async function getBlob(path, options) {
  const response = await call(path, options);
  return response.status === 204 ? null : response.blob();
}

export async function download(path, name) {
  const response = await call(path);
  const stated = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") || "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = stated ? stated[1] : name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// One long answer with a line per happening; opened again whenever it ends.
export async function listen(onEvent, onState) {
  let pause = 500;
  for (;;) {
    try {
      const response = await call("events", { cache: "no-store" });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      onState(true);
      pause = 500;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        const blocks = text.split("\n\n");
        text = blocks.pop();
        for (const block of blocks) {
          const kind = /^event: (.*)$/m.exec(block);
          const data = /^data: (.*)$/m.exec(block);
          if (kind && data) onEvent(kind[1], JSON.parse(data[1]));
        }
      }
    } catch (error) {
      if (error instanceof Refused && error.status < 404) {
        onState(false, error.message);
        return;
      }
    }
    onState(false);
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 5000);
  }
}

export function makeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
