// The page: logs in, listens, and hands what it hears to the views.

import { AccountView } from "./account.js";
import { Api } from "./api.js";
import { BookView } from "./book.js";
import { colorOf, fill, number, sentence, show } from "./draw.js";
import { onLanguage, otherLanguage, t, toggleLanguage, translatePage } from "./i18n.js";
import { OrdersView } from "./orders.js";
import { Stream } from "./stream.js";
import { Ticket } from "./ticket.js";

const WELL_KNOWN = ["005930", "000660", "035420", "005380", "068270"];
const STORED = "aegis.symbols";
const MAX_SYMBOLS = 12;
const STATUS_MS = 5000;
const ACCOUNT_MS = 60000;

const $ = (id) => document.getElementById(id);

const api = new Api();
const quotes = new Map();
const prices = new Map();
let symbols = storedSymbols();
let chosen = symbols[0];
let connection = "off";
let status = null;
let timers = [];

const nameOf = (symbol) => quotes.get(symbol)?.name || symbol;
const book = new BookView((price) => ticket.setPrice(price));
const account = new AccountView(api, nameOf, (symbol) => prices.get(symbol));
const orders = new OrdersView(api, nameOf, () => account.loadSoon());
const ticket = new Ticket(api, (order) => orders.update(order));
const stream = new Stream(api, { onMessage: hear, onState: setConnection, onLoggedOut: loggedOut });

function storedSymbols() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    const good = kept.filter((symbol) => /^[0-9A-Z]{6,7}$/.test(symbol)).slice(0, MAX_SYMBOLS);
    return good.length ? good : [...WELL_KNOWN];
  } catch {
    return [...WELL_KNOWN];
  }
}

// -- log-in ---------------------------------------------------------------------------------------

async function greet() {
  try {
    const hello = await api.hello();
    ticket.setEnv(hello.env);
    fill("env", hello.env.toUpperCase()).dataset.env = hello.env;
    document.title = `AEGIS ${hello.env}`;
    if (hello.demo) {
      $("api-key").value = "demo";
      $("api-secret").value = "demo-secret";
      $("demo-hint").hidden = false;
    }
    if (api.token) await enter();
    else $("log-in").hidden = false;
  } catch {
    setConnection("retrying");
    setTimeout(greet, 1000);
  }
}

$("log-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  show("log-in-error", "");
  try {
    await api.logIn($("api-key").value, $("api-secret").value);
    await enter();
  } catch (error) {
    show("log-in-error", sentence(error));
  }
});

$("log-out").addEventListener("click", () => loggedOut(""));

function loggedOut(message = t("sessionEnded")) {
  api.logOut();
  stream.stop();
  timers.forEach(clearInterval);
  timers = [];
  orders.clear();
  account.clear();
  status = null;
  setConnection("off");
  $("desk").hidden = true;
  $("log-out").hidden = true;
  $("log-in").hidden = false;
  show("log-in-error", message);
}

async function enter() {
  try {
    await api.call("GET", "status");
  } catch (error) {
    if (error.status === 401) {
      loggedOut("");
      return;
    }
  }
  $("log-in").hidden = true;
  $("log-out").hidden = false;
  $("desk").hidden = false;
  drawSymbols();
  stream.subscribe("order");
  for (const symbol of symbols) stream.subscribe("trade", symbol);
  choose(chosen);
  stream.start();
  timers = [setInterval(loadStatus, STATUS_MS), setInterval(() => account.load(), ACCOUNT_MS)];
  loadStatus();
  account.load();
  // One after the other: the broker's calls are few.
  for (const symbol of symbols) await loadQuote(symbol);
}

// -- what is heard ----------------------------------------------------------------------------------

function hear(message) {
  if (message.type === "depth" || (message.type === "snapshot" && message.channel === "depth")) {
    if (message.book.symbol === chosen) book.setBook(message.book);
  } else if (message.type === "trade") {
    const { symbol, price_krw: price } = message.trade;
    if (price) prices.set(symbol, price);
    if (symbol === chosen) book.addTrade(message.trade);
    drawPrice(symbol);
    account.draw();
  } else if (message.type === "order") {
    orders.update(message.order);
  } else if (message.type === "snapshot" && message.channel === "order") {
    // What happened while we were away is not in the snapshot of the open orders.
    reload();
  } else if (message.type === "error" && message.symbol === chosen) {
    show("symbol-error", sentence({ ...message, ...message.detail }));
  }
}

