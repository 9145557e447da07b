// A small chart: how right the live map is, by the number of labels, and the next fifty dashed.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [288, 92, 34, 8, 8, 18];

function make(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function drawCurve(svg, { curve, ahead, sentence }) {
  svg.toggleAttribute("hidden", curve.length < 2);
  if (curve.length < 2) return;
  const last = curve[curve.length - 1];
  const all = [...curve, ...ahead];
  const low = Math.floor(Math.min(...all.map((p) => p.accuracy)) * 20 - 0.5) / 20;
  const high = Math.min(1, Math.ceil(Math.max(...all.map((p) => p.accuracy)) * 20 + 0.5) / 20);
  const [first, end] = [curve[0].labels, all[all.length - 1].labels];
  const x = (n) => LEFT + ((n - first) / (end - first)) * (WIDTH - LEFT - RIGHT);
  const y = (a) => TOP + ((high - a) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const path = (points) => points.map((p, i) => `${i ? "L" : "M"}${x(p.labels).toFixed(1)} ${y(p.accuracy).toFixed(1)}`).join("");
  const parts = [low, high].flatMap((a) => [
    make("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(a), y2: y(a), class: "rule" }),
    make("text", { x: LEFT - 5, y: y(a) + 4, "text-anchor": "end" }, `${Math.round(100 * a)} %`),
  ]);
  parts.push(make("path", { d: path(curve), class: "line" }));
  if (ahead.length) parts.push(make("path", { d: path([last, ...ahead]), class: "line ahead" }));
  parts.push(make("circle", { cx: x(last.labels), cy: y(last.accuracy), r: 3.5, class: "now" }));
  parts.push(make("text", { x: LEFT, y: HEIGHT - 4 }, `${first} labels`));
  parts.push(make("text", { x: WIDTH - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, String(end)));
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("aria-label", sentence);
  svg.replaceChildren(...parts);
}
