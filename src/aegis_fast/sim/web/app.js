// The screen of the simulator: asks its pages twice a second and shows what they say.

import { Accounts } from "./accounts.js";
import { get, NoAnswer } from "./api.js";
import { BookView } from "./book.js";
import { Chart } from "./chart.js";
import { ClockView } from "./clock.js";
import { Controls } from "./controls.js";
import { Door } from "./door.js";
import { byId, fill, sentence, show } from "./draw.js";
import { FaultView } from "./faults.js";
import { otherLanguage, onLanguage, t, toggleLanguage, translatePage } from "./i18n.js";
import { IssueList } from "./issues.js";

const TURN_MS = 500;
const SLOW_TURNS = 2; // The heavier pages come every second turn.

const clock = new ClockView();
const chart = new Chart();
const controls = new Controls(() => refreshBook());
const book = new BookView((price) => controls.takePrice(price));
const issues = new IssueList(choose);
const accounts = new Accounts();
const door = new Door();
const faults = new FaultView();

let symbol = "";
let world = "";
let isAlwaysOpen = false;
let marketMinute = 0;
let turns = 0;
let connection = "connecting";
let replay = false;

function choose(chosen) {
  if (!chosen) return;
  symbol = chosen;
  history.replaceState(null, "", `#${encodeURIComponent(chosen)}`);
  issues.choose(chosen);
  refreshBook();
  refreshChart();
}

async function refreshBook() {
  if (!symbol) return;
  const asked = symbol;
  try {
    const shown = await get("book", { symbol: asked });
    if (asked !== symbol) return;
    show("book-error", "");
    chart.setBase(shown.base_krw);
    book.set(shown);
    controls.setIssue(shown);
  } catch (error) {
    if (error instanceof NoAnswer) throw error;
    show("book-error", sentence(error));
    symbol = ""; // It is listed no more: the first of the list takes its place.
  }
}

async function refreshChart() {
  if (symbol) await chart.refresh(symbol, marketMinute);
}

// Another world is another process: nothing that is known of the last one holds.
async function greet(state) {
  if (state.world === world) return;
  const [about, { kinds }] = await Promise.all([get("about"), get("kinds")]);
  door.setAbout(about);
  controls.setRegimes(about.regimes);
  faults.setKinds(kinds);
  await clock.refreshDay();
  world = state.world;
}

async function turn() {
  const state = await get("state", { symbols: "0" });
  await greet(state);
  marketMinute = Number(state.clock.now.slice(11, 13)) * 60 + Number(state.clock.now.slice(14, 16));
  isAlwaysOpen = state.hours === "open";
  clock.draw(state.clock);
  door.setState(state);
  controls.setState(state);
  replay = Boolean(state.replay);
  const numbers = state.limits.customers.flatMap((customer) => customer.accounts);
  accounts.setNumbers(numbers);
  const parts = [refreshBook()];
  if (turns % SLOW_TURNS === 0) {
    parts.push(accounts.refresh(), faults.refresh(), refreshIssues(), refreshChart());
    if (!isAlwaysOpen) parts.push(clock.refreshDay());
  }
  turns += 1;
  await Promise.all(parts);
}

async function refreshIssues() {
  const first = await issues.refresh();
  if (!symbol && first) choose(first);
}

function drawConnection() {
  const element = fill("connection", t(connection));
  element.dataset.state = connection;
  show("notice", replay ? t("replaying") : "");
  fill("language", otherLanguage());
}

async function run() {
  for (;;) {
    if (!document.hidden) {
      try {
        await turn();
        connection = "live";
      } catch (error) {
        connection = "off";
        if (!(error instanceof NoAnswer)) console.error(error);
      }
      drawConnection();
    }
    await new Promise((resolve) => { setTimeout(resolve, TURN_MS); });
  }
}

byId("language").addEventListener("click", toggleLanguage);
onLanguage(() => {
  drawConnection();
  clock.drawDay();
  issues.draw();
  book.draw();
  controls.draw();
  accounts.draw();
  faults.draw();
});
symbol = decodeURIComponent(location.hash.slice(1)).slice(0, 12);
translatePage();
issues.choose(symbol);
run();
