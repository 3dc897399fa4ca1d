// Working orders, fills, finished orders.

import { emptyRow, fill, number, rowOf, sentence, show } from "./draw.js";
import { onLanguage, t } from "./i18n.js";

const OPEN = new Set(["pending", "live", "partial", "unknown"]);
const ORDERS_KEPT = 500;
const ROWS_SHOWN = 40;

export class OrdersView {
  #api;
  #orders = new Map();
  #fills = [];
  #nameOf;
  #onFill;
  #isDrawing = false;

  constructor(api, nameOf, onFill) {
    this.#api = api;
    this.#nameOf = nameOf;
    this.#onFill = onFill;
    onLanguage(() => this.draw());
  }

  async load() {
    const orders = await this.#api.call("GET", "orders?limit=200");
    this.#orders.clear();
    this.#fills = [];
    for (const order of orders.reverse()) this.#take(order, false);
    this.draw();
  }

  update(order) {
    this.#take(order, true);
    this.draw();
  }

  clear() {
    this.#orders.clear();
    this.#fills = [];
    this.draw();
  }

  #take(order, isNew) {
    const before = this.#orders.get(order.order_id);
    // The answer to a call and the stream overtake each other: the later state counts.
    if (before && before.updated_ns > order.updated_ns) return;
    if (before && before.cum_qty > order.cum_qty) return;
    const qty = order.cum_qty - (before?.cum_qty ?? 0);
    const value = order.cum_value_krw - (before?.cum_value_krw ?? 0);
    this.#orders.delete(order.order_id);
    this.#orders.set(order.order_id, order);
    if (qty > 0) {
      this.#fills.unshift({ order, qty, price: Math.trunc(value / qty) });
      this.#fills.length = Math.min(this.#fills.length, ORDERS_KEPT);
      if (isNew) this.#onFill(order);
    }
    while (this.#orders.size > ORDERS_KEPT) {
      const oldest = [...this.#orders.values()].find((kept) => !OPEN.has(kept.state));
      if (!oldest) break;
      this.#orders.delete(oldest.order_id);
    }
  }

  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      const orders = [...this.#orders.values()].sort((a, b) => b.created_ns - a.created_ns);
      const open = orders.filter((order) => OPEN.has(order.state));
      const closed = orders.filter((order) => !OPEN.has(order.state));
      fill("open-count", open.length ? String(open.length) : "");
      put("open-orders", open.map((order) => this.#openRow(order)), 8);
      put("closed-orders", closed.map((order) => this.#closedRow(order)), 7);
      put("fill-list", this.#fills.map((one) => this.#fillRow(one)), 5);
    });
  }

  #openRow(order) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = t("cancel");
    button.disabled = order.request === "cancel" || order.broker_order_id === 0;
    button.addEventListener("click", () => this.#cancel(order, button));
    const awaited = order.request ? ` (${t(order.request)} ${t("awaiting")})` : "";
    return rowOf(
      [order.created_at.slice(11, 19)],
      [this.#nameOf(order.symbol)],
      [t(order.side), order.side === "buy" ? "up" : "down"],
      [t(order.type)],
      [priceOf(order), "right"],
      [`${number(order.cum_qty)}/${number(order.qty)}`, "right"],
      [t(`state_${order.state}`) + awaited, order.state === "unknown" ? "warn" : ""],
      [button, "right"],
    );
  }

  #closedRow(order) {
    return rowOf(
      [order.created_at.slice(11, 19)],
      [this.#nameOf(order.symbol)],
      [t(order.side), order.side === "buy" ? "up" : "down"],
      [priceOf(order), "right"],
      [`${number(order.cum_qty)}/${number(order.qty)}`, "right"],
      [t(`state_${order.state}`), order.state === "rejected" ? "warn" : ""],
      [order.message, "muted"],
    );
  }

  #fillRow({ order, qty, price }) {
    return rowOf(
      [order.updated_at.slice(11, 19)],
      [this.#nameOf(order.symbol)],
      [t(order.side), order.side === "buy" ? "up" : "down"],
      [number(price), "right"],
      [number(qty), "right"],
    );
  }

  async #cancel(order, button) {
    button.disabled = true;
    show("orders-error", "");
    try {
      const path = `orders/${encodeURIComponent(order.order_id)}`;
      this.update(await this.#api.call("DELETE", path));
    } catch (error) {
      show("orders-error", sentence(error));
      button.disabled = false;
    }
  }
}

function priceOf(order) {
  return order.price_krw ? number(order.price_krw) : t("marketPrice");
}

function put(id, rows, columns) {
  const shown = rows.length ? rows.slice(0, ROWS_SHOWN) : [emptyRow(columns)];
  document.getElementById(id).replaceChildren(...shown);
}
