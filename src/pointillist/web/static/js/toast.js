// Short notices at the foot of the page; text only, never markup.

const box = document.getElementById("toasts");

export function toast(text, kind = "info") {
  for (const old of box.children) if (old.dataset.text === text) old.remove();
  const note = document.createElement("div");
  note.className = "toast";
  note.dataset.kind = kind;
  note.dataset.text = text;
  const p = document.createElement("p");
  p.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "✕";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => note.remove());
  note.append(p, close);
  box.append(note);
  while (box.children.length > 3) box.firstChild.remove();
  setTimeout(() => note.remove(), kind === "error" ? 12_000 : 5000);
}
