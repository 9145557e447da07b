// The page: brings image, labels, classes and server together.

import { download, getJson, listen, makeId, sendJson } from "./api.js";
import { showChosen } from "./chosen.js";
import { Classes } from "./classes.js";
import { Finish } from "./finish.js";
import { Lead } from "./lead.js";
import { Labels } from "./labels.js";
import { SceneList } from "./list.js";
import { author, know } from "./person.js";
import { debounce, drawScale, showPlace } from "./status.js";
import { toast } from "./toast.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const ALL = "all";
let scene, view, labels, classes, lead, finish, list;
let found = -1;

async function start() {
  try {
    const [about, scenes] = await Promise.all([getJson("about"), getJson("scenes")]);
    know(about.author);
    const options = scenes.map((s) => new Option(countedName(s.name, s.n_labels), s.id));
    if (scenes.length > 1) options.unshift(new Option("All scenes", ALL));
    $("scene").replaceChildren(...options);
    $("scene").disabled = scenes.length === 1;
    const wanted = /^#\d+$/.test(window.location.hash) ? Number(window.location.hash.slice(1)) : scenes.length > 1 ? null : 0;
    $("scene").value = wanted === null ? ALL : String(wanted);
    if (wanted === null) await showList();
    else await open(wanted);
  } catch (error) {
    showState("offline", error.message);
    toast(error.message, "error");
    return;
  }
  listen(onEvent, onConnection);
}

function countedName(name, nLabels) {
  return nLabels ? `${name} · ${nLabels}` : name;
}

async function showList() {
  document.body.dataset.page = "list";
  document.title = "Scenes – Pointillist";
  $("list").hidden = false;
  $("workbench").hidden = true;
  list = new SceneList();
  await list.load();
}

const lookAtList = debounce(() => list.load(), 700);

async function open(number) {
  scene = await getJson(`scenes/${number}`);
  document.title = `${scene.name} – Pointillist`;
  $("workbench-title").textContent = `Label ${scene.name}`;
  classes = new Classes(scene, author);
  labels = new Labels(scene, author);
  view = new View($("map"), scene, classes.colorOf);
  lead = new Lead(scene, view, labels);
  finish = new Finish(scene, view, labels, classes, author, lead);
  window.pointillist = { view, labels, classes, lead, finish, scene }; // for whoever looks behind the page
  wire();
  await classes.load();
  await labels.load();
  bandsOfImage();
  showSketch(scene.is_sketch);
  prepare();
}

function wire() {
  labels.addEventListener("change", (event) => {
    for (const uid of event.detail) view.showLabel(uid, labels.known.get(uid), labels.isPending(uid));
    if (event.detail.includes(view.selected)) choose(view.selected);
    classes.count(labels.known.values());
    refreshState();
    lead.follow();
  });
  labels.addEventListener("state", () => {
    for (const [uid, feature] of view.features) {
      const pending = labels.isPending(uid);
      if (feature.get("pending") !== pending) feature.set("pending", pending);
    }
    refreshState();
  });
  labels.addEventListener("refused", (event) => toast(event.detail, "error"));
  classes.addEventListener("change", () => {
    $("empty").hidden = classes.list.length > 0;
    view.restyle();
    refreshState();
  });
  classes.addEventListener("renamed", (event) => labels.rename(event.detail));
  view.addEventListener("select", (event) => choose(event.detail));
  classes.addEventListener("pick", (event) => pick(event.detail));
  view.addEventListener("place", (event) => place(event.detail));
  view.addEventListener("candidate", (event) => lead.accept(classes.current, event.detail));
  view.addEventListener("remove", (event) => remove(event.detail));
  view.addEventListener("move", (event) => {
    const label = labels.known.get(event.detail.uid);
    if (label) labels.act([{ ...wish(label), positions: event.detail.positions }]);
  });
  view.addEventListener("hover", (event) => showPlace(scene, event.detail, view.look.bands || scene.usual_bands));
  view.addEventListener("moved", () => {
    drawScale(scene, view.view.getResolution());
    prepare();
  });
  $("undo").onclick = () => labels.undo();
  $("redo").onclick = () => labels.redo();
  $("history-box").ontoggle = () => $("history-box").open && showHistory();
}

function wish(label) {
  const { uid, kind, positions, name, source, round } = label;
  return { uid, kind, positions, name, source, round };
}

function place({ kind, positions }) {
  if (finish.answering) {
    toast("Say what is in the circle with a class key, or press Pause.");
    return;
  }
  if (!classes.current) {
    toast("Name a class first, then click where you see it.");
    $("add-class-name").focus();
    return;
  }
  view.select(null);
  labels.act([{ uid: makeId(), kind, positions, name: classes.current, source: "click", round: 0 }]);
}

