// Small things for drawing: numbers as Koreans read them, times, rows that stay, messages.
// Whatever came from outside is set as text, never as markup.

import { NoAnswer } from "./api.js";
import { has, t } from "./i18n.js";

const FORMAT = new Intl.NumberFormat("ko-KR");
const KST_MS = 9 * 3_600_000;
const LONGEST = 300; // Letters of what is right that an error shows.

export function byId(id) {
  return document.getElementById(id);
}

export function number(value) {
  return FORMAT.format(value);
}

export function signed(value) {
  return value > 0 ? `+${number(value)}` : number(value);
}

// Red is up, blue is down.
export function colorOf(value) {
  return value > 0 ? "up" : value < 0 ? "down" : "";
}

// "092959" -> "09:29:59"
export function clock(hhmmss) {
  return `${hhmmss.slice(0, 2)}:${hhmmss.slice(2, 4)}:${hhmmss.slice(4)}`;
}

// ns since the epoch -> "09:29:59" in Korea
export function timeOf(ns) {
  return new Date(ns / 1e6 + KST_MS).toISOString().slice(11, 19);
}

export function fill(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
  return element;
}

export function show(id, text) {
  const element = fill(id, text);
  element.hidden = !text;
  return element;
}

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// Rows of text: [[text, class], ...] each. Nothing is touched while nothing has changed, so that
// a selection stays.
export function textRows(id, rows, columns) {
  const body = byId(id);
  const shown = rows.length ? rows : [[[t("none"), "muted center"]]];
  const signature = JSON.stringify(shown);
  if (body.dataset.shown === signature) return;
  body.dataset.shown = signature;
  body.replaceChildren(...shown.map((cells) => {
    const row = make("tr");
    for (const [text, className = ""] of cells) row.append(make("td", className, text));
    if (!rows.length) row.cells[0].colSpan = columns;
    return row;
  }));
}

// One element for each item, kept from one refresh to the next, so that what is being pressed
// stays under the finger. create(item) -> element; update(element, item).
export function keyed(parent, items, keyOf, create, update) {
  const known = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  const wanted = items.map((item) => {
    const key = String(keyOf(item));
    let element = known.get(key);
    if (!element) {
      element = create(item);
      element.dataset.key = key;
    }
    update(element, item);
    return element;
  });
  const isSame = wanted.length === parent.children.length
    && wanted.every((element, index) => parent.children[index] === element);
  if (!isSame) parent.replaceChildren(...wanted);
}

export function options(select, values, textOf) {
  keyed(select, values, (value) => value, (value) => {
    const option = make("option");
    option.value = value;
    return option;
  }, (option, value) => {
    const text = textOf(value);
    if (option.textContent !== text) option.textContent = text;
  });
}

// An error as a person can use it: which field, what is wrong, what would be right.
export function sentence(error) {
  if (error instanceof NoAnswer) return t("off");
  const key = `field_${error.field}`;
  const other = `fault_${error.field}`;
  const name = has(key) ? t(key) : has(other) ? t(other) : error.field;
  const field = error.field && error.field !== "body" ? `${name}: ` : "";
  const right = error.expected ? ` · ${t("expected")}: ${error.expected.slice(0, LONGEST)}` : "";
  return `${field}${error.message}${right}`;
}

// "70,000" -> 70000; undefined when nothing is there; NaN becomes a text that the simulator refuses.
export function whole(id) {
  const text = byId(id).value.replaceAll(",", "").trim();
  if (!text) return undefined;
  return /^\d+$/.test(text) ? Number(text) : text;
}
