// The floor: zones, walls, robots, where the coordinator is and what it decides.
const GOLDEN = Math.PI * (3 - Math.sqrt(5));
const MOST_EASED = 200, EASE = 160; // robots that glide, ms
const MOST_HEADINGS = 150;

class Floor {
  constructor(fleet) {
    this.fleet = fleet;
    this.canvas = $("floor");
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.ground = document.createElement("canvas");
    this.fit = fitted(this.canvas, () => this.rebuild());
    this.queued = false;
    this.count = 0;
  }

  // Sizes, theme or game changed.
  rebuild() {
    this.stale = true;
    if ($("floor-legend").childElementCount === 0 || this.legendTheme !== theme.ink) this.drawLegend();
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
    this.scale = Math.min((fit.width - 2 * edge) / (x1 - x0 || 1), (fit.height - top - edge) / (y1 - y0 || 1));
    this.left = (fit.width - this.scale * (x1 - x0)) / 2 - this.scale * x0;
    this.top = top + (fit.height - top - edge - this.scale * (y1 - y0)) / 2 + this.scale * y1;
    this.x = (x) => this.left + this.scale * x;
    this.y = (y) => this.top - this.scale * y;
    const n = Math.max(1, this.count), room = Math.min(...places.map((place) => place.radius)) * this.scale;
    this.radius = Math.max(1.6, Math.min(5.5, 0.62 * room / Math.sqrt(n)));
    if (metres && fleet.columns.x) this.radius = Math.max(2, Math.min(7, 0.2 * this.scale));
    this.sprites = makeSprites(this.radius, fit.ratio);
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
    } else context.arc(this.x(place.centre[0]), this.y(place.centre[1]), this.scale * place.radius + wider, 0, 2 * Math.PI);
  }

  drawGround() {
    const { fit, ground, fleet } = this, context = ground.getContext("2d");
    ground.width = this.canvas.width;
    ground.height = this.canvas.height;
    context.scale(fit.ratio, fit.ratio);
    context.font = "500 12px system-ui, sans-serif";
    fleet.game.places.forEach((place, i) => {
      this.outline(context, place);
      context.fillStyle = theme.zone;
      context.fill();
      context.strokeStyle = theme.line;
      context.lineWidth = 1;
      context.stroke();
      const [x, y] = this.labelAt(place);
      context.fillStyle = theme.soft;
      context.textAlign = place.polygon ? "left" : "center";
      if (this.scale * place.radius > 9) context.fillText(fleet.game.place_names[i], x, y);
    });
    context.strokeStyle = theme.soft;
    context.lineWidth = 2;
    for (const wall of fleet.game.walls) {
      context.beginPath();
      wall.forEach(([x, y], i) => (i ? context.lineTo(this.x(x), this.y(y)) : context.moveTo(this.x(x), this.y(y))));
      context.stroke();
    }
  }

  labelAt({ centre: [x, y], radius, polygon }) {
    if (!polygon) return [this.x(x), this.y(y) - this.scale * radius - 9];
    const left = Math.min(...polygon.map((corner) => corner[0])), top = Math.max(...polygon.map((corner) => corner[1]));
    return [this.x(left) + 8, this.y(top) + 17];
  }

  drawDecision(context) {
    const { last, game } = this.fleet;
    if (!last) return;
    const from = game.global_is_zone ? game.places[last.s_g] : null, to = game.action_is_zone ? game.places[last.a_g] : null;
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
      const place = state && state[i] < game.zones.length ? game.places[state[i] % game.places.length] : null;
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
    const { columns: { mark, state, yaw, x }, ids } = this.fleet, above = [];
    if (!mark) return;
    const put = (i, name) => {
      const { canvas, size } = this.sprites[name];
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
      if (name === "heard" || name === "polled") above.push([i, name]);
      else put(i, name);
    }
    for (const [i, name] of above) put(i, name);
  }

  drawLegend() {
    this.legendTheme = theme.ink;
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
      entry("coordinator (s_g)", box(theme.ink, [])), entry("decision (a_g)", box(theme.orange, [3, 2.5])),
      ...Object.entries(MARKS).map(([mark, text]) => entry(text, (context) => drawMark(context, mark, 8, 8, 4))),
    );
  }

  // For those who do not see the picture.
  describe() {
    const { fleet } = this, { last, game, ids } = fleet;
    if (!game || !last) return;
    const shares = fleet.truth ?? fleet.estimate ?? [];
    const most = shares.indexOf(Math.max(...shares));
    const where = most >= 0 ? `, most of them in ${game.zones[most]} (${percent(shares[most])})` : "";
    this.canvas.setAttribute("aria-label", `${ids.length} robots in ${game.places.length} zones${where}. ${$("decision").textContent}`);
  }
}