function choose(uid) {
  const label = uid ? labels.known.get(uid) : null;
  const ids = [...labels.known.keys()];
  showChosen(label, {
    color: classes.colorOf(label?.name),
    place: `${ids.indexOf(uid) + 1} of ${ids.length}`,
    remove: () => remove(uid),
    close: () => view.select(null),
  });
}

function showSketch(isSketch) {
  $("notice").textContent = isSketch ? "From afar the image is a sketch until it has been read once." : "";
}

function remove(uid) {
  if (labels.known.has(uid)) labels.act([{ uid, delete: true }]);
}

function pick(name) {
  if (!name) return;
  if (finish.answer(name)) return;
  classes.choose(name);
  if (lead.accept(name)) return;
  const label = view.selected && labels.known.get(view.selected);
  if (label && label.name !== name) labels.act([{ ...wish(label), name }]);
}

function showState(state, text) {
  $("saved").dataset.state = state;
  $("saved").textContent = text;
}

function refreshState() {
  const waiting = labels.waiting;
  if (!labels.online && waiting) showState("offline", `Offline: ${waiting} waiting`);
  else if (waiting) showState("saving", "Saving…");
  else showState("saved", "Saved");
  $("undo").disabled = !labels.done.length;
  $("redo").disabled = !labels.undone.length;
  const n = labels.known.size;
  $("points-count").textContent = n === 1 ? "1 label" : `${n} labels`;
  const entry = $("scene").selectedOptions[0];
  if (entry) entry.textContent = countedName(scene.name, n);
  const used = new Set([...labels.known.values()].map((l) => l.name).filter(Boolean));
  $("map-state").textContent = used.size >= 2 ? "" : "needs two classes";
  lead.refresh(used.size >= 2);
  finish.refresh(used.size >= 2);
}

function onConnection(isOpen, sentence) {
  if (list) {
    showState(isOpen ? "saved" : "offline", isOpen ? "Connected" : sentence || "Offline, trying again");
    if (isOpen) lookAtList();
  } else if (isOpen) {
    labels.online = true;
    labels.catchUp();
    labels.flush();
    classes.load();
    refreshState();
  } else if (sentence) {
    showState("offline", sentence);
    toast(sentence, "error");
  } else {
    showState("offline", labels.waiting ? `Offline: ${labels.waiting} waiting` : "Offline, trying again");
  }
}

function onEvent(kind, facts) {
  if (list) {
    if (facts.scene !== undefined) lookAtList();
    return;
  }
  if (facts.scene !== undefined && facts.scene !== scene.id) return;
  if (kind === "points") labels.catchUp();
  else if (kind === "legend") classes.load().then(() => view.newMap(`${facts.seq}l`));
  else if (kind === "quick") {
    view.newMap(facts.version);
    measure();
  }
  else if (kind === "job") finish.show(facts);
  else if (kind === "replaced") toast("The file of this scene was replaced: reload the page.", "error");
  else if (kind === "image") {
    view.renewImage();
    showSketch(false);
  }
}

const prepare = debounce(async () => {
  const seen = view.visibleTiles();
  if (!seen || !seen.tiles.length) return;
  try {
    await sendJson("POST", `scenes/${scene.id}/view`, seen);
  } catch {
    // the map is asked for tile by tile anyway
  }
}, 150);

const measure = debounce(() => lead.measure(), 1500);

// The panel -------------------------------------------------------------------------------------

function bandsOfImage() {
  const names = scene.bands.map((name, i) => [name, i]);
  const usual = scene.usual_bands.length === 3 ? scene.usual_bands : Array(3).fill(scene.usual_bands[0]);
  document.querySelectorAll("[data-band]").forEach((select, i) => {
    select.replaceChildren(...names.map(([name, at]) => new Option(name, at)));
    select.value = String(usual[i]);
    select.onchange = look;
  });
}

const look = debounce(() => {
  const bands = [...document.querySelectorAll("[data-band]")].map((s) => Number(s.value));
  view.setLook(bands, [...document.querySelectorAll("[data-cut]")].map((c) => Math.min(20, Math.max(0, Number(c.value) || 0))));
}, 60);

for (const cut of document.querySelectorAll("[data-cut]")) cut.addEventListener("input", look);
$("cut").addEventListener("input", () => {
  $("cut-value").textContent = `${$("cut").value} %`;
  for (const cut of document.querySelectorAll("[data-cut]")) cut.value = $("cut").value;
  look();
});
$("opacity").addEventListener("input", () => {
  $("opacity-value").textContent = `${$("opacity").value} %`;
  view.setOpacity(Number($("opacity").value) / 100);
});
for (const input of document.querySelectorAll("[name=overlay]")) {
  input.addEventListener("change", () => view.setKind(input.value));
}
for (const button of document.querySelectorAll("[data-tool]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-tool]")) other.setAttribute("aria-pressed", String(other === button));
    view.setTool(button.dataset.tool);
  });
}
$("swipe").addEventListener("change", () => setSwipe($("swipe").checked ? 0.5 : null));

