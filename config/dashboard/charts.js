// Small multiples over the last ticks. A cursor, by pointer or arrow keys, reads all of them at one tick.
const FEWEST = 60, SHOWN = 300; // ticks from edge to edge
const GUTTER = 38; // px, of the axis
const LATE = 5; // ticks that a truth may come late
const FEW = 12; // ticks up to which each has a dot
const CHARTS = [
  { title: "Team reward", unit: "per tick", series: [["reward", "estimated", "blue"], ["true_reward", "true", "green", [4, 3]]] },
  { title: "Sampling error", unit: "%", scale: 100, zero: true,
    series: [["error", "expected", "blue"], ["true_error", "true", "green", [4, 3]]] },
  { title: "Reports", unit: "", zero: true, whole: true,
    series: [["k", "k", "faint", [2, 3]], ["k_eff", "allowed", "red", [6, 3]], ["heard", "heard", "blue"], ["rung", "rung", "orange", [5, 3]]] },
  { title: "Latency", unit: "ms", scale: 1000, zero: true, series: [["latency", "broadcast to decision", "blue"]] },
  { title: "Reports on the wire", unit: "B/s", zero: true, series: [["rate", "used", "blue"], ["limit", "limit", "red", [6, 3]]] },
  { title: "Age of information", unit: "ticks", zero: true, series: [["age_mean", "mean", "blue"], ["age_p95", "95 %", "purple", [4, 3]]] },
];

// Whether a row has something to say of that: there may be no truth, no limit, or one that does not bind. Value vectors have
// no rungs: theirs is the number of reports that were heard.
function told(row, field) {
  return row[field] !== null && (field !== "limit" || row.limit > 0) && (field !== "k_eff" || row.k_eff < row.k) && (field !== "rung" || row.rung !== row.heard);
}

class Charts {
  constructor(fleet) {
    this.fleet = fleet;
    this.cursor = null; // ticks before the newest one
    this.charts = CHARTS.map((chart) => this.make(chart));
    $("charts").replaceChildren(...this.charts.map((chart) => chart.figure));
    this.values = [];
  }

