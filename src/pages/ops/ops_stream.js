// Calls of the admin API with the token of this tab, and the stream of seconds. EventSource cannot send a token, so the
// stream is read from an answer that does not end.

const KEY = "flashsale-ops-token";
const SILENCE_MS = 20_000;

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

function headers(more = {}) {
  return { Authorization: `Bearer ${token.get()}`, ...more };
}

/** The answer's document; throws an Error that says what the server said. */
export async function call(method, path, body, more = {}) {
  const answer = await fetch(path, {
    method,
    headers: headers(body === undefined ? more : { "Content-Type": "application/json", ...more }),
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
  });
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(`${answer.status} ${document.title ?? ""}: ${document.detail ?? ""}`);
  return document;
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Blocks of one stream, split at empty lines, whatever pieces they come in. */
async function* blocks(reader, alive) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    rest += decoder.decode(value, { stream: true });
    const parts = rest.split("\n\n");
    rest = parts.pop();
    yield* parts;
  }
}

function fields(block) {
  const found = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) found[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return found;
}

/** Until the stream ends; gives after how many milliseconds to come again, and why there was none. Null: never. */
async function readOnce(told, signal) {
  const cut = new AbortController();
  signal.addEventListener("abort", () => cut.abort());
  let watchdog;
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => cut.abort(), SILENCE_MS);
  };
  let retry = 2000;
  try {
    alive();
    const answer = await fetch("/admin/v1/ops/stream", { headers: headers(), signal: cut.signal, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) {
      const problem = await answer.json().catch(() => ({}));
      told.refused(problem.detail ?? "the token is not accepted");
      return null;
    }
    if (!answer.ok) {
      const problem = await answer.json().catch(() => ({}));
      return { again: 3000, why: problem.detail ?? `answer ${answer.status}` };
    }
    for await (const block of blocks(answer.body.getReader(), alive)) {
      const { event, data, retry: again } = fields(block);
      if (again) retry = Number(again);
      if (event === "viewer") told.viewer(JSON.parse(data));
      if (event === "second") told.second(JSON.parse(data));
    }
  } finally {
    clearTimeout(watchdog);
  }
  return { again: retry, why: "" };
}

/** Tells `told.viewer(who)`, `told.second(document)`, `told.lost(why)` and `told.refused(why)`, until `signal` is aborted. */
export async function watch(told, signal) {
  while (!signal.aborted) {
    let next = { again: 2000, why: "" };
    try {
      next = await readOnce(told, signal);
    } catch {
      // Cut, or not reached: the next try shows.
    }
    if (next === null || signal.aborted) return;
    told.lost(next.why);
    await wait(next.again);
  }
}
