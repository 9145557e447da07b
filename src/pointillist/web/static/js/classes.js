// The list of classes: choose, add, rename, recolour, merge, remove. Names are text, never markup.

import { getJson, makeId, sendJson } from "./api.js";
import { toast } from "./toast.js";

const PALETTE = ["#e4781e", "#785ab4", "#e65596", "#009682", "#aac828", "#643c28", "#fac83c", "#46a0dc", "#a01e5a", "#8c8c3c"];
const MEANT = [
  [/water|river|lake|sea/i, "#3a6ebe"], [/urban|build|built|settle|city|town/i, "#c83c32"], [/road|street/i, "#787878"],
  [/forest|wood|tree/i, "#1e642d"], [/veget|grass|pasture|meadow/i, "#6eaf4b"], [/crop|field|agri|farm/i, "#e1be5a"],
  [/soil|bare|sand|rock|land/i, "#be9669"], [/cloud|snow|ice/i, "#ebebf0"],
];
const $ = (id) => document.getElementById(id);

export class Classes extends EventTarget {
  constructor(scene, author) {
    super();
    this.scene = scene;
    this.author = author;
    this.list = [];
    this.current = null;
    $("add-class").onsubmit = (event) => {
      event.preventDefault();
      this.#add($("add-class-name").value.trim());
    };
    $("edit-save").onclick = () => this.#save();
    $("edit-remove").onclick = () => this.#remove();
    $("edit-cancel").onclick = () => $("edit").close();
  }

  colorOf = (name) => this.list.find((c) => c.name === name)?.color || "#888888";

  async load() {
    this.#take(await getJson(`scenes/${this.scene.id}/legend`));
  }

  #take(legend) {
    this.list = legend.classes;
    if (!this.list.some((c) => c.name === this.current)) this.current = this.list[0]?.name ?? null;
    this.#draw();
    this.dispatchEvent(new CustomEvent("change"));
  }

  // Counts follow the labels on the page at once.
  count(labels) {
    for (const c of this.list) c.count = 0;
    for (const label of labels) {
      const found = this.list.find((c) => c.name === label.name);
      if (found) found.count += 1;
    }
    for (const c of this.list) {
      const item = [...$("classes").children].find((li) => li.dataset.name === c.name);
      if (item) item.querySelector(".count").textContent = c.count;
    }
  }

  choose(name) {
    this.current = name;
    this.#draw();
  }

  byKey(number) {
    return this.list[number - 1]?.name ?? null;
  }

  #draw() {
    const focused = document.activeElement?.closest("#classes li")?.dataset.name;
    $("classes").replaceChildren(...this.list.map((c, i) => this.#row(c, i)));
    if (focused) [...$("classes").children].find((li) => li.dataset.name === focused)?.querySelector(".pick").focus();
  }

  #row(c, i) {
    const li = document.createElement("li");
    li.setAttribute("role", "none");
    li.dataset.name = c.name;
    li.dataset.current = String(c.name === this.current);
    const pick = document.createElement("button");
    pick.type = "button";
    pick.className = "pick";
    pick.setAttribute("role", "radio");
    pick.setAttribute("aria-checked", String(c.name === this.current));
    pick.title = c.name;
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.setProperty("--swatch", c.color);
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = c.name;
    const count = document.createElement("span");
    count.className = "count";
    count.textContent = c.count;
    pick.append(swatch, name, count);
    if (i < 9) {
      const key = document.createElement("kbd");
      key.textContent = i + 1;
      pick.append(key);
    }
    pick.addEventListener("click", () => this.dispatchEvent(new CustomEvent("pick", { detail: c.name })));
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";
    more.textContent = "⋯";
    more.setAttribute("aria-label", `Edit ${c.name}`);
    more.addEventListener("click", () => this.#edit(c));
    li.append(pick, more);
    return li;
  }

  async #put(classes, merged = {}) {
    try {
      const body = {
        request: makeId(), author: this.author(), merged,
        known: this.list.map(({ code, name, color }) => ({ code, name, color })),
        classes: classes.map((c) => ({ name: c.name, color: c.color, was: c.was ?? null, code: c.code ?? null })),
      };
      this.#take(await sendJson("PUT", `scenes/${this.scene.id}/legend`, body));
      const renamed = classes.filter((c) => c.was && c.was !== c.name).map((c) => [c.was, c.name]);
      this.dispatchEvent(new CustomEvent("renamed", { detail: { ...Object.fromEntries(renamed), ...merged } }));
      return true;
    } catch (error) {
      if (error.status === 409) await this.load(); // first: the sentence says that they are shown
      toast(error.message, "error");
      return false;
    }
  }

  async #add(name) {
    if (!name) return;
    if (this.list.some((c) => c.name.toLowerCase() === name.toLowerCase())) {
      toast(`There is a class ${name} already.`, "error");
      return;
    }
    const taken = this.list.map((c) => c.color);
    const wanted = [...MEANT.filter(([p]) => p.test(name)).map(([, c]) => c), ...PALETTE].find((c) => !taken.includes(c)) || "#888888";
    if (await this.#put([...this.#asIs(), { name, color: wanted }])) {
      $("add-class-name").value = "";
      this.choose(name);
    }
  }

  #asIs() {
    return this.list.map((c) => ({ name: c.name, was: c.name, color: c.color, code: c.code }));
  }

  #edit(c) {
    this.editing = c;
    $("edit-name").value = c.name;
    $("edit-color").value = c.color;
    const none = new Option("–", "");
    $("edit-merge").replaceChildren(none, ...this.list.filter((o) => o !== c).map((o) => new Option(o.name, o.name)));
    $("edit").showModal();
  }

  async #save() {
    const c = this.editing;
    const target = $("edit-merge").value;
    const name = $("edit-name").value.trim();
    if (!target && !name) return;
    const rows = target
      ? this.#asIs().filter((r) => r.name !== c.name)
      : this.#asIs().map((r) => (r.name === c.name ? { ...r, name, color: $("edit-color").value } : r));
    if (!target && this.current === c.name) this.current = name;
    if (await this.#put(rows, target ? { [c.name]: target } : {})) $("edit").close();
  }

  async #remove() {
    const rows = this.#asIs().filter((r) => r.name !== this.editing.name);
    if (!rows.length) {
      toast("One class must stay.", "error");
      return;
    }
    if (await this.#put(rows)) $("edit").close();
  }
}