function setSwipe(wanted) {
  const handle = $("swipe-handle");
  const share = wanted === null ? null : Math.min(Math.max(wanted, 0.02), 0.98);
  handle.hidden = share === null;
  if (share !== null) {
    handle.style.left = `${share * 100}%`;
    handle.setAttribute("aria-valuenow", Math.round(share * 100));
    handle.setAttribute("aria-valuetext", `${Math.round(share * 100)} % from the left`);
  }
  view.setSwipe(share);
}

$("swipe-handle").addEventListener("pointerdown", (event) => {
  const handle = $("swipe-handle");
  handle.setPointerCapture(event.pointerId);
  const box = $("map").getBoundingClientRect();
  handle.onpointermove = (e) => setSwipe((e.clientX - box.left) / box.width);
  handle.onpointerup = () => { handle.onpointermove = null; };
});

$("swipe-handle").addEventListener("keydown", (event) => {
  const far = event.shiftKey ? 0.1 : 0.02;
  const to = { ArrowLeft: view.swipeAt - far, ArrowRight: view.swipeAt + far, Home: 0, End: 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation(); // the map would move too
  setSwipe(to);
});

$("scene").addEventListener("change", () => {
  window.location.hash = $("scene").value === ALL ? "" : $("scene").value;
});
window.addEventListener("hashchange", () => window.location.reload());

async function showHistory() {
  const { lines } = await getJson(`scenes/${scene.id}/history?limit=60`);
  $("history").replaceChildren(...lines.map((line) => {
    const li = document.createElement("li");
    const text = document.createElement("span");
    const time = new Date(line.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    text.textContent = `${time} ${line.author || "someone"} ${line.what}${line.name ? ` ${line.name}` : ""}`;
    const back = document.createElement("button");
    back.type = "button";
    back.textContent = "Back to here";
    back.addEventListener("click", async () => {
      try {
        await sendJson("POST", `scenes/${scene.id}/restore`, { request: makeId(), author: author(), seq: line.seq });
        await labels.load();
        showHistory();
      } catch (error) {
        toast(error.message, "error");
      }
    });
    li.append(text, back);
    return li;
  }));
}

function step(by) {
  const text = $("find").value.trim().toLowerCase();
  if (finish.answering) return; // the check is blind
  const all = [...labels.known.values()].filter((l) => !text || (l.name || "").toLowerCase().includes(text) || l.author.toLowerCase().includes(text));
  if (!all.length) {
    toast("No point like that.");
    return;
  }
  found = (found + by + all.length) % all.length;
  const label = all[found];
  const [col, row] = label.positions[0];
  view.goTo(col, row, 1);
  view.select(label.uid);
}

$("find-next").addEventListener("click", () => step(1));
$("find").addEventListener("keydown", (event) => event.key === "Enter" && step(1));
$("help-open").addEventListener("click", () => $("help").showModal());

// Keys ------------------------------------------------------------------------------------------

function isTyping(target) {
  return target.closest("input:not([type=range]):not([type=radio]):not([type=checkbox]), select, textarea, dialog[open]");
}

document.addEventListener("keydown", (event) => {
  if (!view || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
    event.preventDefault();
    if (event.shiftKey || key === "y") labels.redo();
    else labels.undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.closest("button, label, summary, a");
  if (/^[1-9]$/.test(key)) pick(classes.byKey(Number(key)));
  else if (key === " " && !onButton && !event.repeat) {
    event.preventDefault();
    view.peek(true);
  } else if ((key === "delete" || key === "backspace") && view.selected) remove(view.selected);
  else if (key === "backspace" && view.isDrawing) view.draw.removeLastPoint();
  else if (key === "enter" && view.isDrawing) view.draw.finishDrawing();
  else if (key === "escape") view.stopDrawing() || finish.stop() || lead.stop() || view.select(null);
  else if (key === "enter" && event.target === $("map")) {
    const [col, row] = view.middle();
    place({ kind: "Point", positions: [[col, row]] });
  } else if (key === "n") step(1);
  else if (key === "p") step(-1);
  else if (key === "0") view.whole();
  else if (key === "s") lead.skip() || finish.skip();
  else if (key === "g") finish.answering || lead.start();
  else if (key === "o" && !finish.answering) {
    const radios = [...document.querySelectorAll("[name=overlay]")].filter((r) => !r.parentElement.hidden);
    const next = radios[(radios.findIndex((r) => r.checked) + 1) % radios.length];
    next.checked = true;
    view.setKind(next.value);
  } else if (key === "?") $("help").showModal();
});
document.addEventListener("keyup", (event) => event.key === " " && view && view.peek(false));
window.addEventListener("beforeunload", (event) => labels?.waiting && event.preventDefault());

start();
export { download };
