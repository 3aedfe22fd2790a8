// All robots in a table of which only the rows in sight exist.
const ROW = 26; // px, as in the style sheet
const HEAD = 28;
const NEVER = 0xffffffff;
const COLUMNS = [
  ["id", "Robot"], ["mark", "State"], ["drive", "Motion", "what a robot on wheels does, and why it stands"], ["zone", "Zone"], ["age", "Age", "ticks since it was last heard"],
  ["answered", "Heard", "share of its polls that it answered"], ["misses", "Missed", "polls in a row without an answer"],
  ["charge", "Charge", "of its battery"],
];
const SHOWN_MARKS = { all: null, polled: ["polled", "heard"], suspended: ["suspended"] };

class Roster {
  constructor(fleet, choose) {
    this.fleet = fleet;
    this.choose = choose;
    this.box = $("roster");
    this.order = [];
    this.sort = ["id", 1];
    this.pool = [];
    this.heads = COLUMNS.map(([key, title, help]) => element(
      "span", { role: "columnheader", "aria-sort": "none", class: key, title: help },
      element("button", { type: "button", onclick: () => this.sortBy(key) }, title),
    ));
    this.body = element("div", { class: "body", role: "rowgroup" });
    this.box.replaceChildren(element("div", { role: "rowgroup", class: "row head" }, ...this.heads), this.body);
    this.box.firstChild.setAttribute("role", "row");
    this.box.addEventListener("scroll", () => this.request());
    new ResizeObserver(() => this.request()).observe(this.box);
    $("roster-find").addEventListener("input", () => this.arrange());
    $("roster-show").addEventListener("change", () => this.arrange());
    this.showSort();
  }

  sortBy(key) {
    this.sort = [key, this.sort[0] === key ? -this.sort[1] : key === "id" ? 1 : -1];
    this.showSort();
    this.arrange();
  }

  showSort() {
    COLUMNS.forEach(([key], i) => {
      const way = this.sort[0] !== key ? "none" : this.sort[1] > 0 ? "ascending" : "descending";
      this.heads[i].setAttribute("aria-sort", way);
    });
  }

