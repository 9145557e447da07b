// The label that is chosen: what it is, by whom, and what fingers without a right button need.

const KINDS = { Point: "Point", LineString: "Line", Polygon: "Area" };
const box = document.getElementById("chosen");

function button(text, act, title) {
  const b = document.createElement("button");
  b.type = "button";
  b.textContent = text;
  if (title) b.setAttribute("aria-label", title);
  b.addEventListener("click", act);
  return b;
}

function when(created) {
  const at = new Date(created);
  return created && !Number.isNaN(at.valueOf()) ? at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "";
}

// `label` as the page knows it; null takes the box away. `place` is such as "3 of 12".
export function showChosen(label, { color, place, remove, close }) {
  box.hidden = !label;
  if (!label) {
    box.replaceChildren();
    return;
  }
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.setProperty("--swatch", color);
  const text = document.createElement("p");
  const name = document.createElement("strong");
  name.textContent = `${KINDS[label.kind] || label.kind}: ${label.name || "no class"}`;
  const more = document.createElement("span");
  more.className = "hint";
  more.textContent = [place, label.author, when(label.created)].filter(Boolean).join(" · ");
  text.append(name, more);
  box.replaceChildren(swatch, text, button("Delete", remove), button("✕", close, "Let go of it"));
}
