// Plots as SVG, drawn anew from their numbers in the width that there is. One unit is one pixel, so text keeps its size.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 44, right: 8, top: 8, bottom: 18 };
const HEIGHT = 176;
const COLOURS = 6;

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function number(value, digits = 0) {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** The least of 1, 2, 5, 10, 20 … that is not below `value`: where an axis ends. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

function frame(place, label) {
  const width = Math.max(200, place.clientWidth);
  const drawing = shape("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label });
  const area = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  return { drawing, area };
}

function axis(drawing, area, most) {
  for (const part of [0, 0.5, 1]) {
    const y = MARGIN.top + area.height * (1 - part);
    drawing.append(shape("line", { class: "axis", x1: MARGIN.left, x2: MARGIN.left + area.width, y1: y, y2: y }));
    drawing.append(shape("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, number(most * part, 1)));
  }
}

function ends(drawing, area, first, last) {
  const y = HEIGHT - 4;
  drawing.append(shape("text", { x: MARGIN.left, y }, first));
  drawing.append(shape("text", { x: MARGIN.left + area.width, y, "text-anchor": "end" }, last));
}

function legend(series) {
  const list = element("ul", { className: "legend" });
  series.forEach((one, index) => {
    const swatch = shape("svg", { viewBox: "0 0 26 10", "aria-hidden": "true" });
    swatch.append(shape("line", { class: `curve s${index % COLOURS}`, x1: 0, x2: 26, y1: 5, y2: 5, "stroke-width": 3 }));
    list.append(element("li", {}, swatch, one.name));
  });
  return list;
}

/**
 * `series`: [{name, values}], null where nothing is known; all of one length, a value a second, the newest last. With
 * `first` and `last` they are of something else than time, and these stand at its ends. `top`: where the axis ends,
 * whatever the values are.
 */
export function drawLines(place, { label, series, span, first, last, top }) {
  const { drawing, area } = frame(place, label);
  const known = series.flatMap((one) => one.values).filter((value) => value !== null && value !== undefined);
  const most = top ?? ceiling(Math.max(1, ...known));
  axis(drawing, area, most);
  series.forEach((one, index) => {
    const steps = Math.max(span - 1, 1);
    const offset = span - one.values.length;
    let path = "";
    one.values.forEach((value, place_) => {
      if (value === null || value === undefined) return;
      const x = MARGIN.left + (area.width * (offset + place_)) / steps;
      const y = MARGIN.top + area.height * (1 - value / most);
      const before = one.values[place_ - 1];
      path += `${before === null || before === undefined ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    if (path) drawing.append(shape("path", { class: `curve s${index % COLOURS}`, d: path, fill: "none" }));
  });
  ends(drawing, area, first ?? `${span} s ago`, last ?? "now");
  place.replaceChildren(drawing, ...(series.length > 1 ? [legend(series)] : []));
}

/** Values side by side, for what came in steps of time. */
export function drawColumns(place, { label, values, first, last }) {
  const { drawing, area } = frame(place, label);
  const most = ceiling(Math.max(1, ...values));
  axis(drawing, area, most);
  const step = area.width / Math.max(values.length, 1);
  values.forEach((value, index) => {
    const height = (area.height * value) / most;
    drawing.append(shape("rect", {
      class: "block s0", x: (MARGIN.left + step * index).toFixed(2), y: (MARGIN.top + area.height - height).toFixed(2),
      width: Math.max(step - (step > 4 ? 1 : 0), 0.5).toFixed(2), height: height.toFixed(2),
    }));
  });
  ends(drawing, area, first, last);
  place.replaceChildren(drawing);
}

/** `rows`: [{name, value, text}], a bar each, as long as its part of the greatest. */
export function drawBars(place, rows, kind = "") {
  const most = Math.max(1, ...rows.map((row) => row.value));
  const grid = element("div", { className: `bars ${kind}` });
  for (const row of rows) {
    const bar = shape("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
    bar.append(shape("rect", { x: 0, y: 0, width: (100 * row.value) / most, height: 8 }));
    grid.append(element("span", {}, row.name), bar, element("span", { className: "number" }, row.text));
  }
  place.replaceChildren(grid);
}

export function levelBar(part) {
  const bar = shape("svg", { class: "level", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  bar.append(shape("rect", { x: 0, y: 0, width: 100, height: 10 }));
  bar.append(shape("rect", { x: 0, y: 0, width: Math.max(0, Math.min(100, 100 * part)), height: 10 }));
  return bar;
}
