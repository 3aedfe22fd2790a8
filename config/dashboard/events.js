// The log, the newest first; warnings stay marked until an operator acknowledges them.
const MOST_LINES = 200;
const SIGNS = { info: "·", warning: "▲", error: "■" };

class Events {
  constructor(fleet, ask) {
    this.fleet = fleet;
    this.list = $("event-lines");
    this.button = $("acknowledge");
    this.button.addEventListener("click", () => ask({ do: "acknowledge", event: this.fleet.events.at(-1)?.number ?? 0 }));
  }

  clear() {
    this.fleet.events = [];
    this.list.replaceChildren();
  }

  add(events) {
    for (const { number: key, time, level, kind, text } of events) {
      this.list.prepend(element(
        "li", { class: level, "data-number": key, "data-kind": kind }, element("time", {}, clock(time)),
        element("span", { class: "sign" }, element("span", { "aria-hidden": "true" }, SIGNS[level]), element("span", { class: "hidden" }, level === "info" ? "" : level)),
        element("span", { class: "text" }, text),
      ));
    }
    while (this.list.childElementCount > MOST_LINES) this.list.lastChild.remove();
    this.fleet.events = [...this.fleet.events, ...events].slice(-MOST_LINES);
    this.update();
  }

  // Which lines are new to the operators, and who may say that they are not.
  update() {
    const { events, acknowledged, control } = this.fleet;
    const known = acknowledged?.number ?? 0, open = events.filter(({ number: key, level }) => level !== "info" && key > known).length;
    for (const line of this.list.children) line.classList.toggle("open", Number(line.dataset.number) > known && !line.classList.contains("info"));
    setText(this.button, open ? `Acknowledge ${open}` : "All acknowledged");
    this.button.disabled = !control || open === 0;
    this.button.title = acknowledged?.number ? `last acknowledged by ${acknowledged.who}` : "";
  }
}
