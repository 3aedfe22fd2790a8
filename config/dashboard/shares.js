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
        estimated: element("span", { class: "figure" }), true: element("span", { class: "figure true" }),
      };
      row.line = element(
        "div", { class: "share", role: "listitem" }, element("span", { class: "name", title: name }, name),
        element("span", { class: "bars", "aria-hidden": "true" }, row.estimate, row.truth),
        element("span", { class: "hidden" }, "estimated"), row.estimated, element("span", { class: "hidden" }, "true"), row.true,
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
      const cut = (share) => `inset(0 ${(100 * (1 - (share ?? 0) / widest)).toFixed(2)}% 0 0)`;
      row.estimate.style.clipPath = cut(estimate[i]);
      row.truth.style.clipPath = cut(truth?.[i]);
      setText(row.estimated, percent(estimate[i], 1));
      setText(row.true, truth ? percent(truth[i], 1) : "");
    });
  }
}
