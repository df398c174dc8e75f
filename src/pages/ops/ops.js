// The page for operators: enters with a token or a link, and shows each second what the stream tells.

import { addStock, flip, pause, resume, share } from "./ops_actions.js";
import { showForecast } from "./ops_forecast.js";
import { latencies, paces, remember, shares, span, unitPace } from "./ops_history.js";
import { drawBars, drawLines, element, levelBar, number } from "./ops_plots.js";
import { showReport } from "./ops_report.js";
import { token, watch } from "./ops_stream.js";

const by = (id) => document.getElementById(id);
const PLOTTED_ITEMS = 6;

let latest = null;
let chosen = null; // id of a sale; null: none was there yet
let watching = null; // ends the stream
let role = null; // of the token; null until the server has said it

// ---- entering and leaving

function takeLink() {
  const link = new URLSearchParams(location.hash.slice(1)).get("watch");
  if (!link) return;
  token.set(link);
  // Out of the address, so that it is in no picture of this window.
  history.replaceState(null, "", location.pathname);
}

function enter() {
  watching?.abort();
  watching = new AbortController();
  by("enter").hidden = true;
  by("leave").hidden = false;
  by("refusal").textContent = "";
  document.querySelectorAll(".act").forEach((button) => { button.hidden = true; });
  connection("Connecting", "");
  watch({
    viewer: (who) => { role = who.role; },
    second: show,
    lost: (why) => connection(why ? `Not connected: ${why}` : "Connection lost, trying again", "lost"),
    refused: (why) => leave(`Not let in: ${why}.`),
  }, watching.signal);
}

function leave(why = "") {
  watching?.abort();
  watching = null;
  token.forget();
  latest = null;
  role = null;
  by("board").hidden = true;
  by("report").hidden = true;
  by("leave").hidden = true;
  by("enter").hidden = false;
  by("who").textContent = "";
  by("refusal").textContent = why;
  connection("Not connected", "");
}

function connection(text, kind) {
  const place = by("connection");
  if (place.textContent !== text) place.textContent = text;
  place.className = kind;
}

// ---- one second

function sale() {
  return latest.sales.find((one) => one.id === chosen);
}

/** The first that is public: the server puts first what is on sale, then what comes next. It stays when that changes. */
function choose() {
  if (!sale()) chosen = (latest.sales.find((one) => one.state !== "draft") ?? latest.sales[0])?.id ?? null;
}

/** What a role does not reach is not offered. */
const mayChange = () => role === "operator";
const mayRead = () => role !== null && role !== "watch";

function show(second) {
  latest = second;
  remember(second);
  choose();
  connection("Live", "live");
  draw();
}

function draw() {
  by("who").textContent = `Rates of this instance, ${latest.instance}; stock and orders of all. ${
    mayChange() ? "" : "You can look and change nothing."}`;
  by("board").hidden = !by("report").hidden;
  showChoice();
  if (sale()) showSale(sale());
  showInstance(latest);
}

function showChoice() {
  const select = by("sale");
  const wanted = latest.sales.map((one) => one.id).join(" ");
  if (select.dataset.ids !== wanted) {
    select.dataset.ids = wanted;
    select.replaceChildren(...latest.sales.map((one) => element("option", { value: one.id }, one.name)));
  }
  if (sale()) select.value = sale().id;
}

