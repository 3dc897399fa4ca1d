// The door: how to connect, who calls how often, which sockets are open and what they asked for.

import { byId, fill, keyed, make, number, options, textRows, timeOf } from "./draw.js";
import { onLanguage, t } from "./i18n.js";

const CUSTOMERS = 20;
const SOCKETS = 50;
const COPIED_MS = 1500;

export class Door {
  #about = null;
  #state = null;

  constructor() {
    byId("connect-account").addEventListener("change", () => this.#drawKeys());
    onLanguage(() => this.draw());
  }

  setAbout(about) {
    this.#about = about;
    options(byId("connect-account"), about.accounts.map((account) => account.account), (a) => a);
    byId("connect-account-label").hidden = about.accounts.length < 2;
    this.draw();
  }

  setState(state) {
    this.#state = state;
    this.draw();
  }

  draw() {
    const [about, state] = [this.#about, this.#state];
    if (!about || !state) return;
    const limit = state.limits.calls_per_s;
    const pairs = [["REST", state.rest_url], ["WebSocket", state.ws_url]];
    if (state.ca_path) pairs.push(["CA", state.ca_path]);
    copyable("addresses", pairs);
    this.#drawKeys();
    fill("profile", `${about.profile} · ${limit ? `${limit}/s` : t("noLimit")} · ${t("seed")} ${about.seed}`);
    byId("profile").title = `${t("world")} ${about.world}`;
    this.#drawCustomers(state.limits);
    this.#drawSockets(state.connections);
  }

  #drawKeys() {
    const chosen = byId("connect-account").value;
    const account = this.#about?.accounts.find((one) => one.account === chosen);
    if (!account) return;
    copyable("keys", [
      [t("account"), account.account], ["HTS id", account.hts_id],
      ["appkey", account.appkey], ["appsecret", account.appsecret],
    ]);
  }

  #drawCustomers({ customers, calls_per_s }) {
    textRows("customers", customers.slice(0, CUSTOMERS).map((customer) => [
      [short(customer.appkey)],
      [`${customer.calls_in_last_second} / ${calls_per_s || "∞"}`,
        `right ${calls_per_s && customer.calls_in_last_second >= calls_per_s ? "warn" : ""}`],
      [number(customer.calls_refused), `right ${customer.calls_refused ? "warn" : ""}`],
    ]), 3);
  }

  #drawSockets(connections) {
    fill("socket-count", number(connections.length));
    const shown = connections.slice(-SOCKETS);
    keyed(byId("socket-list"), shown.length ? shown : [null], (one) => one?.session ?? "none", (one) => {
      const row = make("tr");
      if (!one) {
        row.append(make("td", "muted center"));
        row.cells[0].colSpan = 5;
        return row;
      }
      const details = make("details");
      const list = make("div", "registrations");
      details.append(make("summary"), list);
      row.append(make("td"), make("td"), make("td"), make("td", "right"), make("td"));
      row.cells[4].append(details);
      return row;
    }, (row, one) => {
      if (!one) {
        row.cells[0].textContent = t("none");
        return;
      }
      const texts = [String(one.session), short(one.appkey) || one.ip, timeOf(one.opened_ns),
        number(one.sent)];
      texts.forEach((text, index) => {
        if (row.cells[index].textContent !== text) row.cells[index].textContent = text;
      });
      const [summary, list] = row.cells[4].firstElementChild.children;
      summary.textContent = `${one.registrations.length} / 41`;
      const registrations = one.registrations.join(" ");
      if (list.textContent !== registrations) list.textContent = registrations;
    });
  }
}

function short(appkey) {
  return appkey.length > 14 ? `${appkey.slice(0, 12)}…` : appkey;
}

// Pairs of name and value with a button that copies the value.
function copyable(id, pairs) {
  keyed(byId(id), pairs, ([name]) => name, () => {
    const row = make("div", "copy-row");
    const button = make("button");
    button.type = "button";
    button.addEventListener("click", () => copy(button, row.querySelector("code").textContent));
    row.append(make("span", "muted"), make("code"), button);
    return row;
  }, (row, [name, value]) => {
    const [label, code, button] = row.children;
    label.textContent = name;
    if (code.textContent !== value) code.textContent = value;
    if (!button.dataset.said) button.textContent = t("copy");
    button.setAttribute("aria-label", `${t("copy")} ${name}`);
  });
}

async function copy(button, text) {
  let said = "copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = "copyFailed";
  }
  button.dataset.said = said;
  button.textContent = t(said);
  setTimeout(() => {
    delete button.dataset.said;
    button.textContent = t("copy");
  }, COPIED_MS);
}
