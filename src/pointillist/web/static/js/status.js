// The line at the foot: scale bar, coordinates and pixel values under the cursor.

import { getJson } from "./api.js";

const FEW_BANDS = 12;
const $ = (id) => document.getElementById(id);

export function debounce(work, ms) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), ms);
  };
}

const readValues = debounce(async (scene, shown, row, col) => {
  try {
    const { values } = await getJson(`scenes/${scene.id}/pixel?row=${row}&col=${col}`);
    const each = (values || []).map((v, i) => `${scene.bands[i]} ${Number.isInteger(v) ? v : v.toPrecision(5)}`);
    const few = each.length <= FEW_BANDS ? each : [...new Set(shown)].map((b) => each[b]);
    const rest = each.length - few.length;
    $("values").textContent = values ? few.join("  ") + (rest ? `  and ${rest} more` : "") : "no data";
    $("values").title = each.join("\n");
  } catch {
    $("values").textContent = "";
  }
}, 80);

// `at` is [column, row] in the scene, or null outside; `shown` are the bands on the screen.
export function showPlace(scene, at, shown) {
  if (!at) {
    $("coordinates").textContent = "–";
    $("values").textContent = "";
    return;
  }
  const [col, row] = at;
  const [a, b, c, d, e, f] = scene.transform;
  const digits = scene.is_geographic ? 6 : 1;
  const x = (a * col + b * row + c).toFixed(digits);
  const y = (d * col + e * row + f).toFixed(digits);
  const place = scene.crs ? `${x}, ${y}  ${scene.crs}` : "";
  $("coordinates").textContent = `row ${Math.floor(row)}, column ${Math.floor(col)}  ${place}`;
  readValues(scene, shown, Math.floor(row), Math.floor(col));
}

export function drawScale(scene, resolution) {
  const unit = scene.unit_m;
  const target = 110 * resolution * (unit || 1);
  const power = 10 ** Math.floor(Math.log10(target));
  const length = [5, 2, 1].map((k) => k * power).find((v) => v <= target) || power;
  $("scale").style.width = `${Math.round(length / (resolution * (unit || 1)))}px`;
  const shown = Number(length.toPrecision(3));
  const centimetres = shown < 1 ? `${Number((shown * 100).toPrecision(3))} cm` : `${shown} m`;
  $("scale").textContent = !unit ? `${shown} px` : shown >= 1000 ? `${shown / 1000} km` : centimetres;
}
