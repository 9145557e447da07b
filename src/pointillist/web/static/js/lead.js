// Where to click next: numbered places to name or to skip, and what more points would bring.

import { getJson, makeId, sendJson } from "./api.js";
import { ask } from "./ask.js";
import { drawCurve } from "./curve.js";
import { toast } from "./toast.js";

const N_PLACES = 20;
const LOOK_RESOLUTION = 0.5;
const $ = (id) => document.getElementById(id);

export class Lead {
  constructor(scene, view, labels) {
    Object.assign(this, { scene, view, labels, places: [], round: 0, isOn: false, next: null });
    $("lead-start").onclick = () => this.start();
  }

  // A place is done when its label is there: after an undo it is open again.
  get #open() {
    return this.places.filter((p) => !p.isSkipped && !this.labels.known.has(p.uid));
  }

  async start() {
    if (this.isOn || $("lead-start").disabled) return;
    $("lead-start").disabled = true;
    $("lead-start").textContent = "Looking around…";
    try {
      const found = await sendJson("POST", `scenes/${this.scene.id}/suggestions`, { n: N_PLACES });
      this.round = found.round;
      this.places = found.places.map((p, i) => ({ ...p, number: i + 1, uid: makeId(), isSkipped: false }));
      this.isOn = true;
      this.#goOn();
      $("classes-title").scrollIntoView({ block: "nearest" });
      $("map").focus();
    } catch (error) {
      toast(error.message, "error");
    }
    $("lead-start").textContent = `Suggest ${N_PLACES} places`;
    this.refresh(this.enough);
  }

  // The map has shown it to be worth a click; the person says what is there.
  accept(name, number) {
    if (!this.isOn || !name) return false;
    const place = number ? this.places.find((p) => p.number === number) : this.next;
    if (!place) return false;
    const position = [place.col + 0.5, place.row + 0.5];
    this.labels.act([{ uid: place.uid, kind: "Point", positions: [position], name, source: "suggestion", round: this.round }]);
    return true;
  }

  skip() {
    if (!this.isOn) return false;
    this.next.isSkipped = true;
    this.#goOn();
    return true;
  }

  stop() {
    if (!this.isOn) return false;
    this.isOn = false;
    this.next = null;
    this.view.showCandidates([]);
    ask(null);
    this.refresh(this.enough);
    return true;
  }

  // Labels have changed, here or elsewhere.
  follow() {
    if (this.isOn && this.#open[0] !== this.next) this.#goOn();
    else if (this.isOn) this.#draw();
  }

  #goOn() {
    const [next] = this.#open;
    if (!next) {
      this.stop();
      const n = this.places.filter((p) => this.labels.known.has(p.uid)).length;
      toast(`${n} of ${this.places.length} suggested places are named.`);
      return;
    }
    this.next = next;
    this.#draw();
    this.view.goTo(next.col + 0.5, next.row + 0.5, LOOK_RESOLUTION);
  }

  #draw() {
    this.view.showCandidates(this.#open.map((p) => ({ col: p.col + 0.5, row: p.row + 0.5, number: p.number, isNext: p === this.next })));
    ask({
      text: `Place ${this.next.number} of ${this.places.length}: what is in the circle?`,
      why: this.next.why,
      hint: "Choose its class.",
      buttons: [["Skip", () => this.skip(), "S"], ["Stop", () => this.stop(), "Esc"]],
    });
  }

  refresh(enough) {
    this.enough = enough;
    $("lead-start").disabled = !enough || this.isOn;
    $("lead-start").hidden = this.isOn;
  }

  async measure() {
    if (!this.enough) return;
    try {
      const progress = await getJson(`scenes/${this.scene.id}/progress`);
      $("lead-text").textContent = progress.sentence;
      drawCurve($("curve"), progress);
    } catch {
      // it is asked for again after the next click
    }
  }
}
