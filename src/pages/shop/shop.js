"use strict";
// The page of one sale. What the server wrote into it is kept up to date by the sale's stream, or by polling where no
// stream is to be had. A purchase is kept in the tab's memory with its Idempotency-Key until it is final: whatever breaks
// or is loaded again, the same key is sent, and nobody buys twice.

const POLL_MS = 2000;
const STREAM_AGAIN_MS = 30000;
const ANSWER_MS_MAX = 15000;

const find = (selector, root = document) => root.querySelector(selector);
const main = find("main");
const sale = main.dataset.sale;
const isDemo = main.dataset.demo === "true";
const saleUrl = `/v1/sales/${encodeURIComponent(sale)}`;

// ---- texts

const texts = JSON.parse(find("#texts").textContent);

/** What the address says, else the first of the browser's languages that is spoken here. */
function chooseLanguage() {
  const wished = new URLSearchParams(location.search).get("lang");
  const candidates = [wished, ...navigator.languages].map((tag) => (tag || "").toLowerCase().split("-")[0]);
  return candidates.find((tag) => tag in texts.language) || "en";
}
const language = chooseLanguage();

function say(key, values = {}) {
  const text = (texts[key] || texts.error_other)[language];
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = say(element.dataset.t);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.lang === language) link.setAttribute("aria-current", "true");
  }
}

