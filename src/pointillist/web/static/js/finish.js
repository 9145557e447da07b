// From points to a finished map: train, map, check it with a blind sample, download.

import { download, getJson, makeId, sendJson } from "./api.js";
import { ask } from "./ask.js";
import { toast } from "./toast.js";

const $ = (id) => document.getElementById(id);
const NAMES = { points: "Points", map: "Map", polygons: "Polygons", model: "Model", report: "Report", reference: "Sample" };

function spoken(seconds) {
  if (seconds === null || seconds === undefined) return "";
  return seconds < 90 ? `about ${Math.max(1, Math.round(seconds))} s left` : `about ${Math.round(seconds / 60)} min left`;
}

function between(input, low, high, usual) {
  const value = Number(input.value);
  const kept = input.value && Number.isFinite(value) ? Math.min(Math.max(value, low), high) : usual;
  input.value = kept;
  return kept;
}

function setOverlayEnabled(on) {
  for (const input of document.querySelectorAll("[name=overlay], #swipe")) input.disabled = !on;
}

export class Finish {
  constructor(scene, view, labels, classes, author, lead) {
    Object.assign(this, { scene, view, labels, classes, author, lead, answering: null, facts: null });
    $("job-start").onclick = () => this.#post("map", { recipe: $("recipe").value, minutes: between($("minutes"), 0.5, 600, 10) });
    $("recipe").onchange = () => { $("minutes-field").hidden = $("recipe").value === "forest"; };
    $("job-resume").onclick = () => this.#post("resume", {});
    $("job-cancel").onclick = () => this.#post("cancel", {});
    this.load();
  }