  make(definition) {
    const canvas = element("canvas", { role: "img", tabindex: "0", "aria-label": definition.title });
    const chart = { ...definition, scale: definition.scale ?? 1, canvas, outputs: [] };
    const values = definition.series.map(([, label, colour, dash]) => {
      const output = element("b", {}, "–");
      const entry = element("span", {}, output, ` ${label}`);
      entry.insertAdjacentHTML("afterbegin", `<svg width="14" height="4" aria-hidden="true"><line x1="0" y1="2" x2="14" y2="2" stroke="var(--${colour})" stroke-width="2" stroke-dasharray="${(dash ?? []).join(" ")}"/></svg>`);
      chart.outputs.push({ entry, output });
      return entry;
    });
    chart.figure = element(
      "figure", { class: "chart" },
      element("figcaption", {}, element("span", { class: "title" }, definition.title, " ", element("span", { class: "unit" }, definition.unit)),
        element("span", { class: "values" }, ...values)),
      element("div", { class: "plot" }, canvas),
    );
    chart.fit = fitted(canvas, () => this.drawOne(chart));
    canvas.addEventListener("pointermove", (event) => this.point(chart, event.offsetX));
    canvas.addEventListener("pointerleave", () => this.read(null));
    canvas.addEventListener("blur", () => this.read(null));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (event.key === "Escape") this.read(null);
      else if (event.key === "Home") this.read(Math.min(SHOWN, this.fleet.rows.length) - 1);
      else if (event.key === "End") this.read(0);
      else if (step) this.read((this.cursor ?? 0) + step);
      else return;
      event.preventDefault();
    });
    return chart;
  }

  // Ticks from edge to edge.
  get span() {
    return Math.max(FEWEST, Math.min(SHOWN, this.fleet.rows.length));
  }

  point(chart, x) {
    const { width } = chart.fit, back = Math.round((width - x) / (width - GUTTER) * (this.span - 1));
    this.read(x > GUTTER && back < this.fleet.rows.length ? back : null);
  }

  read(back) {
    const n = Math.min(SHOWN, this.fleet.rows.length);
    this.cursor = back === null ? null : Math.max(0, Math.min(n - 1, back));
    this.draw();
  }

  draw() {
    const rows = this.fleet.rows, row = rows[rows.length - 1 - (this.cursor ?? 0)];
    if (!row) return;
    setText($("charts-at"), this.cursor === null ? `last ${Math.min(SHOWN, rows.length)} ticks` : `tick ${row.tick}, ${this.cursor} before the last`);
    for (const chart of this.charts) {
      chart.series.forEach(([field], i) => {
        const { entry, output } = chart.outputs[i];
        // The truth of a tick is known a little later than the tick.
        const known = this.cursor === null ? rows.slice(-LATE).findLast((late) => told(late, field)) : told(row, field) && row;
        entry.hidden = !known;
        setText(output, known ? number(known[field] * chart.scale) : "–");
      });
      this.drawOne(chart);
    }
  }

  drawOne(chart) {
    const { context, width, height, ratio } = chart.fit, rows = this.fleet.rows.slice(-SHOWN);
    if (width < 20 || rows.length === 0 || !theme.ink) return;
    const lines = chart.series.map(([field]) => rows.map((row) => (told(row, field) ? row[field] * chart.scale : NaN)));
    let low = chart.zero ? 0 : Infinity, high = -Infinity;
    for (const line of lines) for (const value of line) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!(high > -Infinity)) [low, high] = [0, 1];
    const span = high - low || Math.abs(high) || 1;
    high += 0.06 * span;
    if (!chart.zero) low -= 0.06 * span;
    const top = 4, bottom = height - 3, x = (i) => width - 2 - (rows.length - 1 - i) * (width - 2 - GUTTER) / (this.span - 1);
    const y = (value) => bottom - (value - low) / (high - low) * (bottom - top);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.grid(context, low, high, y, width, height, chart.whole);
    chart.series.forEach(([, , colour, dash], s) => {
      context.beginPath();
      let down = false;
      lines[s].forEach((value, i) => {
        if (Number.isNaN(value)) { down = false; return; }
        if (down) context.lineTo(x(i), y(value));
        else context.moveTo(x(i), y(value));
        down = true;
      });
      context.strokeStyle = theme[colour];
      context.lineWidth = 1.4;
      context.lineJoin = "round";
      context.setLineDash(dash ?? []);
      context.stroke();
      context.setLineDash([]);
      if (rows.length > FEW) return;
      context.fillStyle = theme[colour];
      lines[s].forEach((value, i) => { if (!Number.isNaN(value)) context.fillRect(x(i) - 1.5, y(value) - 1.5, 3, 3); });
    });
    if (this.cursor !== null && this.cursor < rows.length) {
      const at = x(rows.length - 1 - this.cursor);
      context.fillStyle = theme.faint;
      context.fillRect(Math.round(at), 0, 1, height);
    }
  }

  grid(context, low, high, y, width, bottom, whole) {
    const rough = (high - low) / 3.5, power = 10 ** Math.floor(Math.log10(rough));
    let step = [1, 2, 5, 10].map((m) => m * power).find((m) => m >= rough);
    if (whole) step = Math.max(1, Math.round(step));
    context.font = "10.5px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.lineWidth = 1;
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      const at = Math.round(y(value)) + 0.5;
      context.strokeStyle = theme.line;
      context.beginPath();
      context.moveTo(GUTTER, at);
      context.lineTo(width, at);
      context.stroke();
      context.fillStyle = theme.soft;
      context.fillText(axis(value), GUTTER - 6, Math.max(6, Math.min(bottom - 4, at)));
    }
  }

  // For those who do not see the lines.
  describe() {
    const rows = this.fleet.rows.slice(-SHOWN);
    for (const chart of this.charts) {
      const parts = chart.series.map(([field, label]) => {
        const values = rows.filter((row) => told(row, field)).map((row) => row[field] * chart.scale);
        if (!values.length) return null;
        return `${label} now ${number(values.at(-1))}, from ${number(Math.min(...values))} to ${number(Math.max(...values))}`;
      });
      chart.canvas.setAttribute("aria-label", `${[chart.title, chart.unit].filter(Boolean).join(", ")}, last ${rows.length} ticks: ${parts.filter(Boolean).join("; ") || "unknown"}`);
    }
  }
}
