// The market's clock: what time it is there, the sessions of its day, and the buttons that move it.

import { get, post } from "./api.js";
import { byId, fill, make, sentence, show } from "./draw.js";
import { t } from "./i18n.js";

const BOARDS = ["KRX", "FIXED", "AFTER", "NXT"];
const EDGE_S = 1_800;
const DAY = [27_000, 73_800]; // 07:30 to 20:30, when nothing trades that day.
const SHORTEST_LABEL = 0.06; // Of the track: narrower sessions have their name in the tooltip only.

export class ClockView {
  #day = null;
  #drawn = "";
  #markers = [];
  #range = DAY;
  #isBusy = false;

  constructor() {
    byId("step-next").addEventListener("click", () => this.#move({ to: "next" }));
    for (const button of document.querySelectorAll("[data-minutes]")) {
      const advance_ms = Number(button.dataset.minutes) * 60_000;
      button.addEventListener("click", () => this.#move({ advance_ms }));
    }
    for (const button of document.querySelectorAll("[data-speed]")) {
      const speed = Number(button.dataset.speed);
      button.addEventListener("click", () => this.#move({ speed }));
    }
    byId("stepped").addEventListener("click", () => {
      this.#move({ stepped: byId("stepped").getAttribute("aria-pressed") !== "true" });
    });
    byId("goto-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#move({ to: byId("goto").value.trim() });
    });
  }

  // A jump is answered when the market has arrived; until then nothing else may move the clock.
  async #move(body) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    show("clock-error", "");
    this.#setBusy(true);
    try {
      this.draw(await post("clock", body));
    } catch (error) {
      show("clock-error", sentence(error));
    } finally {
      this.#isBusy = false;
      this.#setBusy(false);
    }
  }

  #setBusy(isBusy) {
    for (const button of document.querySelectorAll(".clock button")) button.disabled = isBusy;
    if (!isBusy) this.#drawNext();
  }

  draw(clock) {
    const [date, rest] = clock.now.split("T");
    const time = rest.slice(0, 8);
    fill("time", time);
    fill("bar-time", time);
    fill("date", date);
    const speed = clock.mode === "speed" ? ` ×${clock.speed}` : "";
    fill("clock-mode", t(`clockMode_${clock.mode}`) + speed);
    const lag_s = Math.round(clock.lag_ns / 1e9);
    const isJumping = clock.is_jumping && lag_s > 0;
    show("clock-lag", lag_s > 0 ? `${t(isJumping ? "jumping" : "lag")} ${lag_s} s` : "");
    byId("stepped").setAttribute("aria-pressed", String(clock.mode === "stepped"));
    for (const button of document.querySelectorAll("[data-speed]")) {
      const isNow = clock.mode !== "stepped" && Number(button.dataset.speed) === clock.speed;
      button.setAttribute("aria-pressed", String(isNow));
    }
    const second = Number(time.slice(0, 2)) * 3600 + Number(time.slice(3, 5)) * 60
      + Number(time.slice(6));
    this.#mark(second);
  }

  async refreshDay() {
    this.#day = await get("day");
    this.drawDay();
  }

  // Built anew only when the day, or the language, is another.
  drawDay() {
    const day = this.#day;
    if (!day) return;
    const signature = `${day.date} ${day.hours} ${document.documentElement.lang}`;
    if (signature !== this.#drawn) {
      this.#drawn = signature;
      this.#build(day);
    }
    this.#drawNext();
    this.#mark(day.second);
  }

  #drawNext() {
    if (this.#day && !this.#isBusy) byId("step-next").disabled = this.#day.next_ns === null;
  }

  #build(day) {
    const all = Object.values(day.boards).flat();
    this.#range = all.length
      ? [Math.max(0, Math.min(...all.map((phase) => phase.start_s)) - EDGE_S),
        Math.min(86_400, Math.max(...all.map((phase) => phase.end_s)) + EDGE_S)]
      : DAY;
    this.#markers = [];
    byId("timeline").setAttribute("aria-label", t("marketTime"));
    byId("timeline").replaceChildren(
      ...BOARDS.map((board) => this.#row(board, day.boards[board])), this.#scale());
    show("day-note", day.hours === "open" ? t("alwaysOpen") : all.length ? "" : t("closedDay"));
  }

  #row(board, phases) {
    const row = make("div", "lane");
    const track = make("div", "track");
    for (const phase of phases) {
      const [start, end] = [this.#part(phase.start_s), this.#part(phase.end_s)];
      const name = t(`phase_${phase.name}`);
      const bar = make("span", `phase ${phase.mode}`, end - start > SHORTEST_LABEL ? name : "");
      bar.style.left = `${start * 100}%`;
      bar.style.width = `${(end - start) * 100}%`;
      bar.title = `${name} ${hhmm(phase.start_s)}-${hhmm(phase.end_s)} (${t(`mode_${phase.mode}`)})`;
      track.append(bar);
    }
    const marker = make("span", "marker");
    this.#markers.push(marker);
    track.append(marker);
    row.append(make("span", "lane-name", t(`board_${board}`)), track);
    return row;
  }

  #scale() {
    const row = make("div", "lane");
    const track = make("div", "track scale");
    const [start, end] = this.#range;
    const step = end - start > 14 * 3600 ? 4 : 2;
    for (let hour = Math.ceil(start / 3600 / step) * step; hour * 3600 < end; hour += step) {
      const label = make("span", "hour number", hhmm(hour * 3600));
      label.style.left = `${this.#part(hour * 3600) * 100}%`;
      track.append(label);
    }
    row.append(make("span", "lane-name"), track);
    return row;
  }

  #part(second) {
    const [start, end] = this.#range;
    return Math.min(1, Math.max(0, (second - start) / (end - start)));
  }

  #mark(second) {
    for (const marker of this.#markers) marker.style.left = `${this.#part(second) * 100}%`;
  }
}

function hhmm(second) {
  const minutes = Math.floor(second / 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}
