// Cash and positions, valued at the last prices.

import { colorOf, emptyRow, fill, number, rowOf, signed } from "./draw.js";
import { onLanguage } from "./i18n.js";

const SETTLE_MS = 400;

export class AccountView {
  #api;
  #nameOf;
  #priceOf;
  #positions = [];
  #timer = 0;

  constructor(api, nameOf, priceOf) {
    this.#api = api;
    this.#nameOf = nameOf;
    this.#priceOf = priceOf;
    onLanguage(() => this.draw());
  }

  // Several fills in a row ask once.
  loadSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.load(), SETTLE_MS);
  }

  async load() {
    try {
      this.#positions = await this.#api.call("GET", "positions");
      const balance = await this.#api.call("GET", "balance");
      fill("orderable", number(balance.orderable_krw));
      fill("cash", number(balance.cash_krw));
      fill("total-value", number(balance.total_krw));
    } catch {
      // What is shown stays; the next fill or the next minute asks again.
    }
    this.draw();
  }

  clear() {
    clearTimeout(this.#timer);
    this.#positions = [];
    for (const id of ["orderable", "cash", "total-value"]) fill(id, "");
    this.draw();
  }

  draw() {
    const rows = this.#positions.map((held) => {
      const price = this.#priceOf(held.symbol);
      const profit = price ? price * held.qty - held.cost_krw : null;
      return rowOf(
        [held.name || this.#nameOf(held.symbol)],
        [number(held.qty), "right"],
        [number(held.average_cost_krw), "right"],
        [profit === null ? "" : signed(profit), `right ${colorOf(profit ?? 0)}`],
      );
    });
    document.getElementById("positions").replaceChildren(...(rows.length ? rows : [emptyRow(4)]));
  }
}