async function reload() {
  try {
    await orders.load();
    await account.load();
  } catch (error) {
    if (error.status === 401) loggedOut();
  }
}

async function loadStatus() {
  try {
    status = await api.call("GET", "status");
  } catch (error) {
    if (error.status === 401) loggedOut();
    return;
  }
  drawNotice();
}

function setConnection(state) {
  connection = state;
  $("connection").dataset.state = state;
  $("connection").hidden = state === "off";
  fill("connection", t(state));
}

function stoppedStrategies(strategies) {
  const stopped = strategies.filter((strategy) => strategy.state === "stopped");
  return stopped.map((strategy) => `${strategy.name} (${strategy.last_error})`).join(", ");
}

function drawNotice() {
  let text = "";
  if (status?.kill_switch) text = t("killSwitch");
  else if (status && !status.is_ready) text = `${t("notReady")}: ${status.reason}`;
  else if (status && !status.is_feed_up) text = t("feedDown");
  else if (status?.strategies?.some((strategy) => strategy.state === "stopped")) {
    text = `${t("strategyStopped")}: ${stoppedStrategies(status.strategies)}`;
  }
  show("notice", text);
}

// -- symbols ----------------------------------------------------------------------------------------

async function loadQuote(symbol, isAsked = symbol === chosen) {
  try {
    const quote = await api.call("GET", `t1101?symbol=${encodeURIComponent(symbol)}`);
    quotes.set(symbol, quote);
    if (!prices.has(symbol)) prices.set(symbol, quote.price_krw);
    if (symbol === chosen) {
      book.setQuote(quote);
      ticket.setQuote(quote);
    }
    drawSymbols();
    orders.draw();
    account.draw();
    return true;
  } catch (error) {
    if (isAsked) show("symbol-error", sentence(error));
    return false;
  }
}

function choose(symbol) {
  show("symbol-error", "");
  if (symbol !== chosen) stream.unsubscribe("depth", chosen);
  chosen = symbol;
  stream.subscribe("depth", symbol);
  book.clear(quotes.get(symbol) ?? { symbol });
  ticket.setSymbol(symbol);
  if (quotes.has(symbol)) ticket.setQuote(quotes.get(symbol));
  drawSymbols();
}

$("add-symbol").addEventListener("submit", async (event) => {
  event.preventDefault();
  const symbol = $("new-symbol").value.trim().toUpperCase();
  show("symbol-error", "");
  if (!symbols.includes(symbol)) {
    if (!(await loadQuote(symbol, true))) return;
    if (symbols.length >= MAX_SYMBOLS) remove(symbols.find((kept) => kept !== chosen));
    symbols.push(symbol);
    localStorage.setItem(STORED, JSON.stringify(symbols));
    stream.subscribe("trade", symbol);
  }
  $("new-symbol").value = "";
  choose(symbol);
});

function remove(symbol) {
  symbols = symbols.filter((kept) => kept !== symbol);
  localStorage.setItem(STORED, JSON.stringify(symbols));
  stream.unsubscribe("trade", symbol);
}

function drawSymbols() {
  $("symbol-list").replaceChildren(...symbols.map((symbol) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const name = document.createElement("span");
    const price = document.createElement("span");
    button.type = "button";
    button.className = "plain symbol";
    button.dataset.symbol = symbol;
    button.setAttribute("aria-pressed", String(symbol === chosen));
    name.textContent = nameOf(symbol);
    name.className = "name";
    price.className = "number";
    button.append(name, price);
    button.addEventListener("click", () => choose(symbol));
    item.append(button);
    return item;
  }));
  symbols.forEach(drawPrice);
}

function drawPrice(symbol) {
  const shown = document.querySelector(`.symbol[data-symbol="${symbol}"] .number`);
  const price = prices.get(symbol);
  if (!shown || !price) return;
  const base = quotes.get(symbol)?.base_price_krw ?? price;
  shown.className = `number ${colorOf(price - base)}`;
  shown.textContent = number(price);
}

// -- language, start ----------------------------------------------------------------------------------

$("language").addEventListener("click", toggleLanguage);
onLanguage(() => {
  fill("language", otherLanguage());
  fill("connection", t(connection));
  drawNotice();
  drawSymbols();
});
translatePage();
greet();
