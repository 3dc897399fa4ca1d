// The day of one issue, minute by minute, drawn on a canvas: range and close, volume below.

import { get } from "./api.js";
import { byId, fill, number } from "./draw.js";

const HEIGHT = 190;
const VOLUME_PART = 0.2;
const PAD = { left: 4, right: 62, top: 8, bottom: 16 };
const TAIL = 3; // Minutes asked for while nothing has been missed.
const KEPT = 1440;

export class Chart {
  #symbol = "";
  #day = "";
  #bars = [];
  #base = 0;
  #seen = -10;

  constructor() {
    new ResizeObserver(() => this.draw()).observe(byId("chart"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // minute: of the market's day now. Only after a jump, or for another issue, the whole day comes.
  async refresh(symbol, minute) {
    const isNext = symbol === this.#symbol && minute >= this.#seen && minute - this.#seen < TAIL - 1;
    const query = { symbol, venue: "UN", ...(isNext ? { count: TAIL } : {}) };
    const { day, minutes } = await get("chart", query);
    this.#seen = minute;
    if (isNext && day === this.#day) {
      const first = minutes[0]?.[0] ?? 0;
      const kept = this.#bars.filter((bar) => bar[0] < first);
      this.#bars = [...kept, ...minutes].slice(-KEPT);
    } else {
      [this.#symbol, this.#day, this.#bars] = [symbol, day, minutes];
    }
    this.draw();
  }

  setBase(base) {
    this.#base = base;
  }

  draw() {
    const canvas = byId("chart");
    const width = canvas.clientWidth;
    const ratio = devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(HEIGHT * ratio)];
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    canvas.dataset.bars = String(this.#bars.length);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    if (this.#bars.length && width > PAD.left + PAD.right) this.#paint(pen, width);
    else fill("chart-range", "");
  }

  #paint(pen, width) {
    const bars = this.#bars;
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const lowest = Math.min(...bars.map((bar) => bar[3]));
    const highest = Math.max(...bars.map((bar) => bar[2]));
    const margin = Math.max(1, (highest - lowest) * 0.05);
    const bottom = HEIGHT - PAD.bottom;
    const floor = bottom - (bottom - PAD.top) * VOLUME_PART;
    const step = (width - PAD.left - PAD.right) / bars.length;
    const x = (index) => PAD.left + (index + 0.5) * step;
    const y = (price) => floor
      - ((price - lowest + margin) / (highest - lowest + 2 * margin)) * (floor - PAD.top);
    const most = Math.max(1, ...bars.map((bar) => bar[5]));
    pen.font = "11px system-ui, sans-serif";
    this.#grid(pen, { width, lowest, highest, y, color });
    const thick = Math.max(1, step * 0.7);
    bars.forEach(([, open, high, low, close, qty], index) => {
      pen.fillStyle = color(close >= open ? "--up" : "--down");
      const [top, end] = [y(Math.max(open, close)), y(Math.min(open, close))];
      pen.fillRect(x(index) - 0.5, y(high), 1, Math.max(1, y(low) - y(high)));
      pen.fillRect(x(index) - thick / 2, top, thick, Math.max(1, end - top));
      pen.globalAlpha = 0.35;
      const tall = (qty / most) * (bottom - floor - 4);
      pen.fillRect(x(index) - thick / 2, bottom - tall, thick, tall);
      pen.globalAlpha = 1;
    });
    this.#times(pen, { width, x, color });
    fill("chart-range", `${number(lowest)} ~ ${number(highest)}`);
  }

  #grid(pen, { width, lowest, highest, y, color }) {
    const end = width - PAD.right;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    for (const price of new Set([lowest, Math.round((lowest + highest) / 2), highest])) {
      pen.fillStyle = color("--line");
      pen.fillRect(PAD.left, Math.round(y(price)), end - PAD.left, 1);
      pen.fillStyle = color("--muted");
      pen.fillText(number(price), end + 4, y(price));
    }
    if (this.#base >= lowest && this.#base <= highest) {
      pen.strokeStyle = color("--muted");
      pen.setLineDash([4, 3]);
      pen.beginPath();
      pen.moveTo(PAD.left, y(this.#base));
      pen.lineTo(end, y(this.#base));
      pen.stroke();
      pen.setLineDash([]);
    }
  }

  #times(pen, { width, x, color }) {
    const count = Math.max(2, Math.floor(width / 110));
    const last = this.#bars.length - 1;
    pen.fillStyle = color("--muted");
    pen.textBaseline = "bottom";
    for (let part = 0; part <= count; part += 1) {
      const index = Math.round((last * part) / count);
      const minute = this.#bars[index][0];
      const [hours, minutes] = [Math.floor(minute / 60), minute % 60];
      pen.textAlign = part === 0 ? "left" : part === count ? "right" : "center";
      const text = `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
      pen.fillText(text, x(index), HEIGHT);
      if (!last) return;
    }
  }
}
