// Small things for drawing: numbers as Koreans read them, rows, messages.

import { has, t } from "./i18n.js";

const FORMAT = new Intl.NumberFormat("ko-KR");

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

export function clock(hhmmss) {
  if (hhmmss === null || hhmmss === undefined || hhmmss === 0) return "";
  const text = String(hhmmss).padStart(6, "0");
  return `${text.slice(0, 2)}:${text.slice(2, 4)}:${text.slice(4)}`;
}

export function fill(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
  return element;
}

// rowOf([text or element, class], ...) -> <tr>
export function rowOf(...cells) {
  const row = document.createElement("tr");
  for (const [content, className = ""] of cells) {
    const cell = row.insertCell();
    cell.className = className;
    cell.append(content);
  }
  return row;
}

export function emptyRow(columns) {
  const row = rowOf([t("none"), "muted center"]);
  row.cells[0].colSpan = columns;
  return row;
}

export function show(id, text) {
  const element = fill(id, text);
  element.hidden = !text;
  return element;
}

// An error as a person can use it: which field, what is wrong, what would be right.
export function sentence(error) {
  const key = `field_${error.field}`;
  const field = error.field ? `${has(key) ? t(key) : error.field}: ` : "";
  const venue = error.venueCode ? ` (${error.venueCode})` : "";
  const right = error.expected ? ` · ${t("expected")}: ${error.expected}` : "";
  return `${field}${error.message || t("off")}${venue}${right}`;
}
