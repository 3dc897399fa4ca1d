// The list of issues: a search among all of them, one page at a time.

import { get } from "./api.js";
import { byId, colorOf, fill, keyed, make, number, sentence, show } from "./draw.js";
import { isKorean, t } from "./i18n.js";

const PAGE = 12;
const TYPING_MS = 150;

export class IssueList {
  #onChoose;
  #offset = 0;
  #shown = null;
  #chosen = "";
  #timer = 0;

  constructor(onChoose) {
    this.#onChoose = onChoose;
    byId("search").addEventListener("input", () => {
      this.#offset = 0;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.refresh(), TYPING_MS);
    });
    byId("page-back").addEventListener("click", () => this.#turn(-PAGE));
    byId("page-on").addEventListener("click", () => this.#turn(PAGE));
  }

  #turn(step) {
    this.#offset = Math.max(0, this.#offset + step);
    this.refresh();
  }

  choose(symbol) {
    this.#chosen = symbol;
    this.draw();
  }

  // Returns the first issue found, for a page that has none chosen yet.
  async refresh() {
    const asked = { query: byId("search").value.trim(), offset: this.#offset, limit: PAGE };
    try {
      const found = await get("issues", asked);
      if (asked.query !== byId("search").value.trim() || asked.offset !== this.#offset) return null;
      show("issues-error", "");
      this.#shown = found;
    } catch (error) {
      show("issues-error", sentence(error));
      return null;
    }
    this.draw();
    return this.#shown.issues[0]?.symbol ?? null;
  }

  draw() {
    const shown = this.#shown;
    if (!shown) return;
    keyed(byId("issue-list"), shown.issues, (issue) => issue.symbol,
      (issue) => this.#make(issue), (element, issue) => this.#update(element, issue));
    const last = shown.offset + shown.issues.length;
    fill("issue-count", number(shown.total));
    fill("page-shown", shown.issues.length ? `${number(shown.offset + 1)}-${number(last)}` : t("none"));
    byId("page-back").disabled = shown.offset === 0;
    byId("page-on").disabled = last >= shown.total;
  }

  #make(issue) {
    const item = make("li");
    const button = make("button", "plain symbol");
    button.type = "button";
    button.dataset.symbol = issue.symbol;
    button.append(make("span", "name"), make("span", "price number"));
    button.addEventListener("click", () => this.#onChoose(issue.symbol));
    item.append(button);
    return item;
  }

  #update(item, issue) {
    const button = item.firstElementChild;
    const [name, price] = button.children;
    button.setAttribute("aria-pressed", String(issue.symbol === this.#chosen));
    button.title = `${issue.symbol} ${issue.market} · ${t(`mode_${issue.mode}`)}`;
    name.textContent = `${issue.is_halted ? "⛔ " : ""}${isKorean() ? issue.name : issue.name_en}`;
    price.textContent = number(issue.last_krw);
    price.className = `price number ${colorOf(issue.last_krw - issue.base_krw)}`;
  }
}
