// The floor: zones, walls, robots, where the coordinator is and what it decides.
const GOLDEN = Math.PI * (3 - Math.sqrt(5));
const MOST_EASED = 200, EASE = 160; // robots that glide, ms
const MOST_HEADINGS = 150;
const MOST_ZOOM = 16;
const LABEL_EDGE = 6, LABEL_LINE = 14; // px

// The lines of a text, broken between words.
function wrapped(context, text, width) {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

// Whether a point lies within a polygon, by the parity of the borders to its right.
function isWithin([x, y], corners) {
  let inside = false;
  corners.forEach(([x1, y1], i) => {
    const [x0, y0] = corners.at(i - 1);
    if ((y0 > y) !== (y1 > y) && x < x0 + (x1 - x0) * (y - y0) / (y1 - y0)) inside = !inside;
  });
  return inside;
}

class Floor {
  constructor(fleet, onChoose) {
    this.fleet = fleet;
    this.onChoose = onChoose;
    this.canvas = $("floor");
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.ground = document.createElement("canvas");
    this.fit = fitted(this.canvas, () => this.rebuild());
    this.queued = false;
    this.count = 0;
    this.zoom = 1;
    this.pan = [0, 0]; // px, of the middle
    this.chosen = null; // id of a robot
    this.pointed = null;
    this.listen();
  }

  // Zoom by wheel, keys and buttons; pan by dragging and arrow keys; point at a robot to read of it, click to operate it.
  listen() {
    const { canvas } = this;
    let from = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-0.0015 * event.deltaY), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX, y: event.clientY, pan: this.pan, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) { this.point(event.offsetX, event.offsetY); return; }
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      from.moved ||= Math.hypot(dx, dy) > 4;
      if (from.moved && this.zoom > 1) this.view(this.zoom, [from.pan[0] + dx, from.pan[1] + dy]);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && !from.moved) {
        const i = this.robotAt(event.offsetX, event.offsetY);
        if (i !== null) this.onChoose(this.fleet.ids[i]);
      }
      from = null;
    });
    canvas.addEventListener("pointercancel", () => { from = null; });
    canvas.addEventListener("pointerleave", () => this.point(-1, -1));
    canvas.addEventListener("dblclick", () => this.view(1, [0, 0]));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (step && this.zoom > 1) this.view(this.zoom, [this.pan[0] + step[0], this.pan[1] + step[1]]);
      else if (event.key === "+" || event.key === "=") this.zoomBy(1.4);
      else if (event.key === "-") this.zoomBy(1 / 1.4);
      else if (event.key === "0") this.view(1, [0, 0]);
      else return;
      event.preventDefault();
    });
    $("zoom-in").addEventListener("click", () => this.zoomBy(1.4));
    $("zoom-out").addEventListener("click", () => this.zoomBy(1 / 1.4));
    $("zoom-all").addEventListener("click", () => this.view(1, [0, 0]));
  }

  // What is at a point of the picture stays there.
  zoomBy(factor, x = this.fit.width / 2, y = this.fit.height / 2) {
    const zoom = Math.max(1, Math.min(MOST_ZOOM, this.zoom * factor)), by = zoom / this.zoom;
    const [mx, my] = [this.fit.width / 2, this.fit.height / 2], [px, py] = this.pan;
    this.view(zoom, [(x - mx) * (1 - by) + by * px, (y - my) * (1 - by) + by * py]);
  }

  view(zoom, [px, py]) {
    const most = (size) => 0.5 * size * (zoom - 1) + 0.25 * size * Math.min(1, zoom - 1), { width, height } = this.fit;
    this.zoom = zoom;
    this.pan = [Math.max(-most(width), Math.min(most(width), px)), Math.max(-most(height), Math.min(most(height), py))];
    $("zoom-out").disabled = $("zoom-all").disabled = zoom === 1;
    $("zoom-in").disabled = zoom === MOST_ZOOM;
    this.rebuild();
  }

  // The robot that is drawn nearest to a point, if one is near.
  robotAt(x, y) {
    let nearest = null, least = Math.max(8, this.radius + 4);
    for (let i = 0; i < (this.px?.length ?? 0); i++) {
      const far = Math.hypot(this.px[i] - x, this.py[i] - y);
      if (far < least) [nearest, least] = [i, far];
    }
    return nearest;
  }

  point(x, y) {
    this.at = [x, y];
    const i = x < 0 ? null : this.robotAt(x, y), id = i === null ? null : this.fleet.ids[i], tip = $("robot-tip");
    this.canvas.style.cursor = id !== null ? "pointer" : this.zoom > 1 ? "grab" : "";
    tip.hidden = id === null;
    if (id === null) { this.pointed = null; return; }
    this.pointed = id;
    tip.replaceChildren(...robotFacts(this.fleet, i).map(([name, value]) => element("span", {}, `${name} `, element("b", {}, value))));
    tip.style.left = `${Math.min(x + 14, Math.max(0, this.fit.width - 220))}px`;
    tip.style.top = `${y + 14 + tip.offsetHeight > this.fit.height ? Math.max(0, y - 10 - tip.offsetHeight) : y + 14}px`;
  }

  // The robot that is pointed at may be elsewhere by now.
  repoint() {
    if (this.at) this.point(...this.at);
  }

  choose(robot) {
    this.chosen = robot;
    this.request();
  }

  // Sizes, theme or game changed.
  rebuild() {
    this.stale = true;
    if ($("floor-legend").childElementCount === 0 || this.legendTheme !== theme.ink || this.legendGame !== this.fleet.game) this.drawLegend();
    this.request();
  }

  request() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame((now) => { this.queued = false; this.draw(now); });
  }

  moved() { // new states or poses
    this.targetsStale = true;
    this.request();
  }

  draw(now) {
    const { fleet, fit } = this, { context } = fit;
    if (!fleet.game || fit.width < 10) return;
    if (this.stale || this.count !== fleet.ids.length) this.build();
    if (this.targetsStale) this.aim(now);
    const left = this.glide(now);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.ground, 0, 0);
    context.setTransform(fit.ratio, 0, 0, fit.ratio, 0, 0);
    this.drawDecision(context);
    this.drawRobots(context);
    if (left) this.request();
  }

  build() {
    const { fleet, fit } = this, { places, walls, metres } = fleet.game;
    this.stale = false;
    this.count = fleet.ids.length;
    let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
    const include = (x, y) => { x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y); };
    for (const { centre: [x, y], radius, polygon } of places) {
      if (polygon) polygon.forEach(([px, py]) => include(px, py));
      else { include(x - radius, y - radius); include(x + radius, y + radius); }
    }
    walls.flat().forEach(([x, y]) => include(x, y));
    const top = 18, edge = 12;
    const all = Math.min((fit.width - 2 * edge) / (x1 - x0 || 1), (fit.height - top - edge) / (y1 - y0 || 1));
    this.scale = this.zoom * all;
    this.left = fit.width / 2 + this.pan[0] - this.scale * (x0 + x1) / 2;
    this.top = fit.height / 2 + this.pan[1] + this.zoom * (top - edge) / 2 + this.scale * (y0 + y1) / 2;
    this.x = (x) => this.left + this.scale * x;
    this.y = (y) => this.top - this.scale * y;
    const n = Math.max(1, this.count), room = Math.min(...places.filter((place) => !place.way).map((place) => place.radius)) * this.scale;
    const largest = 5.5 * Math.sqrt(this.zoom);
    this.radius = Math.max(1.6, Math.min(largest, 0.62 * room / Math.sqrt(n)));
    if (metres && fleet.columns.x) this.radius = Math.max(2, Math.min(largest, 0.2 * this.scale));
    this.sprites = fleet.game.kinds.map((_, kind) => makeSprites(this.radius, fit.ratio, kind));
    this.spread(n);
    this.drawGround();
    this.px = this.py = null;
    this.targetsStale = true;
  }

  // A robot keeps its place within whichever zone it is in: places of a sunflower, mixed so that neighbours in number are apart.
  spread(n) {
    let step = Math.max(1, Math.round(0.618 * n));
    const common = (a, b) => (b ? common(b, a % b) : a);
    while (common(step, n) !== 1) step += 1;
    this.offsets = new Float32Array(2 * n);
    for (let i = 0; i < n; i++) {
      const place = (i * step) % n, r = 0.9 * Math.sqrt((place + 0.5) / n);
      this.offsets[2 * i] = r * Math.cos(place * GOLDEN);
      this.offsets[2 * i + 1] = r * Math.sin(place * GOLDEN);
    }
  }

  outline(context, place, wider = 0) {
    context.beginPath();
    if (place.polygon) {
      place.polygon.forEach(([x, y], i) => (i ? context.lineTo(this.x(x), this.y(y)) : context.moveTo(this.x(x), this.y(y))));
      context.closePath();
    } else context.arc(this.x(place.centre[0]), this.y(place.centre[1]), Math.max(1, this.scale * place.radius + wider), 0, 2 * Math.PI);
  }

  drawGround() {
    const { fit, ground, fleet } = this, context = ground.getContext("2d");
    ground.width = this.canvas.width;
    ground.height = this.canvas.height;
    context.scale(fit.ratio, fit.ratio);
    context.font = "500 12px system-ui, sans-serif";
    context.textBaseline = "middle";
    fleet.game.places.forEach((place) => {
      if (place.way) return;
      this.outline(context, place);
      context.fillStyle = theme.zone;
      context.fill();
      context.strokeStyle = theme.line;
      context.lineWidth = 1;
      context.stroke();
    });
    context.strokeStyle = theme.panel;
    context.lineWidth = 3;
    context.fillStyle = theme.soft;
    fleet.game.places.forEach((place, i) => { // above all zones
      if (place.way || this.scale * place.radius <= 9) return;
      const { lines, x, y } = this.labelOf(context, fleet.game.place_names[i], place);
      context.textAlign = place.polygon ? "left" : "center";
      lines.forEach((line, row) => {
        if (!place.polygon) context.strokeText(line, x, y + row * LABEL_LINE);
        context.fillText(line, x, y + row * LABEL_LINE);
      });
    });
    context.strokeStyle = theme.soft;
    context.lineWidth = 2;
    for (const wall of fleet.game.walls) {
      context.beginPath();
      wall.forEach(([x, y], i) => (i ? context.lineTo(this.x(x), this.y(y)) : context.moveTo(this.x(x), this.y(y))));
      context.stroke();
    }
  }

  // The lines of a zone's name, and where the first one begins: above a circle, within a polygon; no lines where it has no room.
  labelOf(context, name, { centre, radius, polygon }) {
    const [x, y] = [this.x(centre[0]), this.y(centre[1])];
    if (!polygon) return { lines: [name], x, y: y - this.scale * radius - 12 };
    const corners = polygon.map(([px, py]) => [this.x(px), this.y(py)]);
    const [left, right] = [Math.min, Math.max].map((most) => most(...corners.map((corner) => corner[0])));
    const lines = wrapped(context, name, right - left - 2 * LABEL_EDGE), wide = Math.max(...lines.map((line) => context.measureText(line).width));
    const top = Math.min(...corners.map((corner) => corner[1])) + LABEL_EDGE + LABEL_LINE / 2;
    const high = (lines.length - 1) * LABEL_LINE;
    for (const [at, first] of [[left + LABEL_EDGE, top], [x - wide / 2, top], [x - wide / 2, y - high / 2]]) {
      const box = [[at, first - LABEL_LINE / 2], [at + wide, first - LABEL_LINE / 2], [at, first + high + LABEL_LINE / 2], [at + wide, first + high + LABEL_LINE / 2]];
      if (box.every((point) => isWithin(point, corners))) return { lines, x: at, y: first };
    }
    return { lines: [], x, y };
  }

  drawDecision(context) {
    const { last, game, belief, hiddenState } = this.fleet;
    if (!last) return;
    const placeOf = (places, i) => game.places[places[i] ?? -1] ?? null;
    const from = placeOf(game.served, last.s_g), to = placeOf(game.sent, last.a_g);
    const demand = hiddenState === null ? null : placeOf(game.demanded, hiddenState);
    const believed = belief.length ? placeOf(game.demanded, belief.indexOf(Math.max(...belief))) : null;
    for (const [place, dash] of [[demand, []], [believed, [3, 4]]]) {
      if (!place) continue;
      this.outline(context, place, dash.length ? -6 : -3);
      context.strokeStyle = theme.green;
      context.lineWidth = 2.5;
      context.setLineDash(dash);
      context.stroke();
    }
    context.setLineDash([]);
    if (from) {
      this.outline(context, from);
      context.strokeStyle = theme.ink;
      context.lineWidth = 2.5;
      context.stroke();
    }
    if (!to) return;
    this.outline(context, to, 4);
    context.strokeStyle = theme.orange;
    context.lineWidth = 2.5;
    context.setLineDash([7, 5]);
    context.stroke();
    context.setLineDash([]);
    if (!from || from === to) return;
    const [ax, ay, bx, by] = [this.x(from.centre[0]), this.y(from.centre[1]), this.x(to.centre[0]), this.y(to.centre[1])];
    const far = Math.hypot(bx - ax, by - ay), ux = (bx - ax) / far, uy = (by - ay) / far;
    const margin = from.polygon ? 16 : this.scale * from.radius + 5;
    if (far < 2 * margin + 12) return;
    const [sx, sy, ex, ey] = [ax + margin * ux, ay + margin * uy, bx - margin * ux, by - margin * uy];
    context.beginPath();
    context.moveTo(sx, sy); context.lineTo(ex, ey);
    context.moveTo(ex - 9 * ux + 5 * uy, ey - 9 * uy - 5 * ux); context.lineTo(ex, ey);
    context.lineTo(ex - 9 * ux - 5 * uy, ey - 9 * uy + 5 * ux);
    context.lineWidth = 2;
    context.stroke();
  }

  // Where each robot is drawn from now on.
  aim(now) {
    const { columns, game, ids } = this.fleet, n = ids.length, { state, x, y } = columns;
    this.targetsStale = false;
    const tx = new Float32Array(n).fill(NaN), ty = new Float32Array(n).fill(NaN);
    for (let i = 0; i < n; i++) {
      if (x && Number.isFinite(x[i])) {
        tx[i] = this.x(x[i]); ty[i] = this.y(y[i]);
        continue;
      }
      const place = state && state[i] < game.zones.length ? game.places[game.place_of[state[i]]] : null;
      if (!place) continue;
      const r = this.scale * place.radius;
      tx[i] = this.x(place.centre[0]) + r * this.offsets[2 * i];
      ty[i] = this.y(place.centre[1]) + r * this.offsets[2 * i + 1];
    }
    const eased = n <= MOST_EASED && !this.calm.matches && this.px !== null;
    this.fromX = eased ? this.px : tx;
    this.fromY = eased ? this.py : ty;
    [this.tx, this.ty, this.since] = [tx, ty, eased ? now : -Infinity];
  }

  // Moves robots towards their aims; whether some are still on the way.
  glide(now) {
    const share = Math.min(1, (now - this.since) / EASE), smooth = share * (2 - share);
    if (share >= 1) { [this.px, this.py] = [this.tx, this.ty]; return false; }
    const n = this.tx.length, px = new Float32Array(n), py = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const known = Number.isFinite(this.fromX[i]);
      px[i] = known ? this.fromX[i] + smooth * (this.tx[i] - this.fromX[i]) : this.tx[i];
      py[i] = known ? this.fromY[i] + smooth * (this.ty[i] - this.fromY[i]) : this.ty[i];
    }
    [this.px, this.py] = [px, py];
    return true;
  }

  drawRobots(context) {
    const { columns: { mark, state, yaw, x }, ids, game, low } = this.fleet, above = [], rings = [];
    if (!mark) return;
    const put = (i, name) => {
      const { canvas, size } = this.sprites[game.kind_of[state[i]] ?? 0][name];
      context.drawImage(canvas, this.px[i] - size / 2, this.py[i] - size / 2, size, size);
    };
    const headings = x && ids.length <= MOST_HEADINGS;
    context.strokeStyle = theme.ink;
    context.lineWidth = 1.5;
    for (let i = 0; i < ids.length; i++) {
      if (!(this.px[i] > -50)) continue; // unknown is NaN
      const name = markOf(mark[i], state[i]);
      if (name === "left") continue;
      if (headings && Number.isFinite(yaw[i])) {
        context.beginPath();
        context.moveTo(this.px[i], this.py[i]);
        context.lineTo(this.px[i] + 2 * this.radius * Math.cos(yaw[i]), this.py[i] - 2 * this.radius * Math.sin(yaw[i]));
        context.stroke();
      }
      if (low.has(ids[i])) rings.push([i, theme.red]);
      if (ids[i] === this.chosen) rings.push([i, theme.ink]);
      if (name === "heard" || name === "polled") above.push([i, name]);
      else put(i, name);
    }
    for (const [i, name] of above) put(i, name);
    for (const [i, colour] of rings) {
      context.beginPath();
      context.arc(this.px[i], this.py[i], this.radius + (colour === theme.ink ? 6 : 3), 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.stroke();
    }
  }

  drawLegend() {
    const { game } = this.fleet, kinds = game?.kinds ?? [""];
    this.legendTheme = theme.ink;
    this.legendGame = game;
    const entry = (text, paint) => {
      const canvas = element("canvas", { width: 32, height: 32, "aria-hidden": "true" }), context = canvas.getContext("2d");
      context.scale(2, 2);
      paint(context);
      return element("li", {}, canvas, text);
    };
    const box = (colour, dash) => (context) => {
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.setLineDash(dash);
      context.strokeRect(2, 3, 12, 10);
    };
    $("floor-legend").replaceChildren(
      entry("coordinator", box(theme.ink, [])), entry("sent to", box(theme.orange, [3, 2.5])),
      ...(game?.demanded.some((place) => place !== null) ? [entry("demand, believed", box(theme.green, [3, 4])), entry("demand, true", box(theme.green, []))] : []),
      ...Object.entries(MARKS).map(([mark, text]) => entry(text, (context) => drawMark(context, mark, 8, 8, 4))),
      ...kinds.slice(1).map((kind, i) => entry(kind, (context) => drawMark(context, "normal", 8, 8, 4, i + 1))),
    );
  }

  // For those who do not see the picture.
  describe() {
    const { fleet } = this, { last, game, ids } = fleet;
    if (!game || !last) return;
    const shares = fleet.truth ?? fleet.estimate ?? [];
    const most = shares.indexOf(Math.max(...shares));
    const where = most >= 0 ? `, most of them in ${game.zones[most]} (${percent(shares[most])})` : "";
    this.canvas.setAttribute("aria-label", `${ids.length} robots in ${game.places.filter((place) => !place.way).length} zones${where}. ${$("decision").textContent}`);
  }
}
