// Estimated and true share of the robots per zone, as bars with their figures.
class Shares {
  constructor(fleet) {
    this.fleet = fleet;
    this.rows = [];
  }

  rebuild() {
    this.rows = this.fleet.game.zones.map((name) => {
      const row = {
        estimate: element("i", { class: "estimate" }), truth: element("i", { class: "truth" }),
        figures: element("span", { class: "figures" }),
      };
      row.line = element(
        "div", { class: "share", role: "listitem" }, element("span", { class: "name", title: name }, name),
        element("span", { class: "bars", "aria-hidden": "true" }, row.estimate, row.truth), row.figures,
      );
      return row;
    });
    $("shares").replaceChildren(...this.rows.map((row) => row.line));
    this.draw();
  }

  draw() {
    const { estimate, truth } = this.fleet;
    $("key-truth").hidden = !truth;
    if (!estimate) return;
    const widest = Math.max(0.05, ...estimate, ...(truth ?? []));
    this.rows.forEach((row, i) => {
      row.estimate.style.transform = `scaleX(${(estimate[i] ?? 0) / widest})`;
      row.truth.style.transform = `scaleX(${(truth?.[i] ?? 0) / widest})`;
      const text = truth ? `${percent(estimate[i], 1)} est. · ${percent(truth[i], 1)} true` : `${percent(estimate[i], 1)} est.`;
      setText(row.figures, text);
    });
  }
}