  get #path() {
    return `scenes/${this.scene.id}/finish`;
  }

  async load() {
    try {
      this.#take(await getJson(this.#path));
    } catch (error) {
      toast(error.message, "error");
    }
  }

  async #post(what, body) {
    try {
      this.#take(await sendJson("POST", `${this.#path}/${what}`, body));
    } catch (error) {
      toast(error.message, "error");
    }
  }

  #take(facts) {
    this.facts = facts;
    this.#showJob(facts.job);
    this.#drawDownloads(["points", ...facts.downloads]);
    this.#drawAccuracy();
    this.#drawVerdict();
    $("overlay-finished").hidden = !facts.has_map;
  }

  #drawVerdict() {
    const verdict = this.facts?.verdict;
    $("verdict").hidden = !verdict;
    if (!verdict) return;
    const more = this.labels.known.size - verdict.labels;
    const since = more > 0 ? ` ${more} more labels since then: map again to use them.` : "";
    $("verdict").textContent = `${verdict.sentence}${since}`;
  }

  // A message of the server: how far the job has come.
  show(job) {
    this.#showJob(job);
    if (job.state === "running") return;
    if (job.state === "failed") toast(job.message, "error");
    if (job.state !== "done") this.load();
    if (job.state === "done") {
      this.load().then(() => {
        if (job.kind === "map") {
          this.view.renew();
          this.#showBetter();
        }
        if (job.kind === "reference") this.begin();
      });
    }
  }

  // Of the two maps the better one is shown, by the points that were held out.
  #showBetter() {
    const better = this.facts.verdict?.is_better ?? true;
    const wanted = better ? $("overlay-finished").querySelector("input") : document.querySelector("[name=overlay][value=classes]");
    wanted.click();
    toast(`The whole scene is mapped. ${better ? "The finished map is shown." : "The live map is the better one and stays."}`);
  }

  #showJob(job) {
    const running = job.state === "running";
    this.running = running;
    $("job-resume").hidden = running || !this.facts?.can_resume;
    $("job").hidden = !running;
    $("job-cancel").hidden = !running;
    $("job-bar").value = job.share;
    $("job-text").textContent = running ? [job.message, spoken(job.left)].filter(Boolean).join(" · ") : "";
    this.refresh(this.enough);
  }

  refresh(enough) {
    this.enough = enough;
    $("job-start").disabled = !enough || this.running;
    this.#drawVerdict();
  }

  #drawDownloads(kinds) {
    $("downloads").replaceChildren(...kinds.map((kind) => this.#button(`↓ ${NAMES[kind] || kind}`, async () => {
      try {
        await download(`scenes/${this.scene.id}/export/${kind}`, kind);
      } catch (error) {
        toast(error.message, "error");
      }
    }, { download: kind })));
  }

  #button(text, act, data = {}) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    Object.assign(button.dataset, data);
    button.addEventListener("click", act);
    return button;
  }

  #line(text) {
    const p = document.createElement("p");
    p.className = "hint";
    p.textContent = text;
    return p;
  }

  // The accuracy step ---------------------------------------------------------------------------

  get #open() {
    return this.facts.reference.filter((p) => !p.is_answered);
  }

  #drawAccuracy() {
    const box = $("accuracy");
    if (!this.facts.has_map) {
      box.replaceChildren();
      return;
    }
    const all = this.facts.reference.length;
    if (this.answering) {
      box.replaceChildren(this.#line(`${all - this.#open.length} of ${all} points looked at.`));
      ask({
        text: `Point ${all - this.#open.length + 1} of ${all}: what is in the circle?`,
        hint: "Choose its class.",
        buttons: [["Cannot tell", () => this.#answer(null), "S"], ["Pause", () => this.stop(), "Esc"]],
      });
    } else if (all && this.#open.length) {
      box.replaceChildren(this.#line(`${this.#open.length} of ${all} points still to be looked at.`), this.#button("Go on checking", () => this.begin()));
    } else if (this.facts.accuracy) {
      box.replaceChildren(this.#table(this.facts.accuracy));
    } else if (all) {
      // answered, but not judged: the answers must not be lost to a new sample
      const isOn = this.facts.job.kind === "accuracy" && this.facts.job.state === "running";
      const more = isOn ? [] : [this.#button("Work out the accuracy", () => this.#post("assess", {}))];
      box.replaceChildren(this.#line(`All ${all} points are looked at.`), ...more);
    } else {
      const row = document.createElement("div");
      row.className = "row";
      const n = document.createElement("input");
      Object.assign(n, { type: "number", id: "sample-n", min: 2, max: 2000, value: 50 });
      n.setAttribute("aria-label", "Places to look at");
      row.append(n, this.#button("Check the accuracy", () => this.#post("sample", { n: Math.round(between(n, 2, 2000, 50)) }), { check: "1" }));
      box.replaceChildren(this.#line("How good is the map? Look at places drawn by chance, without seeing what it says there. More of them make the intervals narrower."), row);
    }
  }

  #table(figures) {
    const table = document.createElement("table");
    const percent = (v) => `${(100 * v).toFixed(1)} %`;
    const row = (name, value) => {
      const tr = table.insertRow();
      const th = document.createElement("th");
      th.scope = "row";
      th.textContent = name;
      const estimate = typeof value === "object" && value !== null ? value : { estimate: value };
      tr.append(th);
      tr.insertCell().textContent = estimate.estimate === null ? "–" : percent(estimate.estimate);
      tr.insertCell().textContent = estimate.ci ? `${percent(estimate.ci[0])} – ${percent(estimate.ci[1])}` : "";
    };
    row("Overall accuracy", figures.overall_accuracy);
    for (const [name, value] of Object.entries(figures.users_accuracy)) row(`${name}, user's`, value);
    return table;
  }

  begin() {
    if (!this.#open.length) return;
    this.lead.stop();
    this.answering = this.#open[0];
    this.view.select(null);
    this.view.setBlind(true);
    setOverlayEnabled(false);
    $("classes-title").scrollIntoView({ block: "nearest" });
    $("map").focus();
    this.#look();
  }

  #look() {
    const [col, row] = this.answering.position;
    this.view.showCandidates([{ col, row, isNext: true }]);
    this.view.goTo(col, row, 0.5);
    this.#drawAccuracy();
  }

  stop() {
    if (!this.answering) return false;
    this.answering = null;
    ask(null);
    this.view.showCandidates([]);
    this.view.setBlind(false);
    setOverlayEnabled(true);
    this.#drawAccuracy();
    return true;
  }

  answer(name) {
    if (!this.answering) return false;
    this.#answer(name);
    return true;
  }

  async #answer(name) {
    const { uid, version } = this.answering;
    try {
      const body = { request: makeId(), author: this.author(), uid, name, base_version: version };
      this.facts = await sendJson("POST", `${this.#path}/answer`, body);
    } catch (error) {
      toast(`Not stored: ${error.message}`, "error");
      if (error.status !== 409) return;
      this.facts = await getJson(this.#path); // somebody else has answered it: on to the next
    }
    if (this.#open.length) {
      this.answering = this.#open[0];
      this.#look();
    } else {
      this.stop();
      await this.#post("assess", {});
    }
  }

  skip() {
    if (this.answering) this.#answer(null);
  }
}