function showSale(one) {
  const state = by("state");
  const isOff = one.state === "open" && (!one.serving || !one.checkout);
  state.textContent = isOff ? (one.checkout ? "being rebuilt" : "checkout is off") : one.state;
  state.className = `badge ${isOff ? "bad" : { open: "good", paused: "bad" }[one.state] ?? ""}`;
  by("times").textContent = clock(one);
  by("pause").hidden = !mayChange() || !["open", "scheduled"].includes(one.state);
  by("resume").hidden = !mayChange() || one.state !== "paused";
  by("share").hidden = !mayChange();
  by("show-report").hidden = !mayRead();
  const left = one.items.reduce((sum, item) => sum + item.remaining, 0);
  by("left").textContent = number(left);
  by("orders").textContent = number(one.orders);
  by("pace").textContent = number(one.orders_a_second, 1);
  showItems(one);
  const plotted = one.items.slice(0, PLOTTED_ITEMS);
  const leftOf = (item) => `${item.name}: ${number(item.remaining)} of ${number(item.stock)}`;
  drawLines(by("stock"), {
    label: `Left of each item, in per cent. ${plotted.map(leftOf).join(", ")}`, span: span(), top: 100,
    series: plotted.map((item) => ({ name: leftOf(item), values: shares(one.id, item).slice(-span()) })),
  });
  showForecast(by("forecast"), one);
  drawLines(by("rate"), { label: `Orders a second: ${number(one.orders_a_second, 1)}`, span: span(),
    series: [{ name: "orders", values: paces(one.id).slice(-span()) }] });
}

function clock(one) {
  const now = Date.parse(latest.at);
  if (now < Date.parse(one.starts_at)) return `opens in ${duration(Date.parse(one.starts_at) - now)}`;
  if (now < Date.parse(one.ends_at)) return `ends in ${duration(Date.parse(one.ends_at) - now)}`;
  return "is over";
}

