// What comes next in a sale, as intervals, and how good that was.

import { element, number } from "./ops_plots.js";

const TARGETS = [["next_1s", "Next second"], ["next_10s", "Next 10 seconds"], ["next_60s", "Next minute"],
  ["peak_60s", "Greatest second of the next minute"]];
const SHOWN_ITEMS = 6;

/** Few enough digits to be read, and no more than are meant. */
function rate(value) {
  return number(value, value < 10 ? 1 : 0);
}

function moment(seconds) {
  return seconds === null ? "over a minute" : `${number(seconds)} s`;
}

function sellOut(said, item) {
  if (item.remaining === 0) return "sold out";
  if (!said) return "too little is known yet";
  if (said.earliest === null) return "not within a minute";
  return said.expected === null ? `in more than ${number(said.earliest)} s`
    : `in ${moment(said.expected)} (${number(said.earliest)} s to ${moment(said.latest)})`;
}

function table(label, head, rows) {
  return element("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: label },
    element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...rows.map(([first, ...cells]) => element("tr", {},
        element("th", { scope: "row" }, first), ...cells.map((cell) => element("td", {}, cell)))))));
}

/** "" while something is left, or may be among what is not told. */
function soldOut({ items, items_left_out: untold }) {
  if (untold > 0 || items.some((item) => item.remaining > 0)) return "";
  return items.some((item) => item.held)
    ? "Sold out. Some units are not paid yet and may come back; until then nothing is forecast."
    : "Sold out: there is nothing to forecast.";
}

/** Why nothing is forecast; "" where something is. */
function silence(sale) {
  if (sale.state !== "open") return "Nothing is said of a sale that is not open.";
  if (soldOut(sale)) return soldOut(sale);
  if (!sale.forecast) return "Nothing is said: what came in the last seconds is not known here, or forecasts are off.";
  return sale.forecast.arrivals_a_second ? ""
    : "Too little is known yet: three seconds and twenty checkouts are needed.";
}

function parts(sale) {
  if (silence(sale)) return [silence(sale)];
  const { forecast, items } = sale;
  const said = forecast.arrivals_a_second;
  const arrivals = table("Checkouts that are to come", ["Checkouts a second", "Expected", "80 % between"],
    TARGETS.map(([name, title]) => [title, rate(said[name].middle), `${rate(said[name].low)} – ${rate(said[name].high)}`]));
  const outs = table("When items are sold out", ["Item", "Sold out"], items.slice(0, SHOWN_ITEMS).map((item) =>
    [item.name, sellOut(forecast.sell_outs.find((one) => one.sku === item.sku)?.in_s ?? null, item)]));
  const more = Math.max(0, items.length - SHOWN_ITEMS) + sale.items_left_out;
  return [arrivals, element("div", {}, outs,
    element("p", { className: "quiet" }, more > 0 ? `Items that are not shown here: ${number(more)}.` : ""))];
}

/** Drawn anew only when what is said has changed, so that whoever reads it keeps the place. */
export function showForecast(place, sale) {
  const levels = sale.items.map((item) => [item.remaining === 0, item.held]);
  const wanted = JSON.stringify([sale.id, sale.state, sale.forecast, levels, sale.items_left_out]);
  if (place.dataset.said === wanted) return;
  place.dataset.said = wanted;
  place.replaceChildren(...parts(sale));
}

/** For the report: rows of what was told and what of it held. */
export function hindsightTable({ seconds, checkouts, intervals }) {
  const rows = TARGETS.map(([name, title]) => [title, number(intervals[name].told),
    intervals[name].covered === null ? "–" : `${number(100 * intervals[name].covered, 1)} %`]);
  return [element("p", { className: "quiet" },
    "While the sale was open, it was said each second between which numbers the checkouts to come would lie; this is how " +
    `often they did, of ${number(checkouts)} checkouts within ${number(seconds)} s. 80 % is meant: where it is much ` +
    "less, this crowd was unlike those that the forecast has learnt from."),
  table("How often it held", ["Forecast of checkouts a second", "Times told", "Held"], rows)];
}
