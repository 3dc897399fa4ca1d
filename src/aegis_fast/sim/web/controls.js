// Steer the chosen issue, and the market: prices, a stranger's orders, halts, regimes, the crowd.

import { post } from "./api.js";
import { byId, fill, number, options, sentence, show, whole } from "./draw.js";
import { t } from "./i18n.js";

export class Controls {
  #symbol = "";
  #isHalted = false;
  #isPaused = false;
  #regimes = [];
  #onDone;

  constructor(onDone) {
    this.#onDone = onDone;
    this.#form("move-form", () => ({ symbol: this.#symbol, price: whole("move-price") ?? "" }));
    this.#form("trade-form", () => ({
      symbol: this.#symbol,
      side: byId("trade-side").value,
      qty: whole("trade-qty") ?? 0,
      price: whole("trade-price"),
    }));
    this.#form("regime-form", () => ({
      symbol: byId("regime-scope").value === "*" ? "*" : this.#symbol,
      regime: byId("regime").value,
    }));
    byId("halt").addEventListener("click", () => {
      this.#send({ symbol: this.#symbol, halt: !this.#isHalted });
    });
    byId("pause").addEventListener("click", () => this.#send({ pause: !this.#isPaused }));
  }

  #form(id, bodyOf) {
    byId(id).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(bodyOf());
    });
  }

  async #send(body) {
    show("controls-error", "");
    show("controls-done", "");
    try {
      const answer = await post("market", body);
      const traded = "traded_qty" in answer ? `${t("traded")}: ${number(answer.traded_qty)}` : "";
      show("controls-done", traded || t("done"));
      this.#isPaused = answer.is_paused;
      this.#onDone();
    } catch (error) {
      show("controls-error", sentence(error));
    }
  }

  takePrice(price) {
    byId("move-price").value = number(price);
    byId("trade-price").value = number(price);
  }

  setRegimes(names) {
    this.#regimes = names;
    this.draw();
  }

  setState(state) {
    this.#isPaused = state.is_paused;
    this.draw();
  }

  setIssue(book) {
    if (book.symbol !== this.#symbol) {
      this.#symbol = book.symbol;
      byId("move-price").value = number(book.last_krw);
      byId("trade-price").value = "";
      byId("regime").value = book.regime;
      show("controls-error", "");
      show("controls-done", "");
    }
    this.#isHalted = book.is_halted;
    this.draw();
  }

  draw() {
    options(byId("regime"), this.#regimes, (name) => t(`regime_${name}`));
    fill("halt", t(this.#isHalted ? "resume" : "halt"));
    fill("pause", t(this.#isPaused ? "resumeCrowd" : "pauseCrowd"));
  }
}
