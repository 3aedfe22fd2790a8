// What an operator can do with the robot that is chosen in the table; the robot itself has the last word.
const ROBOT_COMMANDS = { send: "Send", hold: "Hold", release: "Release", remove: "Remove", return: "Return" };
const MOST_ROBOT_EVENTS = 4;

class Operate {
  constructor(fleet, ask) {
    this.fleet = fleet;
    this.ask = ask;
    this.robot = null;
    this.title = element("b", { id: "operate-robot" });
    this.zone = element("select", { id: "operate-zone", "aria-label": "Zone to send it to" });
    this.answer = element("p", { class: "answer", role: "status" });
    this.buttons = Object.entries(ROBOT_COMMANDS).map(([command, title]) => element(
      "button", { type: "button", id: `operate-${command}`, onclick: () => this.call(command) }, title,
    ));
    const close = element("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => this.choose(null) }, "×");
    this.facts = element("dl", { class: "robot-facts" });
    this.events = element("ol", { class: "robot-events", "aria-label": "What happened to it last" });
    $("operate").replaceChildren(this.title, this.zone, ...this.buttons, close, this.answer, this.facts, this.events);
  }

  choose(robot) {
    this.robot = robot;
    this.answer.textContent = "";
    this.update();
    this.tell();
  }

  // What is known of the robot now, and the newest events that name it.
  tell() {
    const i = this.robot === null ? -1 : this.fleet.ids.indexOf(this.robot);
    if (i < 0 || !this.fleet.columns.mark) return;
    const facts = robotFacts(this.fleet, i).slice(1), shown = JSON.stringify(facts);
    if (this.factsShown !== shown) {
      this.factsShown = shown;
      this.facts.replaceChildren(...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
    }
    const events = this.fleet.events.filter(({ robots }) => robots.includes(this.robot)).slice(-MOST_ROBOT_EVENTS).reverse();
    const last = `${this.robot} ${events[0]?.number}`;
    if (this.eventsShown === last) return;
    this.eventsShown = last;
    this.events.hidden = events.length === 0;
    this.events.replaceChildren(...events.map(({ time, text }) => element("li", {}, element("time", {}, clock(time)), ` ${text}`)));
  }

  update() {
    const { names, game, control } = this.fleet;
    $("operate").hidden = this.robot === null;
    if (this.robot === null) return;
    setText(this.title, shortName(names[this.robot], this.robot));
    const zones = game?.zones ?? [];
    if (this.shown !== zones) {
      this.shown = zones;
      this.zone.replaceChildren(...zones.map((zone) => element("option", { value: zone }, zone)));
    }
    for (const part of [this.zone, ...this.buttons]) part.disabled = !control;
  }

  async call(command) {
    const robot = this.robot;
    this.answer.className = "answer";
    this.answer.textContent = `${command} …`;
    const reply = await this.ask({ do: "robot", robot, command, zone: command === "send" ? this.zone.value : "" });
    this.answer.className = `answer ${reply.ok ? "taken" : "refused"}`;
    this.answer.textContent = reply.text || (reply.ok ? "done" : "refused");
  }
}
