// The labels on the page and the queue of what is not yet on disk.
// Every action is kept in the browser's storage until the server says that it is stored, so a lost
// connection, a killed server or a reloaded page lose nothing. Repeating a request is harmless.

import { getJson, makeId, Refused, sendJson, Unreachable } from "./api.js";

export class Labels extends EventTarget {
  constructor(scene, author) {
    super();
    this.scene = scene;
    this.author = author;
    this.known = new Map(); // uid → label as it is shown
    this.seq = 0;
    this.queue = this.#load();
    this.undone = [];
    this.done = [];
    this.sending = false;
    this.online = true;
  }

  get #key() {
    return `pointillist-queue-${this.scene.name}-${this.scene.points}`;
  }

  #load() {
    try {
      return JSON.parse(localStorage.getItem(this.#key)) || [];
    } catch {
      return [];
    }
  }

  #keep() {
    try {
      localStorage.setItem(this.#key, JSON.stringify(this.queue));
    } catch {
      // storage is full or forbidden: the queue still lives in the page
    }
  }

  #changed(uids) {
    this.dispatchEvent(new CustomEvent("change", { detail: uids }));
  }

  #state() {
    this.dispatchEvent(new CustomEvent("state"));
  }

  get waiting() {
    return this.queue.length;
  }

  isPending(uid) {
    return this.queue.some((batch) => batch.actions.some((a) => a.uid === uid));
  }

  async load() {
    const all = await getJson(`scenes/${this.scene.id}/labels`);
    this.seq = all.seq;
    const before = [...this.known.keys()];
    this.known = new Map(all.labels.map((l) => [l.uid, l]));
    for (const batch of this.queue) for (const a of batch.actions) this.#show(a);
    this.#changed([...new Set([...before, ...this.known.keys()])]);
    this.flush();
  }

  async catchUp() {
    if (this.catching) {
      this.again = true;
      return;
    }
    this.catching = true;
    try {
      const news = await getJson(`scenes/${this.scene.id}/labels?since=${this.seq}`);
      this.#take(news);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    } finally {
      this.catching = false;
    }
    if (this.again) {
      this.again = false;
      await this.catchUp();
    }
  }

  #take(news) {
    this.seq = Math.max(this.seq, news.seq);
    const uids = [];
    for (const label of news.labels) {
      if (this.isPending(label.uid)) continue;
      this.known.set(label.uid, label);
      uids.push(label.uid);
    }
    for (const uid of news.deleted) {
      if (!this.isPending(uid) && this.known.delete(uid)) uids.push(uid);
    }
    this.#changed(uids);
  }

  #show(a) {
    if (a.delete) this.known.delete(a.uid);
    else
      this.known.set(a.uid, {
        created: "", ...this.known.get(a.uid), uid: a.uid, kind: a.kind, positions: a.positions, name: a.name,
        author: this.author(), source: a.source, round: a.round, version: a.base_version + 1,
      });
  }

  #version(uid) {
    return this.known.get(uid)?.version ?? 0;
  }

  // Do some things together; `wishes` are {uid, delete} or {uid, kind, positions, name, source, round}.
  act(wishes, { remember = true } = {}) {
    const back = wishes.map((w) => this.#inverse(w.uid));
    const actions = wishes.map((w) => ({ ...w, base_version: this.#version(w.uid) }));
    for (const a of actions) this.#show(a);
    this.queue.push({ request: makeId(), author: this.author(), actions });
    this.#keep();
    if (remember) {
      this.done.push({ back, forth: wishes });
      this.undone = [];
    }
    this.#changed(wishes.map((w) => w.uid));
    this.flush();
  }

  #inverse(uid) {
    const label = this.known.get(uid);
    if (!label) return { uid, delete: true };
    const { kind, positions, name, source, round } = label;
    return { uid, kind, positions, name, source, round };
  }

  #possible(wishes) {
    return wishes.filter((w) => !w.delete || this.known.has(w.uid));
  }

  undo() {
    const step = this.done.pop();
    if (!step) return;
    this.undone.push(step);
    const wishes = this.#possible(step.back);
    if (wishes.length) this.act(wishes, { remember: false });
    else this.#state();
  }

  redo() {
    const step = this.undone.pop();
    if (!step) return;
    this.done.push(step);
    const wishes = this.#possible(step.forth);
    if (wishes.length) this.act(wishes, { remember: false });
    else this.#state();
  }

  async flush() {
    if (this.sending) return;
    this.sending = true;
    let pause = 400;
    while (this.queue.length) {
      this.#state();
      const batch = this.queue[0];
      try {
        const answer = await sendJson("POST", `scenes/${this.scene.id}/actions`, batch);
        this.queue.shift();
        this.#keep();
        this.online = true;
        pause = 400;
        this.#take({ ...answer, seq: this.seq });
      } catch (error) {
        if (error instanceof Refused && error.status !== 401 && error.status !== 403 && error.status < 500) {
          this.queue.shift();
          this.#keep();
          this.dispatchEvent(new CustomEvent("refused", { detail: error.message }));
          await this.#reread(batch.actions.map((a) => a.uid));
          continue;
        }
        this.online = false;
        this.#state();
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(pause * 2, 4000);
      }
    }
    this.sending = false;
    this.#state();
  }

  // What was refused is shown as the server has it.
  async #reread(uids) {
    try {
      const all = await getJson(`scenes/${this.scene.id}/labels`);
      const there = new Map(all.labels.map((l) => [l.uid, l]));
      for (const uid of uids) {
        if (there.has(uid)) this.known.set(uid, there.get(uid));
        else this.known.delete(uid);
      }
      this.#changed(uids);
    } catch {
      // the next look at the server shows it
    }
  }
}