  request() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => { this.queued = false; this.draw(); });
  }

  // Which robots are listed, and in which order.
  arrange() {
    const { ids, names, columns, drives } = this.fleet, n = ids.length, { mark, state, age, asked, answered, misses, charge } = columns;
    if (!mark || !age) return;
    const wanted = $("roster-find").value.trim().toLowerCase(), show = $("roster-show").value;
    const [key, way] = this.sort, order = [];
    for (let i = 0; i < n; i++) {
      if (wanted && !(String(ids[i]) === wanted || (names[ids[i]] ?? "").toLowerCase().includes(wanted))) continue;
      if (show === "stopped" ? !isHeldUp(drives[ids[i]]) : show === "silent" ? !misses[i] : show === "operated" ? !this.fleet.operated[ids[i]] : show === "low" ? !this.fleet.low.has(ids[i]) : SHOWN_MARKS[show] && !SHOWN_MARKS[show].includes(markOf(mark[i], state[i]))) continue;
      order.push(i);
    }
    const ranks = { left: 0, normal: 1, reported: 1, heard: 2, polled: 3, suspended: 4 };
    const value = {
      id: (i) => ids[i], mark: (i) => ranks[markOf(mark[i], state[i])], zone: (i) => state[i],
      age: (i) => age[i], misses: (i) => misses[i], answered: (i) => (asked[i] ? answered[i] / asked[i] : -1),
      charge: (i) => (Number.isFinite(charge?.[i]) ? charge[i] : -1), drive: (i) => heldUpRank(drives[ids[i]]),
    }[key];
    order.sort((a, b) => way * (value(a) - value(b)) || ids[a] - ids[b]);
    this.order = order;
    this.box.classList.toggle("with-charge", Boolean(charge?.some(Number.isFinite)));
    this.box.classList.toggle("with-drive", Object.keys(drives).length > 0);
    this.box.classList.toggle("of-record", Boolean(this.fleet.record));
    this.widen();
    this.box.setAttribute("aria-rowcount", order.length + 1);
    this.body.style.height = `${order.length * ROW}px`;
    setText($("roster-count"), order.length === n ? `${n}` : `${order.length} of ${n}`);
    this.request();
  }

  // Columns of names are as wide as the longest one: where that is too much for the screen, the table scrolls sideways.
  widen() {
    const { ids, names, game } = this.fleet;
    if (this.widened?.names === names && this.widened.game === game) return;
    this.widened = { names, game };
    const pen = document.createElement("canvas").getContext("2d");
    const { fontWeight, fontSize, fontFamily } = getComputedStyle(this.body);
    pen.font = `${fontWeight} ${fontSize} ${fontFamily}`;
    const widest = (texts) => Math.ceil(texts.reduce((most, text) => Math.max(most, pen.measureText(text).width), 48)) + 2;
    this.box.style.setProperty("--name", `${widest(Array.from(ids, (id) => shortName(names[id], id)))}px`);
    this.box.style.setProperty("--zone", `${widest(game?.zones ?? [])}px`);
  }

  draw() {
    if (this.box.clientHeight === 0) return;
    const first = Math.max(0, Math.floor((this.box.scrollTop - HEAD) / ROW) - 2);
    const rows = Math.ceil(this.box.clientHeight / ROW) + 4;
    while (this.pool.length < rows) this.pool.push(this.makeRow());
    this.pool.forEach((row, p) => {
      // Row p of the pool shows the place that is p modulo the pool's size: scrolling moves few rows.
      const place = first + ((p - first) % this.pool.length + this.pool.length) % this.pool.length;
      const shown = place < this.order.length && place < first + rows;
      row.line.hidden = !shown;
      if (shown) this.fill(row, place, this.order[place]);
    });
  }

  makeRow() {
    const cells = Object.fromEntries(COLUMNS.map(([key]) => [key, element("span", { role: "cell", class: key })]));
    const choose = () => this.choose(Number(line.dataset.robot));
    const line = element(
      "div", { class: "row", role: "row", tabindex: "0", onclick: choose, onkeydown: (event) => { if (event.key === "Enter") choose(); } },
      ...Object.values(cells),
    );
    this.body.append(line);
    return { line, cells, place: -1 };
  }

  fill({ line, cells, ...row }, place, i) {
    const { ids, names, columns: { mark, state, age, asked, answered, misses, charge }, game, drives } = this.fleet;
    const transform = `translateY(${place * ROW}px)`;
    if (line.style.transform !== transform) {
      line.style.transform = transform;
      line.setAttribute("aria-rowindex", place + 2);
    }
    const name = markOf(mark[i], state[i]);
    if (line.dataset.mark !== name) line.dataset.mark = name;
    const operated = this.fleet.operated[ids[i]] ?? "";
    line.dataset.robot = ids[i];
    line.dataset.operated = operated ? "yes" : "no";
    const words = { normal: "live", reported: "live", heard: "● heard", polled: "○ polled", suspended: "✕ suspended", left: "left" };
    setText(cells.id, shortName(names[ids[i]], ids[i]));
    setText(cells.mark, operated || words[name]);
    if (cells.mark.title !== operated) cells.mark.title = operated;
    const [level, motion] = drives[ids[i]] ?? [0, ""];
    cells.drive.dataset.level = level;
    if (cells.drive.title !== motion) cells.drive.title = motion;
    setText(cells.drive, motion);
    setText(cells.zone, state[i] === 0xffff ? "–" : game?.zones[state[i]] ?? String(state[i]));
    setText(cells.age, age[i] === NEVER ? "never" : String(age[i]));
    setText(cells.answered, asked[i] ? percent(answered[i] / asked[i]) : "–");
    setText(cells.misses, String(misses[i]));
    setText(cells.charge, charge && Number.isFinite(charge[i]) ? percent(charge[i]) : "");
    cells.charge.dataset.low = this.fleet.low.has(ids[i]) ? "yes" : "no";
  }
}

// How much a robot's motion calls for help: its diagnosis, and whether something holds it up.
function heldUpRank(drive) {
  if (!drive) return -1;
  return 2 * drive[0] + Number(isHeldUp(drive));
}

// A robot that stands for no reason has arrived.
function isHeldUp(drive) {
  return Boolean(drive) && (drive[0] > 0 || /^(stopped|blocked|silent):/.test(drive[1]));
}

// Of a robot in a sentence.
function robotName(name, id) {
  const short = shortName(name, id);
  return short === String(id) ? `robot ${short}` : short;
}

// A robot's namespace says more than its node's name.
function shortName(name, id) {
  const parts = (name ?? "").split("/").filter(Boolean);
  return parts.length > 1 ? parts.at(-2) : String(id);
}
