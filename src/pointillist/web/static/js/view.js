// The image, the map over it and the labels on top: OpenLayers in the scene's own pixels.
// x is the column, y the negative row, so that one unit is one pixel of the scene.

import { getBlob } from "./api.js";

/* global ol */

const HIT_PX = 10;

export class View extends EventTarget {
  constructor(element, scene, colorOf) {
    super();
    this.scene = scene;
    this.element = element;
    this.colorOf = colorOf;
    this.selected = null;
    this.kind = "classes";
    this.shown = true;
    this.mapVersion = 0;
    this.look = { bands: null, cuts: [2] };
    this.isBlind = false;
    this.isDrawing = false;
    this.swipeAt = null;
    const extent = [0, -scene.height, scene.width, 0];
    this.projection = new ol.proj.Projection({ code: "PIXEL", units: "pixels", extent, global: false });
    const n = scene.n_levels;
    this.tileGrid = new ol.tilegrid.TileGrid({
      extent, origin: [0, 0], tileSize: scene.tile_px,
      resolutions: Array.from({ length: n }, (_, z) => 2 ** (n - 1 - z)),
    });
    this.imageSource = this.#tiles((level, row, col) => {
      const bands = this.look.bands ? `bands=${this.look.bands.join(",")}&` : "";
      return `image/${level}/${row}/${col}?of=${scene.stamp}&${bands}cut=${this.look.cuts.join(",")}`;
    });
    this.mapSource = this.#tiles((level, row, col) => `map/${level}/${row}/${col}?kind=${this.kind}&v=${this.mapVersion}`);
    this.image = new ol.layer.Tile({ source: this.imageSource, preload: 1 });
    this.overlay = new ol.layer.Tile({ source: this.mapSource, opacity: 0.55, className: "overlay" });
    this.points = new ol.source.Vector({ wrapX: false });
    this.features = new Map();
    const labels = new ol.layer.Vector({ source: this.points, style: (f) => this.#style(f), updateWhileInteracting: true, updateWhileAnimating: true });
    const middle = [scene.width / 2, -scene.height / 2];
    const fit = Math.max(scene.width / element.clientWidth, scene.height / element.clientHeight) * 1.05;
    this.view = new ol.View({
      projection: this.projection, center: middle, resolution: fit,
      minResolution: 1 / 32, maxResolution: Math.max(fit * 2, 1), extent, constrainOnlyCenter: true, smoothExtentConstraint: false,
    });
    this.map = new ol.Map({
      target: element, view: this.view, layers: [this.image, this.overlay, labels],
      controls: [
        new ol.control.Zoom(),
        new ol.control.OverviewMap({
          collapsed: false, collapsible: false,
          layers: [new ol.layer.Tile({ source: this.imageSource })],
          view: new ol.View({
            projection: this.projection, center: middle, extent: [...middle, ...middle], constrainOnlyCenter: true, smoothExtentConstraint: false,
            resolutions: [Math.max(scene.width / 128, scene.height / 96)], resolution: Math.max(scene.width / 128, scene.height / 96),
          }),
        }),
      ],
      interactions: ol.interaction.defaults.defaults({ doubleClickZoom: false, keyboard: true, altShiftDragRotate: false, pinchRotate: false, onFocusOnly: false }),
      keyboardEventTarget: element,
    });
    this.fitResolution = fit;
    this.#listen(labels);
    this.#swipe();
    this.setTool("Point");
  }

  #tiles(url) {
    const source = new ol.source.XYZ({
      projection: this.projection, tileGrid: this.tileGrid, transition: 0, interpolate: false, wrapX: false,
      tileUrlFunction: ([z, x, y]) => this.#url(url, z, x, y),
      tileLoadFunction: (tile, path) => this.#loadTile(tile, path),
    });
    source.pathOf = url;
    return source;
  }

  #url(url, z, x, y) {
    const level = this.scene.n_levels - 1 - z;
    const size = this.scene.tile_px * 2 ** level;
    const outside = x < 0 || y < 0 || x * size >= this.scene.width || y * size >= this.scene.height;
    return outside ? undefined : `scenes/${this.scene.id}/${url(level, y, x)}`;
  }

  async #loadTile(tile, path) {
    const image = tile.getImage();
    try {
      const blob = await getBlob(path);
      if (!blob) {
        image.src = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
        return;
      }
      const url = URL.createObjectURL(blob);
      image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
      image.src = url;
    } catch {
      tile.setState(3); // an error: asked for again when it is looked at next
    }
  }

  #renew(source) {
    const url = source.pathOf;
    this.keyCount = (this.keyCount || 0) + 1;
    source.setTileUrlFunction(([z, x, y]) => this.#url(url, z, x, y), `v${this.keyCount}`);
  }

  setLook(bands, cuts) {
    this.look = { bands, cuts };
    this.#renew(this.imageSource);
  }

  renewImage() {
    this.#renew(this.imageSource);
  }

  // Who checks a map must see neither it nor the points.
  setBlind(on) {
    this.isBlind = on;
    this.overlay.setVisible(this.shown && !on);
    this.showPoints(!on);
  }

  setKind(kind) {
    this.shown = kind !== "none";
    if (this.shown && kind !== this.kind) {
      this.kind = kind;
      this.#renew(this.mapSource);
    }
    this.overlay.setVisible(this.shown && !this.isBlind);
  }

  peek(on) {
    if (!this.isBlind) this.overlay.setVisible(on ? !this.shown : this.shown);
  }

  setOpacity(share) {
    this.overlay.setOpacity(share);
  }

  newMap(version) {
    this.mapVersion = version;
    this.#renew(this.mapSource);
  }

  // The tiles that cover the view, nearest the middle first.
  visibleTiles() {
    const size = this.map.getSize();
    if (!size) return null;
    const resolution = this.view.getResolution();
    const z = this.tileGrid.getZForResolution(resolution, this.mapSource.zDirection);
    const tiles = [];
    const extent = ol.extent.getIntersection(this.view.calculateExtent(size), this.tileGrid.getExtent());
    if (ol.extent.isEmpty(extent)) return null;
    this.tileGrid.forEachTileCoord(extent, z, ([, x, y]) => {
      if (this.#url(() => "", z, x, y) !== undefined) tiles.push([y, x]);
    });
    const row = tiles.reduce((s, t) => s + t[0], 0) / tiles.length;
    const col = tiles.reduce((s, t) => s + t[1], 0) / tiles.length;
    tiles.sort((a, b) => Math.hypot(a[0] - row, a[1] - col) - Math.hypot(b[0] - row, b[1] - col));
    return { level: this.scene.n_levels - 1 - z, tiles: tiles.slice(0, 64) };
  }

  renew() {
    this.#renew(this.mapSource);
  }

  showPoints(on) {
    this.hidesPoints = !on;
    this.restyle();
  }

  // Labels ------------------------------------------------------------------------------------

  showLabel(uid, label, pending) {
    let feature = this.features.get(uid);
    if (!label) {
      if (feature) this.points.removeFeature(feature);
      this.features.delete(uid);
      if (this.selected === uid) this.select(null);
      return;
    }
    const at = label.positions.map(([col, row]) => [col, -row]);
    const geometry = label.kind === "Point" ? new ol.geom.Point(at[0]) : label.kind === "LineString" ? new ol.geom.LineString(at) : new ol.geom.Polygon([at]);
    if (!feature) {
      feature = new ol.Feature();
      feature.setId(uid);
      this.features.set(uid, feature);
      feature.setGeometry(geometry);
      this.points.addFeature(feature);
    } else if (!this.dragging || this.dragging !== uid) {
      feature.setGeometry(geometry);
    }
    feature.set("label", label, true);
    feature.set("pending", pending, true);
    feature.changed();
  }

  // Places to look at: {col, row, number, isNext}; without a number a mere circle.
  showCandidates(places) {
    for (const f of this.points.getFeatures()) if (f.get("candidate")) this.points.removeFeature(f);
    for (const place of places) {
      const feature = new ol.Feature(new ol.geom.Point([place.col, -place.row]));
      feature.set("candidate", place);
      this.points.addFeature(feature);
    }
  }

  #style(feature) {
    const candidate = feature.get("candidate");
    if (candidate) return this.#candidateStyle(candidate);
    if (this.hidesPoints) return undefined;
    const label = feature.get("label");
    const color = this.colorOf(label.name);
    const chosen = this.selected === label.uid;
    const kind = feature.getGeometry().getType();
    if (kind !== "Point") {
      return [
        new ol.style.Style({ stroke: new ol.style.Stroke({ color: chosen ? "#fff" : "rgba(0,0,0,.6)", width: chosen ? 6 : 4 }) }),
        new ol.style.Style({
          stroke: new ol.style.Stroke({ color, width: 2.5, lineDash: feature.get("pending") ? [4, 4] : undefined }),
          fill: new ol.style.Fill({ color: `${color}55` }),
        }),
      ];
    }
    const radius = chosen ? 8 : 5.5;
    return [
      new ol.style.Style({ image: new ol.style.Circle({ radius: radius + 1.5, fill: new ol.style.Fill({ color: "rgba(0,0,0,.65)" }) }), zIndex: 1 }),
      new ol.style.Style({
        image: new ol.style.Circle({
          radius, fill: new ol.style.Fill({ color: label.name ? color : "rgba(255,255,255,.2)" }),
          stroke: new ol.style.Stroke({ color: "#fff", width: chosen ? 3 : 1.6, lineDash: feature.get("pending") ? [2, 3] : undefined }),
        }),
        zIndex: 1,
      }),
    ];
  }

  // Circles that leave open what they are about, each with its number beside it.
  #candidateStyle({ number, isNext }) {
    const radius = isNext ? 14 : 10;
    const color = isNext ? "#ffd54a" : "#fff";
    const ring = (stroke, width, fill) => new ol.style.Style({
      image: new ol.style.Circle({ radius, stroke: new ol.style.Stroke({ color: stroke, width }), fill: new ol.style.Fill({ color: fill }) }),
      zIndex: isNext ? 4 : 2,
    });
    const styles = [ring("#111", isNext ? 5 : 4, "rgba(0,0,0,.01)"), ring(color, isNext ? 2.5 : 1.8, "rgba(0,0,0,.01)")];
    if (number) {
      styles.push(new ol.style.Style({
        text: new ol.style.Text({
          text: String(number), font: "700 12px system-ui, sans-serif", offsetX: radius + 9, offsetY: -radius - 3,
          fill: new ol.style.Fill({ color: "#111" }), backgroundFill: new ol.style.Fill({ color }),
          backgroundStroke: new ol.style.Stroke({ color: "#111", width: 1 }), padding: [2, 4, 1, 5],
        }),
        zIndex: isNext ? 4 : 2,
      }));
    }
    return styles;
  }

  restyle() {
    this.points.changed();
    for (const f of this.points.getFeatures()) f.changed();
  }

  select(uid) {
    this.selected = uid;
    this.restyle();
    this.dispatchEvent(new CustomEvent("select", { detail: uid }));
  }

  goTo(col, row, resolution) {
    this.view.setCenter([col, -row]);
    if (resolution && this.view.getResolution() > resolution) this.view.setResolution(resolution);
  }

  whole() {
    this.view.setCenter([this.scene.width / 2, -this.scene.height / 2]);
    this.view.setResolution(this.fitResolution);
  }

  middle() {
    const [x, y] = this.view.getCenter();
    return [x, -y];
  }

  // What hands do -----------------------------------------------------------------------------

  #labelAt(pixel) {
    let found = null;
    this.map.forEachFeatureAtPixel(pixel, (f) => {
      const label = f.get("label");
      if (label && !found) found = label.uid;
    }, { hitTolerance: HIT_PX / 2 });
    return found;
  }

  #candidateAt(pixel) {
    let found = null;
    this.map.forEachFeatureAtPixel(pixel, (f) => { found ||= f.get("candidate")?.number; }, { hitTolerance: 2 });
    return found;
  }

  #inside([x, y]) {
    return x >= 0 && x < this.scene.width && y <= 0 && y > -this.scene.height;
  }

  #listen(layer) {
    this.map.on("click", (event) => {
      if (this.draw) return;
      const number = this.#candidateAt(event.pixel);
      const uid = this.#labelAt(event.pixel);
      if (number) {
        this.dispatchEvent(new CustomEvent("candidate", { detail: number }));
      } else if (uid) {
        this.select(this.selected === uid ? null : uid);
      } else if (this.#inside(event.coordinate)) {
        const [x, y] = event.coordinate;
        this.dispatchEvent(new CustomEvent("place", { detail: { kind: "Point", positions: [[x, -y]] } }));
      }
    });
    this.map.getViewport().addEventListener("contextmenu", (event) => {
      event.preventDefault();
      const uid = this.#labelAt(this.map.getEventPixel(event));
      if (uid) this.dispatchEvent(new CustomEvent("remove", { detail: uid }));
    });
    this.map.on("pointermove", (event) => {
      if (event.dragging) return;
      this.element.dataset.over = this.#labelAt(event.pixel) ? "point" : "";
      const [x, y] = event.coordinate;
      this.dispatchEvent(new CustomEvent("hover", { detail: this.#inside(event.coordinate) ? [x, -y] : null }));
    });
    const translate = new ol.interaction.Translate({ layers: [layer], hitTolerance: HIT_PX / 2, filter: (f) => Boolean(f.get("label")) });
    translate.on("translatestart", (e) => { this.dragging = e.features.item(0)?.getId() ?? null; });
    translate.on("translateend", (e) => {
      const feature = e.features.item(0);
      this.dragging = null;
      const moved = Math.hypot(e.coordinate[0] - e.startCoordinate[0], e.coordinate[1] - e.startCoordinate[1]);
      if (feature && moved > 0) this.dispatchEvent(new CustomEvent("move", { detail: { uid: feature.getId(), positions: this.#positions(feature.getGeometry()) } }));
    });
    this.map.addInteraction(translate);
    this.map.on("moveend", () => this.dispatchEvent(new CustomEvent("moved")));
  }

  #positions(geometry) {
    const kind = geometry.getType();
    const at = kind === "Point" ? [geometry.getCoordinates()] : kind === "LineString" ? geometry.getCoordinates() : geometry.getCoordinates()[0];
    const clip = (v, most) => Math.min(Math.max(v, 0), most);
    return at.map(([x, y]) => [clip(x, this.scene.width), clip(-y, this.scene.height)]);
  }

  setTool(kind) {
    if (this.draw) this.map.removeInteraction(this.draw);
    this.draw = null;
    if (kind === "Point") return;
    this.draw = new ol.interaction.Draw({ type: kind, stopClick: true });
    this.draw.on("drawstart", () => { this.isDrawing = true; });
    this.draw.on(["drawend", "drawabort"], () => { this.isDrawing = false; });
    this.draw.on("drawend", (event) => {
      this.dispatchEvent(new CustomEvent("place", { detail: { kind, positions: this.#positions(event.feature.getGeometry()) } }));
    });
    this.map.addInteraction(this.draw);
  }

  // Whether there was a line or an area in the making.
  stopDrawing() {
    if (!this.isDrawing) return false;
    this.draw.abortDrawing();
    this.isDrawing = false;
    return true;
  }

  setSwipe(share) {
    this.swipeAt = share;
    this.map.render();
  }

  #swipe() {
    this.overlay.on("prerender", (event) => {
      const context = event.context;
      context.save();
      if (this.swipeAt === null) return;
      const [width, height] = this.map.getSize();
      const left = width * this.swipeAt;
      const corners = [[left, 0], [width, 0], [width, height], [left, height]].map((p) => ol.render.getRenderPixel(event, p));
      context.beginPath();
      context.moveTo(...corners[0]);
      for (const corner of corners.slice(1)) context.lineTo(...corner);
      context.closePath();
      context.clip();
    });
    this.overlay.on("postrender", (event) => event.context.restore());
  }
}