function duration(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.round(seconds / 86_400)} days`;
}

function pace(one, item) {
  if (item.remaining === 0) return item.held ? "sold out, some unpaid" : "sold out";
  const units = unitPace(one.id, item.sku);
  return units ? `out in ${duration((1000 * item.remaining) / units)}` : "–";
}

/** Rows stay while items do, so that a button keeps the focus. */
function showItems(one) {
  const body = by("items").tBodies[0];
  const wanted = `${one.id} ${one.items.map((item) => item.sku).join(" ")} ${mayChange()}`;
  if (body.dataset.items !== wanted) {
    body.dataset.items = wanted;
    body.replaceChildren(...one.items.map((item) => {
      const change = mayChange()
        ? element("button", { type: "button", ariaLabel: `Add stock to ${item.name}`,
          onclick: () => addStock(sale(), sale().items.find((each) => each.sku === item.sku)) }, "Add stock")
        : "";
      return element("tr", {}, element("th", { scope: "row" }, item.name), element("td"), element("td"),
        element("td", { className: "level-cell" }), element("td"), element("td", {}, change));
    }));
  }
  one.items.forEach((item, index) => {
    const [left, of, sold, out] = [...body.rows[index].cells].slice(1);
    left.textContent = number(item.remaining);
    of.textContent = number(item.stock);
    sold.replaceChildren(levelBar(item.stock ? 1 - item.remaining / item.stock : 0));
    out.textContent = pace(one, item);
  });
  by("items-left-out").textContent = [
    one.items_left_out ? `${number(one.items_left_out)} more items are not shown.` : "",
    latest.sales_left_out ? `${number(latest.sales_left_out)} older sales are not shown.` : ""].join(" ").trim();
}

// ---- the instance

function showInstance({ checkouts, health, in_flight: inFlight, pending_log: pending, connections, events, flags }) {
  by("asked").textContent = number(checkouts.a_second, 1);
  by("slow").textContent = checkouts.latency_ms.p99 === null ? "–" : `${number(checkouts.latency_ms.p99, 1)} ms`;
  const refusals = Object.entries(checkouts.outcomes).filter(([, one]) => one.refusal && one.total > 0);
  const perSecond = Object.values(checkouts.outcomes).filter((one) => one.refusal && one.a_second !== null);
  by("refused").textContent = number(perSecond.reduce((sum, one) => sum + one.a_second, 0), 1);
  if (refusals.length === 0) by("refusals").textContent = "Nobody has been refused since this instance began.";
  else {
    drawBars(by("refusals"), refusals.sort((a, b) => b[1].total - a[1].total).map(([name, one]) => ({
      name: name.replaceAll("_", " "), value: one.total, text: `${number(one.total)} · ${number(one.a_second, 1)}/s` })));
  }
  drawLines(by("latency"), { label: "Latency of checkouts", span: span(), series: ["p50", "p95", "p99"].map((which) =>
    ({ name: `${which} ${number(checkouts.latency_ms[which], 1)}`, values: latencies(which).slice(-span()) })) });
  showHealth(health);
  rows(by("depths"), [
    ["State of sales is from", `${number(health.pulse_age_ms)} ms ago`],
    ["Orders in flight", `${number(inFlight.orders)} of ${number(inFlight.limit)}`],
    ["Batches not written yet", number(pending.entries)],
    ["The oldest of them", `${number(pending.oldest_age_s, 1)} s`],
    ["Connections of buyers", number(connections)]]);
  showEvents(events);
  showFlags(flags);
}

const PARTS = { redis: "Redis", postgres: "PostgreSQL", catalog: "Catalog" };

function showHealth({ failing }) {
  const parts = Object.entries(PARTS).map(([name, title]) => [title, !failing.includes(name)]);
  if (failing.includes("draining")) parts.push(["This instance is about to end", false]);
  for (const name of failing) {
    if (!(name in PARTS) && name !== "draining") parts.push([name, false]);
  }
  by("parts").replaceChildren(...parts.map(([title, isWell]) => element("li", {}, title,
    element("span", { className: `badge ${isWell ? "good" : "bad"}` }, isWell ? "well" : "failing"))));
}

function rows(place, pairs) {
  place.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function showEvents({ enabled, last_position: position, sinks }) {
  if (!enabled) return rows(by("events"), [["Events", "not enabled"]]);
  const told = sinks.map((sink) => [`${sink.name}${sink.failing ? " (failing)" : ""}`,
    sink.lag === 0 ? "up to date" : `${number(sink.lag)} behind, ${number(sink.oldest_age_s, 1)} s`]);
  return rows(by("events"), [["Last position", number(position)], ...told,
    ...(sinks.length ? [] : [["Sinks", "none"]])]);
}

function showFlags(flags) {
  const list = by("flags");
  const wanted = JSON.stringify([flags, mayChange()]);
  if (list.dataset.flags === wanted) return;
  list.dataset.flags = wanted;
  list.replaceChildren(...Object.entries(flags).map(([name, on]) => element("li", {}, name.replaceAll("_", " "),
    element("span", { className: "actions" },
      element("span", { className: `badge ${on ? "good" : "bad"}` }, on ? "on" : "off"),
      ...(mayChange() ? [element("button", { type: "button", ariaLabel: `Switch ${name}`,
        onclick: () => flip(name, sale() ?? { items: [] }) }, "Switch")] : [])))));
}

// ---- the report

async function openReport() {
  const one = sale();
  by("board").hidden = true;
  by("report").hidden = false;
  by("report").textContent = "Reading the report.";
  const back = () => {
    by("report").hidden = true;
    by("board").hidden = false;
  };
  try {
    await showReport(by("report"), one, back);
  } catch (failure) {
    by("done").textContent = failure.message;
    back();
  }
}

by("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(by("token").value.trim());
  by("token").value = "";
  enter();
});
by("leave").addEventListener("click", () => leave());
by("sale").addEventListener("change", () => {
  chosen = by("sale").value;
  draw();
});
by("pause").addEventListener("click", () => pause(sale()));
by("resume").addEventListener("click", () => resume(sale(), Date.parse(latest.at)));
by("share").addEventListener("click", share);
by("show-report").addEventListener("click", openReport);
addEventListener("resize", () => {
  if (latest) draw();
});
addEventListener("hashchange", () => {
  takeLink();
  if (token.get()) enter();
});

takeLink();
if (token.get()) enter();
