// The accounts as the ledger knows them: money, positions, orders, fills; and the last calls.

import { get } from "./api.js";
import {
  byId, colorOf, fill, number, options, sentence, show, signed, textRows, timeOf,
} from "./draw.js";
import { t } from "./i18n.js";

const SHOWN = 25;

export class Accounts {
  #recent = null;

  constructor() {
    byId("account").addEventListener("change", () => this.refresh());
  }

  setNumbers(numbers) {
    options(byId("account"), numbers, (account) => `${account.slice(0, 8)}-${account.slice(8)}`);
    byId("account").hidden = numbers.length < 2;
  }

  async refresh() {
    const account = byId("account").value;
    try {
      const recent = await get("ledger", { recent: SHOWN, account });
      if (account !== byId("account").value) return;
      show("money-error", "");
      this.#recent = recent;
    } catch (error) {
      show("money-error", sentence(error));
      return;
    }
    this.draw();
  }

  draw() {
    const recent = this.#recent;
    if (!recent) return;
    const { account } = recent;
    fill("available", number(account.available_krw));
    fill("cash", number(account.cash_krw));
    fill("deposit", number(account.deposit_krw));
    fill("costs", `${number(account.commission_krw)} + ${number(account.tax_krw)}`);
    this.#drawPositions(account.positions);
    this.#drawOrders(recent);
    textRows("call-list", recent.calls.map((call) => [
      [timeOf(call.arrival_ns)],
      [call.call || call.path],
      [call.tr_id, "muted"],
      [call.status ? String(call.status) : "-", `right ${call.status === 200 ? "" : "warn"}`],
      [call.msg_cd],
    ]), 5);
  }

  #drawPositions(positions) {
    textRows("positions", Object.entries(positions).map(([symbol, held]) => {
      const profit = held.last_krw * held.qty - held.cost_krw;
      return [
        [held.name || symbol],
        [number(held.qty), "right"],
        [number(Math.round(held.cost_krw / held.qty)), "right"],
        [signed(profit), `right ${colorOf(profit)}`],
      ];
    }), 4);
  }

  #drawOrders({ orders, fills, order_count, fill_count }) {
    const side = (name) => [t(name), name === "buy" ? "up" : "down"];
    fill("order-count", number(order_count));
    fill("fill-count", number(fill_count));
    textRows("order-list", orders.map((order) => [
      [timeOf(order.accepted_ns)],
      [order.odno.replace(/^0+/, ""), "muted"],
      [order.symbol],
      side(order.side),
      [`${order.board} ${order.type}`, "muted"],
      [order.price_krw ? number(order.price_krw) : "-", "right"],
      [`${number(order.filled_qty)}/${number(order.qty)}`, "right"],
      [t(`state_${order.state}`)],
    ]), 8);
    textRows("fill-list", fills.map((one) => [
      [timeOf(one.time_ns)],
      [one.odno.replace(/^0+/, ""), "muted"],
      [one.symbol],
      side(one.side),
      [number(one.price_krw), "right"],
      [number(one.qty), "right"],
    ]), 6);
  }
}
