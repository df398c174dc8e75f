// What became of a sale, of one moment in PostgreSQL, as a page that can be printed.

import { hindsightTable } from "./ops_forecast.js";
import { drawBars, drawColumns, drawLines, element, number } from "./ops_plots.js";
import { latencies, span } from "./ops_history.js";
import { call } from "./ops_stream.js";

function money(one) {
  return new Intl.NumberFormat("en", { style: "currency", currency: one.currency })
    .format(one.amount / 10 ** digitsOf(one.currency));
}

function digitsOf(currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
}

function when(time) {
  return time ? new Date(time).toLocaleString() : "–";
}

function section(title, ...content) {
  return element("section", { className: "card" }, element("h3", {}, title), ...content);
}

const NOT_READABLE = "Cannot be read at the moment.";

function funnel(report) {
  const { orders } = report.totals;
  const taken = Object.values(orders).reduce((sum, count) => sum + count, 0) - orders.rejected;
  const rows = [["Orders taken", taken]];
  if (report.refusals) {
    const refused = Object.values(report.refusals).reduce((sum, count) => sum + count, 0);
    rows.unshift(["Checkouts decided", taken + orders.rejected + refused]);
  }
  if (report.conversion) rows.push(["Paid", report.conversion.confirmed], ["Not paid in time", orders.expired]);
  else rows.push(["Confirmed", orders.confirmed]);
  rows.push(["Cancelled", orders.cancelled]);
  return rows.map(([name, value]) => ({ name, value, text: number(value) }));
}

const PARTS = 100;

/** Of customers from those with the fewest units to those with the most: what share of all units they have together. */
function unitsByCustomers({ count, by_units: groups }) {
  const units = groups.reduce((sum, group) => sum + group.units_in_all, 0);
  return Array.from({ length: PARTS + 1 }, (_, part) => {
    let left = (count * part) / PARTS;
    let held = 0;
    for (const group of groups) {
      const taken = Math.min(left, group.customers);
      held += (group.units_in_all * taken) / group.customers;
      left -= taken;
    }
    return (100 * held) / units;
  });
}

function drawFairness(plots, report) {
  const { points } = report.curve;
  const chance = points.map(({ orders, checkouts }) => checkouts ? Math.min(100, (100 * orders) / checkouts) : 0);
  if (points.some((point) => point.checkouts)) {
    drawColumns(plots.chance, { label: "Of 100 checkouts so many got an order, by when they came", values: chance,
      first: when(points[0].at), last: when(points[points.length - 1].at) });
  } else if (report.unavailable.includes("curve.points.checkouts")) {
    plots.chance.textContent = NOT_READABLE;
  } else {
    plots.chance.textContent = "Nobody counted who came.";
  }
  if (report.customers.count) {
    drawLines(plots.shares, { label: "Share of the units by share of the customers", span: PARTS + 1,
      first: "customers with the fewest units", last: "all customers", series: [
        { name: "units that they have, %", values: unitsByCustomers(report.customers) },
        { name: "if all had as many", values: Array.from({ length: PARTS + 1 }, (_, part) => (100 * part) / PARTS) }] });
  } else {
    plots.shares.textContent = "Nobody has a unit.";
  }
}

/** The report knows items by their SKU, and the page some of them by their name. */
function itemTable(report, names) {
  const head = ["Item", "Stock", "Sold", "Sold out", "Confirmed", "Cancelled", "Expired", "Revenue"];
  const title = ({ sku }) => names.has(sku) ? [`${names.get(sku)} `, element("small", {}, sku)] : [sku];
  const rows = report.items.map((item) => [title(item), number(item.stock), number(item.sold), when(item.sold_out_at),
    number(item.units.confirmed), number(item.units.cancelled), number(item.units.expired), money(item.revenue)]);
  return element("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: "Items" },
    element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {},
        element("th", { scope: "row" }, ...row[0]), ...row.slice(1).map((cell) => element("td", {}, cell)))))));
}

function figures(report) {
  const list = element("dl", { className: "figures" });
  const shown = [["Units sold", `${number(report.totals.sold)} of ${number(report.totals.stock)}`],
    ["Sold out", when(report.totals.sold_out_at)], ["Revenue", report.totals.revenue.map(money).join(", ") || "–"]];
  const ratio = report.conversion?.ratio ?? null;
  if (ratio !== null) shown.push(["Paid of reserved", `${number(100 * ratio, 1)} %`]);
  const bands = report.behaviour;
  shown.push(["Customers unlike people", bands ? number(bands.high + bands.very_high) : "–"]);
  for (const [name, value] of shown) {
    list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  }
  return list;
}

/** Fills `place`, which is shown by now: plots take its width. */
export async function showReport(place, sale, back) {
  const report = await call("GET", `/admin/v1/sales/${encodeURIComponent(sale.id)}/report`);
  const plots = Object.fromEntries(["funnel", "curve", "chance", "shares", "lost", "latency"].map((name) =>
    [name, element("div", { className: "plot" })]));
  const buttons = element("div", { className: "actions no-print" },
    element("button", { type: "button", id: "back", onclick: back }, "Back to the sale"),
    element("button", { type: "button", className: "primary", onclick: () => window.print() }, "Print"));
  const { points, bucket_s: step } = report.curve;
  const latency = latencies("p50").some((value) => value !== null)
    ? section("Answers to checkouts, ms, as this page has watched them", plots.latency) : "";
  const { hindsight } = report.forecast;
  place.replaceChildren(buttons,
    element("h2", {}, `Report: ${sale.name}`),
    element("p", { className: "quiet" }, `As of ${when(report.as_of)}${report.rehearsal ? ". A rehearsal" : ""}`),
    report.unavailable.length
      ? element("p", { role: "status" }, `Cannot be read at the moment: ${report.unavailable.join(", ")}`) : "",
    figures(report),
    section("From checkout to order", plots.funnel),
    section(`Orders over time, in steps of ${step} s`, plots.curve),
    section("Fairness: of 100 checkouts so many got an order, by when they came", plots.chance),
    section(`Fairness: units of ${number(report.customers.count)} customers, from those with the fewest on`, plots.shares),
    section("Lost demand: checkouts that were refused, by reason", plots.lost),
    latency, hindsight ? section("How good the forecast was", ...hindsightTable(hindsight)) : "",
    section("Items", itemTable(report, new Map(sale.items.map((item) => [item.sku, item.name])))));
  drawBars(plots.funnel, funnel(report), "good");
  if (points.length) {
    drawColumns(plots.curve, { label: "Orders over time", values: points.map((point) => point.orders),
      first: when(points[0].at), last: when(points[points.length - 1].at) });
  } else {
    plots.curve.textContent = "No order was taken.";
  }
  drawFairness(plots, report);
  const lost = Object.entries(report.refusals ?? {}).sort((a, b) => b[1] - a[1]);
  if (lost.length) {
    drawBars(plots.lost, lost.map(([name, value]) => ({ name: name.replaceAll("_", " "), value, text: number(value) })));
  } else {
    plots.lost.textContent = report.refusals ? "Nobody was refused." : NOT_READABLE;
  }
  if (latency) {
    drawLines(plots.latency, { label: "Answers to checkouts", span: span(), series: ["p50", "p95", "p99"].map((which) =>
      ({ name: which, values: latencies(which) })) });
  }
}
