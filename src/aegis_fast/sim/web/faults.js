// Faults: which wait and how often they struck, a form for a new one, and buttons to remove them.

import { get, post, remove } from "./api.js";
import { byId, fill, keyed, make, number, options, sentence, show, textRows } from "./draw.js";
import { FAULTS_KO } from "./fault_words.js";
import { has, isKorean, t } from "./i18n.js";

const FILTERS = ["tr", "venue", "symbol", "account", "appkey"];
const TIMING = ["count", "nth", "every", "after", "probability", "from_ms", "for_ms", "at"];
const SETTINGS = ["mode", "delay_ms", "status", "msg_cd", "text", "after_bytes", "fields", "code",
  "pingpong"];
const WHOLE = new Set(["nth", "every", "after", "from_ms", "for_ms", "delay_ms", "status",
  "after_bytes", "fields", "code"]);
const VENUES = ["", "KRX", "NXT", "SOR"];
const NOT_SETTINGS = new Set(["id", "kind", "call", "remaining", "seen", "struck"]);
const ENDED = 10;

export class FaultView {
  #kinds = {};
  #inputs = {};
  #page = null;

  constructor() {
    for (const [id, names] of [["fault-settings", SETTINGS], ["fault-filters", FILTERS],
      ["fault-timing", TIMING]]) {
      byId(id).replaceChildren(...names.map((name) => this.#field(name)));
    }
    byId("fault-kind").addEventListener("change", () => this.#drawForm());
    byId("fault-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    byId("fault-clear").addEventListener("click", () => this.#remove({}));
  }

  #field(name) {
    const label = make("label");
    const caption = make("span");
    caption.dataset.i18n = `fault_${name}`;
    const isChoice = name === "mode" || name === "venue";
    const input = make(isChoice ? "select" : "input");
    input.id = `fault-${name.replace("_", "-")}`;
    if (name === "venue") options(input, VENUES, (venue) => venue || "*");
    if (name === "pingpong") input.type = "checkbox";
    else if (!isChoice) {
      input.autocomplete = "off";
      input.maxLength = name === "text" ? 2000 : 64;
      if (WHOLE.has(name)) input.inputMode = "numeric";
    }
    if (name === "tr") input.setAttribute("list", "trs");
    label.append(caption, input);
    this.#inputs[name] = { label, input };
    return label;
  }

  setKinds(kinds) {
    this.#kinds = kinds;
    this.draw();
  }

  async refresh() {
    this.#page = await get("faults", { kinds: "0" });
    this.#drawLists();
  }

  draw() {
    this.#drawKinds();
    this.#drawForm();
    this.#drawLists();
  }

  #drawKinds() {
    const groups = [...new Set(Object.values(this.#kinds).map((kind) => kind.group))];
    keyed(byId("fault-kind"), groups, (group) => group, () => make("optgroup"), (element, group) => {
      element.label = t(`group_${group}`);
      const names = Object.keys(this.#kinds).filter((name) => this.#kinds[name].group === group);
      options(element, names, (name) => name);
    });
  }

  // Only what means something for the chosen kind is there to be filled in.
  #drawForm() {
    const name = byId("fault-kind").value;
    const kind = this.#kinds[name];
    if (!kind) return;
    const now = kind.is_at_once ? ` (${t("now")})` : "";
    fill("fault-says", ((isKorean() && FAULTS_KO[name]) || kind.text) + now);
    options(this.#inputs.mode.input, kind.modes, (mode) => mode);
    for (const field of SETTINGS) {
      const isUsed = field === "delay_ms" || kind.uses.includes(field);
      this.#inputs[field].label.hidden = !isUsed || (field === "mode" && !kind.modes.length);
    }
    for (const field of FILTERS) this.#inputs[field].label.hidden = !kind.filters.includes(field);
    byId("fault-filters").parentElement.hidden = !kind.filters.length;
    const least = kind.default_delay_ms || kind.min_delay_ms;
    this.#inputs.delay_ms.input.placeholder = String(least);
  }

  #body() {
    const body = { kind: byId("fault-kind").value };
    for (const [name, { label, input }] of Object.entries(this.#inputs)) {
      if (label.hidden) continue;
      if (name === "pingpong") {
        if (input.checked) body.pingpong = true;
        continue;
      }
      const text = name === "text" ? input.value : input.value.trim();
      if (!text) continue;
      const isWhole = WHOLE.has(name) || (name === "count" && text !== "forever");
      // What is no number goes out as it is: the simulator says what would be right.
      body[name] = isWhole && /^\d{1,15}$/.test(text) ? Number(text) : text;
    }
    return body;
  }

  async #add() {
    show("fault-error", "");
    show("fault-done", "");
    try {
      const answer = await post("faults", this.#body());
      const at_once = "affected" in answer ? `${t("now")}: ${number(answer.affected)}` : "";
      show("fault-done", at_once || `${answer.kind} ${answer.id ? `#${answer.id}` : t("waitsFor")}`);
      await this.refresh();
    } catch (error) {
      show("fault-error", sentence(error));
    }
  }

  async #remove(query) {
    show("fault-error", "");
    show("fault-done", "");
    try {
      await remove("faults", query);
      await this.refresh();
    } catch (error) {
      show("fault-error", sentence(error));
    }
  }

  #drawLists() {
    const page = this.#page;
    if (!page) return;
    fill("fault-count", page.faults.length ? number(page.faults.length) : "");
    byId("fault-clear").disabled = !page.faults.length && !page.later.length;
    const items = [...page.faults, ...page.later];
    keyed(byId("fault-list"), items.length ? items : [null], keyOf, (fault) => this.#row(fault),
      (row, fault) => this.#update(row, fault));
    textRows("fault-ended", page.ended.slice(-ENDED).reverse().map((fault) => [
      [`#${fault.id}`, "muted"], [fault.kind], [settingsOf(fault), "wrap"],
      [`${number(fault.struck)}/${number(fault.seen)}`, "right"],
    ]), 4);
  }

  #row(fault) {
    const row = make("tr");
    if (!fault) {
      row.append(make("td", "muted center"));
      row.cells[0].colSpan = 6;
      return row;
    }
    row.append(make("td", "muted"), make("td"), make("td", "wrap"), make("td", "right"),
      make("td", "right"), make("td"));
    if (fault.id) {
      const button = make("button");
      button.type = "button";
      button.addEventListener("click", () => this.#remove({ id: fault.id }));
      row.cells[5].append(button);
    }
    return row;
  }

  #update(row, fault) {
    if (!fault) {
      row.cells[0].textContent = t("none");
      return;
    }
    const isWaiting = Boolean(fault.id);
    const texts = [isWaiting ? String(fault.id) : "", fault.kind, settingsOf(fault),
      isWaiting ? `${number(fault.struck)}/${number(fault.seen)}` : t("waitsFor"),
      isWaiting ? fault.remaining === null ? t("unlimited") : number(fault.remaining) : ""];
    texts.forEach((text, index) => {
      if (row.cells[index].textContent !== text) row.cells[index].textContent = text;
    });
    const button = row.cells[5].firstElementChild;
    if (button) button.textContent = t("remove");
  }
}

function keyOf(fault) {
  return fault ? fault.id ?? `${fault.kind} ${fault.due_ns} ${fault.at}` : "none";
}

function settingsOf(fault) {
  const aim = fault.call && fault.call !== "*" ? [fault.call] : [];
  const rest = Object.entries(fault)
    .filter(([name, value]) => !NOT_SETTINGS.has(name) && name !== "tr" && value !== "" && value !== 0)
    .map(([name, value]) => `${has(`fault_${name}`) ? name : name}=${value}`);
  return [...aim, ...rest].join(" ");
}
