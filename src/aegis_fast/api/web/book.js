// The ten-level book and the last trades of the chosen symbol.

import { clock, colorOf, fill, number, rowOf, signed } from "./draw.js";

const LEVELS = 10;
const TRADES_KEPT = 22;

export class BookView {
  #rows = { ask: [], bid: [] };
  #book = null;
  #quote = null;
  #trades = [];
  #isDrawing = false;
  #onPrice;

  constructor(onPrice) {
    this.#onPrice = onPrice;
    for (const side of ["ask", "bid"]) {
      const body = document.getElementById(`${side}s`);
      for (let level = 0; level < LEVELS; level += 1) {
        this.#rows[side].push(this.#makeRow(side));
      }
      const shown = side === "ask" ? [...this.#rows.ask].reverse() : this.#rows.bid;
      body.replaceChildren(...shown.map((row) => row.row));
    }
  }

  #makeRow(side) {
    const row = document.createElement("tr");
    const cells = [0, 1, 2].map(() => row.insertCell());
    const quantity = cells[side === "ask" ? 0 : 2];
    const bar = document.createElement("span");
    const text = document.createElement("span");
    const price = document.createElement("button");
    quantity.className = `qty ${side}`;
    bar.className = "fill";
    quantity.append(bar, text);
    price.type = "button";
    price.className = "plain price";
    cells[1].append(price);
    price.addEventListener("click", () => {
      const at = Number(price.dataset.price);
      if (at) this.#onPrice(at);
    });
    return { row, bar, text, price };
  }

  clear(quote) {
    this.#book = null;
    this.#quote = quote;
    this.#trades = [];
    this.draw();
  }

  setQuote(quote) {
    this.#quote = quote;
    this.draw();
  }

  setBook(book) {
    this.#book = book;
    this.draw();
  }

  addTrade(trade) {
    this.#trades.unshift(trade);
    this.#trades.length = Math.min(this.#trades.length, TRADES_KEPT);
    this.draw();
  }

  // However much arrives, once per frame of the screen.
  draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#drawHead();
      this.#drawLevels();
      this.#drawTrades();
    });
  }

  #drawHead() {
    const quote = this.#quote;
    const price = this.#trades[0]?.price_krw ?? this.#book?.last_price_krw ?? 0;
    const last = price || quote?.price_krw || 0;
    const change = quote && last ? last - quote.base_price_krw : 0;
    fill("book-title", quote ? `${quote.name ?? ""} ${quote.symbol}` : "");
    fill("book-clock", clock(this.#book?.time_hhmmss));
    const shown = fill("last-price", last ? number(last) : "");
    shown.className = `number ${colorOf(change)}`;
    const percent = quote?.base_price_krw ? (100 * change) / quote.base_price_krw : 0;
    const moved = fill("last-change", last ? `${signed(change)} (${percent.toFixed(2)} %)` : "");
    moved.className = `number ${colorOf(change)}`;
  }

  #drawLevels() {
    const book = this.#book;
    const all = book ? [...book.ask_qty, ...book.bid_qty] : [];
    const longest = Math.max(1, ...all);
    for (const side of ["ask", "bid"]) {
      this.#rows[side].forEach(({ row, bar, text, price }, level) => {
        const at = book?.[`${side}_price_krw`][level] ?? 0;
        const qty = book?.[`${side}_qty`][level] ?? 0;
        const base = this.#quote?.base_price_krw ?? at;
        row.hidden = false;
        text.textContent = at ? number(qty) : "";
        price.textContent = at ? number(at) : "·";
        price.dataset.price = String(at);
        price.className = `plain price ${at ? colorOf(at - base) : ""}`;
        bar.style.width = `${at ? (100 * qty) / longest : 0}%`;
      });
    }
    fill("total-ask", book ? number(book.total_ask_qty ?? 0) : "");
    fill("total-bid", book ? number(book.total_bid_qty ?? 0) : "");
  }

  #drawTrades() {
    const rows = this.#trades.map((trade) => rowOf(
      [clock(trade.time_hhmmss)],
      [number(trade.price_krw ?? 0), "right"],
      [number(trade.qty ?? 0), `right ${trade.side === "buy" ? "up" : trade.side === "sell" ? "down" : ""}`],
    ));
    document.getElementById("trades").replaceChildren(...rows);
  }
}
