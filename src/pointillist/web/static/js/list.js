// The scenes of a folder, and how far each is: points by class, mapped, assessed, by whom.

import { getBlob, getJson } from "./api.js";
import { toast } from "./toast.js";

const STATES = { new: "Not begun", begun: "Begun", mapped: "Mapped", assessed: "Assessed", unreadable: "Cannot be read" };
const $ = (id) => document.getElementById(id);
const pictures = new Map(); // stamp → address of the picture

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const percent = (share) => `${Math.round(100 * share)} %`;

// The picture comes when its card is near the screen: folders can be large.
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    fetchPicture(target);
  }
}, { rootMargin: "300px" });

async function fetchPicture(image) {
  const { scene, stamp } = image.dataset;
  try {
    if (!pictures.has(stamp)) pictures.set(stamp, URL.createObjectURL(await getBlob(`scenes/${scene}/picture?of=${stamp}`)));
    image.src = pictures.get(stamp);
  } catch {
    // a card without a picture is still a card
  }
}

function bar(classes, total) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 4");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "bar-of-classes");
  svg.setAttribute("aria-hidden", "true");
  let x = 0;
  for (const c of classes.filter((k) => k.count)) {
    const rect = document.createElementNS(svg.namespaceURI, "rect");
    const width = (100 * c.count) / total;
    for (const [key, value] of Object.entries({ x, y: 0, width, height: 4, fill: c.color })) rect.setAttribute(key, value);
    x += width;
    svg.append(rect);
  }
  return svg;
}

function facts(row) {
  if (row.problem) return [row.problem];
  const lines = [];
  const named = row.classes.filter((c) => c.count);
  if (row.n_labels) {
    lines.push(named.map((c) => `${c.name} ${c.count}`).join(", ") || `${row.n_labels} without a class`);
    if (row.authors.length) lines.push(`by ${row.authors.slice(0, 4).map(([name, n]) => `${name} (${n})`).join(", ")}`);
  }
  if (row.accuracy !== null) {
    const interval = row.interval ? ` (${percent(row.interval[0])} – ${percent(row.interval[1])})` : "";
    lines.push(`Overall accuracy ${percent(row.accuracy)}${interval}`);
  }
  if (row.job) lines.push(`${row.job.message} (${percent(row.job.share)})`);
  else if (row.can_resume) lines.push("A map was interrupted: open the scene to go on with it.");
  return lines;
}

function card(row) {
  const li = make("li", "card");
  const link = make("a", "card-link");
  if (row.state !== "unreadable") link.href = `#${row.id}`;
  const image = make("img");
  image.alt = "";
  if (pictures.has(row.stamp)) image.src = pictures.get(row.stamp);
  else if (row.state !== "unreadable") {
    Object.assign(image.dataset, { scene: row.id, stamp: row.stamp });
    watcher.observe(image);
  }
  const text = make("div", "card-text");
  const title = make("div", "heading");
  title.append(make("strong", "card-name", row.name));
  const chip = make("span", "chip", STATES[row.state]);
  chip.dataset.state = row.state;
  title.append(chip);
  const size = row.width ? `${row.width} × ${row.height} px, ${row.n_bands} ${row.n_bands === 1 ? "band" : "bands"}` : "";
  const labels = row.n_labels === 1 ? "1 label" : `${row.n_labels} labels`;
  text.append(title, make("p", "hint", [row.state === "unreadable" ? "" : labels, size].filter(Boolean).join(" · ")));
  if (row.n_labels) text.append(bar(row.classes, row.n_labels));
  for (const line of facts(row)) text.append(make("p", "hint", line));
  link.append(image, text);
  li.append(link);
  return li;
}

export class SceneList {
  constructor() {
    this.rows = [];
    $("list-find").addEventListener("input", () => this.#draw());
    $("list-state").addEventListener("change", () => this.#draw());
  }

  async load() {
    try {
      this.rows = await getJson("scenes");
      this.#draw();
    } catch (error) {
      toast(error.message, "error");
    }
  }

  #draw() {
    const text = $("list-find").value.trim().toLowerCase();
    const state = $("list-state").value;
    const shown = this.rows.filter((r) => (!text || r.name.toLowerCase().includes(text)) && (!state || r.state === state));
    const focused = document.activeElement?.closest(".card-link")?.getAttribute("href");
    $("list-cards").replaceChildren(...shown.map(card));
    if (focused) $("list-cards").querySelector(`[href="${focused}"]`)?.focus();
    const counts = Object.entries(STATES).map(([key, name]) => [this.rows.filter((r) => r.state === key).length, name.toLowerCase()]);
    $("list-summary").textContent = `${this.rows.length} scenes: ${counts.filter(([n]) => n).map(([n, name]) => `${n} ${name}`).join(", ")}.`;
  }
}