function money(amount, currency) {
  const format = new Intl.NumberFormat(language, { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** 1:02:03, or 2:03. */
function duration(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** For those who hear the page. */
function tell(text) {
  find("#told").textContent = text;
}

// ---- the server's clock

let clockAhead = 0;
const serverNow = () => Date.now() + clockAhead;

// ---- state and stock

let startsAt = Date.parse(main.dataset.startsAt);
const itemOf = (sku) => find(`.item[data-sku="${CSS.escape(sku)}"]`);
const nameOf = (item) => find(".item-name", item).textContent;

function showState(state) {
  const hasOpened = main.dataset.state === "scheduled" && state === "open";
  main.dataset.state = state;
  find("#state").textContent = say(`state_${state}`);
  find("#countdown").hidden = state !== "scheduled";
  if (hasOpened) tell(say("opened"));
  for (const item of document.querySelectorAll(".item")) showItem(item);
}

function showItem(item) {
  const { availability, remaining } = item.dataset;
  const isAvailable = availability === "available";
  const count = isAvailable && remaining ? say("left", { count: Number(remaining).toLocaleString(language) }) : "";
  find(".stock", item).textContent = count || say(availability);
  const { value, dataset } = find(".price data", item);
  find(".price data", item).textContent = money(Number(value), dataset.currency);
  find(".buying", item).hidden = main.dataset.state !== "open" || !isAvailable;
  find(".buy", item).disabled = purchase !== null;
}

function takeState(data) {
  clockAhead = Date.parse(data.now) - Date.now();
  startsAt = Date.parse(data.starts_at);
  if (data.name) find("h1").textContent = data.name;
  showState(data.state);
}

function takeItems(items) {
  for (const { sku, availability, remaining } of items) {
    const item = itemOf(sku);
    if (!item) continue;
    const before = item.dataset.availability;
    item.dataset.availability = availability;
    item.dataset.remaining = remaining === undefined ? "" : remaining;
    showItem(item);
    if (before === availability) continue;
    if (availability === "sold_out") tell(say("told_sold_out", { item: nameOf(item) }));
    if (availability === "available") tell(say("told_available", { item: nameOf(item) }));
  }
}

function prepareItems() {
  for (const item of document.querySelectorAll(".item")) {
    const most = Math.min(Number(item.dataset.limit) || 10, 10);
    const choice = find(".quantity", item);
    for (let count = 1; count <= most; ++count) choice.append(new Option(String(count), String(count)));
    find(".buy", item).addEventListener("click", () => begin(item.dataset.sku, Number(choice.value)));
  }
}

// ---- live, or nearly

function showLive(key) {
  const place = find("#live");
  place.hidden = false;
  place.dataset.kind = key;
  place.textContent = say(key);
}

function listen() {
  const source = new EventSource(`${saleUrl}/events`);
  source.addEventListener("state", (event) => {
    showLive("live");
    takeState(JSON.parse(event.data));
  });
  source.addEventListener("stock", (event) => takeItems(JSON.parse(event.data).items));
  source.addEventListener("error", () => {
    showLive("no_news");
    // It comes again by itself, unless it was refused.
    if (source.readyState !== EventSource.CLOSED) return;
    const polling = setInterval(poll, POLL_MS);
    poll();
    setTimeout(() => {
      clearInterval(polling);
      listen();
    }, STREAM_AGAIN_MS);
  });
}

async function poll() {
  try {
    const answer = await fetch(saleUrl, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    if (!answer.ok) return showLive("no_news");
    const now = answer.headers.get("Date");
    const data = await answer.json();
    takeState({ ...data, now: now || new Date().toISOString() });
    takeItems(data.items);
    showLive("polling");
  } catch {
    showLive("no_news");
  }
}

// ---- who buys

/** From the address (#token=…), where the shop has put it; in a demo from the server. */
async function token() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  const kept = sessionStorage.getItem("token");
  if (kept || !isDemo) return kept;
  const answer = await fetch("/shop/demo/token", { method: "POST" });
  if (!answer.ok) return null;
  sessionStorage.setItem("token", (await answer.json()).token);
  return sessionStorage.getItem("token");
}

// ---- a purchase

const place = `purchase:${sale}`;
let purchase = JSON.parse(sessionStorage.getItem(place) || "null"); // {key, sku, quantity, order?}
let watching = 0;

function keep(changed) {
  purchase = changed;
  if (purchase) sessionStorage.setItem(place, JSON.stringify(purchase));
  else sessionStorage.removeItem(place);
  for (const button of document.querySelectorAll(".buy")) button.disabled = purchase !== null;
}

/** `crypto.randomUUID` is there only where a page came encrypted, or from this machine. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function begin(sku, quantity) {
  if (purchase) return;
  keep({ key: newKey(), sku, quantity });
  send();
  find("#order").focus();
}

/** An answer as {status, body, headers}; status 0: none came. */
async function call(method, url, headers = {}, body = undefined) {
  try {
    const bearer = await token();
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const answer = await fetch(url, { method, headers, body, signal, cache: "no-store" });
    return { status: answer.status, body: await answer.json(), headers: answer.headers };
  } catch {
    return { status: 0, body: {}, headers: new Headers() };
  }
}

const problemOf = (answer) => (answer.status === 0 ? "network" : String(answer.body.type || "").split("/").pop());

async function send() {
  showOrder("buying", say("buying_text"));
  const { key, sku, quantity } = purchase;
  const answer = await call("POST", `${saleUrl}/orders`, { "Idempotency-Key": key }, JSON.stringify({ sku, quantity }));
  if ([200, 201, 202].includes(answer.status)) return takeOrder(answer.body);
  fail(answer);
}

/** Nothing was bought, or nobody knows yet: then the same key finds out. */
function fail(answer) {
  const problem = problemOf(answer);
  const text = say(texts[`error_${problem}`] ? `error_${problem}` : "error_other");
  const isWorthAgain = answer.status === 0 || answer.status === 429 || answer.status >= 500;
  const isOpen = answer.status === 0 || problem === "outcome-unknown";
  const close = () => {
    keep(null);
    hideOrder();
  };
  if (problem === "unauthorized") sessionStorage.removeItem("token");
  const buttons = isWorthAgain ? [["again", send]] : [];
  showOrder("order_failed", text, [...buttons, ...(isOpen ? [] : [["done", close]])]);
}

function takeOrder(order) {
  keep({ ...purchase, order });
  clearTimeout(watching);
  const close = () => {
    keep(null);
    hideOrder();
  };
  const show = (text, ...buttons) => showOrder(`order_${order.status}`, text, buttons, order);
  switch (order.status) {
    case "pending":
      show(say("pending_text"));
      watching = setTimeout(look, 1000);
      break;
    case "awaiting_payment":
      show(awaitingText(), ...(isDemo ? [["pay", () => pay(true)], ["decline", () => pay(false)]] : []),
        ["cancel", cancel]);
      watching = setTimeout(look, POLL_MS);
      break;
    case "confirmed":
      show(say("confirmed_text"), ["done", close], ["cancel", cancel]);
      break;
    case "cancelled":
      show(say(order.refund_required ? "refund_text" : "cancelled_text"), ["done", close]);
      break;
    default:
      show(say(order.status === "expired" ? "expired_text" : "rejected_text"), ["done", close]);
  }
}

const awaitingText = () =>
  say("awaiting_text", { time: duration(Date.parse(purchase.order.expires_at) - serverNow()) });

/** The order as it stands now. */
async function look() {
  if (!purchase || !purchase.order) return;
  const answer = await call("GET", `/v1/orders/${purchase.order.id}`);
  if (!purchase) return;
  if (answer.status === 200) return takeOrder(answer.body);
  // It was lost with Redis before it was written: the same key may be sent again.
  if (answer.status === 404) return send();
  watching = setTimeout(look, POLL_MS);
}

async function pay(succeeds) {
  const { id, total } = purchase.order;
  busy();
  const asked = JSON.stringify({ order_id: id, amount: total.amount, currency: total.currency, succeeds });
  const signed = await call("POST", "/shop/demo/payments", {}, asked);
  if (signed.status === 200) {
    // As the provider's own server would.
    const { webhook_id, webhook_timestamp, webhook_signature, body } = signed.body;
    await call("POST", "/v1/webhooks/payments", { "webhook-id": webhook_id, "webhook-timestamp": webhook_timestamp,
      "webhook-signature": webhook_signature }, body);
  }
  look();
}

async function cancel() {
  busy();
  clearTimeout(watching);
  const answer = await call("POST", `/v1/orders/${purchase.order.id}/cancel`);
  if (answer.status === 200) return takeOrder(answer.body);
  const problem = `error_${problemOf(answer)}`;
  find("#order-text").textContent = say(texts[problem] ? problem : "error_other");
  watching = setTimeout(look, POLL_MS);
}

// ---- the purchase as it is shown

function busy() {
  for (const button of document.querySelectorAll("#order-buttons button")) button.disabled = true;
}

function hideOrder() {
  find("#order").hidden = true;
  const next = find(".buying:not([hidden]) .buy") || find("#state");
  next.focus();
}

function receipt(order) {
  const list = find("#receipt");
  list.hidden = !order;
  list.replaceChildren();
  if (!order) return;
  const item = itemOf(order.sku);
  const rows = [["receipt_item", item ? nameOf(item) : order.sku], ["receipt_quantity", order.quantity],
    ["receipt_total", money(order.total.amount, order.total.currency)], ["receipt_order", order.id]];
  for (const [key, value] of rows) {
    const [name, text] = [document.createElement("dt"), document.createElement("dd")];
    name.textContent = say(key);
    text.textContent = value;
    list.append(name, text);
  }
}

function showOrder(key, text, buttons = [], order = null) {
  const section = find("#order");
  const isNew = section.hidden || section.dataset.kind !== key;
  section.hidden = false;
  section.dataset.kind = key;
  find("#order-title").textContent = say(key);
  find("#order-text").textContent = text;
  if (!isNew && !find("#order-buttons button:disabled")) return;
  receipt(order);
  const hadFocus = section.contains(document.activeElement);
  find("#order-buttons").replaceChildren(...buttons.map(([name, act]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `button-${name}`;
    button.textContent = say(name);
    button.addEventListener("click", act);
    return button;
  }));
  if (isNew) tell(`${say(key)} ${text}`);
  if (hadFocus) section.focus();
}

// ---- each second

function tick() {
  if (main.dataset.state === "scheduled") {
    find("#countdown time").textContent = duration(startsAt - serverNow());
  }
  if (purchase && purchase.order && purchase.order.status === "awaiting_payment") {
    find("#order-text").textContent = awaitingText();
  }
}

translate();
prepareItems();
showState(main.dataset.state);
tick();
setInterval(tick, 1000);
listen();
if (purchase) send();
