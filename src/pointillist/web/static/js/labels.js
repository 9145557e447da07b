// The labels on the page and the queue of what is not yet on disk.
// Every action is kept in the browser's storage until the server says that it is stored, so a lost
// connection, a killed server or a reloaded page lose nothing. Repeating a request is harmless.

import { getJson, makeId, Refused, sendJson, Unreachable } from "./api.js";

const NEAR_PX = 0.01;

export class Labels extends EventTarget {
  constructor(scene, author) {
    super();
    this.scene = scene;
    this.author = author;
    this.known = new Map(); // uid → label as it is shown
    this.told = new Map(); // uid → line of the history that what is shown of it is at least as new as
    this.seq = 0;
    this.queue = this.#load();
    this.undone = [];
    this.done = [];
    this.sending = false;
    this.online = true;
    this.made = 0;
  }

  // One entry per request: two pages on one scene do not overwrite each other's.
  get #prefix() {
    return `pointillist-queue-${this.scene.points_key}-`;
  }

  #load() {
    try {
      const keys = Object.keys(localStorage).filter((k) => k.startsWith(this.#prefix));
      const batches = keys.map((k) => JSON.parse(localStorage.getItem(k)));
      return batches.filter(Boolean).sort((a, b) => a.at - b.at);
    } catch {
      return [];
    }
  }

  #keep(batch) {
    try {
      localStorage.setItem(this.#prefix + batch.request, JSON.stringify(batch));
    } catch {
      // storage is full or forbidden: the queue still lives in the page
    }
  }

  #drop(batch) {
    this.queue.shift();
    try {
      localStorage.removeItem(this.#prefix + batch.request);
    } catch {
      // it was not kept
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
    const there = new Set(all.labels.map((l) => l.uid));
    const gone = [...this.known.keys()].filter((uid) => !there.has(uid));
    this.#take({ ...all, deleted: gone });
    const waiting = all.labels.filter((l) => this.isPending(l.uid));
    for (const label of waiting) this.known.set(label.uid, label);
    for (const batch of this.queue) for (const a of batch.actions) this.#show(a);
    this.#changed(this.queue.flatMap((batch) => batch.actions.map((a) => a.uid)));
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

  // Answers overtake each other: what is older than what was told before is left alone.
  #take(news, { isAll = true } = {}) {
    if (isAll) this.seq = Math.max(this.seq, news.seq);
    const isNews = (uid) => {
      if (this.isPending(uid) || news.seq < (this.told.get(uid) ?? 0)) return false;
      this.told.set(uid, news.seq);
      return true;
    };
    const uids = [];
    for (const label of news.labels) {
      if (!isNews(label.uid)) continue;
      this.known.set(label.uid, label);
      uids.push(label.uid);
    }
    for (const uid of news.deleted) {
      if (isNews(uid) && this.known.delete(uid)) uids.push(uid);
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
    const batch = { request: makeId(), author: this.author(), actions, at: Date.now() + this.made / 1000 };
    this.made += 1;
    this.queue.push(batch);
    this.#keep(batch);
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

  undo() {
    this.#goBack(this.done, this.undone, "forth", "back");
  }

  redo() {
    this.#goBack(this.undone, this.done, "back", "forth");
  }

  // A step is taken back only where things still are as it left them: others' work stays.
  #goBack(from, to, left, wanted) {
    const step = from.pop();
    if (!step) return;
    const touched = step[left].find((w) => !this.#isAsLeft(w));
    if (touched) {
      const who = this.known.get(touched.uid)?.author;
      this.dispatchEvent(new CustomEvent("refused", { detail: `Not undone: ${who || "somebody"} has changed that point meanwhile.` }));
      this.#state();
      return;
    }
    to.push(step);
    this.act(step[wanted], { remember: false });
  }

  #isAsLeft(wish) {
    const now = this.known.get(wish.uid);
    if (wish.delete || !now) return Boolean(wish.delete) === !now;
    const near = ([x, y], i) => Math.hypot(x - now.positions[i][0], y - now.positions[i][1]) < NEAR_PX;
    return now.name === wish.name && now.positions.length === wish.positions.length && wish.positions.every(near);
  }

  // Classes have new names: so have the steps that can be taken back, and what waits to be stored.
  rename(names) {
    for (const step of [...this.done, ...this.undone])
      for (const wish of [...step.back, ...step.forth]) if (names[wish.name]) wish.name = names[wish.name];
    for (const batch of this.queue) {
      const old = batch.actions.filter((a) => names[a.name]);
      for (const a of old) a.name = names[a.name];
      if (old.length) this.#keep(batch);
    }
  }

  async flush() {
    if (this.sending) return;
    this.sending = true;
    let pause = 400;
    while (this.queue.length) {
      this.#state();
      const batch = this.queue[0];
      try {
        const { request, author, actions } = batch;
        const answer = await sendJson("POST", `scenes/${this.scene.id}/actions`, { request, author, actions });
        this.#drop(batch);
        this.online = true;
        pause = 400;
        this.#take(answer, { isAll: false });
      } catch (error) {
        if (error instanceof Refused && error.status !== 401 && error.status !== 403 && error.status < 500) {
          this.#drop(batch);
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
      const labels = all.labels.filter((l) => uids.includes(l.uid));
      const deleted = uids.filter((uid) => !labels.some((l) => l.uid === uid));
      this.#take({ seq: all.seq, labels, deleted }, { isAll: false });
    } catch {
      // the next look at the server shows it
    }
  }
}
