// Who labels: every point carries a name, so it is asked for before the first one.

const KEY = "pointillist-author";
const $ = (id) => document.getElementById(id);
let usual = "";

function stored() {
  try {
    return localStorage.getItem(KEY) || "";
  } catch {
    return ""; // storage is forbidden: the name is asked for on every visit
  }
}

export const author = () => $("author").value.trim() || usual;

export function know(name) {
  usual = name;
  $("author").value = stored();
  $("author").placeholder = usual;
  $("author").addEventListener("change", () => keep(author()));
  $("who").addEventListener("cancel", (event) => event.preventDefault());
  $("who-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("who-name").value.trim()) return;
    $("author").value = $("who-name").value.trim();
    keep(author());
    $("who").close();
  });
  if (!author()) $("who").showModal();
}

function keep(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // it is asked for again on the next visit
  }
}
