// Estimated and true share of the robots per zone, as bars with their figures; of many zones the fullest come first.
const MANY_ZONES = 20;

class Shares {
  constructor(fleet) {
    this.fleet = fleet;
    this.rows = [];
  }

  rebuild() {
    this.rows = this.fleet.game.zones.map((name) => {
      const row = {
        estimate: element("i", { class: "estimate" }), truth: element("i", { class: "truth" }),
        name: element("span", { class: "name", title: name }, name), estimated: element("span", { class: "figure" }), true: element("span", { class: "figure true" }),
      };
      row.line = element(
        "div", { class: "share", role: "listitem" }, row.name,
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
    const { zones } = this.fleet.game, order = zones.map((_, i) => i), share = (i) => Math.max(estimate[i], truth?.[i] ?? 0);
    if (zones.length > MANY_ZONES) order.sort((one, other) => share(other) - share(one));
    this.rows.forEach((row, place) => {
      const i = order[place];
      setText(row.name, zones[i]);
      row.name.title = zones[i];
      const cut = (share) => `inset(0 ${(100 * (1 - (share ?? 0) / widest)).toFixed(2)}% 0 0)`;
      row.estimate.style.clipPath = cut(estimate[i]);
      row.truth.style.clipPath = cut(truth?.[i]);
      setText(row.estimated, percent(estimate[i], 1));
      setText(row.true, truth ? percent(truth[i], 1) : "");
    });
  }
}
