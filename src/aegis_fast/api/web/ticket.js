// The order ticket.

import { NoAnswer } from "./api.js";
import { number, sentence, show } from "./draw.js";
import { onLanguage, t } from "./i18n.js";

const FIELDS = { qty: "qty", price_krw: "price", base_price_krw: "price", venue: "venue" };

export class Ticket {
  #api;
  #env = "";
  #symbol = "";
  #quote = null;
  #onDone;
  // Kept when no answer came, so that pressing again asks for the same order, not for another.
  #pending = null;
  #form = document.getElementById("ticket");
  #price = document.getElementById("price");
  #qty = document.getElementById("qty");
  #type = document.getElementById("type");
  #venue = document.getElementById("venue");
  #submit = document.getElementById("submit");

  constructor(api, onDone) {
    this.#api = api;
    this.#onDone = onDone;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#form.addEventListener("input", () => this.#changed());
    document.getElementById("price-down").addEventListener("click", () => this.#step(-1));
    document.getElementById("price-up").addEventListener("click", () => this.#step(1));
    onLanguage(() => this.#draw());
  }

  setEnv(env) {
    this.#env = env;
  }

  setSymbol(symbol) {
    this.#symbol = symbol;
    this.#quote = null;
    this.#price.value = "";
    this.#changed();
  }

  setQuote(quote) {
    this.#quote = quote;
    if (!this.#price.value) this.#price.value = number(quote.price_krw);
    this.#draw();
  }

  setPrice(price) {
    if (this.#type.value === "market") this.#type.value = "limit";
    this.#price.value = number(price);
    this.#changed();
  }

  #changed() {
    this.#pending = null;
    show("ticket-error", "");
    show("ticket-done", "");
    for (const id of ["qty", "price", "venue"]) {
      document.getElementById(id).removeAttribute("aria-invalid");
    }
    this.#draw();
  }

  #step(direction) {
    const tick = this.#quote?.tick_size_krw ?? 1;
    const price = read(this.#price.value) || this.#quote?.price_krw || 0;
    this.#price.value = number(Math.max(tick, price + direction * tick));
    this.#changed();
  }

  #draw() {
    const side = this.#form.elements.side.value;
    const type = this.#type.value;
    this.#form.dataset.side = side;
    document.getElementById("price-label").hidden = type === "market";
    document.getElementById("price-name").textContent = t(type === "offset" ? "base" : "priceKrw");
    const price = type === "market" ? this.#quote?.price_krw : read(this.#price.value);
    const amount = (price || 0) * (read(this.#qty.value) || 0);
    const about = type === "market" || type === "offset" ? "≈ " : "";
    document.getElementById("amount").textContent = amount ? `${about}${number(amount)}` : "";
    this.#submit.textContent = `${t(side)} ${t("placeOrder")}`;
    this.#submit.disabled = !this.#symbol;
  }

  #body() {
    const type = this.#type.value;
    const body = {
      client_order_id: crypto.randomUUID?.() ?? `w-${Date.now()}-${Math.random()}`,
      symbol: this.#symbol,
      side: this.#form.elements.side.value,
      type: type === "offset" ? "limit" : type,
      qty: read(this.#qty.value),
      venue: this.#venue.value,
    };
    if (type === "offset") body.base_price_krw = read(this.#price.value);
    else if (type !== "market") body.price_krw = read(this.#price.value);
    return body;
  }

  async #send() {
    const again = this.#pending;
    this.#changed();
    const body = again ?? this.#body();
    if (this.#env === "live" && !(await confirmed(body))) return;
    this.#submit.disabled = true;
    try {
      const order = await this.#api.call("POST", "orders", body);
      const id = order.order_id;
      show("ticket-done", `${t("placed")}: ${id} · ${t(`state_${order.state}`)}`);
      this.#onDone(order);
    } catch (error) {
      this.#complain(error, body);
    } finally {
      this.#submit.disabled = false;
    }
  }

  #complain(error, body) {
    if (error instanceof NoAnswer) {
      this.#pending = body;
      show("ticket-error", t("sameOrder"));
      return;
    }
    show("ticket-error", sentence(error));
    const input = document.getElementById(FIELDS[error.field] ?? "");
    input?.setAttribute("aria-invalid", "true");
    input?.focus();
  }
}

// What a person typed, as a number if it is one: the engine says what is wrong with anything else.
function read(text) {
  const bare = text.replaceAll(",", "").trim();
  return /^-?\d{1,15}$/.test(bare) ? Number(bare) : bare || null;
}

function confirmed(body) {
  const dialog = document.getElementById("confirm");
  const price = body.price_krw ?? body.base_price_krw;
  document.getElementById("confirm-text").textContent =
    `${t("liveConfirm")} ${body.symbol} ${t(body.side)} ${body.qty} @ ${price ?? t("market")}`;
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.returnValue = "no";
    dialog.showModal();
  });
}
