// The last minutes, a value a second, kept in this tab so that a reload does not lose them.

const KEY = "flashsale-ops-history";
export const SPAN = 300;
const SAVE_EVERY = 5;

function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (Array.isArray(kept)) return kept.filter((one) => Date.now() - one.at < SPAN * 1000);
  } catch {
    // Nothing of use.
  }
  return [];
}

let seconds = restore();
let unsaved = 0;

function saleOf(second, id) {
  return second.sales.find((sale) => sale.id === id);
}

/** Takes from a document what plots need. */
export function remember(document) {
  const sales = document.sales.map((sale) => ({
    id: sale.id,
    pace: sale.orders_a_second,
    left: Object.fromEntries(sale.items.map((item) => [item.sku, item.remaining])),
  }));
  const at = Date.parse(document.at);
  // Seconds of which nothing is known keep their place.
  const last = seconds[seconds.length - 1]?.at ?? at;
  for (let missed = last + 1000; missed < at - 500 && seconds.length < 2 * SPAN; missed += 1000) {
    seconds.push({ at: missed, latency: {}, sales: [] });
  }
  seconds.push({ at, latency: document.checkouts.latency_ms, sales });
  seconds = seconds.slice(-SPAN);
  unsaved += 1;
  if (unsaved < SAVE_EVERY) return;
  unsaved = 0;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(seconds));
  } catch {
    // Full: a reload begins anew.
  }
}

/** How many seconds a plot is wide: what there is, and not less than half a minute. */
export function span() {
  return Math.min(SPAN, Math.max(30, seconds.length));
}

export function latencies(which) {
  return seconds.map((one) => one.latency[which] ?? null);
}

export function paces(id) {
  return seconds.map((one) => saleOf(one, id)?.pace ?? null);
}

/** What was left, as a percentage of the stock that there is now. */
export function shares(id, { sku, stock }) {
  return seconds.map((one) => {
    const left = saleOf(one, id)?.left[sku] ?? null;
    return left === null ? null : Math.min(100, (100 * left) / Math.max(stock, 1));
  });
}

/** Units a second of the last ten seconds. */
export function unitPace(id, sku) {
  const last = seconds.slice(-11);
  if (last.length < 3) return null;
  const begin = saleOf(last[0], id)?.left[sku];
  const end = saleOf(last[last.length - 1], id)?.left[sku];
  const passed = (last[last.length - 1].at - last[0].at) / 1000;
  if (begin === undefined || end === undefined || passed <= 0) return null;
  return Math.max(0, (begin - end) / passed);
}
