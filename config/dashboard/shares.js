// Estimated and true shares, as bars with their figures; of many the largest come first.
const MANY = 20;

class Bars {
  constructor(list, widest) {
    this.list = list;
    this.widest = widest; // share that fills the bar; null: the largest one
    this.rows = [];
  }

  rebuild(names) {
    this.names = names;
    this.rows = names.map((name) => {
      const row = {
        name: element("span", { class: "name", title: name }, name),
        estimate: element("i", { class: "estimate" }), truth: element("i", { class: "truth" }),
        estimated: element("span", { class: "figure" }), true: element("span", { class: "figure true" }),
      };
      row.line = element(
        "div", { class: "share", role: "listitem" }, row.name,
        element("span", { class: "bars", "aria-hidden": "true" }, row.estimate, row.truth),
        element("span", { class: "hidden" }, "estimated"), row.estimated, element("span", { class: "hidden" }, "true"), row.true,
      );
      return row;
    });
    this.list.replaceChildren(...this.rows.map((row) => row.line));
  }

  draw(estimate, truth, say) {
    const widest = this.widest ?? Math.max(0.05, ...estimate, ...(truth ?? []));
    const order = this.rows.map((_, i) => i), share = (i) => Math.max(estimate[i], truth?.[i] ?? 0);
    if (order.length > MANY) order.sort((one, other) => share(other) - share(one));
    this.rows.forEach((row, place) => {
      const i = order[place];
      setText(row.name, this.names[i]);
      row.name.title = this.names[i];
      const cut = (share) => `inset(0 ${(100 * (1 - (share ?? 0) / widest)).toFixed(2)}% 0 0)`;
      row.estimate.style.clipPath = cut(estimate[i]);
      row.truth.style.clipPath = cut(truth?.[i]);
      setText(row.estimated, percent(estimate[i], 1));
      setText(row.true, truth ? say(truth[i]) : "");
    });
  }
}

// The robots per zone, and above them the hidden state of a game that has one.
class Shares {
  constructor(fleet) {
    this.fleet = fleet;
    this.zones = new Bars($("shares"), null);
    this.hidden = new Bars($("belief"), 1);
  }

  rebuild() {
    this.zones.rebuild(this.fleet.game.zones);
    this.hidden.rebuild([]);
    this.draw();
  }

  draw() {
    const { estimate, truth, game } = this.fleet, belief = this.fleet.belief ?? [], d = this.fleet.hiddenState ?? null;
    $("key-truth").hidden = !truth;
    for (const title of ["belief-title", "zones-title"]) $(title).hidden = belief.length === 0;
    if (!estimate || !game) return;
    this.zones.draw(estimate, truth, (share) => percent(share, 1));
    if (this.hidden.rows.length !== belief.length) this.hidden.rebuild(belief.map((_, i) => game.hidden[i] ?? `hidden ${i}`));
    this.hidden.draw(belief, d === null ? null : belief.map((_, i) => (i === d ? 1 : 0)), (share) => (share ? "true" : ""));
  }
}
