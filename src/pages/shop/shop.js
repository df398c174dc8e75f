"use strict";
// The page of one sale. What the server wrote into it is kept up to date by the sale's stream, or by polling where no
// stream is to be had. A purchase is kept in the tab's memory with its Idempotency-Key for as long as an order of it
// may be there: whatever breaks or is loaded again, the same key is sent, and nobody buys twice.

const POLL_MS = 2000;
const PENDING_MS = 1000;
const NOTICE_MS = 5000;
const WAIT_MS_MAX = 600000;
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
  return candidates.find((tag) => Object.hasOwn(texts.language, tag)) || "en";
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

/** With the digits that the server counts in: browsers go by what is customary, which is none for HUF or IQD. */
function money(amount, currency) {
  const place = find(`.price data[data-currency="${CSS.escape(currency)}"]`);
  const digits = place ? Number(place.dataset.digits) : 2;
  const format = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
  return (amount / 10 ** digits).toLocaleString(language, format);
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
  showWhyNot();
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
  showWhyNot();
}

/** Why what is on sale cannot be bought by this tab just now. */
function showWhyNot() {
  const place = find("#one-at-a-time");
  place.hidden = purchase === null || !find(".buying:not([hidden])");
  place.textContent = place.hidden ? "" : say(find("#button-done") ? "close_first" : "one_at_a_time");
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

let stream = null;
let polling = 0;
let streamAgain = 0;

function listen() {
  const source = new EventSource(`${saleUrl}/events`);
  stream = source;
  source.addEventListener("state", (event) => {
    showLive("live");
    takeState(JSON.parse(event.data));
  });
  source.addEventListener("stock", (event) => takeItems(JSON.parse(event.data).items));
  source.addEventListener("error", () => {
    showLive("no_news");
    // It comes again by itself, unless it was refused.
    if (source.readyState !== EventSource.CLOSED) return;
    polling = setInterval(poll, POLL_MS);
    poll();
    streamAgain = setTimeout(listenAnew, STREAM_AGAIN_MS);
  });
}

/** A browser has six connections to a server for all of its tabs: those that nobody sees leave them to who buys. */
function hush() {
  if (stream) stream.close();
  clearInterval(polling);
  clearTimeout(streamAgain);
}

/** What has happened since, a new stream tells at once. */
function listenAnew() {
  hush();
  if (!document.hidden) listen();
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

/** Takes it out of the address (#token=…), where the shop has put it: nobody is to read, keep or pass it on there. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return false;
  if (given) sessionStorage.setItem("token", given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

/** The one that was given; in a demo from the server. Null: there is none; undefined: nobody could be asked. */
async function token() {
  const kept = sessionStorage.getItem("token");
  if (kept || !isDemo) return kept;
  try {
    const answer = await fetch("/shop/demo/token", { method: "POST", signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    if (!answer.ok) return null;
    sessionStorage.setItem("token", (await answer.json()).token);
    return sessionStorage.getItem("token");
  } catch {
    return undefined;
  }
}

/** Whose token it is; empty where that cannot be read. Whether it is good the server alone says. */
function customerOf(bearer) {
  try {
    const claims = atob(bearer.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return String(JSON.parse(new TextDecoder().decode(Uint8Array.from(claims, (c) => c.charCodeAt(0)))).sub);
  } catch {
    return "";
  }
}

// ---- a purchase

// Problems that tell that no order of the key is there: it was looked at, or what is asked for was never sold. Of all
// others an order may be there that an earlier send has made, also one of a proxy or the browser itself.
const REFUSALS = ["sold-out", "limit-exceeded", "sale-not-open", "unknown-sale", "unknown-item", "invalid-quantity"];

const place = `purchase:${sale}`;
// {key, sku, quantity, isOpen, customer, order?}. `isOpen`: it was sent, and an order of the key may be there.
let purchase = JSON.parse(sessionStorage.getItem(place) || "null");
let watching = 0;

function keep(changed) {
  purchase = changed;
  if (purchase && purchase.isOpen) sessionStorage.setItem(place, JSON.stringify(purchase));
  else sessionStorage.removeItem(place);
  for (const button of document.querySelectorAll(".buy")) button.disabled = purchase !== null;
  showWhyNot();
}

/** What somebody else has begun in this tab: its key would buy anew for who is here now. */
function forgetAnothers(bearer) {
  if (!purchase || !bearer || purchase.customer === customerOf(bearer)) return false;
  clearTimeout(watching);
  keep(null);
  find("#order").hidden = true;
  return true;
}

/** `crypto.randomUUID` is there only where a page came encrypted, or from this machine. */
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function begin(sku, quantity) {
  if (purchase) return;
  keep({ key: newKey(), sku, quantity, isOpen: false });
  send();
  find("#order").focus();
}

/** An answer as {status, body, headers}; status 0: none came. */
async function call(bearer, method, url, headers = {}, body = undefined) {
  try {
    if (bearer === undefined) throw new Error("nobody could be asked for a token");
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

/** As long as the server says, and no shorter than that. */
function waitOf(answer, shortest) {
  const asked = Number(answer.headers.get("Retry-After")) * 1000 || 0;
  return Math.min(Math.max(asked, shortest), WAIT_MS_MAX);
}

function watch(wait) {
  clearTimeout(watching);
  watching = setTimeout(look, wait);
}

/** The same key each time: an order that is there already is what comes back. */
async function send() {
  showOrder("buying", say("buying_text"));
  const bearer = await token();
  const { key, sku, quantity, isOpen: wasOpen } = purchase;
  if (!wasOpen) purchase.customer = customerOf(bearer);
  if (forgetAnothers(bearer)) return;
  if (bearer !== undefined) keep({ ...purchase, isOpen: true });
  const asked = JSON.stringify({ sku, quantity });
  const answer = await call(bearer, "POST", `${saleUrl}/orders`, { "Idempotency-Key": key }, asked);
  if ([200, 201, 202].includes(answer.status)) return takeOrder(answer.body, waitOf(answer, PENDING_MS));
  keep({ ...purchase, isOpen: mayHaveOrder(answer, wasOpen) });
  fail(answer);
}

/** By an answer that is no order. */
function mayHaveOrder(answer, wasOpen) {
  if (REFUSALS.includes(problemOf(answer))) return false;
  const hasTakenNothing = answer.status >= 400 && answer.status < 500 && ![408, 425, 429].includes(answer.status);
  return hasTakenNothing ? wasOpen : purchase.isOpen;
}

/** Nothing was bought: that is not kept, or the page would buy by itself when it is loaded again. Or nobody knows yet:
 * then the same key finds out, and nothing else is bought before. */
function fail(answer) {
  const problem = problemOf(answer);
  const { sku, quantity, isOpen } = purchase;
  const text = say(texts[`error_${problem}`] ? `error_${problem}` : isOpen ? "error_outcome-unknown" : "error_other");
  if (problem === "unauthorized") sessionStorage.removeItem("token");
  if (isOpen) {
    const isSignedOut = problem === "unauthorized";
    return showOrder("order_open", isSignedOut ? say("signed_out_text") : text, [["again", send]]);
  }
  keep(null);
  const buttons = answer.status === 0 ? [["again", () => begin(sku, quantity)]] : [];
  showOrder("order_failed", text, [...buttons, ["done", hideOrder]]);
}

function close() {
  keep(null);
  hideOrder();
}

function takeOrder(order, wait = PENDING_MS) {
  keep(order.status === "rejected" ? null : { ...purchase, order });
  clearTimeout(watching);
  const show = (text, ...buttons) => showOrder(`order_${order.status}`, text, buttons, order);
  switch (order.status) {
    case "pending":
      show(say("pending_text"));
      watch(wait);
      break;
    case "awaiting_payment":
      show(awaitingText(), ...(isDemo ? [["pay", () => pay(true)], ["decline", () => pay(false)]] : []),
        ["cancel", cancel]);
      watch(POLL_MS);
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
  const { key, order } = purchase;
  const bearer = await token();
  if (forgetAnothers(bearer)) return;
  const answer = await call(bearer, "GET", `/v1/orders/${order.id}`);
  if (!purchase || purchase.key !== key) return;
  if (answer.status === 200) return takeOrder(answer.body, waitOf(answer, PENDING_MS));
  if (answer.status === 401) return showSignedOut();
  if (problemOf(answer) !== "unknown-order") return watch(waitOf(answer, POLL_MS));
  // It was lost with Redis before it was written: the same key may be sent again. What was final is not bought anew.
  if (order.status === "pending") return send();
  clearTimeout(watching);
  showOrder("order_lost", say("lost_text"), [["done", close]], order);
}

/** Nothing is known of the order but what was known before; it is asked for when the buyer is back. */
function showSignedOut() {
  sessionStorage.removeItem("token");
  clearTimeout(watching);
  const { order } = purchase;
  const isSettled = !["pending", "awaiting_payment"].includes(order.status);
  const buttons = [["again", look], ...(isSettled ? [["done", close]] : [])];
  showOrder("order_signed_out", say("signed_out_text"), buttons, order);
}

async function pay(succeeds) {
  const { id, total } = purchase.order;
  busy();
  const asked = JSON.stringify({ order_id: id, amount: total.amount, currency: total.currency, succeeds });
  const signed = await call(await token(), "POST", "/shop/demo/payments", {}, asked);
  if (signed.status === 200) {
    // As the provider's own server would.
    const { webhook_id, webhook_timestamp, webhook_signature, body } = signed.body;
    await call(null, "POST", "/v1/webhooks/payments", { "webhook-id": webhook_id,
      "webhook-timestamp": webhook_timestamp, "webhook-signature": webhook_signature }, body);
  }
  look();
}

async function cancel() {
  const { key, order } = purchase;
  busy();
  clearTimeout(watching);
  const answer = await call(await token(), "POST", `/v1/orders/${order.id}/cancel`);
  if (!purchase || purchase.key !== key) return;
  if (answer.status === 200) return takeOrder(answer.body);
  if (answer.status === 401) return showSignedOut();
  const text = say(problemOf(answer) === "too-late" ? "error_too-late" : "error_cancel");
  find("#order-text").textContent = text;
  tell(text);
  watch(waitOf(answer, NOTICE_MS));
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
  showWhyNot();
  if (isNew) tell(`${say(key)} ${text}`);
  if (hadFocus) section.focus();
}

// ---- each second

function tick() {
  if (main.dataset.state === "scheduled") {
    find("#countdown time").textContent = duration(startsAt - serverNow());
  }
  const isAwaiting = purchase && purchase.order && find("#order").dataset.kind === "order_awaiting_payment";
  if (isAwaiting && !find("#order-buttons button:disabled")) find("#order-text").textContent = awaitingText();
}

/** A purchase that this tab knows of. */
function resume() {
  if (!purchase) return;
  if (!purchase.order) return send();
  takeOrder(purchase.order);
  look();
}

takeToken();
forgetAnothers(sessionStorage.getItem("token"));
translate();
prepareItems();
showState(main.dataset.state);
tick();
setInterval(tick, 1000);
listenAnew();
resume();
document.addEventListener("visibilitychange", listenAnew);
// Somebody else may be here now: all begins anew.
addEventListener("hashchange", () => {
  if (takeToken()) location.reload();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
