// What an operator can do here. Each is confirmed in a dialog that names what it will do to whom, by the numbers of the
// last second.

import { number } from "./ops_plots.js";
import { call } from "./ops_stream.js";

const by = (id) => document.getElementById(id);

function path(...parts) {
  return `/admin/v1/${parts.map(encodeURIComponent).join("/")}`;
}

/**
 * Shows the dialog; `change(number)` is called when it is confirmed and gives what was done, in words. A dialog with
 * `field` asks for a number first.
 */
function confirm({ title, effect, yes, field, change }) {
  const dialog = by("confirm");
  const input = by("confirm-number");
  const describe = () => { by("confirm-effect").textContent = effect(Number(input.value)); };
  by("confirm-title").textContent = title;
  by("confirm-yes").textContent = yes;
  by("confirm-failure").textContent = "";
  by("confirm-field").hidden = !field;
  input.disabled = !field;
  input.value = field?.value ?? "";
  by("confirm-field").querySelector("label").textContent = field?.label ?? "";
  input.oninput = describe;
  describe();
  by("confirm-no").onclick = () => dialog.close();
  by("confirm-form").onsubmit = async (event) => {
    event.preventDefault();
    by("confirm-yes").disabled = true;
    try {
      const done = await change(Number(input.value));
      by("done").textContent = done;
      dialog.close();
    } catch (failure) {
      by("confirm-failure").textContent = failure.message;
    } finally {
      by("confirm-yes").disabled = false;
    }
  };
  dialog.showModal();
  by("confirm-no").focus();
}

/** "12 people a second are buying", of the last second. */
function buying(sale) {
  const pace = Math.round(sale.orders_a_second ?? 0);
  if (pace === 0) return "Nobody is buying at the moment";
  return pace === 1 ? "1 person a second is buying" : `${number(pace)} people a second are buying`;
}

export function pause(sale) {
  confirm({
    title: `Pause ${sale.name}?`,
    effect: () => `${buying(sale)}; whoever comes from then on will get 409 sale-not-open, on every instance, until it ` +
      "is resumed. Orders that are taken stay, and are paid and written as usual.",
    yes: "Pause the sale",
    change: async () => {
      await call("PATCH", path("sales", sale.id), { state: "paused" });
      return `${sale.name} is paused.`;
    },
  });
}

export function resume(sale, now) {
  const isEarly = now < Date.parse(sale.starts_at);
  const left = sale.items.reduce((sum, item) => sum + item.remaining, 0);
  confirm({
    title: `Resume ${sale.name}?`,
    effect: () => isEarly
      ? `It will open by itself at ${new Date(sale.starts_at).toLocaleString()}, with ${number(left)} units.`
      : `It sells again at once, ${number(left)} units are left; whoever waits for it will buy in the same second.`,
    yes: "Resume the sale",
    change: async () => {
      await call("PATCH", path("sales", sale.id), { state: isEarly ? "scheduled" : "open" });
      return isEarly ? `${sale.name} is scheduled.` : `${sale.name} sells again.`;
    },
  });
}

export function addStock(sale, item) {
  // One key for the dialog: pressed again after a lost answer, it is the same change.
  const key = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
  confirm({
    title: `Change the stock of ${item.name}`,
    field: { label: "Units to add (below 0: to take out)", value: 10 },
    effect: (add) => {
      if (!Number.isInteger(add) || add === 0) return "Name a number of units.";
      const what = add > 0 ? `${number(add)} more units are sold` : `${number(-add)} unsold units are taken out`;
      return `${what}: ${number(item.remaining)} of ${number(item.stock)} are left now, then ` +
        `${number(item.remaining + add)} of ${number(item.stock + add)}. ${buying(sale)}.`;
    },
    yes: "Change the stock",
    change: async (add) => {
      const made = await call("POST", path("sales", sale.id, "items", item.sku, "stock"), { add },
        { "Idempotency-Key": `${key}-${add}` });
      return `${item.name} has a stock of ${number(made.stock)} now.`;
    },
  });
}

const FLAG_EFFECTS = {
  checkout: (on, sale) => on
    ? "Orders are taken again in every sale that sells."
    : `${buying(sale)}; whoever comes from then on will get 503 unavailable, in every sale and on every instance.`,
  webhooks: (on) => on
    ? "Messages of the payment provider are taken again."
    : "The payment provider's messages are answered 503: nobody's payment is seen until it sends them again, and unpaid " +
      "orders go on to expire.",
  live_stock: (on) => on
    ? "Buyers see again how many units are left."
    : "Buyers no longer see how many units are left, only whether there are any.",
  queue_joins: (on) => `People ${on ? "may" : "may no longer"} join the waiting room; there is none yet.`,
};

export async function flip(name, sale) {
  let current;
  try {
    current = (await call("GET", path("flags"))).flags.find((flag) => flag.name === name);
  } catch (failure) {
    by("done").textContent = failure.message;
    return;
  }
  const isWhole = current.enabled && current.percent === 100 && !current.sales;
  const on = !isWhole;
  const parts = [];
  if (current.percent < 100) parts.push(`${current.percent} % of all customers`);
  if (current.sales) parts.push(`the sales ${current.sales.join(", ")}`);
  const lost = parts.length ? ` It is set for ${parts.join(" and ")} now; that setting is replaced by one for all.` : "";
  confirm({
    title: `Switch ${name} ${on ? "on" : "off"}?`,
    effect: () => FLAG_EFFECTS[name](on, sale) + lost,
    yes: on ? "Switch it on" : "Switch it off",
    change: async () => {
      await call("PUT", path("flags", name), { enabled: on });
      return `${name} is ${on ? "on" : "off"}.`;
    },
  });
}

export async function share() {
  const dialog = by("link");
  try {
    const made = await call("POST", path("ops", "links"), { valid_s: 4 * 3600 });
    by("link-text").value = location.origin + made.path;
    by("link-end").textContent = `at ${new Date(made.expires_at).toLocaleString()}`;
  } catch (failure) {
    by("done").textContent = failure.message;
    return;
  }
  by("link-copy").onclick = () => {
    by("link-text").select();
    navigator.clipboard?.writeText(by("link-text").value);
  };
  by("link-close").onclick = () => {
    by("link-text").value = "";
    dialog.close();
  };
  dialog.showModal();
}
