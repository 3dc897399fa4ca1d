// The chosen issue: its state, the ten levels of the chosen board, its last trades, its figures.

import { byId, clock, colorOf, fill, keyed, make, number, signed, textRows } from "./draw.js";
import { isKorean, t } from "./i18n.js";

const LEVELS = 10;
const TRADES = 13;

export class BookView {
  #rows = { ask: [], bid: [] };
  #book = null;
  #board = "KRX";
  #onPrice;

  constructor(onPrice) {
    this.#onPrice = onPrice;
    for (const side of ["ask", "bid"]) {
      for (let level = 0; level < LEVELS; level += 1) this.#rows[side].push(this.#makeRow(side));
      const shown = side === "ask" ? [...this.#rows.ask].reverse() : this.#rows.bid;
      byId(`${side}s`).replaceChildren(...shown.map((row) => row.row));
    }
  }

  #makeRow(side) {
    const row = make("tr");
    const cells = [0, 1, 2].map(() => row.insertCell());
    const quantity = cells[side === "ask" ? 0 : 2];
    const bar = make("span", "fill");
    const text = make("span");
    const price = make("button", "plain price");
    quantity.className = `qty ${side}`;
    quantity.append(bar, text);
    price.type = "button";
    price.addEventListener("click", () => {
      if (price.dataset.price) this.#onPrice(Number(price.dataset.price));
    });
    cells[1].append(price);
    return { row, bar, text, price };
  }

  set(book) {
    this.#book = book;
    if (!(this.#board in book.boards)) this.#board = "KRX";
    this.draw();
  }

  draw() {
    const book = this.#book;
    if (!book) return;
    this.#drawHead(book);
    this.#drawBoards(book);
    this.#drawState(book.boards[this.#board]);
    this.#drawLevels(book, book.boards[this.#board]);
    textRows("trades", book.trades.slice(0, TRADES).map((trade) => [
      [clock(trade.time)],
      [trade.board, "muted"],
      [number(trade.price_krw), `right ${colorOf(trade.price_krw - book.base_krw)}`],
      [number(trade.qty), `right ${{ buy: "up", sell: "down" }[trade.taker] ?? ""}`],
    ]), 4);
  }

  #drawHead(book) {
    const change = book.last_krw - book.base_krw;
    fill("book-title", `${isKorean() ? book.name : book.name_en} ${book.symbol}`);
    fill("last-price", number(book.last_krw)).className = `number ${colorOf(change)}`;
    const percent = book.base_krw ? ((100 * change) / book.base_krw).toFixed(2) : "0.00";
    fill("last-change", `${signed(change)} (${percent} %)`).className = `number ${colorOf(change)}`;
    const state = book.is_halted ? "halted" : book.mode;
    fill("issue-state", t(`mode_${state}`)).dataset.mode = state;
    for (const name of ["open", "high", "low"]) fill(name, number(book[`${name}_krw`]));
    fill("volume", number(book.cum_qty));
    fill("limits", `${number(book.lower_krw)} ~ ${number(book.upper_krw)}`);
    fill("vi-base", number(book.vi_base_krw));
  }

  #drawBoards(book) {
    keyed(byId("boards"), Object.entries(book.boards), ([name]) => name, ([name]) => {
      const tab = make("button");
      tab.type = "button";
      tab.dataset.board = name;
      tab.setAttribute("role", "tab");
      tab.append(make("span"), make("small", "muted"));
      tab.addEventListener("click", () => {
        this.#board = name;
        this.draw();
      });
      return tab;
    }, (tab, [name, board]) => {
      tab.firstElementChild.textContent = t(`board_${name}`);
      tab.lastElementChild.textContent = t(`mode_${board.mode}`);
      tab.setAttribute("aria-selected", String(name === this.#board));
    });
  }

  #drawState(board) {
    const parts = [];
    if (board.expected) {
      const { price_krw, qty } = board.expected;
      parts.push(`${t("expectedPrice")} ${price_krw ? `${number(price_krw)} × ${number(qty)}` : "-"}`);
    }
    if (board.vi) {
      const { kind, trigger_krw, reference_krw } = board.vi;
      const prices = `${number(reference_krw)} → ${number(trigger_krw)}`;
      parts.push(`${t("interruption")} ${t(`vi_${kind}`)} ${prices}`);
    }
    fill("book-state", parts.join(" · ")).dataset.mode = board.mode;
  }

  #drawLevels(book, board) {
    const longest = Math.max(1, ...[...board.asks, ...board.bids].map(([, qty]) => qty));
    for (const side of ["ask", "bid"]) {
      this.#rows[side].forEach(({ bar, text, price }, level) => {
        const [at, qty] = board[`${side}s`][level] ?? [0, 0];
        text.textContent = at ? number(qty) : "";
        price.textContent = at ? number(at) : "·";
        price.dataset.price = at ? String(at) : "";
        price.className = `plain price ${at ? colorOf(at - book.base_krw) : ""}`;
        bar.style.width = `${at ? (100 * qty) / longest : 0}%`;
      });
    }
    fill("total-ask", number(board.total_ask_qty ?? 0));
    fill("total-bid", number(board.total_bid_qty ?? 0));
  }
}
